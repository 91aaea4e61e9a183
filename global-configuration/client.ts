// The configuration client: keeps the picture of the state fresh, and falls back on nothing but a verified copy.
import { readFile } from 'node:fs/promises'
import { type Clock, type Log, reasonOf } from '#host'
import { type Anchor, parseAnchor } from '#protocol'
import { ConfigurationError } from './error.ts'
import { type AllowedFederations, federationFilter } from './federation.ts'
import { Instances, type Picture, type Round } from './instances.ts'
import type { GlobalConfiguration } from './snapshot.ts'

export interface ConfigurationClient {
  /** The newest picture that was verified, expired or not; undefined while there is none. */
  current(): GlobalConfiguration | undefined
  /**
   * Downloads now, or waits for the download under way.
   * @throws {ConfigurationError} `download_failed`: what was current stays so. A federated instance that fails is only logged.
   */
  refresh(): Promise<void>
  /** Called after a change of what the configuration says, or when there is a valid one again; not when only its expiry moved. Returns how to end that. */
  onChange(listener: (configuration: GlobalConfiguration) => void): () => void
  status(): ConfigurationStatus
  stop(): void
}

export interface ConfigurationStatus {
  /** ISO 8601. */
  readonly lastSuccess?: string
  /** Of the last download, when it failed. */
  readonly lastError?: string
  /** URL of the source that gave the current one, when it was downloaded in this run. */
  readonly source?: string
  readonly version?: number
  readonly expiresAt?: string
  /** What could not be read in it and was left out. */
  readonly omissions?: readonly string[]
  /** Instance → why its configuration could not be had. */
  readonly federatedErrors?: Readonly<Record<string, string>>
}

export interface ConfigurationOptions {
  /** Read once, at the start. */
  readonly anchorFile: string
  /** Only this client writes there. X-Road's layout (wire-conf §2.7) and the verified copy. */
  readonly directory: string
  /** Seconds between two downloads; default 60. */
  readonly intervalSeconds?: number
  /** Default none. */
  readonly allowedFederations?: AllowedFederations
  readonly clock: Clock
  readonly log: Log
}

/** Without a valid configuration there is no traffic: it is tried again sooner, twice as late each time. */
const FIRST_RETRY_MS = 1_000

/**
 * Opens the client: the kept copy, then one download, then one at every interval. A source that cannot be reached is no reason
 * not to start: `current()` is then the kept copy, or undefined, and the client goes on trying.
 *
 * @throws {ConfigurationError} `anchor_unusable`
 */
export async function openConfiguration(options: ConfigurationOptions): Promise<ConfigurationClient> {
  const anchor = await readAnchor(options.anchorFile)
  const client = new Client(options, anchor)
  await client.open()
  return client
}

async function readAnchor(file: string): Promise<Anchor> {
  try {
    return parseAnchor(await readFile(file))
  } catch (cause) {
    throw new ConfigurationError('anchor_unusable', `the anchor ${file} cannot be used: ${reasonOf(cause)}`, { cause })
  }
}

class Client implements ConfigurationClient {
  readonly #instances: Instances
  readonly #clock: Clock
  readonly #log: Log
  readonly #intervalMs: number
  readonly #listeners = new Set<(configuration: GlobalConfiguration) => void>()
  #picture: Picture | undefined
  #round: Round | undefined
  #lastSuccess: Date | undefined
  #lastError: string | undefined
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #stopped = false

  constructor(
    { clock, log, directory, intervalSeconds = 60, allowedFederations = 'none' }: ConfigurationOptions,
    anchor: Anchor,
  ) {
    this.#instances = new Instances({ anchor, directory, isAllowed: federationFilter(allowedFederations), clock, log })
    this.#clock = clock
    this.#log = log
    this.#intervalMs = intervalSeconds * 1000
  }

  async open(): Promise<void> {
    await this.#instances.load()
    this.#picture = this.#instances.draw()
    // Its outcome stands in the status; whoever needs a configuration asks for the current one.
    await this.#cycle().catch(() => undefined)
  }

  current(): GlobalConfiguration | undefined {
    const until = this.#picture?.until
    if (until !== undefined && this.#clock.now() > until) this.#picture = this.#instances.draw()
    return this.#picture?.configuration
  }

  refresh(): Promise<void> {
    return this.#running ?? this.#cycle()
  }

  onChange(listener: (configuration: GlobalConfiguration) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  status(): ConfigurationStatus {
    const own = this.#instances.own
    const { source, federatedErrors = {} } = this.#round ?? {}
    return {
      ...(this.#lastSuccess && { lastSuccess: this.#lastSuccess.toISOString() }),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      ...(source !== undefined && { source }),
      ...(own && { version: own.version, expiresAt: own.expiresAt.toISOString() }),
      ...(own && own.omissions.length > 0 && { omissions: own.omissions }),
      ...(Object.keys(federatedErrors).length > 0 && { federatedErrors }),
    }
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  /** One download, its outcome noted, the next one planned. */
  async #cycle(): Promise<void> {
    clearTimeout(this.#timer)
    this.#running = this.#download()
    try {
      await this.#running
      this.#failures = 0
      this.#lastError = undefined
      this.#lastSuccess = this.#clock.now()
    } catch (error) {
      this.#failures++
      if (this.#lastError === undefined) this.#log.warn('no new global configuration', { reason: reasonOf(error) })
      this.#lastError = reasonOf(error)
      throw error
    } finally {
      this.#running = undefined
      this.#schedule()
    }
  }

  #schedule(): void {
    if (this.#stopped) return
    const valid = this.#picture?.configuration.isExpired(this.#clock.now()) === false
    const retry = FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 16)
    const wait = valid || this.#failures === 0 ? this.#intervalMs : Math.min(retry, this.#intervalMs)
    this.#timer = setTimeout(() => void this.#cycle().catch(() => undefined), wait)
    this.#timer.unref()
  }

  async #download(): Promise<void> {
    const before = this.#picture?.configuration
    this.#round = await this.#instances.download()
    this.#picture = this.#instances.draw()
    const recovered = before === undefined || before.isExpired(this.#clock.now())
    if (this.#picture !== undefined && (this.#round.changed || recovered)) this.#announce(this.#picture.configuration)
  }

  #announce(configuration: GlobalConfiguration): void {
    for (const listener of this.#listeners) {
      try {
        listener(configuration)
      } catch (error) {
        this.#log.error('a listener of the configuration failed', { error })
      }
    }
  }
}
