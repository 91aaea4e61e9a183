// How it stands with history: in order, hindered by what passes, or at fault. A fault stays until the server is started again, and that start
// compares everything anew.
import { type Log, reasonOf } from '#host'
import { HistoryError } from './error.ts'
import { verdictOf } from './opening.ts'

/** What a caller asked for and cannot have says nothing of history. */
const NO_FAULTS: readonly HistoryError['code'][] = [
  'record_not_found',
  'not_signed_yet',
  'foreign_checkpoint',
  'unavailable',
  'own_witness',
]

export class Standing {
  readonly #log: Log
  readonly #onFault: (fault: HistoryError) => void
  #fault: HistoryError | undefined
  #hindrance: string | undefined

  constructor(log: Log, onFault: (fault: HistoryError) => void) {
    this.#log = log
    this.#onFault = onFault
  }

  get fault(): HistoryError | undefined {
    return this.#fault
  }

  /** Why the log does not go on; it is tried again. */
  get hindrance(): string | undefined {
    return this.#hindrance
  }

  /** Undefined when the work went well, else what it failed with, which was told. */
  async attempt(work: () => Promise<unknown>): Promise<unknown> {
    try {
      await work()
    } catch (error) {
      this.failed(error)
      return error
    }
    if (this.#hindrance !== undefined) this.#log.info('the transparent log goes on')
    this.#hindrance = undefined
    return undefined
  }

  /** What the work gives, or a HistoryError in place of what it failed with; one that is a fault is taken note of. */
  async watch<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const verdict = verdictOf(error)
      if (verdict instanceof HistoryError) this.raise(verdict)
      throw verdict
    }
  }

  failed(error: unknown): void {
    const verdict = verdictOf(error)
    if (verdict instanceof HistoryError && this.raise(verdict)) return
    const reason = reasonOf(verdict)
    if (this.#hindrance === undefined) this.#log.warn('the transparent log does not go on', { reason })
    this.#hindrance = reason
  }

  /** Gives whether it is a fault. The first stands. */
  raise(fault: HistoryError): boolean {
    if (NO_FAULTS.includes(fault.code)) return false
    if (this.#fault !== undefined) return true
    this.#fault = fault
    const { code, message, seq } = fault
    this.#log.error('the history of the message log is not what was signed: no message is taken', {
      code,
      reason: message,
      ...(seq === undefined ? {} : { record: seq }),
    })
    this.#onFault(fault)
    return true
  }
}
