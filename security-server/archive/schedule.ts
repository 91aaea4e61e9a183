// When something is done again and again: one at a time, an interval after the last success, sooner after a failure.

export interface Pace {
  readonly intervalMs: number
  readonly afterStartMs: number
  readonly afterFailureMs: number
}

export class Schedule {
  readonly #work: () => Promise<void>
  readonly #now: () => Date
  readonly #pace: Pace
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #ended = false
  /** When it is done next; undefined while it runs. */
  next: Date | undefined

  constructor(work: () => Promise<void>, now: () => Date, pace: Pace) {
    this.#work = work
    this.#now = now
    this.#pace = pace
  }

  /** @param last When it was last done with success, in an earlier life too. What never was is done soon: it may fail, and that should be seen. */
  begin(last: Date | undefined): void {
    const { intervalMs, afterStartMs, afterFailureMs } = this.#pace
    let left = afterFailureMs
    if (last !== undefined) {
      const since = this.#now().getTime() - last.getTime()
      // A clock that was set back must not put it off.
      left = since < 0 ? 0 : intervalMs - since
    }
    this.#plan(Math.min(intervalMs, Math.max(afterStartMs, left)))
  }

  /** Does it now, or joins who does. */
  run(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    this.#running ??= this.#once().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Resolves when what was under way has ended. */
  async end(): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    await this.#running?.catch(() => undefined)
  }

  async #once(): Promise<void> {
    clearTimeout(this.#timer)
    this.next = undefined
    const { intervalMs, afterFailureMs } = this.#pace
    let wait = Math.min(intervalMs, afterFailureMs)
    try {
      await this.#work()
      wait = intervalMs
    } finally {
      this.#plan(wait)
    }
  }

  #plan(ms: number): void {
    if (this.#ended) return
    this.next = new Date(this.#now().getTime() + ms)
    // What it fails with is told by the work itself.
    this.#timer = setTimeout(() => void this.run().catch(() => undefined), ms)
    this.#timer.unref()
  }
}
