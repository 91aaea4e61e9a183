// A sorted Merkle map: keys of 32 octets in ascending order, each with the digest of its value, as the leaves of an RFC 6962 tree. Whoever
// has the root can be shown what a key has, and that a key is not there: then two neighbours stand where it would be.
//
//   record = key ‖ SHA-256(value)                                          64 octets, a leaf
//   root   = SHA-256('saadik sorted map v1' ‖ 0 ‖ count, u64 ‖ tree root)   so that nobody can be shown a smaller map
//
// The root is honest about order only as far as whoever made it: a map out of order could hide a key. Its maker commits to the root, so
// anyone who may see all keys builds it again and compares.
import { digest } from '#trust'
import { TransparencyError } from './error.ts'
import { Frontier } from './frontier.ts'
import { HASH_BYTES, type Hash, leafHash } from './hash.ts'
import { writeUint64 } from './numbers.ts'

export const MAP_KEY_BYTES = 32
/** Of level 0 of what is kept; the higher levels have hashes, of 32 octets. */
export const MAP_RECORD_BYTES = MAP_KEY_BYTES + HASH_BYTES

export interface MapEntry {
  /** A pseudonym: proofs of absence show the keys beside. */
  readonly key: Uint8Array
  /** Any octets; proofs for other keys show its digest, so it needs something in it that cannot be guessed. */
  readonly value: Uint8Array
}

/** What is published of a map. */
export interface MapHead {
  readonly count: number
  readonly root: Hash
}

/** Takes what is kept, in order, each level by itself: 0 are the records, n the hashes of complete subtrees of 256^n of them. */
export type MapSink = (level: number, bytes: Uint8Array) => void | Promise<void>

/** Octets of a level that are handed over at once. */
const RUN_BYTES = 64 * 1024

/** Builds a map from entries in ascending order, in memory that does not grow with their number. Throws `unsorted`, `out_of_range`. */
export async function buildMap(entries: Iterable<MapEntry> | AsyncIterable<MapEntry>, sink: MapSink): Promise<MapHead> {
  const frontier = new Frontier()
  const levels: Run[] = []
  const run = (level: number): Run => {
    levels[level] ??= new Run()
    return levels[level]
  }
  let last: Buffer | undefined
  for await (const { key, value } of entries) {
    if (key.length !== MAP_KEY_BYTES)
      throw new TransparencyError('out_of_range', `A key of ${key.length} octets is none of this map`)
    if (last !== undefined && last.compare(key) >= 0)
      throw new TransparencyError('unsorted', `Key ${frontier.size} is not above the one before`)
    const record = mapRecord(key, digest('SHA-256', value))
    last = record.subarray(0, MAP_KEY_BYTES)
    run(0).add(record)
    frontier.append(leafHash(record), (level, _index, hash) => {
      if (level > 0 && level % 8 === 0) run(level / 8).add(hash)
    })
    // A higher level has a hash only when a lower one has a run, so this looks at all of them.
    if (run(0).length >= RUN_BYTES) await flush(levels, sink)
  }
  await flush(levels, sink)
  return { count: frontier.size, root: mapRoot(frontier.size, frontier.root()) }
}

/** The root of a map from the root of its tree. */
export function mapRoot(count: number, treeRoot: Hash): Hash {
  return digest('SHA-256', Buffer.concat([Buffer.from('saadik sorted map v1\0'), writeUint64(count), treeRoot]))
}

export function mapRecord(key: Uint8Array, valueDigest: Hash): Buffer {
  return Buffer.concat([key, valueDigest])
}

/** Octets of a level that wait to be handed over. */
class Run {
  #pieces: Uint8Array[] = []
  length = 0

  add(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.length += piece.length
  }

  take(): Buffer {
    const bytes = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.length = 0
    return bytes
  }
}

async function flush(levels: readonly Run[], sink: MapSink): Promise<void> {
  for (const [level, run] of levels.entries()) if (run.length > 0) await sink(level, run.take())
}
