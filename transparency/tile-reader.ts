// Hashes of a tree out of its tiles: those of our own disk as they are, those of a stranger only where they lead to a root that somebody signed.
import { Cache, equalBytes } from '#trust'
import { TransparencyError } from './error.ts'
import { HASH_BYTES, type Hash } from './hash.ts'
import { isTreeSize } from './numbers.ts'
import { type HashTile, placeInTile, TILE_WIDTH, tileOf, tilePath, tileWidth } from './tile.ts'
import { TileHashes } from './tile-hashes.ts'
import { completeNodes, type HashReader, joinHashes, type TreeNode } from './tree.ts'

/** Tiles of hashes by their coordinates, in the order asked: exactly `width` hashes each, a fuller one being cut by whoever fetched it. */
export type TileSource = (tiles: readonly HashTile[]) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>

/** Tiles of one generation of a reader's memory, 16 KiB each: proofs of neighbours need the same ones. */
const KEPT_TILES = 32
const KEPT_OCTETS = 16 * 1024

/** Reads from tiles that are believed: our own. Throws `malformed_tile` for one of another length, `out_of_range`. */
export function tileReader(size: number, source: TileSource): HashReader {
  const shelf = new TileShelf(source)
  return async (nodes) => {
    const wanted = nodes.map((node) => tileOf(node, size))
    const { all, fresh } = await shelf.read(wanted)
    shelf.keep(fresh)
    return nodes.map((node, at) => hashIn(all, wanted[at] as HashTile, node))
  }
}

/**
 * Reads from tiles of a stranger. The partial tiles are the peaks of the tree and must make its root; every full tile must have the hash that
 * the tile above it states. Nothing is given or kept before all that was fetched is proved. Throws `invalid_proof`, `malformed_tile`, `out_of_range`.
 */
export function verifiedTileReader(
  { size, root }: { readonly size: number; readonly root: Hash },
  source: TileSource,
): HashReader {
  if (!isTreeSize(size)) throw new TransparencyError('out_of_range', `${size} is no tree size`)
  const peaks = completeNodes({ start: 0, end: size })
  const partial = peaks.map((node) => tileOf(node, size))
  const shelf = new TileShelf(source)
  return async (nodes) => {
    const wanted = nodes.map((node) => tileOf(node, size))
    const above = wanted.flatMap((tile) => parents(tile, size))
    const { all, fresh } = await shelf.read([...partial, ...wanted, ...above])

    const heads = peaks.map((node, at) => hashIn(all, partial[at] as HashTile, node))
    if (!equalBytes(joinHashes(heads), root))
      throw new TransparencyError('invalid_proof', `The tiles do not make the root of the tree of ${size}`)
    for (const { tile, hashes } of fresh) {
      const [parent] = parents(tile, size)
      if (parent === undefined) continue
      if (!equalBytes(hashes.over(0, TILE_WIDTH), hashIn(all, parent, { level: parent.level * 8, index: tile.index })))
        throw new TransparencyError('invalid_proof', `${tilePath(tile)} is not what the tile above it says`)
    }
    shelf.keep(fresh)
    return nodes.map((node, at) => hashIn(all, wanted[at] as HashTile, node))
  }
}

/** The tiles above a full one, up to a partial one, which the root itself proves. */
function parents(tile: HashTile, size: number): HashTile[] {
  const found: HashTile[] = []
  for (let last = tile; last.width === TILE_WIDTH; ) {
    const [level, index] = [last.level + 1, Math.floor(last.index / TILE_WIDTH)]
    last = { level, index, width: tileWidth(level, index, size) }
    found.push(last)
  }
  return found
}

interface ReadTile {
  readonly tile: HashTile
  readonly hashes: TileHashes
}

/** The tiles that were read last, and the source of the others. */
class TileShelf {
  readonly #source: TileSource
  readonly #kept = new Cache<ReadTile>(KEPT_TILES)

  constructor(source: TileSource) {
    this.#source = source
  }

  /** The tiles, each once, by path; `fresh` are those that were not kept. */
  async read(wanted: readonly HashTile[]): Promise<{ all: ReadonlyMap<string, ReadTile>; fresh: readonly ReadTile[] }> {
    const all = new Map<string, ReadTile>()
    const missing = new Map<string, HashTile>()
    for (const tile of wanted) {
      const path = tilePath(tile)
      const held = this.#kept.get(path)
      if (held === undefined) missing.set(path, tile)
      else all.set(path, held)
    }
    const tiles = [...missing.values()]
    const octets = tiles.length === 0 ? [] : await this.#source(tiles)
    const fresh = tiles.map((tile, at) => {
      const bytes = octets[at]
      if (bytes?.length !== tile.width * HASH_BYTES)
        throw new TransparencyError('malformed_tile', `${tilePath(tile)} has ${bytes?.length ?? 'no'} octets`)
      return { tile, hashes: new TileHashes(bytes) }
    })
    for (const each of fresh) all.set(tilePath(each.tile), each)
    return { all, fresh }
  }

  keep(tiles: readonly ReadTile[]): void {
    for (const each of tiles) this.#kept.set(tilePath(each.tile), each, KEPT_OCTETS)
  }
}

function hashIn(tiles: ReadonlyMap<string, ReadTile>, tile: HashTile, node: TreeNode): Hash {
  const { first, count } = placeInTile(node)
  const read = tiles.get(tilePath(tile))
  if (read === undefined) throw new TransparencyError('malformed_tile', `${tilePath(tile)} was not read`)
  return read.hashes.over(first, count)
}
