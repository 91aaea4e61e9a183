// What holds private keys. software.ts keeps them in files; a PKCS#11 module can stand behind the same interface: nothing here
// hands out a private key except exportKey, which such a token refuses.
import type { KeyObject } from 'node:crypto'
import type { SignatureAlgorithm } from '#trust'
import type { KeyAlgorithm, KeyUse } from '../contract.ts'

/** The public side of a key; known also while the token is locked. */
export interface TokenKey {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly use: KeyUse
  readonly algorithm: KeyAlgorithm
  readonly label?: string
  /** Of a key for notes. */
  readonly name?: string
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /** ISO 8601. */
  readonly createdAt: string
}

export interface KeyFacts {
  readonly use: KeyUse
  readonly label?: string
  readonly name?: string
}

/** All methods throw SignerError; all but `keys`, `unlock` and `changePin` throw `locked` before the PIN was given. They may run concurrently. */
export interface Token {
  readonly unlocked: boolean
  /** False until a first PIN was given. */
  readonly hasPin: boolean
  keys(): readonly TokenKey[]
  key(id: string): TokenKey | undefined
  /** The first PIN that is ever given becomes the token's. Does not count attempts: unlock.ts does. Throws `pin_incorrect`, `pin_unsuitable`. */
  unlock(pin: Uint8Array): Promise<void>
  /**
   * Another PIN for the same keys, durable when it resolves; a crash before leaves one of the two. Locked or unlocked, it stays so. Does
   * not count attempts. Throws `pin_incorrect`, `pin_unsuitable`.
   */
  changePin(pin: Uint8Array, newPin: Uint8Array): Promise<void>
  /**
   * The key is durable when it resolves; a crash before leaves it whole or not at all.
   *
   * @param prepare Awaited before the key is kept, with the id that it will have: what must be there whenever the key is.
   */
  generate(facts: KeyFacts, algorithm: KeyAlgorithm, prepare?: (id: string) => Promise<void>): Promise<TokenKey>
  /** As `generate`, with a key that was made elsewhere. A key that is already there with the same use is returned. */
  importKey(facts: KeyFacts, key: KeyObject): Promise<TokenKey>
  /**
   * The signature over `data`, hashed by the token: RSA a PKCS#1 or PSS block, ECDSA DER. A value where signing costs less than the
   * way to another thread, a promise otherwise.
   */
  sign(id: string, algorithm: SignatureAlgorithm, data: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** The signature of a key for notes, without a digest before it (RFC 8032, FIPS 204). */
  signNote(id: string, data: Uint8Array): Uint8Array
  /** PKCS#8, PEM. */
  exportKey(id: string): string
}
