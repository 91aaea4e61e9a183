// A log's tree on the disk: entries come in, hashes, tiles and proofs go out. It signs nothing and knows nobody's key: whoever does says
// how many leaves count, because they were signed, when it is opened.
import { setImmediate as turn } from 'node:timers/promises'
import {
  consistencyProof,
  Frontier,
  type Hash,
  type HashReader,
  inclusionProof,
  isTreeSize,
  leafHash,
  MAXIMUM_ENTRY_BYTES,
  parseEntryBundle,
  TILE_WIDTH,
  type Tile,
  type TreeNode,
  treeRoot,
} from '#transparency'
import { TransparentLogError } from './error.ts'
import type { FileOpener } from './growing-file.ts'
import { Marks } from './marks.ts'
import { tileHashes } from './tile-hashes.ts'
import { type Growth, type Mark, TreeFiles } from './tree-files.ts'

/** Hashed without a pause: about a millisecond. */
const SLICE = 512
const LENGTH_BYTES = 2

export class TileLog {
  readonly #files: TreeFiles
  #frontier: Frontier
  #marks: Marks
  #hashes: HashReader
  #broken: TransparentLogError | undefined
  #growing = false

  private constructor(files: TreeFiles, frontier: Frontier, marks: Marks) {
    this.#files = files
    this.#frontier = frontier
    this.#marks = marks
    this.#hashes = this.#reader()
  }

  /**
   * Opens a tree, or begins one. Of what is there only the first `counted` leaves are kept: those behind may be torn, and nobody was told of
   * them. There may be fewer: `size` says it.
   *
   * @throws {TransparentLogError} `tree_damaged`
   */
  static async open(directory: string, counted: number, opener?: FileOpener): Promise<TileLog> {
    const files = await TreeFiles.open(directory, opener)
    try {
      const size = Math.min(counted, files.leaves)
      await files.cut(size)
      const log = new TileLog(files, new Frontier(), new Marks(await files.marks()))
      log.#frontier = await Frontier.read(size, log.#hashes)
      return log
    } catch (error) {
      await files.close()
      throw error
    }
  }

  /** Leaves, durable or not. */
  get size(): number {
    return this.#frontier.size
  }

  /** Entries that are not marked. */
  get unmarked(): number {
    return this.size - this.#marks.count
  }

  /** Of the tree as it is now. */
  root(): Hash {
    return this.#frontier.root()
  }

