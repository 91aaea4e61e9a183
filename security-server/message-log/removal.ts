// Records that the log forgets, because they are kept elsewhere. In this order, each step done again where a crash cut it off:
//
//   give up            durable: nobody reads them from here on. A crash leaves them there, unread; the next start goes on
//   bodies             their files, then the names made durable: a file that came back would never be swept
//   records            rows, oldest first, some thousands in a transaction; then the runs of the index of terms, and time-stamps that
//                      nothing needs
//   segments           those that hold nothing else; with them the salts, without which no proof can be made any more
import { type Log, reasonOf } from '#host'
import type { Bodies } from './bodies.ts'
import type { RemovalStore } from './log-store.ts'

const FILES = 1000
/** Holds up the index for some tens of milliseconds. */
const RECORDS = 5000

export interface RemovalParts {
  readonly store: RemovalStore
  readonly bodies: Bodies
  readonly log: Log
}

export class Removal {
  readonly #parts: RemovalParts
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(parts: RemovalParts) {
    this.#parts = parts
  }

  /** Finishes what the last run began. */
  resume(): void {
    this.#next(() => this.#finish()).catch((error) =>
      this.#parts.log.warn('records that were given up could not be removed; the next start tries again', {
        reason: reasonOf(error),
      }),
    )
  }

  /** Rejects with LogError. */
  upTo(seq: number): Promise<void> {
    return this.#next(async () => {
      await this.#parts.store.giveUp(seq)
      await this.#finish()
    })
  }

  /** Resolves when nothing is being removed; the next start finishes it. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running.catch(() => undefined)
  }

  #next(work: () => Promise<void>): Promise<void> {
    const before = this.#running.catch(() => undefined)
    this.#running = before.then(work)
    return this.#running
  }

  async #finish(): Promise<void> {
    const { store, bodies } = this.#parts
    for (let after = 0; !this.#stopped; ) {
      const page = await store.givenUpFiles(after, FILES)
      const last = page.at(-1)
      if (last === undefined) break
      await bodies.forget(page.map(({ file }) => file))
      after = last.seq
    }
    while (!this.#stopped && (await store.forget(RECORDS)) > 0);
    while (!this.#stopped && (await store.forgetRest()));
  }
}
