// What the text formats of C2SP share: lines, hashes, names. One text, one meaning: whatever could be written in two ways is refused.
import { decodeBase64, digest, encodeBase64 } from '#trust'
import { type TransparencyCode, TransparencyError } from './error.ts'
import { HASH_BYTES, type Hash } from './hash.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 → text, not longer than `limit` octets. Throws `code`. */
export function decodeText(bytes: Uint8Array, limit: number, code: TransparencyCode): string {
  if (bytes.length > limit) throw new TransparencyError(code, `${bytes.length} octets are more than ${limit}`)
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new TransparencyError(code, 'The text is not UTF-8', { cause: error })
  }
}

/** Base64 of 32 octets; undefined for anything else. */
export function parseHash(text: string): Hash | undefined {
  // Its length first: a stranger's megabytes are not decoded.
  const hash = text.length === 44 ? decodeBase64(text) : undefined
  return hash?.length === HASH_BYTES ? hash : undefined
}

export function formatHash(hash: Hash): string {
  return encodeBase64(hash)
}

/** More hashes than any tree below 2^64 needs in a proof (tlog-witness). */
export const MAXIMUM_PROOF_HASHES = 63

/** Lines of a proof, a hash each. Throws `code`. */
export function parseHashes(lines: readonly string[], code: TransparencyCode): Hash[] {
  if (lines.length > MAXIMUM_PROOF_HASHES) throw new TransparencyError(code, `A proof has ${lines.length} hashes`)
  return lines.map((line) => {
    const hash = parseHash(line)
    if (hash === undefined) throw new TransparencyError(code, 'A line of the proof is not the base64 of 32 octets')
    return hash
  })
}

/** Name of a key or origin in octets of UTF-8: as long as a cosigned message can hold (tlog-cosignature, `opaque <1..2^8-1>`). */
export const MAXIMUM_NAME_BYTES = 255

/** Whether a text can be the name of a key: no white space of Unicode's, no plus sign, no control character (signed-note, Format). */
export function isKeyName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that a note must not have
  if (!name.isWellFormed() || !/^[^\p{White_Space}+\u0000-\u001f]+$/u.test(name)) return false
  return Buffer.byteLength(name) <= MAXIMUM_NAME_BYTES
}

/** Under which a witness and a mirror serve what they know of a log: lower-case hex of its origin's SHA-256 (tlog-witness, tlog-mirror). */
export function originHash(origin: string): string {
  return Buffer.from(digest('SHA-256', Buffer.from(origin))).toString('hex')
}
