// From locations to a verified configuration of one instance. Nothing is kept or believed before all of it was verified.
import { type Clock, type HttpAnswer, httpGet, reasonOf } from '#host'
import {
  type Anchor,
  type ConfigurationVersion,
  type DirectoryPart,
  type InstanceConfiguration,
  isPart,
  MAX_DIRECTORY_BYTES,
  partsToTake,
  readInstance,
  type Scope,
  type VerifiedPart,
  verifySignedDirectory,
} from '#protocol'
import { ConfigurationError } from './error.ts'
import { type Location, LocationMemory, locationsOf } from './locations.ts'

const DIRECTORY_TIMEOUT_MS = 15_000
const PART_TIMEOUT_MS = 60_000
const MAX_PART_BYTES = 32 << 20
/** Asked for from the newest down; a source that has none of them gives 2 (wire-conf §2.6, 5). */
const NEGOTIATED: readonly ConfigurationVersion[] = [6, 5, 4, 3, 2]
/** A source is asked again whether it has a newer version after this. (The reference asks at its next start.) */
const NEGOTIATE_AGAIN_MS = 3_600_000

export interface DownloadResult {
  readonly configuration: InstanceConfiguration
  /** The location that gave it. */
  readonly url: string
}

/** Downloads one instance, again and again; remembers which sources work and what they speak. */
export class Downloader {
  readonly #memory = new LocationMemory()
  readonly #versions = new Map<string, { readonly version: ConfigurationVersion; readonly until: number }>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Tries every location until one gives a configuration that is verified whole.
   *
   * @param previous what is at hand: its sources are locations too, and its parts are not fetched again
   * @throws {ConfigurationError} `download_failed` with what each location said
   */
  async download(anchor: Anchor, scope: Scope, previous: InstanceConfiguration | undefined): Promise<DownloadResult> {
    const locations = this.#memory.order(locationsOf(anchor, previous?.parameters.shared), this.#clock.now())
    const causes: unknown[] = []
    for (const location of locations) {
      try {
        const configuration = await this.#from(location, anchor.instance, scope, previous)
        this.#memory.worked(location.url)
        return { configuration, url: location.url }
      } catch (error) {
        this.#memory.failed(location.url, this.#clock.now())
        this.#versions.delete(location.url)
        causes.push(error)
      }
    }
    const said = locations.map(({ url }, index) => `${url}: ${reasonOf(causes[index])}`)
    throw new ConfigurationError(
      'download_failed',
      `No source gave a configuration of ${anchor.instance}: ${said.join('; ')}`,
      { cause: new AggregateError(causes) },
    )
  }

  async #from(
    { url, certificates }: Location,
    instance: string,
    scope: Scope,
    previous: InstanceConfiguration | undefined,
  ): Promise<InstanceConfiguration> {
    const { body: signed, url: directoryUrl } = await this.#directory(url)
    const directory = verifySignedDirectory(signed, certificates, this.#clock.now())
    const parts: VerifiedPart[] = []
    for (const { part, file } of partsToTake(directory, instance, scope)) {
      const known = previous?.parts.find(({ bytes }) => isPart(part, bytes))
      parts.push({ part, file, bytes: known?.bytes ?? (await fetchPart(part, directoryUrl)) })
    }
    return readInstance(signed, directory, parts, instance, previous)
  }

  /** The signed directory in the newest version that the source has: the first that it does not answer with 404. */
  async #directory(url: string): Promise<{ body: Uint8Array; url: string }> {
    if (new URL(url).searchParams.has('version')) return { body: await bodyOf(url, await getDirectory(url)), url }
    const now = this.#clock.now().getTime()
    const spoken = this.#versions.get(url)
    const remembered = spoken !== undefined && spoken.until > now ? [spoken.version] : []
    for (const version of [...remembered, ...NEGOTIATED]) {
      const versioned = new URL(url)
      versioned.searchParams.set('version', String(version))
      const answer = await getDirectory(versioned.href)
      if (answer.status === 404) continue
      const body = await bodyOf(versioned.href, answer)
      if (version !== remembered[0]) this.#versions.set(url, { version, until: now + NEGOTIATE_AGAIN_MS })
      return { body, url: versioned.href }
    }
    throw new Error('no version of the configuration is there')
  }
}

function getDirectory(url: string): Promise<HttpAnswer> {
  return httpGet(url, { timeoutMs: DIRECTORY_TIMEOUT_MS, maxBytes: MAX_DIRECTORY_BYTES })
}

async function bodyOf(url: string, { status, body }: HttpAnswer): Promise<Uint8Array> {
  if (status !== 200) throw new Error(`${url} answered with HTTP status ${status}`)
  return body
}

/** From where the directory came: its location is a path there, not a way to make this server call others. */
async function fetchPart(part: DirectoryPart, directoryUrl: string): Promise<Uint8Array> {
  const base = new URL(directoryUrl)
  const url = URL.canParse(part.location, base) ? new URL(part.location, base) : undefined
  if (url === undefined || url.origin !== base.origin) throw new Error(`the part ${part.location} lies elsewhere`)
  const bytes = await bodyOf(
    url.href,
    await httpGet(url.href, { timeoutMs: PART_TIMEOUT_MS, maxBytes: MAX_PART_BYTES }),
  )
  if (!isPart(part, bytes)) throw new Error(`${url.href} is not the part that the directory means`)
  return bytes
}
