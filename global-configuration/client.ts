// The configuration client: keeps the picture of the state fresh, and falls back on nothing but a verified copy.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Log, reasonOf } from '#host'
import { type Anchor, parseAnchor } from '#protocol'
import { Downloader } from './download.ts'
import { ConfigurationError } from './error.ts'
import { type AllowedFederations, federationFilter } from './federation.ts'
import { type InstanceConfiguration, type Scope, sameContent } from './instance.ts'
import { KeptCopy, keptFolder } from './kept.ts'
import { instanceFolder, writeLayout } from './layout.ts'
import { type GlobalConfiguration, snapshot } from './snapshot.ts'

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

/** What is kept of one instance between downloads. */
interface Kept {
  readonly copy: KeptCopy
  readonly downloader: Downloader
  configuration: InstanceConfiguration | undefined
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
  readonly #options: ConfigurationOptions
  readonly #anchor: Anchor
  readonly #isAllowed: (instance: string) => boolean
  readonly #own: Kept
  readonly #federated = new Map<string, Kept>()
  readonly #listeners = new Set<(configuration: GlobalConfiguration) => void>()
  #current: GlobalConfiguration | undefined
  /** When the picture must be drawn anew because a federated instance in it expires. */
  #redrawAt = Number.POSITIVE_INFINITY
  #lastSuccess: Date | undefined
  #lastError: string | undefined
  #source: string | undefined
  #federatedErrors: Record<string, string> = {}
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #stopped = false

  constructor(options: ConfigurationOptions, anchor: Anchor) {
    this.#options = options
    this.#anchor = anchor
    this.#isAllowed = federationFilter(options.allowedFederations ?? 'none')
    this.#own = this.#kept(anchor.instance, 'own')
  }

