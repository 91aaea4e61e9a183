// A master key of the log: what the keys of single records and bodies are derived from. Its id follows from it, so that a key that is not
// the one is seen to be another before anything is read with it.
import { hkdfSync, randomBytes } from 'node:crypto'

export const KEY_BYTES = 32
export const KEY_ID_BYTES = 8

export class MasterKey {
  /** 16 hexadecimal digits. */
  readonly id: string
  readonly idBytes: Buffer
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    if (secret.length !== KEY_BYTES) throw new TypeError(`A key of the message log has ${KEY_BYTES} bytes`)
    this.#secret = Uint8Array.from(secret)
    this.idBytes = this.derive(new Uint8Array(), 'saadik message log key id 1').subarray(0, KEY_ID_BYTES)
    this.id = this.idBytes.toString('hex')
  }

  /** HKDF-SHA-256, 32 bytes. */
  derive(salt: Uint8Array, info: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#secret, salt, info, KEY_BYTES))
  }
}

/** For what must not outlive the process. */
export function passingKey(): MasterKey {
  return new MasterKey(randomBytes(KEY_BYTES))
}
