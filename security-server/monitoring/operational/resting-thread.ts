// The store's thread, started by the first call and ended when nothing was asked for a while: a server without traffic pays nothing for
// it (33 MB here).
import type { StorePlace } from '#host'
import { ThreadCalls, threadBeside } from '../../threads/thread-calls.ts'
import type { StoreOperations } from './store-operations.ts'

export class RestingThread {
  readonly #place: StorePlace
  readonly #idleMs: number
  #thread: ThreadCalls<StoreOperations> | undefined
  /** Two threads at one store would wait for each other's locks. */
  #ended: Promise<void> = Promise.resolve()
  #asked = 0
  #idle: NodeJS.Timeout | undefined

  /** @param idleMs The thread ends when it has had nothing to do for so long. */
  constructor(place: StorePlace, idleMs: number) {
    this.#place = place
    this.#idleMs = idleMs
  }

  /** Rejects with an Error that says why; what was asked for may then have been done all the same. */
  async call<K extends keyof StoreOperations>(
    name: K,
    argument: Parameters<StoreOperations[K]>[0],
  ): Promise<Awaited<ReturnType<StoreOperations[K]>>> {
    clearTimeout(this.#idle)
    this.#asked += 1
    try {
      await this.#ended
      this.#thread ??= this.#start()
      return await this.#thread.call(name, argument)
    } finally {
      this.#asked -= 1
      if (this.#asked === 0) this.#rest()
    }
  }

  /** Ends the thread; what was asked before is answered first. */
  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const thread = this.#thread
    this.#thread = undefined
    if (thread !== undefined)
      this.#ended = thread
        .call('close', undefined)
        .catch(() => {})
        .then(() => thread.end())
    await this.#ended
  }

  #start(): ThreadCalls<StoreOperations> {
    const thread = new ThreadCalls<StoreOperations>(threadBeside(import.meta, 'store-thread'), {
      data: this.#place,
      toError: ({ message }) => new Error(`the store of operational data failed: ${message}`),
      onDeath: () => {
        if (this.#thread === thread) this.#thread = undefined
      },
    })
    return thread
  }

  #rest(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.close(), this.#idleMs)
    this.#idle.unref()
  }
}
