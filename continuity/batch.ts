// What travels from home to an embassy: the next entries of one register's log, and the checkpoint that home signed over them. The same bytes at every try.
//
//   "SaBa" version (u8)
//   header, wrapped batch key, checkpoint note       each with its length (u32) before it; the key is empty where nothing is sealed
//   for each entry: lengths of leaf (u8), slot (u8, 0 where there is none) and content (u32), then the three; content is a blob or a document
//
// Numbers are big-endian. It is read whole: a batch is at most MAXIMUM_BATCH_BYTES, of which one entry may take all.
import { isTreeSize } from '#transparency'
import { isDocument, type Leaf, parseLeaf } from './entry.ts'
import { ContinuityError } from './error.ts'
import { MAXIMUM_WRAP_BYTES } from './recipients.ts'
import { blobFits, SLOT_BYTES, slotFits } from './seal.ts'

const MAGIC = Buffer.from('SaBa\x01', 'latin1')
export const MAXIMUM_BATCH_BYTES = 16 * 1024 * 1024
export const MAXIMUM_BATCH_ENTRIES = 256
const MAXIMUM_HEADER = 4096
const MAXIMUM_NOTE = 64 * 1024

export interface BatchEntry {
  /** As it stands in the log. */
  readonly leaf: Uint8Array
  /** Of a change; absent for other entries, and for a change that was erased since. */
  readonly slot?: Uint8Array
  /** Of a change its blob, of others the document. */
  readonly content: Uint8Array
}

export interface Batch {
  readonly origin: string
  /** Index of the first entry. */
  readonly first: number
  /** Whether it ends where a transaction does. Receipts, restores and take-overs stand only there. */
  readonly complete: boolean
  /** The batch key, for the recipients. Empty where nothing is sealed. */
  readonly wrapped: Uint8Array
  readonly entries: readonly BatchEntry[]
  /** The log's own signed checkpoint, of exactly `first + entries.length` leaves. */
  readonly checkpoint: Uint8Array
}

export interface ReadEntry extends BatchEntry {
  readonly parsed: Leaf
}

export interface ReadBatch extends Batch {
  readonly entries: readonly ReadEntry[]
}

const refuse = (why: string) => new ContinuityError('malformed_batch', `The batch is malformed: ${why}`)

/** Entries one behind another, as they lie in a batch. */
export function formatEntries(entries: readonly BatchEntry[]): Buffer {
  return Buffer.concat(
    entries.flatMap(({ leaf, slot, content }) => {
      const head = Buffer.alloc(6)
      head[0] = leaf.length
      head[1] = slot?.length ?? 0
      head.writeUInt32BE(content.length, 2)
      return [head, leaf, ...(slot === undefined ? [] : [slot]), content]
    }),
  )
}

/** A batch of entries that were formatted before. Throws `too_large`. */
export function joinBatch(facts: Omit<Batch, 'entries'> & { readonly count: number }, entries: Uint8Array): Buffer {
  const { origin, first, complete, count, wrapped, checkpoint } = facts
  const header = Buffer.from(JSON.stringify({ origin, first, complete, entries: count }))
  const parts = [MAGIC, ...[header, wrapped, checkpoint].flatMap((part) => [u32(part.length), part]), entries]
  const bytes = Buffer.concat(parts)
  if (bytes.length > MAXIMUM_BATCH_BYTES || count > MAXIMUM_BATCH_ENTRIES)
    throw new ContinuityError('too_large', `${count} entries of ${bytes.length} octets are more than a batch`)
  return bytes
}

/** Throws `too_large`. */
export function formatBatch({ entries, ...facts }: Batch): Buffer {
  return joinBatch({ ...facts, count: entries.length }, formatEntries(entries))
}

/** Reads what {@link formatEntries} gave, with the checks of {@link parseBatch}. */
export function parseEntries(bytes: Uint8Array, count: number): ReadEntry[] {
  const input = new Input(bytes)
  const entries = Array.from({ length: count }, () => readEntry(input))
  input.end()
  return entries
}

/**
 * Reads what a stranger sent as a batch, and checks what can be checked without a key or a log: every slot, blob and document is the one that its leaf
 * commits to. Throws `malformed_batch`, `malformed_entry`, `misbound`, `too_large`.
 */
export function parseBatch(bytes: Uint8Array): ReadBatch {
  if (bytes.length > MAXIMUM_BATCH_BYTES)
    throw new ContinuityError('too_large', `${bytes.length} octets are more than a batch`)
  const input = new Input(bytes)
  if (!input.take(MAGIC.length).equals(MAGIC)) throw refuse('it does not begin as one')
  const { origin, first, complete, count } = parseHeader(input.take(input.u32(MAXIMUM_HEADER)))
  const wrapped = input.take(input.u32(MAXIMUM_WRAP_BYTES))
  const checkpoint = input.take(input.u32(MAXIMUM_NOTE))
  const entries = Array.from({ length: count }, () => readEntry(input))
  input.end()
  if (entries.some(({ parsed }) => parsed.kind === 'change') !== wrapped.length > 0)
    throw refuse('it has a key and nothing sealed, or something sealed and no key')
  return { origin, first, complete, wrapped, entries, checkpoint }
}

function parseHeader(bytes: Buffer): { origin: string; first: number; complete: boolean; count: number } {
  let header: Record<string, unknown>
  try {
    header = JSON.parse(bytes.toString()) as Record<string, unknown>
  } catch (cause) {
    throw new ContinuityError('malformed_batch', 'The batch is malformed: its header is no JSON', { cause })
  }
  const { origin, first, complete, entries: count } = header ?? {}
  if (typeof origin !== 'string' || typeof complete !== 'boolean') throw refuse('its header is incomplete')
  if (typeof first !== 'number' || !isTreeSize(first)) throw refuse('its first entry has no index')
  if (typeof count !== 'number' || !(Number.isInteger(count) && count > 0 && count <= MAXIMUM_BATCH_ENTRIES))
    throw refuse(`it has not 1 to ${MAXIMUM_BATCH_ENTRIES} entries`)
  return { origin, first, complete, count }
}

function readEntry(input: Input): ReadEntry {
  const leafLength = input.u8()
  const slotLength = input.u8()
  const length = input.u32(MAXIMUM_BATCH_BYTES)
  const leaf = input.take(leafLength)
  const slot = slotLength === 0 ? undefined : input.take(slotLength)
  const content = input.take(length)
  const parsed = parseLeaf(leaf)
  if (parsed.kind === 'change') {
    if (slot !== undefined && slot.length !== SLOT_BYTES) throw refuse('a slot is none')
    if (!blobFits(parsed, content) || (slot !== undefined && !slotFits(parsed, slot)))
      throw new ContinuityError('misbound', 'A blob or slot is not the one that its leaf commits to')
    return { leaf, ...(slot === undefined ? {} : { slot }), content, parsed }
  }
  if (slot !== undefined) throw refuse('what is not sealed has a slot')
  if (!isDocument(parsed, content))
    throw new ContinuityError('misbound', 'A document is not the one that its leaf commits to')
  return { leaf, content, parsed }
}

class Input {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#offset) throw refuse('it ends early')
    this.#offset += length
    return this.#bytes.subarray(this.#offset - length, this.#offset)
  }

  u8(): number {
    return this.take(1).readUInt8()
  }

  u32(limit: number): number {
    const value = this.take(4).readUInt32BE()
    if (value > limit) throw new ContinuityError('too_large', `A part of ${value} octets is more than ${limit}`)
    return value
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw refuse('something stands behind its last entry')
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
