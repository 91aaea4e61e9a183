// Finished exchanges on their way to the store: a bounded queue, emptied in batches. What a crash takes with it is what waits here,
// seconds of records; they are statistics, the evidence is in the message log.
import { type Log, reasonOf } from '#host'
import type { Finished } from './to-record.ts'

const BATCH_RECORDS = 500
/** So many wait no longer for their time. */
const EAGER_RECORDS = 100
/** A store that fails is not asked more often. */
const RETRY_MS = 5_000
const TELL_AGAIN_MS = 60_000

export interface BatchSettings {
  readonly store: (batch: readonly Finished[]) => Promise<void>
  /** Records that may wait; above it the oldest is dropped, as X-Road does (wire-client §6.1). */
  readonly queueRecords: number
  readonly intervalMs: number
  readonly log: Log
}

export class Batches {
  readonly #settings: BatchSettings
  readonly #waiting: Finished[] = []
  #timer: NodeJS.Timeout | undefined
  #storing: Promise<void> | undefined
  #dropped = 0
  #toldAt = Number.NEGATIVE_INFINITY
  #retryAt = Number.NEGATIVE_INFINITY

  constructor(settings: BatchSettings) {
    this.#settings = settings
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Records that were dropped since the start. */
  get dropped(): number {
    return this.#dropped
  }

  add(finished: Finished): void {
    this.#waiting.push(finished)
    if (this.#waiting.length > this.#settings.queueRecords) this.#drop()
    if (this.#storing !== undefined) return
    if (this.#waiting.length === EAGER_RECORDS && performance.now() > this.#retryAt) this.#schedule(0)
    else if (this.#timer === undefined) this.#schedule(this.#settings.intervalMs)
  }

  /** Stores all that waits now, once: what cannot be stored then is dropped. For the end. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#storing
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_RECORDS)
      try {
        await this.#settings.store(batch)
      } catch (error) {
        this.#dropped += batch.length + this.#waiting.length
        this.#waiting.length = 0
        this.#settings.log.error('operational data lost at the end', {
          records: this.#dropped,
          reason: reasonOf(error),
        })
      }
    }
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#storing = this.#storeWaiting().finally(() => {
        this.#storing = undefined
        if (this.#waiting.length > 0 && this.#timer === undefined)
          this.#schedule(this.#waiting.length < EAGER_RECORDS ? this.#settings.intervalMs : 0)
      })
    }, ms)
    this.#timer.unref()
  }

  /** A batch that was not stored waits on, at the head, unless the queue has run over meanwhile. */
  async #storeWaiting(): Promise<void> {
    const batch = this.#waiting.splice(0, BATCH_RECORDS)
    try {
      await this.#settings.store(batch)
    } catch (error) {
      this.#waiting.unshift(...batch)
      while (this.#waiting.length > this.#settings.queueRecords) this.#drop()
      this.#retryAt = performance.now() + RETRY_MS
      this.#settings.log.error('operational data could not be stored; tried again', {
        reason: reasonOf(error),
        waiting: this.#waiting.length,
      })
      this.#schedule(RETRY_MS)
    }
  }

  /** A hundredth at once: taking single ones from the head of a long array would cost each exchange a move of all of it. */
  #drop(): void {
    this.#dropped += this.#waiting.splice(0, Math.ceil(this.#settings.queueRecords / 100)).length
    const now = performance.now()
    if (now - this.#toldAt < TELL_AGAIN_MS) return
    this.#toldAt = now
    this.#settings.log.warn('operational data dropped: the queue is full', {
      dropped: this.#dropped,
      queue: this.#settings.queueRecords,
    })
  }
}
