// While the server runs, every record is compared with its leaf again and again, a few at a time: what was changed long ago in a large log
// is found without anybody asking.

import type { RecordLeaves } from './record-leaves.ts'
import { compareRecord, type RecordSource } from './records.ts'

/** A hundred records a second: a hundredth of a core. */
const STEP_MS = 160
const STEP_RECORDS = 16
/** From the end of one walk to the next. */
const REST_MS = 3_600_000

export interface PatrolOptions {
  readonly leaves: () => RecordLeaves | undefined
  readonly source: RecordSource
  /** Records behind this one are not signed yet. */
  readonly signedRecords: () => number
  /** A HistoryError, or what kept the record from being read. */
  readonly onFailure: (error: unknown) => void
}

export class Patrol {
  readonly #options: PatrolOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false
  #next = 1

  constructor(options: PatrolOptions) {
    this.#options = options
  }

  start(): void {
    this.#later(STEP_MS)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #later(pause: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.#step().then(
        (ended) => this.#later(ended ? REST_MS : STEP_MS),
        (error) => {
          this.#options.onFailure(error)
          this.#later(REST_MS)
        },
      )
    }, pause)
    // It is no reason for a process to stay.
    this.#timer.unref()
  }

  /** Gives whether all records were walked over. */
  async #step(): Promise<boolean> {
    const { source, signedRecords } = this.#options
    const leaves = this.#options.leaves()
    if (leaves === undefined) return false
    this.#next = Math.max(this.#next, leaves.first, source.messageLog.status().removedTo + 1)
    const count = Math.min(STEP_RECORDS, signedRecords() - this.#next + 1)
    if (count <= 0) {
      this.#next = 1
      return true
    }
    for (const entry of await leaves.entries(this.#next, count)) {
      await compareRecord(source, this.#next, entry)
      this.#next += 1
    }
    return false
  }
}
