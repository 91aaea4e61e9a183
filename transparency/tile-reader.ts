// Hashes of a tree out of its tiles: those of our own disk as they are, those of a stranger only where they lead to a root that somebody signed.
import { equalBytes } from '#trust'
import { TransparencyError } from './error.ts'
import { HASH_BYTES, type Hash } from './hash.ts'
import { type HashTile, placeInTile, TILE_WIDTH, tileOf, tilePath, tileWidth } from './tile.ts'
import { completeHash, completeNodes, type HashReader, isTreeSize, joinHashes, type TreeNode } from './tree.ts'

/** Tiles of hashes by their coordinates, in the order asked: exactly `width` hashes each, a fuller one being cut by whoever fetched it. */
export type TileSource = (tiles: readonly HashTile[]) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>

/** Reads from tiles that are believed: our own. Throws `malformed_tile` for one of another length, `out_of_range`. */
export function tileReader(size: number, source: TileSource): HashReader {
  return async (nodes) => {
    const wanted = nodes.map((node) => tileOf(node, size))
    const tiles = await fetchTiles(wanted, source)
    return nodes.map((node, at) => hashIn(tiles, wanted[at] as HashTile, node))
  }
}

/**
 * Reads from tiles of a stranger. The partial tiles are the peaks of the tree and must make its root; every full tile must have the hash that
 * the tile above it states. Nothing is given before all that was fetched is proved. Throws `invalid_proof`, `malformed_tile`, `out_of_range`.
 */
export function verifiedTileReader(
  { size, root }: { readonly size: number; readonly root: Hash },
  source: TileSource,
): HashReader {
  if (!isTreeSize(size)) throw new TransparencyError('out_of_range', `${size} is no tree size`)
  const peaks = completeNodes({ start: 0, end: size })
  return async (nodes) => {
    const wanted = nodes.map((node) => tileOf(node, size))
    const partial = peaks.map((node) => tileOf(node, size))
    const above = wanted.flatMap((tile) => parents(tile, size))
    const tiles = await fetchTiles([...partial, ...wanted, ...above], source)

    const heads = peaks.map((node, at) => hashIn(tiles, partial[at] as HashTile, node))
    if (!equalBytes(joinHashes(heads), root))
      throw new TransparencyError('invalid_proof', `The tiles do not make the root of the tree of ${size}`)
    for (const { tile, bytes } of tiles.values()) {
      const [parent] = parents(tile, size)
      if (parent === undefined) continue
      const node = { level: (tile.level + 1) * 8, index: tile.index }
      if (!equalBytes(completeHash(bytes, 0, TILE_WIDTH), hashIn(tiles, parent, node)))
        throw new TransparencyError('invalid_proof', `${tilePath(tile)} is not what the tile above it says`)
    }
    return nodes.map((node, at) => hashIn(tiles, wanted[at] as HashTile, node))
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

interface Fetched {
  readonly tile: HashTile
  readonly bytes: Uint8Array
}

/** Each once, by path. */
async function fetchTiles(wanted: readonly HashTile[], source: TileSource): Promise<Map<string, Fetched>> {
  const tiles = [...new Map(wanted.map((tile) => [tilePath(tile), tile])).values()]
  if (tiles.length === 0) return new Map()
  const all = await source(tiles)
  return new Map(
    tiles.map((tile, at) => {
      const bytes = all[at]
      if (bytes?.length !== tile.width * HASH_BYTES)
        throw new TransparencyError('malformed_tile', `${tilePath(tile)} has ${bytes?.length ?? 'no'} octets`)
      return [tilePath(tile), { tile, bytes }]
    }),
  )
}

function hashIn(tiles: ReadonlyMap<string, Fetched>, tile: HashTile, node: TreeNode): Hash {
  const { first, count } = placeInTile(node)
  const bytes = tiles.get(tilePath(tile))?.bytes ?? new Uint8Array(0)
  return completeHash(bytes, first, count)
}
