// Publishes at every interval and after every change. A publication that fails is reported and tried again; what was published
// before stays, and is believed until it expires.
import { mkdir } from 'node:fs/promises'
import type { Clock, Log } from '#host'
import { reasonOf } from '#host'
import type { ConfigurationVersion } from '#protocol'
import { CentralServerError } from '../error.ts'
import type { Registry } from '../registry/registry.ts'
import type { ConfigurationSigner } from '../signer.ts'
import type { SigningKeys } from '../signing-keys.ts'
import { folderName, sweepGenerations, writeGeneration } from './files.ts'
import { generate } from './generation.ts'

export interface Publication {
  readonly publishedAt: Date
  readonly expiresAt: Date
}

export interface Publisher {
  /** Publishes what is registered now. Calls that come while one is waiting are answered by it. @throws {CentralServerError} `no_federation`, `publication_failed` */
  publish(): Promise<Publication>
  /** The last that succeeded in this run. */
  readonly last: Publication | undefined
  /** Why the last attempt failed; undefined when it did not. */
  readonly lastError: string | undefined
  stop(): Promise<void>
}

export interface PublisherParts {
  readonly registry: Registry
  readonly keys: SigningKeys
  readonly signer: ConfigurationSigner
  readonly clock: Clock
  readonly log: Log
  /** Of the published files. */
  readonly directory: string
  readonly address: string
  readonly intervalSeconds: number
  readonly expireSeconds: number
  readonly minimumVersion: ConfigurationVersion
}

/** After a failure the next attempt comes sooner: traffic stops when the last publication expires. */
const RETRY_MS = 5_000

export function startPublisher(parts: PublisherParts): Publisher {
  const { registry, keys, signer, clock, log, directory, address, minimumVersion } = parts
  let last: Publication | undefined
  let lastError: string | undefined
  let lastTime = 0
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<unknown> = Promise.resolve()
  let waiting: Promise<Publication> | undefined

  /** Time of this generation; never the same twice, so that no folder is written twice. */
  const nextTime = (): Date => {
    lastTime = Math.max(clock.now().getTime(), lastTime + 1)
    return new Date(lastTime)
  }

  async function publishNow(): Promise<Publication> {
    const facts = await registry.facts()
    const instance = facts?.get('instance', '')?.name
    if (facts === undefined || instance === undefined)
      throw new CentralServerError('no_federation', 'No federation has been applied yet')
    const listed = await keys.ensure()
    const at = nextTime()
    // Directories name whole seconds.
    const expiresAt = new Date(Math.floor(at.getTime() / 1000 + parts.expireSeconds) * 1000)
    const folder = folderName(at)
    const around = { instance, address, keys: listed }
    const versions = await generate({ facts, around, minimumVersion, folder, at, expiresAt }, signer)
    await mkdir(directory, { recursive: true })
    await writeGeneration(directory, folder, versions)
    await keys.notePublished(listed, at)
    await sweepGenerations(directory, minimumVersion, at)
    return { publishedAt: at, expiresAt }
  }

  async function attempt(): Promise<Publication> {
    clearTimeout(timer)
    try {
      last = await publishNow()
      if (lastError !== undefined) log.info('published again')
      lastError = undefined
      return last
    } catch (error) {
      if (error instanceof CentralServerError && error.code === 'no_federation') throw error
      const reason = reasonOf(error)
      if (lastError !== reason) log.error('the configuration was not published', { reason, error })
      lastError = reason
      throw new CentralServerError('publication_failed', `The configuration was not published: ${reason}`, {
        cause: error,
      })
    } finally {
      if (!stopped) schedule()
    }
  }

  function schedule(): void {
    const interval = parts.intervalSeconds * 1000
    const wait = lastError === undefined ? interval : Math.min(interval, RETRY_MS)
    timer = setTimeout(() => void publish().catch(() => undefined), wait)
  }

  /** One after another; whoever asks while one is under way gets the next, because that one may have read before the change. */
  function publish(): Promise<Publication> {
    waiting ??= running.then(() => {
      waiting = undefined
      const mine = attempt()
      running = mine.catch(() => undefined)
      return mine
    })
    return waiting
  }

  schedule()
  return {
    publish,
    get last() {
      return last
    },
    get lastError() {
      return lastError
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