  async open(): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true })
    await this.#load(this.#own, this.#anchor)
    for (const anchor of this.#partners()) await this.#load(this.#partner(anchor), anchor)
    if (this.#own.configuration !== undefined) this.#draw()
    // Its outcome stands in the status; whoever needs a configuration asks for the current one.
    await this.#cycle().catch(() => undefined)
  }

  current(): GlobalConfiguration | undefined {
    if (this.#current !== undefined && this.#options.clock.now().getTime() > this.#redrawAt) this.#draw()
    return this.#current
  }

  refresh(): Promise<void> {
    return this.#running ?? this.#cycle()
  }

  onChange(listener: (configuration: GlobalConfiguration) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  status(): ConfigurationStatus {
    const parameters = this.#own.configuration?.parameters
    return {
      ...(this.#lastSuccess && { lastSuccess: this.#lastSuccess.toISOString() }),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      ...(this.#source !== undefined && { source: this.#source }),
      ...(parameters && { version: parameters.version, expiresAt: parameters.expiresAt.toISOString() }),
      ...(parameters && parameters.omissions.length > 0 && { omissions: parameters.omissions }),
      ...(Object.keys(this.#federatedErrors).length > 0 && { federatedErrors: this.#federatedErrors }),
    }
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  /** One round of wire-conf §7: the own instance, then the federated ones that it names and the owner allows. */
  async #cycle(): Promise<void> {
    clearTimeout(this.#timer)
    this.#running = this.#download()
    try {
      await this.#running
      this.#failures = 0
      this.#lastError = undefined
      this.#lastSuccess = this.#options.clock.now()
    } catch (error) {
      this.#failures++
      if (this.#lastError === undefined)
        this.#options.log.warn('no new global configuration', { reason: reasonOf(error) })
      this.#lastError = reasonOf(error)
      throw error
    } finally {
      this.#running = undefined
      this.#schedule()
    }
  }

  #schedule(): void {
    if (this.#stopped) return
    const interval = (this.#options.intervalSeconds ?? 60) * 1000
    const valid = this.#current !== undefined && !this.#current.isExpired(this.#options.clock.now())
    const wait = valid || this.#failures === 0 ? interval : FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 16)
    this.#timer = setTimeout(() => void this.#cycle().catch(() => undefined), Math.min(wait, interval))
    this.#timer.unref()
  }

  async #download(): Promise<void> {
    const { configuration, url } = await this.#own.downloader.download(this.#anchor, 'own', this.#own.configuration)
    let changed = await this.#adopt(this.#own, configuration, this.#anchor)
    this.#source = url
    const anchors = this.#partners()
    changed = (await this.#forgetOthers(anchors)) || changed
    this.#federatedErrors = {}
    for (const anchor of anchors) {
      const partner = this.#partner(anchor)
      try {
        const got = await partner.downloader.download(anchor, 'federated', partner.configuration)
        changed = (await this.#adopt(partner, got.configuration, anchor)) || changed
      } catch (error) {
        this.#federatedErrors[anchor.instance] = reasonOf(error)
        this.#options.log.warn('no new configuration of a federated instance', {
          instance: anchor.instance,
          reason: reasonOf(error),
        })
      }
    }
    if (this.#stopped) return
    await this.#writeLayout(configuration)
    const before = this.#current
    this.#draw()
    const recovered = before === undefined || before.isExpired(this.#options.clock.now())
    if (this.#current !== undefined && (changed || recovered)) this.#announce(this.#current)
  }

  /** Keeps a verified generation; true when it says something new. A full disk does not stop traffic: it is kept in memory. */
  async #adopt(kept: Kept, next: InstanceConfiguration, anchor: Anchor): Promise<boolean> {
    const previous = kept.configuration
    const changed = previous === undefined || !sameContent(previous, next)
    kept.configuration = next
    const { instance, version, expiresAt, omissions } = next.parameters
    if (changed) this.#options.log.info('new global configuration', { instance, version, expiresAt })
    if (changed && omissions.length > 0)
      this.#options.log.warn('parts of the global configuration could not be read', { instance, omissions })
    await kept.copy.write(next, previous, anchor).catch((error) => {
      this.#options.log.error('the verified copy of the configuration was not written', { instance, error })
    })
    return changed
  }

  async #writeLayout(own: InstanceConfiguration): Promise<void> {
    const federated = [...this.#federated.values()]
      .map(({ configuration }) => configuration)
      .filter((configuration) => configuration !== undefined)
    await writeLayout(this.#options.directory, [own, ...federated]).catch((error) => {
      this.#options.log.error('the plain copy of the configuration was not written', { error })
    })
  }

  /** Anchors of the federated instances that the own instance names and the owner allows. */
  #partners(): readonly Anchor[] {
    const anchors = this.#own.configuration?.parameters.private?.anchors ?? []
    return anchors.filter(({ instance }) => instance !== this.#anchor.instance && this.#isAllowed(instance))
  }

  #partner(anchor: Anchor): Kept {
    const known = this.#federated.get(anchor.instance)
    if (known !== undefined) return known
    const kept = this.#kept(anchor.instance, 'federated')
    this.#federated.set(anchor.instance, kept)
    return kept
  }

  #kept(instance: string, scope: Scope): Kept {
    return {
      copy: new KeptCopy(this.#options.directory, instance, scope),
      downloader: new Downloader(this.#options.clock),
      configuration: undefined,
    }
  }

  /** What is no longer federated, or no longer allowed, is forgotten at once, also on disk. */
  async #forgetOthers(anchors: readonly Anchor[]): Promise<boolean> {
    const folders = new Set([this.#anchor, ...anchors].map(({ instance }) => instanceFolder(instance)))
    for (const name of await readdir(keptFolder(this.#options.directory)).catch(() => [])) {
      if (!folders.has(name))
        await rm(join(keptFolder(this.#options.directory), name), { recursive: true, force: true })
    }
    const others = [...this.#federated.keys()].filter(
      (instance) => !anchors.some((anchor) => anchor.instance === instance),
    )
    for (const instance of others) this.#federated.delete(instance)
    return others.length > 0
  }

  async #load(kept: Kept, anchor: Anchor): Promise<void> {
    try {
      kept.configuration = await kept.copy.read(anchor)
    } catch (error) {
      this.#options.log.warn('the kept copy of the configuration is not used', {
        instance: anchor.instance,
        reason: reasonOf(error),
      })
    }
  }

  /** Federated instances are invisible once they have expired (wire-conf §2.8). */
  #draw(): void {
    const own = this.#own.configuration?.parameters
    if (own === undefined) return
    const now = this.#options.clock.now()
    const federated = [...this.#federated.values()]
      .map(({ configuration }) => configuration?.parameters)
      .filter((parameters) => parameters !== undefined)
      .filter(({ expiresAt }) => expiresAt >= now)
    this.#redrawAt = Math.min(...federated.map(({ expiresAt }) => expiresAt.getTime()), Number.POSITIVE_INFINITY)
    this.#current = snapshot(own, federated, now, this.#options.directory)
  }

  #announce(configuration: GlobalConfiguration): void {
    for (const listener of this.#listeners) {
      try {
        listener(configuration)
      } catch (error) {
        this.#options.log.error('a listener of the configuration failed', { error })
      }
    }
  }
}
