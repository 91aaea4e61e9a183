// The kinds of keys that are kept: how each is made, recognised and used.
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { KeyAlgorithm } from '../contract.ts'

const make = promisify(generateKeyPair)

interface Kind {
  readonly type: 'rsa' | 'ec'
  /** Modulus bits, or OpenSSL's name of the curve. */
  readonly size: number | string
}

const KINDS: Readonly<Record<KeyAlgorithm, Kind>> = {
  'EC-P256': { type: 'ec', size: 'prime256v1' },
  'EC-P384': { type: 'ec', size: 'secp384r1' },
  'RSA-2048': { type: 'rsa', size: 2048 },
  'RSA-3072': { type: 'rsa', size: 3072 },
  'RSA-4096': { type: 'rsa', size: 4096 },
}

export async function makeKey(algorithm: KeyAlgorithm): Promise<KeyObject> {
  const { type, size } = KINDS[algorithm]
  const { privateKey } =
    type === 'rsa'
      ? await make('rsa', { modulusLength: size as number, publicExponent: 0x10001 })
      : await make('ec', { namedCurve: size as string })
  return privateKey
}

/** The algorithm of a private key; undefined for kinds and sizes that are not kept. */
export function algorithmOf(key: KeyObject): KeyAlgorithm | undefined {
  const size = key.asymmetricKeyDetails?.modulusLength ?? key.asymmetricKeyDetails?.namedCurve
  const found = Object.entries(KINDS).find(([, kind]) => kind.type === key.asymmetricKeyType && kind.size === size)
  return found?.[0] as KeyAlgorithm | undefined
}

export function keyType(algorithm: KeyAlgorithm): 'rsa' | 'ec' {
  return KINDS[algorithm].type
}

export function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' })
}
