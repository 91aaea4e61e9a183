// Leaves of a register's log: small commitments to what lies beside it. 0 a decree that began the epoch, 1 a sealed change, 2 an erasure.
//
//   1  SHA-256(blob)  SHA-256(slot salt ‖ slot)  transaction (u64)  key id (8)
//   2  SHA-256(order)                              0  SHA-256(decree note)
//
// The host sees them. A hash of what was sealed says nothing of it; the slot is salted, because it will be destroyed and nobody may tell afterwards whether
// a copy of it is the right one by anything but opening the record with it.
import { digest, equalBytes } from '#trust'
import { ContinuityError } from './error.ts'

export const LEAF_KINDS = Object.freeze({ decree: 0, change: 1, erasure: 2 })
export const KEY_ID_BYTES = 8
const HASH = 32
const CHANGE_LEAF_BYTES = 1 + HASH + HASH + 8 + KEY_ID_BYTES
const SMALL_LEAF_BYTES = 1 + HASH

export interface ChangeLeaf {
  readonly kind: 'change'
  readonly blob: Uint8Array
  readonly slot: Uint8Array
  /** Counts the register's transactions; entries of one stand together. */
  readonly transaction: number
  /** Of the recipients that the batch key is wrapped to. */
  readonly keyId: Uint8Array
}

export interface SmallLeaf {
  readonly kind: 'decree' | 'erasure'
  /** SHA-256 of the document, which lies beside the log in clear. */
  readonly document: Uint8Array
}

export type Leaf = ChangeLeaf | SmallLeaf

export function formatLeaf(leaf: Leaf): Buffer {
  if (leaf.kind !== 'change') return Buffer.concat([Uint8Array.of(LEAF_KINDS[leaf.kind]), leaf.document])
  const bytes = Buffer.alloc(CHANGE_LEAF_BYTES)
  bytes[0] = LEAF_KINDS.change
  bytes.set(leaf.blob, 1)
  bytes.set(leaf.slot, 1 + HASH)
  bytes.writeBigUInt64BE(BigInt(leaf.transaction), 1 + 2 * HASH)
  bytes.set(leaf.keyId, 1 + 2 * HASH + 8)
  return bytes
}

/** Throws `malformed_entry`. */
export function parseLeaf(bytes: Uint8Array): Leaf {
  const kind = (['decree', 'change', 'erasure'] as const).find((known) => LEAF_KINDS[known] === bytes[0])
  if (kind === 'change' && bytes.length === CHANGE_LEAF_BYTES) {
    const transaction = Number(Buffer.from(bytes).readBigUInt64BE(1 + 2 * HASH))
    if (!Number.isSafeInteger(transaction)) throw refuse()
    return {
      kind,
      blob: bytes.subarray(1, 1 + HASH),
      slot: bytes.subarray(1 + HASH, 1 + 2 * HASH),
      transaction,
      keyId: bytes.subarray(1 + 2 * HASH + 8),
    }
  }
  if (kind !== undefined && kind !== 'change' && bytes.length === SMALL_LEAF_BYTES)
    return { kind, document: bytes.subarray(1) }
  throw refuse()
}

const refuse = () => new ContinuityError('malformed_entry', 'These octets are no leaf of a register')

/** Whether a document is the one that a leaf stands for. */
export function isDocument(leaf: SmallLeaf, document: Uint8Array): boolean {
  return equalBytes(leaf.document, digest('SHA-256', document))
}
