// Sealing: what leaves home can be opened by the custodians alone, one record at a time, and each record can be made unreadable for ever.
//
//   age → hybrid post-quantum recipients      the batch key, random, of at most a second or 256 entries
//   AES-256-GCM under the batch key           a slot: the record's key, random, never derived. Destroyed when the record is to be erased
//   AES-256-GCM under the record's key        the blob: the change, padded to a bucket
//
// Slot and blob are bound to their place (additional data): moved to another register, epoch, index or transaction they do not open.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { digest, equalBytes } from '#trust'
import { type Change, decodeChange, encodeChange } from './change.ts'
import type { ChangeLeaf } from './entry.ts'
import { ContinuityError } from './error.ts'
import { pad, unpad } from './padding.ts'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
export const SALT_BYTES = 32
export const SLOT_BYTES = SALT_BYTES + KEY_BYTES + TAG_BYTES

/** Where an entry stands; it opens nowhere else. */
export interface Place {
  readonly instance: string
  /** `<instance>/<register>/<epoch>`. */
  readonly origin: string
  readonly index: number
  readonly transaction: number
  readonly keyId: Uint8Array
}

export interface SealedEntry {
  readonly leaf: ChangeLeaf
  /** Salt and slot. Kept apart from the blob, where it can be destroyed. */
  readonly slot: Uint8Array
  readonly blob: Uint8Array
}

export function newBatchKey(): Uint8Array {
  return randomBytes(KEY_BYTES)
}

/** Seals a change. `batchKey` may seal each index once. Throws `too_large`. */
export function seal(change: Change, place: Place, batchKey: Uint8Array): SealedEntry {
  const bound = boundTo(place)
  const random = randomBytes(KEY_BYTES + SALT_BYTES)
  const recordKey = random.subarray(0, KEY_BYTES)
  const salt = random.subarray(KEY_BYTES)
  // A record's key encrypts once, so its nonce may be constant; a batch key encrypts each index once, so the index is its nonce.
  const blob = encrypt(recordKey, Buffer.alloc(NONCE_BYTES), bound, pad(encodeChange(change)))
  const slot = Buffer.concat([salt, encrypt(batchKey, nonceOf(place.index), bound, recordKey)])
  recordKey.fill(0)
  const { transaction, keyId } = place
  return {
    leaf: { kind: 'change', blob: digest('SHA-256', blob), slot: digest('SHA-256', slot), transaction, keyId },
    slot,
    blob,
  }
}

/** Whether the blob is the one that the leaf commits to; what everyone can check without opening anything. */
export function blobFits(leaf: ChangeLeaf, blob: Uint8Array): boolean {
  return equalBytes(digest('SHA-256', blob), leaf.blob)
}

export function slotFits(leaf: ChangeLeaf, slot: Uint8Array): boolean {
  return slot.length === SLOT_BYTES && equalBytes(digest('SHA-256', slot), leaf.slot)
}

/** Throws `misbound` where it was sealed for another place, with another key, or was altered; `erased` without a slot. */
export function open(
  entry: { readonly slot: Uint8Array | undefined; readonly blob: Uint8Array },
  place: Place,
  batchKey: Uint8Array,
): Change {
  const { slot, blob } = entry
  if (slot === undefined) throw new ContinuityError('erased', `Entry ${place.index} of ${place.origin} was erased`)
  const bound = boundTo(place)
  const recordKey = decrypt(batchKey, nonceOf(place.index), bound, slot.subarray(SALT_BYTES), place)
  try {
    return decodeChange(unpad(decrypt(recordKey, Buffer.alloc(NONCE_BYTES), bound, blob, place)))
  } finally {
    recordKey.fill(0)
  }
}

function boundTo({ instance, origin, index, transaction, keyId }: Place): Buffer {
  return Buffer.from(
    `saadik sealed entry v1\n${instance}\n${origin}\n${index}\n${transaction}\n${Buffer.from(keyId).toString('hex')}\n`,
  )
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES)
  nonce.writeBigUInt64BE(BigInt(index), NONCE_BYTES - 8)
  return nonce
}

function encrypt(key: Uint8Array, nonce: Uint8Array, bound: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce)
  cipher.setAAD(bound)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: Uint8Array, nonce: Uint8Array, bound: Uint8Array, sealed: Uint8Array, place: Place): Buffer {
  const end = sealed.length - TAG_BYTES
  try {
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(bound)
    decipher.setAuthTag(sealed.subarray(end))
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
  } catch (cause) {
    const what = `Entry ${place.index} of ${place.origin}`
    throw new ContinuityError('misbound', `${what} does not open: it was altered, or sealed for another place or key`, {
      cause,
    })
  }
}
