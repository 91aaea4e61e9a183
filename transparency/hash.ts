// RFC 6962 §2.1: leaves and nodes are hashed with different first octets, so that neither can pass for the other.
import { digest } from '#trust'

/** A SHA-256 hash, 32 octets. */
export type Hash = Uint8Array
export const HASH_BYTES = 32

/** Root of the tree without leaves: the hash of nothing. */
export const EMPTY_ROOT: Hash = digest('SHA-256', new Uint8Array(0))

const LEAF = Uint8Array.of(0x00)
/** One buffer for all nodes: hashing does not wait for anything, and two pieces would cost a second call. */
const node = new Uint8Array(1 + 2 * HASH_BYTES)
node[0] = 0x01

/** Hash of a log entry. */
export function leafHash(entry: Uint8Array): Hash {
  return digest('SHA-256', Buffer.concat([LEAF, entry]))
}

/** Hash of a node from those of its two children. Lengths are checked where hashes come from; here a wrong one is our own fault, a TypeError. */
export function nodeHash(left: Hash, right: Hash): Hash {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new TypeError('a child of a node is no hash')
  node.set(left, 1)
  node.set(right, 1 + HASH_BYTES)
  return digest('SHA-256', node)
}