  /** Of an earlier tree. Throws `out_of_range`. */
  async rootAt(size: number): Promise<Hash> {
    this.#requireSize(size)
    return size === this.size ? this.root() : treeRoot(size, this.#hashes)
  }

  /**
   * Adds entries and gives the index of the first. They count once they were synced and somebody signed a tree that has them. One call at a
   * time. When it rejects nothing was added.
   *
   * @param marked They are not counted among the others (`indexOf`).
   * @throws {TransparentLogError} `store_failed`, `tree_broken`, `out_of_range` for an entry that is too long
   */
  async append(entries: readonly Uint8Array[], marked = false): Promise<number> {
    this.#requireWhole()
    if (this.#growing) throw new TypeError('The tree grows by one call at a time')
    this.#growing = true
    const first = this.size
    try {
      const frontier = this.#frontier.copy()
      const growth = await grow(frontier, entries, this.#files.entriesEnd, marked)
      try {
        await this.#files.append(growth)
      } catch (error) {
        await this.#undo(first)
        throw error
      }
      this.#frontier = frontier
      for (const { index } of growth.marks) this.#marks.add(index)
      return first
    } finally {
      this.#growing = false
    }
  }

  /** All that was appended is durable when it resolves. @throws {TransparentLogError} `tree_broken` */
  async sync(): Promise<void> {
    this.#requireWhole()
    try {
      await this.#files.sync()
    } catch (error) {
      this.#break(error)
      throw error
    }
  }

  /** Where an unmarked entry stands, by its number among the unmarked, from 0. Throws `out_of_range`. */
  indexOf(ordinal: number): number {
    if (!isTreeSize(ordinal) || ordinal >= this.unmarked)
      throw new TransparentLogError('out_of_range', `The log has no entry ${ordinal}`)
    return this.#marks.indexOf(ordinal)
  }

  /** The number of an unmarked entry among the unmarked, from 0; undefined for a marked one. */
  ordinalOf(index: number): number | undefined {
    return this.#marks.has(index) ? undefined : index - this.#marks.before(index)
  }

  /** How many of the first `size` entries are not marked. */
  unmarkedIn(size: number): number {
    return size - this.#marks.before(size)
  }

  /** Entries from one on, as many as there are up to `count`. Throws `tree_damaged`. */
  async entries(first: number, count: number): Promise<Uint8Array[]> {
    const end = Math.min(this.size, first + count)
    const found: Uint8Array[] = []
    for (let at = first; at < end; ) {
      const bundle = Math.floor(at / TILE_WIDTH)
      const start = bundle * TILE_WIDTH
      const width = Math.min(TILE_WIDTH, end - start)
      found.push(...parseEntryBundle(await this.#files.bundle(bundle, width), width).slice(at - start))
      at = start + width
    }
    return found
  }

  /** That the entry at `index` is in the tree of `size` leaves (RFC 6962 §2.1.1). Throws `out_of_range`. */
  inclusionProof(index: number, size: number): Promise<Hash[]> {
    this.#requireSize(size)
    return inclusionProof(index, size, this.#hashes)
  }

  /** That the tree of `size` leaves contains that of `oldSize` (RFC 6962 §2.1.2). Throws `out_of_range`. */
  async consistencyProof(oldSize: number, size: number): Promise<Hash[]> {
    this.#requireSize(size)
    return consistencyProof(oldSize, size, this.#hashes)
  }

  /** Of complete subtrees, in the order asked. Throws `tree_damaged`. */
  hashes(nodes: readonly TreeNode[]): readonly Hash[] | Promise<readonly Hash[]> {
    return this.#hashes(nodes)
  }

  /** A tile as it is served, of a tree of `size` leaves or of an earlier one; undefined where those have none (tlog-tiles). */
  async tile({ level, index, width }: Tile, size: number): Promise<Uint8Array | undefined> {
    const held = Math.floor(Math.min(size, this.size) / TILE_WIDTH ** (level === 'entries' ? 0 : level))
    if (index * TILE_WIDTH + width > held) return undefined
    if (level === 'entries') return this.#files.bundle(index, width)
    return this.#files.hashes(level, index * TILE_WIDTH, width)
  }

  close(): Promise<void> {
    return this.#files.close()
  }

  async #undo(size: number): Promise<void> {
    try {
      await this.#files.cut(size)
      this.#hashes = this.#reader()
    } catch (error) {
      this.#break(error)
    }
  }

  #break(error: unknown): void {
    this.#broken = new TransparentLogError(
      'tree_broken',
      `The tree must be opened again: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  }

  #requireWhole(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  #requireSize(size: number): void {
    if (!isTreeSize(size) || size > this.size)
      throw new TransparentLogError('out_of_range', `The log has ${this.size} leaves, not ${size}`)
  }

  #reader(): HashReader {
    return tileHashes({
      count: (level) => Math.floor(this.size / TILE_WIDTH ** level),
      read: (level, first, count) => this.#files.hashes(level, first, count),
    })
  }
}

/** What entries add to the files; `frontier` grows with them. */
async function grow(
  frontier: Frontier,
  entries: readonly Uint8Array[],
  entriesEnd: number,
  marked: boolean,
): Promise<Growth> {
  const marks: Mark[] = []
  const framed = Buffer.allocUnsafe(entries.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0))
  const bundles: number[] = []
  const levels: Uint8Array[][] = []
  let end = 0
  for (const [done, entry] of entries.entries()) {
    if (done > 0 && done % SLICE === 0) await turn()
    if (entry.length > MAXIMUM_ENTRY_BYTES)
      throw new TransparentLogError('out_of_range', `An entry has at most ${MAXIMUM_ENTRY_BYTES} octets`)
    framed.writeUInt16BE(entry.length, end)
    framed.set(entry, end + LENGTH_BYTES)
    end += LENGTH_BYTES + entry.length
    const leaf = leafHash(entry)
    if (marked) marks.push({ index: frontier.size, hash: leaf })
    frontier.append(leaf, (level, _index, hash) => {
      if (level % 8 !== 0) return
      const row = levels[level / 8] ?? []
      levels[level / 8] = row
      row.push(hash)
    })
    if (frontier.size % TILE_WIDTH === 0) bundles.push(entriesEnd + end)
  }
  return { entries: framed, bundles, levels: Array.from(levels, (row) => row ?? []), marks }
}
