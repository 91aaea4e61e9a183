// Where a tree grows: the roots of its complete subtrees, at most 53 hashes whatever its size.
import { TransparencyError } from './error.ts'
import { HASH_BYTES, type Hash, nodeHash } from './hash.ts'
import { isTreeSize } from './numbers.ts'
import { completeNodes, type HashReader, joinHashes } from './tree.ts'

/** Is told of each subtree that became complete, a leaf being one of level 0; children before parents, left before right. */
export type NodeSink = (level: number, index: number, hash: Hash) => void

/** Grows a tree. Holds no leaf: it goes on from the hashes that are kept of any size. */
export class Frontier {
  #size: number
  readonly #peaks: Hash[]

  /** From the peaks of a tree, largest first (`completeNodes({ start: 0, end: size })`). Throws `out_of_range` where their number is wrong. */
  constructor(size = 0, peaks: readonly Hash[] = []) {
    const count = isTreeSize(size) ? completeNodes({ start: 0, end: size }).length : -1
    if (peaks.length !== count || peaks.some(({ length }) => length !== HASH_BYTES))
      throw new TransparencyError('out_of_range', `${peaks.length} hashes are not the peaks of ${size} leaves`)
    this.#size = size
    this.#peaks = [...peaks]
  }

  /** The tree of that size, from what is kept of it. */
  static async read(size: number, read: HashReader): Promise<Frontier> {
    const peaks = isTreeSize(size) ? completeNodes({ start: 0, end: size }) : []
    return new Frontier(size, peaks.length === 0 ? [] : await read(peaks))
  }

  get size(): number {
    return this.#size
  }

  /** Largest first; with the size all that has to be kept. */
  get peaks(): readonly Hash[] {
    return [...this.#peaks]
  }

  /** Adds a leaf by its hash. */
  append(leaf: Hash, complete?: NodeSink): void {
    this.#add(0, leaf, complete)
  }

  /** Adds the 2^level leaves of a complete subtree by its hash, where one can stand next. Throws `out_of_range`. */
  appendSubtree(level: number, hash: Hash): void {
    const leaves = 2 ** level
    if (this.#size % leaves !== 0 || !isTreeSize(this.#size + leaves) || hash.length !== HASH_BYTES)
      throw new TransparencyError('out_of_range', `No subtree of ${leaves} leaves begins at leaf ${this.#size}`)
    this.#add(level, hash)
  }

  #add(start: number, subtree: Hash, complete?: NodeSink): void {
    let hash = subtree
    let index = this.#size / 2 ** start
    complete?.(start, index, hash)
    for (let level = start + 1; index % 2 === 1; level += 1) {
      const left = this.#peaks.pop()
      if (left === undefined) throw new TransparencyError('out_of_range', 'the tree has lost its peaks')
      hash = nodeHash(left, hash)
      index = (index - 1) / 2
      complete?.(level, index, hash)
    }
    this.#peaks.push(hash)
    this.#size += 2 ** start
  }

  /** Root of what was appended so far. */
  root(): Hash {
    return joinHashes(this.#peaks)
  }

  /** A second one that grows by itself: what is tried on it leaves this one as it is. */
  copy(): Frontier {
    return new Frontier(this.#size, this.#peaks)
  }
}
