// The one door to node:crypto in the pure rooms: digests, comparison, verification. Nothing here signs.
import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  type Hash,
  hash,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import {
  CURVES,
  type DigestName,
  digestInfo,
  MAXIMUM_RSA_BITS,
  MINIMUM_RSA_BITS,
  type SignatureAlgorithm,
} from './algorithms.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'
import { oids } from './oids.ts'

export type { KeyObject } from 'node:crypto'

/** Digest of the concatenation of the chunks. */
export function digest(name: DigestName, ...chunks: readonly Uint8Array[]): Uint8Array {
  const [first, ...more] = chunks
  if (first !== undefined && more.length === 0) return hash(digestInfo(name).openssl, first, 'buffer')
  const state = createHash(digestInfo(name).openssl)
  for (const chunk of chunks) state.update(chunk)
  return state.digest()
}

/** A digest over what comes in pieces. */
export interface Hasher {
  update(chunk: Uint8Array): void
  /** Once; the state is used up. */
  digest(): Uint8Array
  /** A second state from here on. */
  copy(): Hasher
}

export function hasher(name: DigestName): Hasher {
  return hashing(createHash(digestInfo(name).openssl))
}

function hashing(state: Hash): Hasher {
  return {
    update: (chunk) => void state.update(chunk),
    digest: () => state.digest(),
    copy: () => hashing(state.copy()),
  }
}

/** HMAC (RFC 2104) of the concatenation of the chunks. */
export function hmac(name: DigestName, key: Uint8Array, ...chunks: readonly Uint8Array[]): Uint8Array {
  const state = createHmac(digestInfo(name).openssl, key)
  for (const chunk of chunks) state.update(chunk)
  return state.digest()
}

/** Equality without telling where the first difference is. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * Whether the signature is the key's over the data. ECDSA signatures are DER (`SEQUENCE {r, s}`); node's `ieee-p1363` costs twice (tech §1).
 * False for a bad signature or a key of the wrong kind; throws TrustError `weak_key` for a key the policy refuses.
 */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  checkKey(key)
  const kind = key.asymmetricKeyType
  const fits =
    algorithm.key === 'ec'
      ? kind === 'ec'
      : algorithm.key === 'rsa'
        ? kind === 'rsa'
        : kind === 'rsa' || kind === 'rsa-pss'
  if (!fits) return false
  const { openssl, length } = digestInfo(algorithm.digest)
  try {
    if (algorithm.key !== 'rsa-pss') return verify(openssl, data, key, signature)
    return verify(openssl, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: length }, signature)
  } catch {
    // OpenSSL throws for signatures that are not even well-formed.
    return false
  }
}

const checked = new WeakSet<KeyObject>()
/** docs/policy.md: RSA of 2048 to 8192 bits with a sound exponent, the NIST curves. Throws TrustError `weak_key` or `unsupported_algorithm`. */
export function checkKey(key: KeyObject): void {
  if (checked.has(key)) return
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = key
  if (kind === 'rsa' || kind === 'rsa-pss') {
    const { modulusLength = 0, publicExponent = 0n } = details ?? {}
    if (modulusLength < MINIMUM_RSA_BITS || modulusLength > MAXIMUM_RSA_BITS)
      throw new TrustError(
        'weak_key',
        `An RSA key of ${modulusLength} bits is not within ${MINIMUM_RSA_BITS} to ${MAXIMUM_RSA_BITS}`,
      )
    // With exponent 1 everybody can sign; an even one is no key at all.
    if (publicExponent < 3n || publicExponent % 2n === 0n)
      throw new TrustError('weak_key', `An RSA key with public exponent ${publicExponent} is not accepted`)
  } else if (kind === 'ec') {
    if (!CURVES.includes(details?.namedCurve ?? ''))
      throw new TrustError('weak_key', `Curve ${details?.namedCurve} is not accepted`)
  } else throw new TrustError('unsupported_algorithm', `Keys of type ${kind} are not accepted`)
  checked.add(key)
}

/** SubjectPublicKeyInfo → key; parse once and keep it (a key parsed per call costs 3–15 times the verification, tech §1). */
export function publicKeyFromSpki(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch (error) {
    throw new TrustError('unsupported_algorithm', 'The public key cannot be read', { cause: error })
  }
}

/** Keys of signed notes (transparency logs and their witnesses): octets of the raw public key and of a signature. docs/policy.md, "Keys of signed notes". */
export const NOTE_ALGORITHMS = Object.freeze({
  ed25519: { publicKey: 32, signature: 64 },
  'ml-dsa-44': { publicKey: 1312, signature: 2420 },
})
export type NoteAlgorithm = keyof typeof NOTE_ALGORITHMS

const NOTE_OIDS = { ed25519: 'ed25519', 'ml-dsa-44': 'mlDsa44' } as const

/** A raw public key (RFC 8032 §5.1.5, FIPS 204 §7.2) as a key. Throws TrustError `unsupported_algorithm` where the octets are none. */
export function notePublicKey(algorithm: NoteAlgorithm, raw: Uint8Array): KeyObject {
  // As SubjectPublicKeyInfo: Node before 24 reads no raw keys, and auditors' programs run on what they have.
  const spki = write.sequence(write.sequence(write.oid(oids[NOTE_OIDS[algorithm]])), write.bits(raw))
  try {
    return publicKeyFromSpki(spki)
  } catch (error) {
    throw new TrustError('unsupported_algorithm', `These octets are no ${algorithm} public key`, { cause: error })
  }
}

/** Whether the signature is the key's over the data; both algorithms hash inside. False for a key of any other kind. */
export function verifyNoteSignature(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const kind = key.asymmetricKeyType
  if (kind !== 'ed25519' && kind !== 'ml-dsa-44') return false
  return signature.length === NOTE_ALGORITHMS[kind].signature && verify(null, data, key, signature)
}
