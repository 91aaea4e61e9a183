// How long the oldest record without a signed (and, where there are witnesses, witnessed) checkpoint has waited. Both clocks are asked: the
// record's time survives a restart, and a clock that is set back does not make the wait shorter.
import type { Clock } from '#host'
import type { MessageLog } from '../message-log/index.ts'

export class Unsealed {
  readonly #messageLog: Pick<MessageLog, 'get'>
  readonly #clock: Clock
  #waiting: { readonly seq: number; readonly at: number; readonly noticed: number } | undefined

  constructor(messageLog: Pick<MessageLog, 'get'>, clock: Clock) {
    this.#messageLog = messageLog
    this.#clock = clock
  }

  /** @param sealed Records that a checkpoint has. @param records All that are durable. */
  async measure(sealed: number, records: number): Promise<void> {
    if (sealed >= records) {
      this.#waiting = undefined
      return
    }
    const seq = sealed + 1
    if (this.#waiting?.seq === seq) return
    const noticed = performance.now()
    // Known at once, so that the wait begins now whatever reading the record takes.
    this.#waiting = { seq, at: this.#clock.now().getTime(), noticed }
    const at = (await this.#messageLog.get(seq))?.at.getTime()
    if (at !== undefined && this.#waiting?.seq === seq) this.#waiting = { seq, at, noticed }
  }

  /** Milliseconds; 0 where nothing waits. */
  get waitMs(): number {
    if (this.#waiting === undefined) return 0
    const { at, noticed } = this.#waiting
    return Math.max(this.#clock.now().getTime() - at, performance.now() - noticed)
  }

  get since(): Date | undefined {
    return this.#waiting && new Date(this.#waiting.at)
  }
}
