// How a tree lies on the disk. A tile is a slice of a file: no partial tile is ever written, and none becomes another.
//
//   entries      each entry after its length in two octets, as bundles are served; one behind another
//   bundles      where each full bundle ends in `entries`; u64 each
//   level-0 …    the hashes of that level's tiles, 32 octets each: of the leaves, of full tiles of level 0, …
//   marks        index of a marked entry, u64, and the first eight octets of its hash
//
// All counts up to a number of leaves that somebody signed; what is behind it was promised to nobody, and `cut` forgets it.
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '#host'
import { HASH_BYTES, MAXIMUM_ENTRY_BYTES, TILE_WIDTH } from '#transparency'
import { TransparentLogError } from './error.ts'
import { type FileOpener, GrowingFile } from './growing-file.ts'

const WORD = 8
const MARK = 2 * WORD
const LENGTH_BYTES = 2

/** What one step adds to the files. */
export interface Growth {
  readonly entries: Uint8Array
  /** Ends of the bundles that became full. */
  readonly bundles: readonly number[]
  /** Hashes by level of tiles. */
  readonly levels: readonly (readonly Uint8Array[])[]
  readonly marks: readonly Mark[]
}

export interface Mark {
  readonly index: number
  /** Of the leaf: tells a mark from what a crash has left in the file. */
  readonly hash: Uint8Array
}

export class TreeFiles {
  readonly #directory: string
  readonly #opener: FileOpener | undefined
  readonly #entries: GrowingFile
  readonly #bundles: GrowingFile
  readonly #marks: GrowingFile
  readonly #levels: GrowingFile[]
  #unnamed = true

  private constructor(parts: {
    readonly directory: string
    readonly opener: FileOpener | undefined
    readonly entries: GrowingFile
    readonly bundles: GrowingFile
    readonly marks: GrowingFile
    readonly levels: GrowingFile[]
  }) {
    this.#directory = parts.directory
    this.#opener = parts.opener
    this.#entries = parts.entries
    this.#bundles = parts.bundles
    this.#marks = parts.marks
    this.#levels = parts.levels
  }

