// Bodies of a mirror's add-entries (C2SP tlog-mirror): entries of a log in packages that end where bundles end, each proved part of a
// checkpoint that the mirror has, so that it can be kept before the next one comes.
import { decodeBase64, encodeBase64 } from '#trust'
import { ByteReader } from './byte-reader.ts'
import { entryLength } from './entry-bundle.ts'
import { TransparencyError } from './error.ts'
import { Frontier } from './frontier.ts'
import { HASH_BYTES, type Hash, leafHash } from './hash.ts'
import { verifySubtree } from './merkle.ts'
import { isTreeSize, parseDecimal, readUint64, writeUint16, writeUint64 } from './numbers.ts'
import { decodeText, MAXIMUM_NAME_BYTES, MAXIMUM_PROOF_HASHES } from './text.ts'
import { TILE_WIDTH } from './tile.ts'
import type { TreeRange } from './tree.ts'

/** `Content-Type` of the answers 409 and 202: {@link formatMirrorInfo}. */
export const MIRROR_INFO_TYPE = 'text/x.tlog.mirror-info'
/** Packages of one request that clients should not exceed (tlog-mirror, Implementation Considerations). */
export const PACKAGES_PER_REQUEST = 32
const MAXIMUM_TICKET_BYTES = 0xffff

const refuse = (why: string) => new TransparencyError('malformed_request', `The request is malformed: ${why}`)

export interface AddEntriesHead {
  readonly origin: string
  /** What is uploaded: `start` up to the mirror's next entry, `end` the size of a checkpoint that the mirror has. */
  readonly range: TreeRange
  /** What the mirror gave to recognise that checkpoint by; empty where it gave nothing. */
  readonly ticket: Uint8Array
}

/** Where a package stands: its entries, and the subtree from the bundle's first entry that the proof is about. */
export interface PackageRange {
  readonly entries: TreeRange
  readonly subtree: TreeRange
}

export interface EntryPackage extends PackageRange {
  readonly leaves: readonly Uint8Array[]
  readonly proof: readonly Hash[]
}

/** The packages of an upload, in order; a request has the first of them, none or all. */
export function* packageRanges({ start, end }: TreeRange): Generator<PackageRange> {
  for (let from = start; from < end; ) {
    const bundle = from - (from % TILE_WIDTH)
    const to = Math.min(end, bundle + TILE_WIDTH)
    yield { entries: { start: from, end: to }, subtree: { start: bundle, end: to } }
    from = to
  }
}

/** The beginning of the body. Throws `malformed_request` for what could not be read. */
export function formatAddEntriesHead({ origin, range, ticket }: AddEntriesHead): Buffer {
  const name = Buffer.from(origin)
  if (name.length === 0 || name.length > MAXIMUM_NAME_BYTES) throw refuse(`${name.length} octets are no origin`)
  if (ticket.length > MAXIMUM_TICKET_BYTES) throw refuse(`${ticket.length} octets are no ticket`)
  checkUpload(range)
  return Buffer.concat([
    writeUint16(name.length),
    name,
    writeUint64(range.start),
    writeUint64(range.end),
    writeUint16(ticket.length),
    ticket,
  ])
}

/** A package of the body; `proof` is `subtreeProof(subtree, end of the upload)`. Throws `malformed_request`. */
export function formatEntryPackage(leaves: readonly Uint8Array[], proof: readonly Hash[]): Buffer {
  if (proof.length > MAXIMUM_PROOF_HASHES || proof.some(({ length }) => length !== HASH_BYTES))
    throw refuse(`${proof.length} hashes are no proof`)
  return Buffer.concat([...leaves.flatMap((leaf) => [entryLength(leaf), leaf]), Uint8Array.of(proof.length), ...proof])
}

/**
 * Reads a body as it comes, one package in memory. The packages end where the upload does, or where the stream breaks off: what is left
 * of a package then is dropped, as the protocol has it. Throws `malformed_request`.
 */
export async function readAddEntries(
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly head: AddEntriesHead; readonly packages: AsyncGenerator<EntryPackage, void> }> {
  const reader = new ByteReader(body)
  const head = await readHead(reader)
  return { head, packages: readPackages(reader, head.range) }
}

