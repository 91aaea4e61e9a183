// A log in memory: tiles and bundles of any size of it, as a static file server would have them.
import { Frontier, type HashTile, leafHash, type Tile, type TileSource, tilePath } from '#transparency'

export class TileLog {
  readonly entries: Uint8Array[] = []
  readonly frontier = new Frontier()
  /** Hashes of the tiles' levels. */
  readonly #levels: Uint8Array[][] = []

  add(...entries: readonly Uint8Array[]): this {
    for (const entry of entries) {
      this.entries.push(entry)
      this.frontier.append(leafHash(entry), (level, index, hash) => {
        if (level % 8 !== 0) return
        const row = this.#levels[level / 8] ?? []
        this.#levels[level / 8] = row
        if (row.length !== index) throw new Error('a hash out of order')
        row.push(hash)
      })
    }
    return this
  }

  get size(): number {
    return this.frontier.size
  }

  /** Throws where the log has no such tile. */
  tile({ level, index, width }: HashTile): Buffer {
    const hashes = this.#levels[level]?.slice(index * 256, index * 256 + width) ?? []
    if (hashes.length !== width) throw new Error(`no ${tilePath({ level, index, width })}`)
    return Buffer.concat(hashes)
  }

  bundle({ index, width }: Tile): readonly Uint8Array[] {
    return this.entries.slice(index * 256, index * 256 + width)
  }

  /** What was asked for, for tests that count. */
  readonly asked: string[] = []
  get source(): TileSource {
    return (tiles) => {
      this.asked.push(...tiles.map(tilePath))
      return tiles.map((tile) => this.tile(tile))
    }
  }
}
