// Bundles of log entries (C2SP tlog-tiles, Log entries): each entry after its length in two octets, up to 256 of them.
import { TransparencyError } from './error.ts'
import { leafHash } from './hash.ts'
import { writeUint16 } from './numbers.ts'
import { TILE_WIDTH } from './tile.ts'

/** Octets of an entry: what the length can say. */
export const MAXIMUM_ENTRY_BYTES = 0xffff

/** One to 256 entries as they are served. Throws `out_of_range` for one that is too long, or for another number of them. */
export function formatEntryBundle(entries: readonly Uint8Array[]): Buffer {
  if (entries.length === 0 || entries.length > TILE_WIDTH)
    throw new TransparencyError('out_of_range', `${entries.length} entries are no bundle`)
  return Buffer.concat(entries.flatMap((entry) => [entryLength(entry), entry]))
}

/** Reads a stranger's bundle of `width` entries, over slices of it. What is read is not proved: see {@link leafTile}. Throws `malformed_tile`. */
export function parseEntryBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = []
  let at = 0
  while (entries.length < width) {
    const start = at + 2
    const end = start + (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
    if (end > bytes.length) throw new TransparencyError('malformed_tile', `The bundle ends in entry ${entries.length}`)
    entries.push(bytes.subarray(start, end))
    at = end
  }
  if (at !== bytes.length)
    throw new TransparencyError('malformed_tile', `${bytes.length - at} octets stand after the ${width} entries`)
  return entries
}

/** The tile of level 0 that the entries make: equal to the one that the tree has, or the bundle is not the log's. */
export function leafTile(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(entries.map(leafHash))
}

/** The two octets before an entry. Throws `out_of_range`. */
export function entryLength(entry: Uint8Array): Buffer {
  if (entry.length > MAXIMUM_ENTRY_BYTES)
    throw new TransparencyError(
      'out_of_range',
      `An entry of ${entry.length} octets is longer than ${MAXIMUM_ENTRY_BYTES}`,
    )
  return writeUint16(entry.length)
}
