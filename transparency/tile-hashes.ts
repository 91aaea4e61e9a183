// A tile in memory, and the hashes that its hashes make: each made once, because the proofs of neighbours share most of them.
import { HASH_BYTES, type Hash, nodeHash } from './hash.ts'
import { TILE_WIDTH } from './tile.ts'

export class TileHashes {
  /** As a heap: place 1 is the whole tile's, 2n and 2n + 1 are the children of n, from 256 on are the tile's own. */
  readonly #heap = Buffer.alloc(2 * TILE_WIDTH * HASH_BYTES)
  readonly #made = new Uint8Array(TILE_WIDTH)

  /** From the octets of a tile, full or partial. */
  constructor(bytes: Uint8Array) {
    this.#heap.set(bytes, TILE_WIDTH * HASH_BYTES)
  }

  /** Hash of the complete subtree over `count`, a power of two, of the tile's hashes, all of which it must have. The caller's own copy. */
  over(first: number, count: number): Hash {
    return Buffer.from(this.#at((TILE_WIDTH + first) / count))
  }

  #at(place: number): Hash {
    const hash = this.#heap.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES)
    if (place < TILE_WIDTH && this.#made[place] === 0) {
      hash.set(nodeHash(this.#at(2 * place), this.#at(2 * place + 1)))
      this.#made[place] = 1
    }
    return hash
  }
}
