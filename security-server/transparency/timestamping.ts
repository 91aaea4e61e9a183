// Has checkpoints time-stamped, one in each interval, by the authority that stamps the messages (RFC 3161), and keeps them. A failure holds
// nobody up: messages have time-stamps of their own.
import type { GlobalConfiguration } from '#global-configuration'
import { type Clock, type Log, reasonOf } from '#host'
import { checkpointBytes, type SignedCheckpoint } from '#transparent-log'
import { digest } from '#trust'
import { obtainTimestamp } from '../message-log/index.ts'
import type { KeptCheckpoints } from './kept-checkpoints.ts'

const RETRY_MS = 60_000

export interface TimestampingOptions {
  readonly kept: KeptCheckpoints
  readonly configuration: () => GlobalConfiguration | undefined
  readonly intervalSeconds: number
  readonly clock: Clock
  readonly log: Log
}

export class Timestamping {
  readonly #options: TimestampingOptions
  #running: Promise<void> | undefined
  /** Not before; on a clock that nobody sets. */
  #next = 0
  #failing = false
  #stopped = false

  constructor(options: TimestampingOptions) {
    this.#options = options
  }

  /** Takes it if one is due. */
  offer(checkpoint: SignedCheckpoint): void {
    const { kept, intervalSeconds, clock } = this.#options
    if (this.#stopped || this.#running !== undefined || performance.now() < this.#next) return
    if (checkpoint.size === 0 || checkpoint.size === kept.last?.size) return
    // Of the run before, whose clock may have been wrong: then not later than one interval from now.
    const since = kept.last === undefined ? Number.POSITIVE_INFINITY : clock.now().getTime() - kept.last.at.getTime()
    if (this.#next === 0 && since >= 0 && since < intervalSeconds * 1000) {
      this.#next = performance.now() + intervalSeconds * 1000 - since
      return
    }
    this.#running = this.#stamp(checkpoint).finally(() => {
      this.#running = undefined
    })
  }

  /** One that is under way is forgotten. */
  stop(): void {
    this.#stopped = true
  }

  async #stamp(checkpoint: SignedCheckpoint): Promise<void> {
    const { kept, configuration, intervalSeconds, log } = this.#options
    const note = checkpointBytes(checkpoint)
    try {
      const { token, at } = await obtainTimestamp(digest('SHA-512', note), configuration())
      if (this.#stopped) return
      await kept.add({ size: checkpoint.size, at, note, token })
      this.#next = performance.now() + intervalSeconds * 1000
      this.#failing = false
    } catch (error) {
      this.#next = performance.now() + RETRY_MS
      if (!this.#failing) log.warn('a checkpoint could not be time-stamped', { reason: reasonOf(error) })
      this.#failing = true
    }
  }
}
