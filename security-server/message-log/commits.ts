// Group commit: while one group of records is written, the next gathers here.
import { setTimeout as sleep } from 'node:timers/promises'
import { LogError } from './error.ts'
import type { Layout } from './frame.ts'
import type { GroupWriter, LogFacts } from './log-store.ts'

/** One group: what a commit takes without making those behind it wait long. */
const GROUP_RECORDS = 512
const GROUP_BYTES = 16 * 1024 * 1024
/** What may wait in memory; beyond it messages are refused. */
const WAITING_RECORDS = 65_536
const WAITING_BYTES = 256 * 1024 * 1024
/**
 * From the beginning of one commit to the next. A record that comes after a pause is committed at once; under load the
 * commits, which cost the same for one record as for many (50 µs of CPU), become fewer.
 */
const PACE_MS = 2

interface Waiting {
  readonly layout: Layout
  readonly resolve: (seq: number) => void
  readonly reject: (reason: unknown) => void
}

export class Commits {
  readonly #writer: GroupWriter
  /** Owned by append and #commit; in the order of arrival, which becomes the order of numbers. */
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #committing: Promise<void> | undefined
  #lastBegun = Number.NEGATIVE_INFINITY

  constructor(writer: GroupWriter) {
    this.#writer = writer
  }

  /** Resolves with the record's number once its group is durable. Rejects with LogError. */
  append(layout: Layout): Promise<number> {
    if (this.#waiting.length >= WAITING_RECORDS || this.#waitingBytes + layout.length > WAITING_BYTES)
      return Promise.reject(
        new LogError(
          'overloaded',
          'The message log has more to write than it can hold; the disk is too slow for this load',
        ),
      )
    return new Promise((resolve, reject) => {
      this.#waiting.push({ layout, resolve, reject })
      this.#waitingBytes += layout.length
      this.#committing ??= this.#commit()
    })
  }

  /** Makes room for a record, between two groups. Rejects with LogError where there is none. */
  async makeRoom(): Promise<LogFacts | undefined> {
    while (this.#committing !== undefined) await this.#committing
    const making = this.#writer.makeRoom()
    // Records that come meanwhile wait for it.
    const over = () => this.#commit()
    this.#committing = making.then(over, over)
    return await making
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    await this.#committing
  }

  async #commit(): Promise<void> {
    // One turn of the event loop's microtasks: records appended together are committed together.
    await undefined
    while (this.#waiting.length > 0) {
      const early = this.#lastBegun + PACE_MS - performance.now()
      if (early > 0) await sleep(early)
      this.#lastBegun = performance.now()
      const group = this.#takeGroup()
      try {
        const first = await this.#writer.append(group.map(({ layout }) => layout))
        group.forEach((waiting, index) => {
          waiting.resolve(first + index)
        })
      } catch (error) {
        for (const waiting of group) waiting.reject(error)
      }
    }
    this.#committing = undefined
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { layout } of this.#waiting) {
      if (count > 0 && (count === GROUP_RECORDS || bytes + layout.length > GROUP_BYTES)) break
      bytes += layout.length
      count += 1
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }
}
