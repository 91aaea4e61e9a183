// Tiles (C2SP tlog-tiles): 256 hashes side by side, of every eighth level of the tree, each in a file of its own that never changes once it is full.
import { TransparencyError } from './error.ts'
import type { TreeNode } from './tree.ts'

/** Hashes of a full tile, entries of a full bundle. */
export const TILE_WIDTH = 256
/** Levels of the tree between two levels of tiles. */
const TILE_HEIGHT = 8

/** Where a file of the tree stands. */
interface Place {
  /** From the left, within the level. */
  readonly index: number
  /** 1 to 256; below 256 it is partial. */
  readonly width: number
}

/** A tile of hashes: level 0 are those of the leaves, each hash of a higher level is that of a full tile below. */
export interface HashTile extends Place {
  readonly level: number
}

/** As many log entries as the tile of level 0 beside it has hashes. */
export interface EntryBundle extends Place {
  readonly level: 'entries'
}

export type Tile = HashTile | EntryBundle

/** How many hashes the tile has in a tree of that size; 0 where it does not exist. */
export function tileWidth(level: Tile['level'], index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === 'entries' ? 0 : level))
  return Math.min(TILE_WIDTH, Math.max(0, hashes - index * TILE_WIDTH))
}

/** `tile/<level>/<index>[.p/<width>]` with the index in groups of three digits, below the log's URL or in its folder. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = `${index}`.padStart(Math.ceil(`${index}`.length / 3) * 3, '0')
  const groups = digits.replace(/\d{3}(?=\d)/g, 'x$&/')
  return `tile/${level}/${groups}${width < TILE_WIDTH ? `.p/${width}` : ''}`
}

/** Reads a path that a stranger asks for; `tile/…` without a slash before it. Throws `malformed_tile`. */
export function parseTilePath(path: string): Tile {
  // 18 digits are more than 2^53, and the whole is short: what is matched is bounded.
  const parts =
    path.length > 64
      ? null
      : /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path)
  if (parts !== null) {
    const [, level = '', groups = '', width] = parts
    const place = {
      index: Number(groups.replaceAll(/[x/]/g, '')),
      width: width === undefined ? TILE_WIDTH : Number(width),
    }
    const tile: Tile = level === 'entries' ? { level, ...place } : { level: Number(level), ...place }
    // Written again it is the same, or it is a second name of the same tile: zeros in front, a width of 256.
    const exists = tile.level === 'entries' || tile.level <= 63
    if (exists && Number.isSafeInteger(tile.index) && tilePath(tile) === path) return tile
  }
  throw new TransparencyError('malformed_tile', 'The path is not that of a tile')
}

/** The tile of hashes in which a complete subtree lies, whole, in a tree of that size. Throws `out_of_range` where the tree has no such subtree. */
export function tileOf(node: TreeNode, size: number): HashTile {
  const level = Math.floor(node.level / TILE_HEIGHT)
  const { first, count } = placeInTile(node)
  const index = Math.floor((node.index * count) / TILE_WIDTH)
  const width = tileWidth(level, index, size)
  if (node.index < 0 || first + count > width)
    throw new TransparencyError('out_of_range', `A tree of ${size} has no subtree ${node.index} of level ${node.level}`)
  return { level, index, width }
}

/** Which hashes of its tile make the subtree's. */
export function placeInTile(node: TreeNode): { readonly first: number; readonly count: number } {
  const count = 2 ** (node.level % TILE_HEIGHT)
  return { first: (node.index * count) % TILE_WIDTH, count }
}

/**
 * The tiles of hashes that a tree of `size` has and one of `oldSize` did not, lower levels first, those of a level from left to right; at
 * most one of each level is partial, and it is the last. What is written when a log grows, and what someone who follows it fetches.
 */
export function* newTiles(oldSize: number, size: number): Generator<HashTile> {
  for (let level = 0; Math.floor(size / TILE_WIDTH ** level) > 0; level += 1) {
    const before = Math.floor(oldSize / TILE_WIDTH ** level)
    const after = Math.floor(size / TILE_WIDTH ** level)
    if (after <= before) return
    for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < after; index += 1)
      yield { level, index, width: tileWidth(level, index, size) }
  }
}

/** The bundles of entries that a log of `size` has and one of `oldSize` did not. */
export function* newBundles(oldSize: number, size: number): Generator<EntryBundle> {
  for (let index = Math.floor(oldSize / TILE_WIDTH); index * TILE_WIDTH < size && oldSize < size; index += 1)
    yield { level: 'entries', index, width: tileWidth('entries', index, size) }
}
