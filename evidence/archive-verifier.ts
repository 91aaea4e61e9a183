// Is an archive of the message log whole (wire-message §8.3)? One pass: each container against its place in the hash chain, and what is
// missing, in excess or in another order. Whether the containers themselves are valid is `verifyContainer`'s.
import { hasher } from '#trust'
import {
  ARCHIVE_HASHES,
  type ArchiveEnd,
  type ArchiveHash,
  LINKING_INFO,
  type LinkingInfo,
  MAX_CONTAINERS,
  MAX_LINKING_BYTES,
  nextDigest,
  readLinkingInfo,
} from './archive-linking.ts'
import { EvidenceError } from './error.ts'
import { readZip, type ZipLimits } from './zip-reader.ts'

export type ArchiveFaultCode =
  /** It is no ZIP file, or one that two readers could read differently. */
  | 'archive_malformed'
  | 'linking_info_missing'
  | 'linking_info_malformed'
  /** It does not go on from where the archive before it ended. */
  | 'previous_digest_differs'
  /** Two archives go on from the same one (`linkArchives`). */
  | 'archive_forked'
  | 'no_containers'
  /** A container is not the one that was archived, or the chain before it is not. */
  | 'digest_differs'
  /** A container of the linking info is not in the archive. */
  | 'container_missing'
  /** A container is not in the linking info. */
  | 'container_excess'
  | 'order_differs'
  /** Something that is neither a container nor the linking info: nothing vouches for it. */
  | 'entry_unexpected'

export interface ArchiveFault {
  readonly code: ArchiveFaultCode
  /** The entry it is about. */
  readonly entry?: string
  readonly detail: string
}

export interface ArchiveReport {
  readonly valid: boolean
  /** In the order of the linking info, so that the first names the first bad record. */
  readonly faults: readonly ArchiveFault[]
  /** Containers that are in the file. */
  readonly containers: number
  /** What the linking info says, where it can be read. */
  readonly hash?: ArchiveHash
  readonly previous?: ArchiveEnd
  /** Where the chain ends: what the next archive must begin with. Proved only when the archive is valid. */
  readonly lastDigest?: string
}

/** Where an archive should go on from: nowhere, this digest (hex), or wherever it says (then only its inside is judged). */
export type ArchiveStart = 'first' | 'anywhere' | { readonly previous: string }

export interface ArchiveOptions {
  /** Is given each container in the same pass, before the archive's own verdict on it. What it leaves unread is read behind it. */
  readonly container?: (name: string, bytes: AsyncIterable<Uint8Array>) => Promise<void>
  readonly limits?: ZipLimits
}

const LIMITS: ZipLimits = Object.freeze({ maxBytes: 2 ** 40, maxEntries: MAX_CONTAINERS + 1 })

/** What was read of a container: its digest by each hash that the linking info, which comes last, may name. */
type Digests = ReadonlyMap<ArchiveHash, Uint8Array>

/** Judges an archive; what is wrong with it is in the report, whatever it is. Rejects only where the source or `container` does. */
export async function verifyArchive(
  source: AsyncIterable<Uint8Array>,
  start: ArchiveStart,
  options: ArchiveOptions = {},
): Promise<ArchiveReport> {
  const faults: ArchiveFault[] = []
  const containers = new Map<string, Digests>()
  let linking: LinkingInfo | string | undefined
  try {
    for await (const { name, body } of readZip(source, options.limits ?? LIMITS)) {
      if (name === LINKING_INFO) linking = await readLinking(body)
      else if (name.endsWith('.asice')) containers.set(name, await readOne(name, body, options.container))
      else
        faults.push({ code: 'entry_unexpected', entry: name, detail: 'it is neither a container nor the linking info' })
    }
  } catch (error) {
    if (!(error instanceof EvidenceError) || error.code !== 'asic_malformed_zip') throw error
    faults.push({ code: 'archive_malformed', detail: error.message })
    if (linking === undefined) return { valid: false, faults, containers: containers.size }
  }
  if (linking === undefined)
    faults.push({ code: 'linking_info_missing', detail: 'without it nothing says what should be in the archive' })
  if (typeof linking === 'string') faults.push({ code: 'linking_info_malformed', entry: LINKING_INFO, detail: linking })
  if (containers.size === 0) faults.push({ code: 'no_containers', detail: 'there is no container in the archive' })
  if (typeof linking !== 'object') return { valid: false, faults, containers: containers.size }
  faults.push(...previousFaults(linking, start), ...chainFaults(linking, containers))
  const { hash, previous } = linking
  const last = linking.containers.at(-1)?.digest
  return {
    valid: faults.length === 0,
    faults,
    containers: containers.size,
    hash,
    ...(previous && { previous }),
    ...(last !== undefined && { lastDigest: last }),
  }
}

async function readLinking(body: AsyncIterable<Uint8Array>): Promise<LinkingInfo | string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > MAX_LINKING_BYTES) return `it is longer than ${MAX_LINKING_BYTES} octets`
    pieces.push(piece)
  }
  return readLinkingInfo(Buffer.concat(pieces))
}

async function readOne(
  name: string,
  body: AsyncIterable<Uint8Array>,
  judge: ArchiveOptions['container'],
): Promise<Digests> {
  const states = ARCHIVE_HASHES.map((hash) => [hash, hasher(hash)] as const)
  const hashed = (async function* () {
    for await (const chunk of body) {
      for (const [, state] of states) state.update(chunk)
      yield chunk
    }
  })()
  // A judge may stop early: the generator must not end with it.
  await judge?.(name, { [Symbol.asyncIterator]: () => ({ next: () => hashed.next() }) })
  for await (const _ of hashed) {
    // The rest is part of what was archived.
  }
  return new Map(states.map(([hash, state]) => [hash, state.digest()]))
}

function previousFaults({ previous }: LinkingInfo, start: ArchiveStart): ArchiveFault[] {
  if (start === 'anywhere') return []
  const wanted = start === 'first' ? '' : start.previous.toLowerCase()
  if ((previous?.digest ?? '') === wanted) return []
  const detail =
    start === 'first'
      ? `it is not the first of its group: it goes on from ${previous?.digest} of ${previous?.file}`
      : `it goes on from ${previous?.digest ?? 'nothing'}, not from ${wanted}`
  return [{ code: 'previous_digest_differs', detail }]
}

/** Each line stands for itself, on the digest that is written before it: so one bad container does not hide which ones are good. */
function chainFaults(linking: LinkingInfo, containers: ReadonlyMap<string, Digests>): ArchiveFault[] {
  const { hash, previous } = linking
  const faults: ArchiveFault[] = []
  let before = previous?.digest ?? ''
  for (const { digest, name } of linking.containers) {
    const container = containers.get(name)?.get(hash)
    if (container === undefined)
      faults.push({ code: 'container_missing', entry: name, detail: 'the linking info has it, the archive has not' })
    else if (nextDigest(hash, before, container) !== digest)
      faults.push({
        code: 'digest_differs',
        entry: name,
        detail: 'it, or the chain before it, is not what was archived',
      })
    before = digest
  }
  const listed = new Set(linking.containers.map(({ name }) => name))
  for (const name of containers.keys())
    if (!listed.has(name))
      faults.push({ code: 'container_excess', entry: name, detail: 'the archive has it, the linking info has not' })
  if (faults.length > 0) return faults
  const names = [...containers.keys()]
  const moved = linking.containers.find(({ name }, index) => names[index] !== name)
  if (moved !== undefined)
    faults.push({ code: 'order_differs', entry: moved.name, detail: 'it does not stand where the linking info has it' })
  return faults
}
