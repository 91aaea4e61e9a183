// The kinds of keys that are kept: how each is made, recognised and used.
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { type KeyAlgorithm, NOTE_KEY_ALGORITHMS } from '../contract.ts'

const make = promisify(generateKeyPair)

interface Kind {
  readonly type: 'rsa' | 'ec' | 'ed25519' | 'ml-dsa-44'
  /** Modulus bits, or OpenSSL's name of the curve where there is a choice. */
  readonly size?: number | string
}

const KINDS: Readonly<Record<KeyAlgorithm, Kind>> = {
  'EC-P256': { type: 'ec', size: 'prime256v1' },
  'EC-P384': { type: 'ec', size: 'secp384r1' },
  'RSA-2048': { type: 'rsa', size: 2048 },
  'RSA-3072': { type: 'rsa', size: 3072 },
  'RSA-4096': { type: 'rsa', size: 4096 },
  Ed25519: { type: 'ed25519' },
  'ML-DSA-44': { type: 'ml-dsa-44' },
}

export async function makeKey(algorithm: KeyAlgorithm): Promise<KeyObject> {
  const { type, size } = KINDS[algorithm]
  switch (type) {
    case 'rsa':
      return (await make('rsa', { modulusLength: size as number, publicExponent: 0x10001 })).privateKey
    case 'ec':
      return (await make('ec', { namedCurve: size as string })).privateKey
    case 'ed25519':
      return (await make('ed25519', {})).privateKey
    case 'ml-dsa-44':
      return (await make('ml-dsa-44', {})).privateKey
  }
}

/** The algorithm of a private key; undefined for kinds and sizes that are not kept. */
export function algorithmOf(key: KeyObject): KeyAlgorithm | undefined {
  const size = key.asymmetricKeyDetails?.modulusLength ?? key.asymmetricKeyDetails?.namedCurve
  const found = Object.entries(KINDS).find(([, kind]) => kind.type === key.asymmetricKeyType && kind.size === size)
  return found?.[0] as KeyAlgorithm | undefined
}

export function keyType(algorithm: KeyAlgorithm): Kind['type'] {
  return KINDS[algorithm].type
}

/** Whether keys of this algorithm sign notes, and nothing else. */
export function isNoteAlgorithm(algorithm: KeyAlgorithm): boolean {
  return NOTE_KEY_ALGORITHMS.some((each) => each === algorithm)
}

export function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' })
}
