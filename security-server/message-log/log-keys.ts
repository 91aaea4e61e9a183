// The keys of an open log: which there are and what for, a new one, and one that nothing needs any more.
import { randomBytes } from 'node:crypto'
import { type Clock, type Log, turnstile } from '#host'
import { LogError } from './error.ts'
import type { KeyRing } from './key-ring.ts'
import { type KeysSource, type LogKey, readKeys, writeKeys } from './keys-file.ts'
import { KEY_BYTES, MasterKey } from './master-key.ts'
import type { KeyUse } from './store.ts'

export interface LogKeyState {
  readonly id: string
  readonly createdAt: Date
  /** New records are encrypted with it. */
  readonly current: boolean
  /** That it is needed for. */
  readonly records: number
}

export interface LogKeys {
  /** The oldest first; none where records are not encrypted. */
  list(): Promise<readonly LogKeyState[]>
  /** Makes a key, writes it to the file and encrypts new records with it. Returns its id. Throws LogError `keys_unwritable`. */
  create(): Promise<string>
  /** Takes a key out of the file. Throws LogError `key_unknown`, `key_needed`, `keys_unwritable`. */
  retire(id: string): Promise<void>
}

/** What the keys of the log must open, and do not. Throws LogError `key_missing`; nothing of the log has changed then. */
export function requireKeys(uses: readonly KeyUse[], ring: KeyRing, source: KeysSource | undefined): void {
  const missing = uses.filter(({ id }) => !ring.has(id))
  if (missing.length === 0) return
  const needs = missing.map(({ id, records }) => `${id} (${records} records)`).join(', ')
  const where = source === undefined ? 'messageLog.encryption names no keys' : `${placeOf(source)} has not all keys`
  throw new LogError(
    'key_missing',
    `Records of this log are encrypted with keys that are not there: ${needs}. ${where}`,
  )
}

export class OpenKeys implements LogKeys {
  readonly #source: KeysSource | undefined
  readonly #ring: KeyRing
  readonly #add: (secret: Uint8Array) => Promise<void>
  readonly #uses: () => Promise<readonly KeyUse[]>
  readonly #clock: Clock
  readonly #log: Log
  readonly #alone = turnstile()
  #keys: readonly LogKey[]

  /**
   * @param parts.add Has the other threads read with a key.
   * @param parts.uses What keys are needed for, all records included.
   */
  constructor(parts: {
    readonly source: KeysSource | undefined
    readonly keys: readonly LogKey[]
    readonly ring: KeyRing
    readonly add: (secret: Uint8Array) => Promise<void>
    readonly uses: () => Promise<readonly KeyUse[]>
    readonly clock: Clock
    readonly log: Log
  }) {
    this.#source = parts.source
    this.#keys = parts.keys
    this.#ring = parts.ring
    this.#add = parts.add
    this.#uses = parts.uses
    this.#clock = parts.clock
    this.#log = parts.log
  }

  async list(): Promise<readonly LogKeyState[]> {
    const uses = new Map((await this.#uses()).map(({ id, records }) => [id, records]))
    const current = this.#ring.current?.id
    return this.#keys.map(({ id, createdAt }) => ({
      ...{ id, createdAt, current: id === current },
      records: uses.get(id) ?? 0,
    }))
  }

  create(): Promise<string> {
    return this.#alone(async () => {
      const file = this.#file()
      const secret = randomBytes(KEY_BYTES)
      const { id } = new MasterKey(secret)
      const key = { id, createdAt: this.#clock.now(), secret }
      await writeKeys(file, [...(await this.#known(file)), key])
      // A crash here leaves a key that nothing was encrypted with; the next start takes it as the current one.
      await this.#add(secret)
      this.#ring.add(secret)
      this.#keys = [...this.#keys, key]
      this.#log.warn('a new key encrypts the message log: keep a copy of it', { id, file })
      return id
    })
  }

  retire(id: string): Promise<void> {
    return this.#alone(async () => {
      const file = this.#file()
      const state = (await this.list()).find((key) => key.id === id)
      if (state === undefined) throw new LogError('key_unknown', `There is no key ${id}`)
      if (state.current) throw new LogError('key_needed', `Key ${id} is the one of new records; make a new one first`)
      if (state.records > 0) throw new LogError('key_needed', `Key ${id} is needed for ${state.records} records`)
      await writeKeys(
        file,
        (await this.#known(file)).filter((key) => key.id !== id),
      )
      // A body that was spooled with it and is not recorded yet is refused now, and its message with it.
      this.#ring.remove(id)
      this.#keys = this.#keys.filter((key) => key.id !== id)
      this.#log.info('a key of the message log was retired', { id, file })
    })
  }

  /** Those of this process, whatever has become of the file, and lines that somebody has added to it, which count from the next start on. */
  async #known(file: string): Promise<readonly LogKey[]> {
    const written = (await readKeys({ keysFile: file })) ?? []
    return [...this.#keys, ...written.filter(({ id }) => !this.#keys.some((key) => key.id === id))]
  }

  #file(): string {
    const file = this.#source?.keysFile
    if (file !== undefined) return file
    const where = this.#source === undefined ? 'the message log is not encrypted' : `${placeOf(this.#source)} has them`
    throw new LogError('keys_unwritable', `Keys are made and retired here only where they lie in a file; ${where}`)
  }
}

function placeOf({ keysFile, keysVariable }: KeysSource): string {
  return keysFile ?? `the environment variable ${keysVariable}`
}
