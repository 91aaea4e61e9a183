// The leaf of a record: what a Merkle tree over the log commits to (RFC 6962 §2.1, interfaces: Message log).
import { digest } from '#trust'
import type { RecordRow } from './store.ts'

/** The facts of a record by digest: a leaf can be shown to anyone without showing a message. */
export interface LeafFacts
  extends Pick<
    RecordRow,
    'at' | 'side' | 'direction' | 'queryId' | 'requestId' | 'member' | 'bodyDigest' | 'bodySize'
  > {
  readonly seq: number
  /** SHA-512 each. */
  readonly headDigest: Uint8Array
  readonly signatureDigest: Uint8Array
  readonly chainDigest: Uint8Array | null
  readonly chainResultDigest: Uint8Array | null
}

const FORMAT = 'saadik message log record v1'
/** RFC 6962: what is hashed for a leaf begins with a zero byte. */
const LEAF_PREFIX_BYTES = 1
const ABSENT = 0xffffffff
/** Of the numbers and digests, with room to spare. */
const FIXED_BYTES = 512
/** UTF-8 has at most this many bytes for one unit of a string. */
const BYTES_PER_UNIT = 3

/**
 * RFC 6962: SHA-256 over a zero byte and the leaf.
 *
 * One encoding for one record: each field as its length (u32, big-endian) and its bytes, in the order below; numbers are
 * u64, big-endian; text is UTF-8; an absent field has the length 0xFFFFFFFF. Where the body lies and whether it was kept
 * is not part of it, so that moving or erasing a body does not change the log.
 */
export function leafHash(facts: LeafFacts): Uint8Array {
  const { side, direction, queryId, requestId, member } = facts
  const text = queryId.length + requestId.length + member.length
  const leaf = Buffer.allocUnsafe(FIXED_BYTES + BYTES_PER_UNIT * text)
  leaf[0] = 0
  let offset = LEAF_PREFIX_BYTES
  const put = (field: string | number | Uint8Array | null): void => {
    const start = offset + 4
    let length = 0
    if (typeof field === 'string') length = leaf.write(field, start)
    else if (typeof field === 'number') length = leaf.writeBigUInt64BE(BigInt(field), start) - start
    else if (field !== null) {
      leaf.set(field, start)
      length = field.length
    }
    leaf.writeUInt32BE(field === null ? ABSENT : length, offset)
    offset = start + length
  }
  put(FORMAT)
  put(facts.seq)
  put(facts.at)
  put(side)
  put(direction)
  put(queryId)
  put(requestId)
  put(member)
  put(facts.headDigest)
  put(facts.signatureDigest)
  put(facts.chainDigest)
  put(facts.chainResultDigest)
  put(facts.bodyDigest)
  put(facts.bodySize)
  return digest('SHA-256', leaf.subarray(0, offset))
}
