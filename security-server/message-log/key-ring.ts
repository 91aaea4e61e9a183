// The keys that this log is read with, and the one that new records are encrypted with. Each thread that reads records has one of its own.
import { LogError } from './error.ts'
import { MasterKey } from './master-key.ts'

export class KeyRing {
  readonly #keys = new Map<string, MasterKey>()
  #current: MasterKey | undefined

  /** @param secrets Of 32 bytes each, the newest last; none where records are not encrypted. */
  constructor(secrets: readonly Uint8Array[] = []) {
    for (const secret of secrets) this.add(secret)
  }

  /** For new records and bodies; undefined where they are not encrypted. */
  get current(): MasterKey | undefined {
    return this.#current
  }

  /** From now on the current one. */
  add(secret: Uint8Array): MasterKey {
    const key = new MasterKey(secret)
    this.#keys.set(key.id, key)
    this.#current = key
    return key
  }

  remove(id: string): void {
    this.#keys.delete(id)
  }

  has(id: string): boolean {
    return this.#keys.has(id)
  }

  /** Throws LogError `key_missing`. */
  get(id: string): MasterKey {
    const key = this.#keys.get(id)
    if (key === undefined) throw new LogError('key_missing', `Key ${id}, with which it was encrypted, is not there`)
    return key
  }
}
