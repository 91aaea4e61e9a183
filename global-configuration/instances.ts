// The own instance and the federated ones: what is kept of each, one round of downloads over all, and the picture they make.
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Log, reasonOf } from '#host'
import {
  type Anchor,
  type InstanceConfiguration,
  type InstanceParameters,
  instanceFolder,
  type Scope,
  sameContent,
} from '#protocol'
import { Downloader } from './download.ts'
import { KeptCopy, keptFolder } from './kept.ts'
import { writeLayout } from './layout.ts'
import { type GlobalConfiguration, snapshot } from './snapshot.ts'

export interface InstancesParts {
  readonly anchor: Anchor
  readonly directory: string
  readonly isAllowed: (instance: string) => boolean
  readonly clock: Clock
  readonly log: Log
}

export interface Round {
  /** URL that gave the own instance's configuration. */
  readonly source: string
  /** Whether any instance says something new. */
  readonly changed: boolean
  /** Federated instance → why its configuration could not be had. */
  readonly federatedErrors: Readonly<Record<string, string>>
}

export interface Picture {
  readonly configuration: GlobalConfiguration
  /** When a federated instance in it expires, and it must be drawn anew. */
  readonly until: Date | undefined
}

/** What is kept of one instance between downloads. */
interface Kept {
  readonly copy: KeptCopy
  readonly downloader: Downloader
  configuration: InstanceConfiguration | undefined
}

export class Instances {
  readonly #parts: InstancesParts
  readonly #own: Kept
  readonly #federated = new Map<string, Kept>()

  constructor(parts: InstancesParts) {
    this.#parts = parts
    this.#own = this.#kept(parts.anchor.instance, 'own')
  }

  /** What the own instance says, as it was last verified. */
  get own(): InstanceParameters | undefined {
    return this.#own.configuration?.parameters
  }

  /** Reads the kept copies. One that cannot be verified is not used, and that is logged. */
  async load(): Promise<void> {
    await mkdir(this.#parts.directory, { recursive: true })
    await this.#load(this.#own, this.#parts.anchor)
    for (const anchor of this.#partners()) await this.#load(this.#partner(anchor), anchor)
  }

  /**
   * One round of wire-conf §7: the own instance, then the federated ones that it names and the owner allows.
   * @throws {ConfigurationError} `download_failed` for the own instance; a federated one that fails is only noted
   */
  async download(): Promise<Round> {
    const { anchor, log } = this.#parts
    const { configuration, url } = await this.#own.downloader.download(anchor, 'own', this.#own.configuration)
    let changed = await this.#adopt(this.#own, configuration, anchor)
    const partners = this.#partners()
    changed = (await this.#forgetOthers(partners)) || changed
    const federatedErrors: Record<string, string> = {}
    for (const partnerAnchor of partners) {
      const partner = this.#partner(partnerAnchor)
      try {
        const got = await partner.downloader.download(partnerAnchor, 'federated', partner.configuration)
        changed = (await this.#adopt(partner, got.configuration, partnerAnchor)) || changed
      } catch (error) {
        const { instance } = partnerAnchor
        federatedErrors[instance] = reasonOf(error)
        log.warn('no new configuration of a federated instance', { instance, reason: reasonOf(error) })
      }
    }
    await this.#writeLayout(configuration)
    return { source: url, changed, federatedErrors }
  }

  /** Undefined without a configuration of the own instance. Federated ones are invisible once expired (wire-conf §2.8). */
  draw(): Picture | undefined {
    const { own } = this
    if (own === undefined) return undefined
    const now = this.#parts.clock.now()
    const federated = [...this.#federated.values()]
      .map(({ configuration }) => configuration?.parameters)
      .filter((parameters) => parameters !== undefined)
      .filter(({ expiresAt }) => expiresAt >= now)
    const [first] = federated.map(({ expiresAt }) => expiresAt).sort((a, b) => a.getTime() - b.getTime())
    return { configuration: snapshot(own, federated, now, this.#parts.directory), until: first }
  }

  /** Keeps a verified generation; true when it says something new. A full disk does not stop traffic: it is kept in memory. */
  async #adopt(kept: Kept, next: InstanceConfiguration, anchor: Anchor): Promise<boolean> {
    const { log } = this.#parts
    const previous = kept.configuration
    const changed = previous === undefined || !sameContent(previous, next)
    kept.configuration = next
    const { instance, version, expiresAt, omissions } = next.parameters
    if (changed) log.info('new global configuration', { instance, version, expiresAt })
    if (changed && omissions.length > 0)
      log.warn('parts of the global configuration could not be read', { instance, omissions })
    await kept.copy.write(next, previous, anchor).catch((error) => {
      log.error('the verified copy of the configuration was not written', { instance, error })
    })
    return changed
  }

  async #writeLayout(own: InstanceConfiguration): Promise<void> {
    const federated = [...this.#federated.values()]
      .map(({ configuration }) => configuration)
      .filter((configuration) => configuration !== undefined)
    await writeLayout(this.#parts.directory, [own, ...federated]).catch((error) => {
      this.#parts.log.error('the plain copy of the configuration was not written', { error })
    })
  }

  /** Anchors of the federated instances that the own instance names and the owner allows. */
  #partners(): readonly Anchor[] {
    const { anchor, isAllowed } = this.#parts
    const anchors = this.own?.private?.anchors ?? []
    return anchors.filter(({ instance }) => instance !== anchor.instance && isAllowed(instance))
  }

  #partner({ instance }: Anchor): Kept {
    const known = this.#federated.get(instance)
    if (known !== undefined) return known
    const kept = this.#kept(instance, 'federated')
    this.#federated.set(instance, kept)
    return kept
  }

  #kept(instance: string, scope: Scope): Kept {
    const { directory, clock } = this.#parts
    return {
      copy: new KeptCopy(directory, instance, scope),
      downloader: new Downloader(clock),
      configuration: undefined,
    }
  }

  /** What is no longer federated, or no longer allowed, is forgotten at once, also on disk. */
  async #forgetOthers(partners: readonly Anchor[]): Promise<boolean> {
    const kept = keptFolder(this.#parts.directory)
    const folders = new Set([this.#parts.anchor, ...partners].map(({ instance }) => instanceFolder(instance)))
    for (const name of await readdir(kept).catch(() => [])) {
      if (!folders.has(name)) await rm(join(kept, name), { recursive: true, force: true })
    }
    const instances = new Set(partners.map(({ instance }) => instance))
    const others = [...this.#federated.keys()].filter((instance) => !instances.has(instance))
    for (const instance of others) this.#federated.delete(instance)
    return others.length > 0
  }

  async #load(kept: Kept, anchor: Anchor): Promise<void> {
    try {
      kept.configuration = await kept.copy.read(anchor)
    } catch (error) {
      const meta = { instance: anchor.instance, reason: reasonOf(error) }
      this.#parts.log.warn('the kept copy of the configuration is not used', meta)
    }
  }
}
