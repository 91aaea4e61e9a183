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
const LEAF_PREFIX = Uint8Array.of(0)

/**
 * One encoding for one record: each field as its length (u32, big-endian) and its bytes, in the order below; numbers are
 * u64, big-endian; text is UTF-8; an absent field has the length 0xFFFFFFFF. Where the body lies and whether it was kept
 * is not part of it, so that moving or erasing a body does not change the log.
 */
function encodeLeaf(facts: LeafFacts): Uint8Array {
  const fields: (Uint8Array | null)[] = [
    Buffer.from(FORMAT),
    u64(facts.seq),
    u64(facts.at),
    Buffer.from(facts.side),
    Buffer.from(facts.direction),
    Buffer.from(facts.queryId),
    Buffer.from(facts.requestId),
    Buffer.from(facts.member),
    facts.headDigest,
    facts.signatureDigest,
    facts.chainDigest,
    facts.chainResultDigest,
    facts.bodyDigest,
    facts.bodySize === null ? null : u64(facts.bodySize),
  ]
  return Buffer.concat(
    fields.flatMap((field) => [u32(field === null ? 0xffffffff : field.length), field ?? new Uint8Array()]),
  )
}

/** RFC 6962: SHA-256 over a zero byte and the leaf. */
export function leafHash(facts: LeafFacts): Uint8Array {
  return digest('SHA-256', LEAF_PREFIX, encodeLeaf(facts))
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
