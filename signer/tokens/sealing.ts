// How private keys lie on the disk.
//
//   PIN ── scrypt(salt) ──► PIN key ── AES-256-GCM ──► master key        vault.json
//   master key ── HKDF(key id) ──► record key ── AES-256-GCM ──► PKCS#8  keys/<id>.json
//
// What stands in the clear beside a sealed value (use, algorithm, label …) is authenticated with it: edited, it no longer opens.
// Every record has its own key, so no two encryptions ever share key and nonce.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, type ScryptOptions, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { SignerError } from '../error.ts'

const NONCE = 12
const TAG = 16

/** 2^17 · 8 · 1: 128 MiB and 0.3 s for each guess (OWASP's recommendation for scrypt). */
const COST = { N: 2 ** 17, r: 8, p: 1 }
/** A vault file that asks for more was edited; opening it must not eat the machine. */
const MAX_MEMORY = 512 * 1024 * 1024

export interface Vault {
  readonly format: 1
  readonly kdf: {
    readonly name: 'scrypt'
    readonly N: number
    readonly r: number
    readonly p: number
    readonly salt: string
  }
  /** The master key under the PIN key, base64. */
  readonly sealed: string
}

/** A new master key and the vault that opens to it. */
export async function makeVault(pin: Uint8Array): Promise<{ readonly vault: Vault; readonly master: Uint8Array }> {
  const master = randomBytes(32)
  return { vault: await sealVault(master, pin), master }
}

/** A vault that opens to this master key with this PIN, under a salt of its own. */
export async function sealVault(master: Uint8Array, pin: Uint8Array): Promise<Vault> {
  const kdf: Vault['kdf'] = { name: 'scrypt', ...COST, salt: randomBytes(32).toString('base64') }
  const key = await pinKey(pin, kdf)
  const vault: Vault = { format: 1, kdf, sealed: seal(key, master, JSON.stringify([1, kdf])) }
  key.fill(0)
  return vault
}

/** The master key. Throws SignerError `pin_incorrect`: a wrong PIN and a damaged vault cannot be told apart. */
export async function openVault({ kdf, sealed, format }: Vault, pin: Uint8Array): Promise<Uint8Array> {
  const key = await pinKey(pin, kdf)
  try {
    return open(key, sealed, JSON.stringify([format, kdf]))
  } catch (cause) {
    throw new SignerError('pin_incorrect', 'the PIN is wrong', { cause })
  } finally {
    key.fill(0)
  }
}

const derive = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt)

async function pinKey(pin: Uint8Array, { N, r, p, salt }: Vault['kdf']): Promise<Buffer> {
  try {
    return await derive(pin, Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem: MAX_MEMORY })
  } catch (cause) {
    throw new SignerError('store_failed', 'the vault asks for an impossible key derivation', { cause })
  }
}

/** Seals a private key; `about` is what must not change beside it. */
export function sealRecord(master: Uint8Array, id: string, about: string, pkcs8: Uint8Array): string {
  const key = recordKey(master, id)
  const sealed = seal(key, pkcs8, about)
  key.fill(0)
  return sealed
}

/** Throws when the sealed text or `about` is not what was sealed. The caller wipes the result. */
export function openRecord(master: Uint8Array, id: string, about: string, sealed: string): Buffer {
  const key = recordKey(master, id)
  try {
    return open(key, sealed, about)
  } finally {
    key.fill(0)
  }
}

function recordKey(master: Uint8Array, id: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, '', `saadik signer key record ${id}`, 32))
}

/** nonce | ciphertext | tag, base64. */
function seal(key: Uint8Array, plain: Uint8Array, about: string): string {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(about))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

function open(key: Uint8Array, sealed: string, about: string): Buffer {
  const bytes = Buffer.from(sealed, 'base64')
  if (bytes.length < NONCE + TAG) throw new RangeError('too short to be sealed')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), { authTagLength: TAG })
  decipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(-TAG))
  return Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()])
}
