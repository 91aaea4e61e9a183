// A run of the archiver: the log is taken stretch by stretch, each in files; a file is made, entered into the ledger, stored, read back,
// and only then the next one is made. It may be killed at any line:
//
//   survey, begin           nothing, or a stretch without files: the next run takes the same one
//   pack                    drafts, or named files that the ledger does not know: removed at the next start, made again
//   ledger.add              the file lies whole in the work folder and its records are archived
//   put                     nothing, a part or all of it at the destination: it is put again
//   read back               as before
//   ledger.proved           done; its copy in the work folder is removed now or at the next start
//   ledger.finish           the next stretch begins
//
// So no record is in two files and none is left out: which records a file has follows from the stretch, whose order never changes, and
// from how many are in the files that the ledger has.
import { type Log, passedOn } from '#host'
import { hasher } from '#trust'
import type { Destination } from './destinations/destination.ts'
import { ArchiveError } from './error.ts'
import type { ArchiveFile, Ledger, StoredFile, Stretch } from './ledger.ts'
import { survey } from './order.ts'
import { groupAt, type Packer, pack } from './pack.ts'

/** How far a run is. */
export class Progress {
  /** Records that were packed since it began. */
  records = 0
  /** Files that were stored and read back. */
  files = 0
  /** The file that is being stored or read back. */
  file: string | undefined

  add(): void {
    this.records += 1
  }
}

export interface ArchiverParts extends Omit<Packer, 'alive' | 'packed'> {
  readonly ledger: Ledger
  readonly destination: Destination
  readonly logger: Log
}

/**
 * Archives what can be archived now. Rejects with ArchiveError or HostError; what was archived before that stays archived.
 *
 * @param signal Ends it, between two chunks.
 */
export async function archiveAll(parts: ArchiverParts, progress: Progress, signal: AbortSignal): Promise<void> {
  const { ledger, sealer, work } = parts
  // Before anything is written.
  await sealer.check(signal)
  for (const file of await ledger.unproved()) {
    // The work folder is no part of a backup.
    if (await work.has(partsOf(file).map(({ name }) => name))) await deliver(parts, file, progress, signal)
    else await ledger.forget(file)
  }
  for (;;) {
    const taken = await take(parts, signal)
    if (taken === undefined) return
    const { stretch, order } = taken
    for (let done = await ledger.done(stretch); done < order.count; ) {
      const previous = await ledger.lastOf(groupAt(order, done, parts.settings.grouping) ?? '')
      const packer: Packer = { ...parts, alive: () => mustLive(signal), packed: () => progress.add() }
      const packed = await pack(packer, { stretch: stretch.id, order, start: done, previous })
      const file = await ledger.add(packed)
      done += file.records
      await deliver(parts, file, progress, signal)
      progress.files += 1
    }
    await ledger.finish(stretch)
  }
}

/** The stretch that was not finished, or a new one, with its order. */
async function take({ ledger, log, proofs }: ArchiverParts, signal: AbortSignal) {
  const last = await ledger.lastStretch()
  const alive = () => mustLive(signal)
  if (last !== undefined && !last.finished) {
    const found = await survey(log, last.after, last.to, alive)
    if (found?.to !== last.to)
      throw new ArchiveError('records_missing', `The log has not all of the records ${last.after + 1} to ${last.to}`)
    return { stretch: last as Stretch, order: found.order }
  }
  const found = await survey(log, last?.to ?? 0, proofs?.provableUpTo() ?? Number.MAX_SAFE_INTEGER, alive)
  if (found === undefined) return undefined
  return { stretch: await ledger.begin(found.after, found.to, found.newest), order: found.order }
}

async function deliver(
  parts: ArchiverParts,
  file: ArchiveFile,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { destination, ledger, work, logger, now } = parts
  for (const one of partsOf(file)) {
    mustLive(signal)
    progress.file = one.name
    await destination.put({ ...one, path: work.path(one.name) }, signal)
    await readBack(destination, one, signal)
  }
  await ledger.proved(file, now(), destination.shown)
  progress.file = undefined
  await work.remove(partsOf(file).map(({ name }) => name))
  const { name, group, records, bytes, digest } = file
  logger.info('archived', { name, group, records, bytes, digest, destination: destination.shown })
}

function partsOf(file: ArchiveFile): readonly StoredFile[] {
  return file.proofs === undefined ? [file] : [file, file.proofs]
}

/** What a store says it has taken is not evidence; what it gives back is. */
async function readBack(
  destination: Destination,
  { name, bytes, sha256 }: StoredFile,
  signal: AbortSignal,
): Promise<void> {
  const state = hasher('SHA-256')
  let size = 0
  for await (const chunk of destination.read(name, signal)) {
    mustLive(signal)
    state.update(chunk)
    size += chunk.length
    passedOn(chunk.length)
    if (size > bytes) break
  }
  if (size === bytes && Buffer.from(state.digest()).toString('hex') === sha256) return
  throw new ArchiveError('read_back_differs', `${name} at ${destination.shown} is not what was stored there`)
}

function mustLive(signal: AbortSignal): void {
  if (signal.aborted) throw new ArchiveError('stopped', 'The server stops; its next start goes on with the archive')
}
