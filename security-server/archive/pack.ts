// One file of the archive: as many containers of one group as fit, and the proofs beside them; made in the work folder.
import { setImmediate as others } from 'node:timers/promises'
import {
  type ArchiveContainer,
  type ArchiveEnd,
  ArchiveWriter,
  archiveGroup,
  archiveName,
  containerName,
  MAX_CONTAINERS,
} from '#evidence'
import { reasonOf } from '#host'
import type { ClientId } from '#protocol'
import type { MessageLog } from '../message-log/index.ts'
import { ArchiveError } from './error.ts'
import type { NewArchiveFile, StoredFile } from './ledger.ts'
import type { Order } from './order.ts'
import { type ArchivedRecord, type ProofMaker, writeProofs } from './proofs.ts'
import type { Sealer } from './sealing/sealer.ts'
import type { ArchiveSettings } from './settings.ts'
import type { WorkFolder } from './work-folder.ts'

export interface Packer {
  readonly log: MessageLog
  readonly settings: Pick<ArchiveSettings, 'grouping' | 'maxFileBytes' | 'hash'>
  readonly sealer: Sealer
  readonly proofs: ProofMaker | undefined
  readonly work: WorkFolder
  readonly now: () => Date
  /** Throws when the server stops. */
  readonly alive: () => void
  /** Called for each record that is in a file. */
  readonly packed: (seq: number) => void
}

export interface Slice {
  readonly stretch: number
  readonly order: Order
  /** The first record of the file, as a place in the order. */
  readonly start: number
  /** Where the group's last file ended. */
  readonly previous: ArchiveEnd | undefined
}

/** The group of the record at a place. */
export function groupAt(order: Order, position: number, grouping: ArchiveSettings['grouping']): string | undefined {
  const found = order.at(position)
  return found && archiveGroup(found.member, grouping)
}

/** Makes the file; what of it the ledger needs comes back. Nothing is archived yet. */
export async function pack(packer: Packer, slice: Slice): Promise<NewArchiveFile> {
  const { settings, sealer, work, proofs } = packer
  const { grouping, hash } = settings
  const { order, start, previous, stretch } = slice
  const group = groupAt(order, start, grouping) ?? ''
  const owner = grouping === 'none' ? undefined : order.at(start)?.member
  const writer = new ArchiveWriter(hash, previous)
  const records: ArchivedRecord[] = []
  const archive = await work.draft(
    'archive',
    sealer.seal(owner, writer.bytes(containers(packer, slice, group, writer, records))),
  )
  const period = writer.period
  if (period === undefined) throw new ArchiveError('records_missing', `There is nothing to archive of ${group}`)
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const base = archiveName({ group, ...period, digest: writer.digest, timeZone })
  const name = `${base}.zip${sealer.ending}`
  const beside = proofs && (await packProofs(packer, proofs, owner, records, `${base}.proofs.zip${sealer.ending}`))
  await work.name([
    { draft: 'archive', name },
    ...(beside === undefined ? [] : [{ draft: 'proofs' as const, name: beside.name }]),
  ])
  return {
    ...{ stretch, group, name, hash, digest: writer.digest, records: writer.count },
    ...{ firstAt: period.from, lastAt: period.to, madeAt: packer.now() },
    ...archive,
    ...(beside && { proofs: beside }),
  }
}

async function packProofs(
  { work, sealer }: Packer,
  proofs: ProofMaker,
  owner: ClientId | undefined,
  records: readonly ArchivedRecord[],
  name: string,
): Promise<StoredFile> {
  return { name, ...(await work.draft('proofs', sealer.seal(owner, writeProofs(proofs, records)))) }
}

/** From the slice's start while the group lasts and the file is not full. X-Road lets the container be whole that fills it. */
async function* containers(
  { log, settings, alive, packed }: Packer,
  { order, start }: Slice,
  group: string,
  writer: ArchiveWriter,
  records: ArchivedRecord[],
): AsyncGenerator<ArchiveContainer> {
  for (let position = start; groupAt(order, position, settings.grouping) === group; position += 1) {
    if (writer.size > settings.maxFileBytes || writer.count >= MAX_CONTAINERS) return
    // Exchanges go first.
    await others()
    alive()
    const seq = order.at(position)?.seq ?? 0
    // From the index alone: what was signed is read once, for the container.
    const [record] = await log.list({ after: seq - 1, limit: 1 })
    if (record?.seq !== seq) throw new ArchiveError('records_missing', `The log has no record ${seq}`)
    const { queryId, direction, at } = record
    const name = containerName(queryId, direction, seq)
    yield { name, at, body: readable(log, seq) }
    records.push({ seq, name, at })
    packed(seq)
  }
}

async function* readable(log: MessageLog, seq: number): AsyncGenerator<Uint8Array> {
  try {
    yield* log.container(seq)
  } catch (cause) {
    throw new ArchiveError('records_missing', `Record ${seq} cannot be archived: ${reasonOf(cause)}`, { cause })
  }
}
