// Proofs over a sorted map: that a key has a value, or that it is not there.
import { digest, equalBytes } from '#trust'
import { TransparencyError } from './error.ts'
import { EMPTY_ROOT, HASH_BYTES, type Hash, leafHash } from './hash.ts'
import { compareKey, findKey, type MapReader, mapHashes, readRecords } from './map-reader.ts'
import { inclusionProof, treeRoot, verifyInclusion } from './merkle.ts'
import { isTreeSize, readUint64, writeUint64 } from './numbers.ts'
import { MAP_KEY_BYTES, MAP_RECORD_BYTES, mapRecord, mapRoot } from './sorted-map.ts'
import { MAXIMUM_PROOF_HASHES } from './text.ts'

/** A record of the map, and its way to the root of the tree. */
export interface MapWitness {
  readonly index: number
  readonly key: Uint8Array
  readonly valueDigest: Hash
  readonly proof: readonly Hash[]
}

/** Of a key that is there: its record. Of one that is not: the records beside its place, two, or one at an end of the map, or none of an empty one. */
export interface MapProof {
  readonly count: number
  readonly treeRoot: Hash
  readonly records: readonly MapWitness[]
}

/** Proves what the map says of a key. Throws `out_of_range` where the map is not as long as `count` says. */
export async function proveKey(key: Uint8Array, count: number, read: MapReader): Promise<MapProof> {
  if (key.length !== MAP_KEY_BYTES) throw new TransparencyError('out_of_range', `A key of ${key.length} octets is none`)
  const hashes = mapHashes(count, read)
  const place = await findKey(key, count, read)
  const [found] = place < count ? await readRecords(place, 1, read) : []
  const indexes = compareKey(found, key) === 0 ? [place] : [place - 1, place].filter((at) => at >= 0 && at < count)
  const records: MapWitness[] = []
  for (const index of indexes) {
    const [record = Buffer.alloc(0)] = await readRecords(index, 1, read)
    const proof = await inclusionProof(index, count, hashes)
    records.push({ index, key: record.subarray(0, MAP_KEY_BYTES), valueDigest: record.subarray(MAP_KEY_BYTES), proof })
  }
  return { count, treeRoot: await treeRoot(count, hashes), records }
}

export interface MapClaim {
  readonly root: Hash
  readonly key: Uint8Array
  /** What the key is said to have; null for a key that is said not to be there. */
  readonly value: Uint8Array | null
  readonly proof: MapProof
}

/** Whether the map of that root says so. Everything may be a stranger's; false for whatever does not hold. Where true, `proof.count` is the map's. */
export function verifyMapProof({ root, key, value, proof: { count, treeRoot, records } }: MapClaim): boolean {
  if (key.length !== MAP_KEY_BYTES || !isTreeSize(count) || treeRoot.length !== HASH_BYTES) return false
  if (!equalBytes(mapRoot(count, treeRoot), root)) return false
  for (const { index, key, valueDigest, proof } of records) {
    if (key.length !== MAP_KEY_BYTES || valueDigest.length !== HASH_BYTES) return false
    const leaf = leafHash(mapRecord(key, valueDigest))
    if (!verifyInclusion({ index, leaf, size: count, root: treeRoot, proof })) return false
  }
  const [first, second] = records
  if (value !== null)
    return (
      first !== undefined &&
      records.length === 1 &&
      equalBytes(first.key, key) &&
      equalBytes(first.valueDigest, digest('SHA-256', value))
    )
  if (first === undefined) return count === 0 && equalBytes(treeRoot, EMPTY_ROOT)
  const order = Buffer.compare(first.key, key)
  if (second === undefined) return order < 0 ? first.index === count - 1 : order > 0 && first.index === 0
  const adjacent = records.length === 2 && second.index === first.index + 1
  return adjacent && order < 0 && Buffer.compare(second.key, key) > 0
}

const FORMAT = 1
const HEAD_BYTES = 1 + 8 + HASH_BYTES + 1
const RECORD_BYTES = 8 + MAP_RECORD_BYTES + 1

/**
 * Octets of a proof: 1 ‖ count, u64 ‖ tree root ‖ number of records, and for each index, u64 ‖ key ‖ digest of the value ‖ number of hashes ‖
 * hashes. Throws `malformed_proof` for what could not be read.
 */
export function formatMapProof({ count, treeRoot, records }: MapProof): Buffer {
  const hashes = records.flatMap(({ key, valueDigest, proof }) => [key, valueDigest, ...proof])
  if ([treeRoot, ...hashes].some(({ length }) => length !== HASH_BYTES))
    throw refuse('a key or a hash has not 32 octets')
  if (![count, ...records.map(({ index }) => index)].every(isTreeSize)) throw refuse('a number is none of it')
  const bytes = Buffer.concat([
    Uint8Array.of(FORMAT),
    writeUint64(count),
    treeRoot,
    Uint8Array.of(records.length),
    ...records.flatMap(({ index, key, valueDigest, proof }) => [
      writeUint64(index),
      key,
      valueDigest,
      Uint8Array.of(proof.length),
      ...proof,
    ]),
  ])
  parseMapProof(bytes)
  return bytes
}

/** Reads a stranger's proof, over slices of it. Throws `malformed_proof`. */
export function parseMapProof(input: Uint8Array): MapProof {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.length)
  let at = 0
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw refuse('it ends too early')
    at += length
    return bytes.subarray(at - length, at)
  }
  const number = (field: Buffer): number => {
    const value = readUint64(field)
    if (value === undefined) throw refuse('a number is too large')
    return value
  }
  const head = take(HEAD_BYTES)
  if (head[0] !== FORMAT) throw refuse('it is of no format that is known')
  const count = number(head.subarray(1, 9))
  const treeRoot = head.subarray(9, 9 + HASH_BYTES)
  const length = head[HEAD_BYTES - 1] ?? 0
  if (length > 2) throw refuse(`it has ${length} records`)
  const records = Array.from({ length }, () => {
    const record = take(RECORD_BYTES)
    const hashes = record[RECORD_BYTES - 1] ?? 0
    if (hashes > MAXIMUM_PROOF_HASHES) throw refuse(`a record has ${hashes} hashes`)
    return {
      index: number(record.subarray(0, 8)),
      key: record.subarray(8, 8 + MAP_KEY_BYTES),
      valueDigest: record.subarray(8 + MAP_KEY_BYTES, 8 + MAP_RECORD_BYTES),
      proof: Array.from({ length: hashes }, () => take(HASH_BYTES)),
    }
  })
  if (at !== bytes.length) throw refuse(`${bytes.length - at} octets stand after it`)
  return { count, treeRoot, records }
}

function refuse(why: string): TransparencyError {
  return new TransparencyError('malformed_proof', `The proof is malformed: ${why}`)
}
