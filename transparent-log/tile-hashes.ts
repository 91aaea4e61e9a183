// Hashes of a tree's nodes out of its tiles. Proofs of neighbours need the same nodes, so what lies inside a full tile is computed once
// and kept for a while; of a tile that still grows, the nodes that were asked for. A node never changes once it is complete.
import { HASH_BYTES, type Hash, type HashReader, nodeHash, TILE_WIDTH, type TreeNode } from '#transparency'
import { Cache } from '#trust'

/** Levels of the tree inside a tile. */
const HEIGHT = 8
/** Of 16 KiB each; a cache may hold twice as many. */
const TILES = 64
/** Of tiles that grow. */
const LOOSE = 1024
/** 256 hashes, 128 above them, …, one. */
const NODES = 2 * TILE_WIDTH - 1

export interface TileRows {
  /** Hashes that a level of tiles has. */
  count(level: number): number
  read(level: number, first: number, count: number): Promise<Uint8Array>
}

export function tileHashes(rows: TileRows): HashReader {
  const tiles = new Cache<Uint8Array>(TILES)
  const loose = new Cache<Hash>(LOOSE)

  async function inside(level: number, index: number): Promise<Uint8Array> {
    const key = `${level}/${index}`
    const held = tiles.get(key)
    if (held !== undefined) return held
    const nodes = Buffer.alloc(NODES * HASH_BYTES)
    nodes.set(await rows.read(level, index * TILE_WIDTH, TILE_WIDTH))
    for (let from = 0, to = TILE_WIDTH; to < NODES; from += 2, to += 1)
      nodes.set(nodeHash(at(nodes, from), at(nodes, from + 1)), to * HASH_BYTES)
    return tiles.set(key, nodes, nodes.length)
  }

  async function hash(node: TreeNode): Promise<Hash> {
    const level = Math.floor(node.level / HEIGHT)
    /** Of the tile's hashes make this one. */
    const width = 2 ** (node.level % HEIGHT)
    const first = node.index * width
    const index = Math.floor(first / TILE_WIDTH)
    if ((index + 1) * TILE_WIDTH > rows.count(level)) {
      const key = `${node.level}/${node.index}`
      return loose.get(key) ?? loose.set(key, joined(await rows.read(level, first, width)))
    }
    // Before the row of this node stand 256 + 128 + … hashes.
    const row = 2 * TILE_WIDTH - (2 * TILE_WIDTH) / width
    return at(await inside(level, index), row + (first % TILE_WIDTH) / width)
  }

  return (nodes) => Promise.all(nodes.map(hash))
}

/** The hash above a row of a power of two. */
function joined(row: Uint8Array): Hash {
  if (row.length === HASH_BYTES) return row
  return nodeHash(joined(row.subarray(0, row.length / 2)), joined(row.subarray(row.length / 2)))
}

function at(nodes: Uint8Array, index: number): Hash {
  return nodes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
}
