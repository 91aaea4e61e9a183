// What lies beside a register's log: blobs, slots, wrapped keys, by index of their entry. Files that grow, and one whose places can be wiped.
//
//   contents   blobs and documents, one behind another        ends    where each ends (u64)
//   slots      a place of fixed size for each entry; zeros: there is none, or it was erased
//   keys       wrapped batch keys, one behind another          batches first entry, complete, end in `keys` (u64 each) of each batch
//
// All counts up to the number of leaves that the mirror's key has cosigned; what is behind it was promised to nobody.
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type ReadBatch, type ReadEntry, SLOT_BYTES } from '#continuity'
import { syncFolder } from '#host'
import { type FileOpener, GrowingFile } from '#transparent-log'
import { EmbassyError } from '../error.ts'

const WORD = 8
const BATCH_WORDS = 3
const EMPTY_SLOT = Buffer.alloc(SLOT_BYTES)

export interface HeldBatch {
  readonly first: number
  readonly complete: boolean
  readonly wrapped: Uint8Array
}

type Files = Readonly<Record<'contents' | 'ends' | 'keys' | 'batches', GrowingFile>>

export class SealedStore {
  readonly #files: Files
  readonly #slots: FileHandle
  #batches: number[]

  private constructor(files: Files, slots: FileHandle, batches: number[]) {
    this.#files = files
    this.#slots = slots
    this.#batches = batches
  }

  /** @param counted Leaves that were cosigned. @throws {EmbassyError} `store_damaged` where there is less than that */
  static async open(directory: string, counted: number, opener?: FileOpener): Promise<SealedStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const file = (name: string) => GrowingFile.open(join(directory, name), opener)
    const files = {
      contents: await file('contents'),
      ends: await file('ends'),
      keys: await file('keys'),
      batches: await file('batches'),
    }
    const slots = await open(join(directory, 'slots'), constants.O_RDWR | constants.O_CREAT, 0o600)
    await syncFolder(directory)
    const store = new SealedStore(files, slots, [])
    await store.#cut(counted)
    return store
  }

  /** Entries that are here. */
  get size(): number {
    return this.#files.ends.length / WORD
  }

  /** Adds the entries of a batch from `from` on, which is where the store ends. Durable with the next `sync`. */
  async append(batch: ReadBatch, from: number): Promise<void> {
    const entries = batch.entries.slice(from - batch.first)
    const { contents, ends, keys, batches } = this.#files
    const before = contents.length
    await contents.append(Buffer.concat(entries.map(({ content }) => content)))
    let end = before
    await ends.append(words(entries.map(({ content }) => (end += content.length))))
    await this.#writeSlots(from, entries)
    await keys.append(batch.wrapped)
    await batches.append(words([from, batch.complete ? 1 : 0, keys.length]))
    this.#batches.push(from)
  }

  async sync(): Promise<void> {
    await Promise.all([...Object.values(this.#files).map((file) => file.sync()), this.#slots.datasync()])
  }

  /** A blob or document. */
  async content(index: number): Promise<Buffer> {
    const start = index === 0 ? 0 : await this.#word('ends', index - 1)
    return this.#files.contents.read(start, (await this.#word('ends', index)) - start)
  }

  /** Undefined where the record was erased, and for entries that never had one. */
  async slot(index: number): Promise<Buffer | undefined> {
    const bytes = Buffer.alloc(SLOT_BYTES)
    const { bytesRead } = await this.#slots.read(bytes, 0, SLOT_BYTES, index * SLOT_BYTES)
    return bytesRead < SLOT_BYTES || bytes.equals(EMPTY_SLOT) ? undefined : bytes
  }

  /** Wipes slots. Nothing of them can be read from these files when it resolves; what a disk keeps of bytes that were written over is its own business. */
  async erase(indexes: readonly number[]): Promise<void> {
    for (const index of indexes)
      if (index < this.size) await this.#slots.write(EMPTY_SLOT, 0, SLOT_BYTES, index * SLOT_BYTES)
    await this.#slots.datasync()
  }

  /** The batch that an entry came with. */
  async batchOf(index: number): Promise<HeldBatch> {
    let [low, high] = [0, this.#batches.length]
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] ?? 0) <= index) low = middle
      else high = middle
    }
    const bytes = await this.#files.batches.read(low * BATCH_WORDS * WORD, BATCH_WORDS * WORD)
    const [first, complete, end] = [0, 1, 2].map((at) => Number(bytes.readBigUInt64BE(at * WORD))) as [
      number,
      number,
      number,
    ]
    const start = low === 0 ? 0 : await this.#word('batches', low * BATCH_WORDS - 1)
    return { first, complete: complete === 1, wrapped: await this.#files.keys.read(start, end - start) }
  }

  /** The end of the last whole transaction among the first `size` entries. */
  async boundary(size: number): Promise<number> {
    for (let at = this.#batches.findLastIndex((first) => first < size); at >= 0; at -= 1) {
      const end = this.#batches[at + 1] ?? this.size
      const complete = await this.#word('batches', at * BATCH_WORDS + 1)
      if (complete === 1 && end <= size) return end
    }
    return 0
  }

  async close(): Promise<void> {
    await Promise.all([...Object.values(this.#files).map((file) => file.close()), this.#slots.close()])
  }

  async #writeSlots(from: number, entries: readonly ReadEntry[]): Promise<void> {
    const slots = Buffer.concat(entries.map(({ slot }) => slot ?? EMPTY_SLOT))
    const { bytesWritten } = await this.#slots.write(slots, 0, slots.length, from * SLOT_BYTES)
    if (bytesWritten < slots.length) throw new EmbassyError('store_failed', 'The disk took only a part of the slots')
  }

  /** Forgets what nobody was promised. */
  async #cut(size: number): Promise<void> {
    const { contents, ends, keys, batches } = this.#files
    if (ends.length < size * WORD) throw damaged(`entry ${Math.floor(ends.length / WORD)} of ${size}`)
    const held = await batches.read(0, batches.length - (batches.length % (BATCH_WORDS * WORD)))
    const all = Array.from({ length: held.length / (BATCH_WORDS * WORD) }, (_, at) =>
      Number(held.readBigUInt64BE(at * BATCH_WORDS * WORD)),
    )
    const kept = all.filter((first) => first < size)
    await ends.cut(size * WORD)
    await batches.cut(kept.length * BATCH_WORDS * WORD)
    await contents.cut(size === 0 ? 0 : await this.#endWithin('ends', size - 1, contents.length))
    await keys.cut(kept.length === 0 ? 0 : await this.#endWithin('batches', kept.length * BATCH_WORDS - 1, keys.length))
    await this.#slots.truncate(size * SLOT_BYTES)
    this.#batches = kept
  }

  async #endWithin(file: 'ends' | 'batches', at: number, length: number): Promise<number> {
    const end = await this.#word(file, at)
    if (end > length) throw damaged(`what ${file} names`)
    return end
  }

  async #word(file: 'ends' | 'batches', at: number): Promise<number> {
    return Number((await this.#files[file].read(at * WORD, WORD)).readBigUInt64BE())
  }
}

function damaged(what: string): EmbassyError {
  return new EmbassyError('store_damaged', `The store does not have ${what}, which was receipted`)
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * WORD)
  for (const [index, value] of values.entries()) bytes.writeBigUInt64BE(BigInt(value), index * WORD)
  return bytes
}
