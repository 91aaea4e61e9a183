// Keys of signed notes in text: `name+id+base64(type ‖ public key)` (signed-note, Verifier keys).
import { decodeBase64, digest, encodeBase64, NOTE_ALGORITHMS, type NoteAlgorithm } from '#trust'
import { TransparencyError } from './error.ts'
import { isKeyName } from './text.ts'

/** Which signatures a key makes. A log signs with `note` or `subtree` (tlog-checkpoint), a witness with `cosignature` or `subtree`. */
export type KeyType = 'note' | 'cosignature' | 'subtree'

/** The octet that stands for the type, and the algorithm (signed-note, Signature types). */
export const KEY_TYPES: Readonly<Record<KeyType, { readonly octet: number; readonly algorithm: NoteAlgorithm }>> =
  Object.freeze({
    note: { octet: 0x01, algorithm: 'ed25519' },
    cosignature: { octet: 0x04, algorithm: 'ed25519' },
    subtree: { octet: 0x06, algorithm: 'ml-dsa-44' },
  })

/** A public key with its name. Name and id together say which key a signature claims to be of; the id alone proves nothing. */
export interface VerifierKey {
  readonly type: KeyType
  readonly name: string
  /** First 32 bits of SHA-256(name ‖ newline ‖ type ‖ public key). */
  readonly id: number
  /** Raw: RFC 8032's 32 octets, FIPS 204's 1312. */
  readonly publicKey: Uint8Array
}

/** A raw public key gets its name. Throws `malformed_key`. */
export function verifierKey(type: KeyType, name: string, publicKey: Uint8Array): VerifierKey {
  const { octet, algorithm } = KEY_TYPES[type]
  if (!isKeyName(name)) throw new TransparencyError('malformed_key', 'The name cannot be that of a key')
  if (publicKey.length !== NOTE_ALGORITHMS[algorithm].publicKey)
    throw new TransparencyError('malformed_key', `A public key of ${publicKey.length} octets is no ${algorithm} key`)
  const named = digest('SHA-256', Buffer.from(`${name}\n`), Uint8Array.of(octet), publicKey)
  return { type, name, id: Buffer.from(named).readUInt32BE(), publicKey }
}

/** The longest is that of ML-DSA-44: 1313 octets in base64. */
const MAXIMUM_KEY_CHARACTERS = 4096

/** Reads a verifier key; a type we do not verify is refused, and so is an id that is not the key's. Throws `malformed_key`. */
export function parseVerifierKey(text: string): VerifierKey {
  const parts = text.length > MAXIMUM_KEY_CHARACTERS ? null : /^([^+]*)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]*)$/.exec(text)
  if (parts === null) throw new TransparencyError('malformed_key', 'A verifier key is name+id+base64')
  const [, name = '', id = '', encoded = ''] = parts
  const bytes = decodeBase64(encoded)
  const type = (Object.keys(KEY_TYPES) as KeyType[]).find((known) => KEY_TYPES[known].octet === bytes?.[0])
  if (bytes === undefined || type === undefined)
    throw new TransparencyError('malformed_key', 'The verifier key is of no type that is verified here')
  const key = verifierKey(type, name, bytes.subarray(1))
  if (formatId(key.id) !== id) throw new TransparencyError('malformed_key', `The id of this verifier key is not ${id}`)
  return key
}

export function formatVerifierKey({ type, name, id, publicKey }: VerifierKey): string {
  return `${name}+${formatId(id)}+${encodeBase64(Buffer.concat([Uint8Array.of(KEY_TYPES[type].octet), publicKey]))}`
}

/** Eight lower-case hexadecimal digits. */
function formatId(id: number): string {
  return id.toString(16).padStart(8, '0')
}
