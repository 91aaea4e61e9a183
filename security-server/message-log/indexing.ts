// The index follows the log: records are durable first and entered many at a time, by the writer's thread.
import { LogError } from './error.ts'
import type { LogThread } from './log-thread.ts'
import { runOf } from './search/runs.ts'
import type { WriterOperations } from './writer-operations.ts'

/** Whichever comes first. */
const BEHIND_RECORDS = 1000
const BEHIND_MS = 250
/** Beyond it the index, which has no room or a slow disk, holds messages up. */
const TOO_FAR_BEHIND_RECORDS = 65_536

export class Indexing {
  readonly #writer: LogThread<WriterOperations>
  /** Called for each attempt that failed and that nobody waited for. */
  onFailure: (error: Error, again: boolean) => void = () => {}
  /** What the last attempt failed with. */
  failure: string | undefined
  /** The last record that is durable, and the last that is in the index. */
  #durable: number
  #indexed: number
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  /** The run of the next record, when runs were made last. */
  #run = -1

  constructor(writer: LogThread<WriterOperations>, lastSeq: number) {
    this.#writer = writer
    this.#durable = lastSeq
    this.#indexed = lastSeq
  }

  /** Why no record may be taken now. */
  refusal(): LogError | undefined {
    if (this.#durable - this.#indexed < TOO_FAR_BEHIND_RECORDS) return undefined
    return new LogError('overloaded', 'The index of the message log is too far behind the log')
  }

  /** Takes note of a durable record. */
  added(seq: number): void {
    this.#durable = Math.max(this.#durable, seq)
    this.#plan()
  }

  /** Resolves when all that is durable now can be found. Rejects with LogError. */
  async settle(): Promise<void> {
    const wanted = this.#durable
    while (this.#indexed < wanted) await this.#enterAll()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #plan(): void {
    const behind = this.#durable - this.#indexed
    if (this.#running !== undefined || behind === 0) return
    if (behind >= BEHIND_RECORDS) this.#begin()
    else this.#timer ??= setTimeout(() => this.#begin(), BEHIND_MS)
  }

  /** After a failure the next record, or whoever settles, tries again. */
  #begin(): void {
    const again = this.failure !== undefined
    this.#enterAll().then(
      () => this.#plan(),
      (error: Error) => this.onFailure(error, again),
    )
  }

  #enterAll(): Promise<void> {
    this.#running ??= this.#enter().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #enter(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const upTo = this.#durable
    try {
      await this.#writer.call('index', upTo)
    } catch (error) {
      this.failure = (error as Error).message
      throw error
    }
    this.failure = undefined
    this.#indexed = upTo
    if (runOf(upTo + 1) > this.#run) void this.#makeRuns(runOf(upTo + 1))
  }

  /** One after another, each between what else the writer has to do. Searches look through what has no run yet. */
  async #makeRuns(next: number): Promise<void> {
    const before = this.#run
    this.#run = next
    try {
      while (await this.#writer.call('makeRun', undefined));
    } catch (error) {
      this.#run = before
      this.onFailure(error as Error, this.failure !== undefined)
    }
  }
}