/**
 * Whether the package is part of the tree. `held` are the hashes of the leaves between its bundle's first entry and its own: where the mirror
 * already has the beginning of the bundle. Nothing of a package counts before.
 */
export function verifyEntryPackage(
  { entries, subtree, leaves, proof }: EntryPackage,
  held: readonly Hash[],
  { size, root }: { readonly size: number; readonly root: Hash },
): boolean {
  if (held.length !== entries.start - subtree.start || leaves.length !== entries.end - entries.start) return false
  const bundle = new Frontier()
  for (const hash of [...held, ...leaves.map(leafHash)]) bundle.append(hash)
  return verifySubtree({ subtree, hash: bundle.root(), size, root, proof })
}

/** Body of the answers 409 and 202: where to go on. */
export interface MirrorInfo {
  /** A checkpoint's size that the mirror takes as the end of an upload. */
  readonly size: number
  readonly nextEntry: number
  readonly ticket: Uint8Array
}

export function formatMirrorInfo({ size, nextEntry, ticket }: MirrorInfo): string {
  return `${size}\n${nextEntry}\n${encodeBase64(ticket)}\n`
}

/** Reads a mirror's answer. Throws `malformed_request`. */
export function parseMirrorInfo(body: Uint8Array): MirrorInfo {
  const lines = decodeText(body, 64 + Math.ceil(MAXIMUM_TICKET_BYTES / 3) * 4, 'malformed_request').split('\n')
  const [first = '', second = '', third = '', end] = lines
  const [size, nextEntry, ticket] = [parseDecimal(first), parseDecimal(second), decodeBase64(third)]
  if (size === undefined || nextEntry === undefined || ticket === undefined || end !== '' || lines.length !== 4)
    throw refuse('the answer is no mirror-info')
  return { size, nextEntry, ticket }
}

async function readHead(reader: ByteReader): Promise<AddEntriesHead> {
  const origin = decodeText(await readShort(reader, MAXIMUM_NAME_BYTES), MAXIMUM_NAME_BYTES, 'malformed_request')
  const [start, end] = [readUint64(await readWhole(reader, 8)), readUint64(await readWhole(reader, 8))]
  if (start === undefined || end === undefined) throw refuse('it is about more entries than a log has')
  const range = { start, end }
  checkUpload(range)
  return { origin, range, ticket: await readShort(reader, MAXIMUM_TICKET_BYTES) }
}

async function* readPackages(reader: ByteReader, upload: TreeRange): AsyncGenerator<EntryPackage, void> {
  for (const place of packageRanges(upload)) {
    const leaves: Buffer[] = []
    while (leaves.length < place.entries.end - place.entries.start) {
      const length = await reader.read(2)
      const leaf = length && (await reader.read(length.readUInt16BE()))
      if (leaf === undefined) return
      leaves.push(leaf)
    }
    const count = (await reader.read(1))?.[0]
    if (count === undefined) return
    if (count > MAXIMUM_PROOF_HASHES) throw refuse(`a proof has ${count} hashes`)
    const hashes = await reader.read(count * HASH_BYTES)
    if (hashes === undefined) return
    const proof = Array.from({ length: count }, (_, at) => hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))
    yield { ...place, leaves, proof }
  }
  if (!(await reader.ended())) throw refuse('octets stand after the last package')
}

async function readWhole(reader: ByteReader, count: number): Promise<Buffer> {
  const bytes = await reader.read(count)
  if (bytes === undefined) throw refuse('it ends within its beginning')
  return bytes
}

/** What its length in two octets says. */
async function readShort(reader: ByteReader, limit: number): Promise<Buffer> {
  const length = (await readWhole(reader, 2)).readUInt16BE()
  if (length > limit) throw refuse(`${length} octets are more than ${limit}`)
  return readWhole(reader, length)
}

function checkUpload({ start, end }: TreeRange): void {
  if (!isTreeSize(start) || !isTreeSize(end) || start > end) throw refuse(`[${start}, ${end}) is no upload`)
}
