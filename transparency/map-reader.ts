// A sorted map as it is kept: looked up, and its tree's hashes made again from every eighth level.
import { TransparencyError } from './error.ts'
import { HASH_BYTES, leafHash } from './hash.ts'
import { MAP_KEY_BYTES, MAP_RECORD_BYTES } from './sorted-map.ts'
import { TILE_WIDTH } from './tile.ts'
import { tileReader } from './tile-reader.ts'
import type { HashReader } from './tree.ts'

/** Reads from a level what `buildMap` handed over: `count` records (level 0) or hashes, from the `first` on. */
export type MapReader = (level: number, first: number, count: number) => Uint8Array | Promise<Uint8Array>

/** Where the key stands, or would: the number of records below it. */
export async function findKey(key: Uint8Array, count: number, read: MapReader): Promise<number> {
  let [from, to] = [0, count]
  // Halved until a block is left that costs one read more.
  while (to - from > TILE_WIDTH) {
    const middle = from + Math.floor((to - from) / 2)
    const [record] = await readRecords(middle, 1, read)
    if (compareKey(record, key) < 0) from = middle + 1
    else to = middle
  }
  const block = to > from ? await readRecords(from, to - from, read) : []
  const above = block.findIndex((record) => compareKey(record, key) >= 0)
  return above < 0 ? to : from + above
}

/** Throws `out_of_range` where the level ends before. */
export async function readRecords(first: number, count: number, read: MapReader): Promise<Buffer[]> {
  const bytes = await readLevel(0, first, count, MAP_RECORD_BYTES, read)
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * MAP_RECORD_BYTES, (at + 1) * MAP_RECORD_BYTES))
}

/** Hashes of the tree: what is kept of each level are its tiles, those of level 0 made of the records. */
export function mapHashes(count: number, read: MapReader): HashReader {
  return tileReader(count, (tiles) =>
    Promise.all(
      tiles.map(async ({ level, index, width }) =>
        level === 0
          ? Buffer.concat((await readRecords(index * TILE_WIDTH, width, read)).map(leafHash))
          : readLevel(level, index * TILE_WIDTH, width, HASH_BYTES, read),
      ),
    ),
  )
}

async function readLevel(level: number, first: number, count: number, width: number, read: MapReader): Promise<Buffer> {
  const bytes = await read(level, first, count)
  if (bytes.length !== count * width)
    throw new TransparencyError('out_of_range', `Level ${level} of the map has no ${count} entries from ${first} on`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

export function compareKey(record: Buffer | undefined, key: Uint8Array): number {
  return Buffer.compare(record?.subarray(0, MAP_KEY_BYTES) ?? new Uint8Array(0), key)
}