  static async open(directory: string, opener?: FileOpener): Promise<TreeFiles> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const opened: GrowingFile[] = []
    const file = async (name: string): Promise<GrowingFile> => {
      const one = await GrowingFile.open(join(directory, name), opener)
      opened.push(one)
      return one
    }
    try {
      const [entries, bundles, marks] = [await file('entries'), await file('bundles'), await file('marks')]
      const there = (await readdir(directory)).filter((name) => /^level-\d+$/.test(name)).length
      const levels: GrowingFile[] = []
      for (let level = 0; level < Math.max(1, there); level += 1) levels.push(await file(`level-${level}`))
      return new TreeFiles({ directory, opener, entries, bundles, marks, levels })
    } catch (error) {
      for (const one of opened) await one.close()
      throw error
    }
  }

  /** Leaves that all files could have: how many are good is known by who has a root. */
  get leaves(): number {
    return Math.floor((this.#levels[0]?.length ?? 0) / HASH_BYTES)
  }

  /** Octets of all entries, with their lengths. */
  get entriesEnd(): number {
    return this.#entries.length
  }

  /** Writes what was added; durable with the next `sync`. When it rejects, `cut` to the size before, and it can be tried again. */
  async append({ entries, bundles, levels, marks }: Growth): Promise<void> {
    await this.#entries.append(entries)
    await this.#bundles.append(words(bundles))
    await this.#marks.append(
      Buffer.concat(marks.flatMap(({ index, hash }) => [words([index]), hash.subarray(0, WORD)])),
    )
    for (const [level, hashes] of levels.entries()) {
      if (hashes.length === 0) continue
      let file = this.#levels[level]
      if (file === undefined) {
        file = await GrowingFile.open(join(this.#directory, `level-${level}`), this.#opener)
        this.#levels.push(file)
        this.#unnamed = true
      }
      await file.append(Buffer.concat(hashes))
    }
  }

  async sync(): Promise<void> {
    await Promise.all([this.#entries, this.#bundles, this.#marks, ...this.#levels].map((file) => file.sync()))
    if (!this.#unnamed) return
    await syncFolder(this.#directory)
    this.#unnamed = false
  }

  /** Hashes of a level of tiles. */
  hashes(level: number, first: number, count: number): Promise<Buffer> {
    const file = this.#levels[level]
    if (file === undefined) throw new TransparentLogError('out_of_range', `The tree has no tiles of level ${level}`)
    return file.read(first * HASH_BYTES, count * HASH_BYTES)
  }

  /** The first entries of a bundle, as they are served. */
  async bundle(index: number, width: number): Promise<Buffer> {
    const start = await this.#bundleStart(index)
    const full = index < Math.floor(this.#bundles.length / WORD)
    const behind = full ? await this.#bundleStart(index + 1) : this.#entries.length
    if (width === TILE_WIDTH && full) return this.#entries.read(start, behind - start)
    // Where a part of a bundle ends is found by reading it.
    const most = Math.min(behind - start, width * (LENGTH_BYTES + MAXIMUM_ENTRY_BYTES))
    const bytes = await this.#entries.read(start, most)
    let end = 0
    for (let entry = 0; entry < width; entry += 1) {
      if (end + LENGTH_BYTES > most) throw this.#damaged('entries')
      end += LENGTH_BYTES + bytes.readUInt16BE(end)
    }
    if (end > most) throw this.#damaged('entries')
    return bytes.subarray(0, end)
  }

  /** All indexes of marked entries, ascending. After `cut`. */
  async marks(): Promise<number[]> {
    return (await this.#readMarks()).map(({ index }) => index)
  }

  /** Forgets all leaves from this one on. Throws `tree_damaged` where the files do not have those before it. */
  async cut(leaves: number): Promise<void> {
    const full = Math.floor(leaves / TILE_WIDTH)
    if (this.#bundles.length < full * WORD) throw this.#damaged('bundles')
    // First, because what is behind would say where the last bundle ends.
    await this.#bundles.cut(full * WORD)
    const partial = leaves % TILE_WIDTH
    const end = (await this.#bundleStart(full)) + (partial === 0 ? 0 : (await this.bundle(full, partial)).length)
    if (this.#entries.length < end) throw this.#damaged('entries')
    await this.#entries.cut(end)
    for (const [level, file] of this.#levels.entries()) {
      const length = Math.floor(leaves / TILE_WIDTH ** level) * HASH_BYTES
      if (file.length < length) throw this.#damaged(`level-${level}`)
      await file.cut(length)
    }
    if (Math.floor(leaves / TILE_WIDTH ** this.#levels.length) > 0) throw this.#damaged(`level-${this.#levels.length}`)
    await this.#marks.cut((await this.#marksUpTo(leaves)) * MARK)
  }

  async close(): Promise<void> {
    for (const file of [this.#entries, this.#bundles, this.#marks, ...this.#levels]) await file.close()
  }

  async #readMarks(): Promise<Mark[]> {
    const bytes = await this.#marks.read(0, this.#marks.length - (this.#marks.length % MARK))
    return Array.from({ length: bytes.length / MARK }, (_, at) => ({
      index: Number(bytes.readBigUInt64BE(at * MARK)),
      hash: bytes.subarray(at * MARK + WORD, (at + 1) * MARK),
    }))
  }

  /** How many marks are of these leaves. What a crash has left behind the last of them is not the hash of a leaf. */
  async #marksUpTo(leaves: number): Promise<number> {
    const marks = await this.#readMarks()
    let count = marks.findIndex(({ index }, at) => index >= leaves || index <= (marks[at - 1]?.index ?? -1))
    if (count < 0) count = marks.length
    for (; count > 0; count -= 1) {
      const { index, hash } = marks[count - 1] as Mark
      if ((await this.hashes(0, index, 1)).subarray(0, WORD).equals(hash)) break
    }
    return count
  }

  async #bundleStart(index: number): Promise<number> {
    if (index === 0) return 0
    return Number((await this.#bundles.read((index - 1) * WORD, WORD)).readBigUInt64BE())
  }

  #damaged(file: string): TransparentLogError {
    return new TransparentLogError(
      'tree_damaged',
      `${join(this.#directory, file)} does not have all that was written to it`,
    )
  }
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * WORD)
  for (const [index, value] of values.entries()) bytes.writeBigUInt64BE(BigInt(value), index * WORD)
  return bytes
}
