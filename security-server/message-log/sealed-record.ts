// What is encrypted of a record: all that was said, and all from which it could be guessed. Each record has a key of its own, HKDF-SHA-256 of
// a master key with the record's salt, which is random; so one nonce serves all. The facts that searches need stay readable beside it, and are
// authenticated with it: they cannot be exchanged under the same content.
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { MasterKey } from './master-key.ts'

const INFO = 'saadik message log record 1'
const CIPHER = 'aes-256-gcm'
const NONCE = Buffer.alloc(12)
const TAG_BYTES = 16
const ABSENT = 0xffffffff

type Parts = readonly (Uint8Array | null)[]

/** How long it is when it is sealed. */
export function sealedLength(parts: Parts): number {
  return parts.reduce((sum, part) => sum + 4 + (part?.length ?? 0), TAG_BYTES)
}

/** @param salt Of this record alone. @param facts What is authenticated beside the parts. */
export function sealParts(key: MasterKey, salt: Uint8Array, facts: Uint8Array, parts: Parts): Buffer {
  const plain = Buffer.allocUnsafe(sealedLength(parts) - TAG_BYTES)
  let offset = 0
  for (const part of parts) {
    offset = plain.writeUInt32BE(part?.length ?? ABSENT, offset)
    if (part === null) continue
    plain.set(part, offset)
    offset += part.length
  }
  const cipher = createCipheriv(CIPHER, key.derive(salt, INFO), NONCE).setAAD(facts)
  const sealed = cipher.update(plain)
  cipher.final()
  return Buffer.concat([sealed, cipher.getAuthTag()])
}

/** The parts in their order. Throws Error where this is not what was sealed. */
export function openParts(key: MasterKey, salt: Uint8Array, facts: Uint8Array, sealed: Buffer): (Buffer | null)[] {
  const end = sealed.length - TAG_BYTES
  if (end < 0) throw new Error('A sealed record has no tag')
  const decipher = createDecipheriv(CIPHER, key.derive(salt, INFO), NONCE, { authTagLength: TAG_BYTES })
  decipher.setAAD(facts).setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  decipher.final()
  const parts: (Buffer | null)[] = []
  for (let offset = 0; offset < plain.length; ) {
    const length = plain.readUInt32BE(offset)
    offset += 4
    parts.push(length === ABSENT ? null : plain.subarray(offset, offset + length))
    if (length !== ABSENT) offset += length
  }
  return parts
}
