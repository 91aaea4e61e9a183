// Calls into the store's thread. It is started by the first call and ends when nothing was asked for a while: a server without
// traffic pays nothing for it (33 MB here).
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads'
import { reasonOf, type StorePlace } from '#host'
import { type StoreOperations, storeOperations } from './store-operations.ts'

type Name = keyof StoreOperations

interface Call {
  readonly id: number
  readonly name: Name
  readonly argument: unknown
}

type Answer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly failure: string }

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (reason: Error) => void
}

/** The near end. */
export class ThreadCalls {
  readonly #place: StorePlace
  readonly #idleMs: number
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #ended: Promise<void> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined
  #next = 1

  /** @param idleMs The thread ends when it has had nothing to do for so long. */
  constructor(place: StorePlace, idleMs: number) {
    this.#place = place
    this.#idleMs = idleMs
  }

  get running(): boolean {
    return this.#worker !== undefined
  }

  /** Rejects with an Error that says why; what was asked for may then have been done all the same. */
  async call<K extends Name>(
    name: K,
    argument: Parameters<StoreOperations[K]>[0],
  ): Promise<Awaited<ReturnType<StoreOperations[K]>>> {
    clearTimeout(this.#idle)
    // Two threads at one store would wait for each other's locks.
    if (this.#worker === undefined) await this.#ended
    const worker = this.#worker ?? this.#start()
    const answer = Promise.withResolvers<Awaited<ReturnType<StoreOperations[K]>>>()
    const id = this.#next++
    this.#waiting.set(id, answer)
    // While somebody waits for an answer the process must live for it, and only then.
    worker.ref()
    worker.postMessage({ id, name, argument } satisfies Call)
    return await answer.promise
  }

  /** Ends the thread; what was asked before is answered first. */
  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    worker?.ref()
    worker?.postMessage('close')
    await this.#ended
  }

  #start(): Worker {
    const worker = new Worker(entry(), { workerData: this.#place })
    this.#worker = worker
    this.#ended = new Promise((resolve) => {
      const gone = (reason: string) => {
        if (this.#worker === worker) this.#worker = undefined
        for (const { reject } of this.#waiting.values()) reject(new Error(reason))
        this.#waiting.clear()
        resolve()
      }
      worker.once('error', (error) => gone(`the store of operational data failed: ${reasonOf(error)}`))
      worker.once('exit', () => gone('the thread of the store of operational data ended'))
    })
    worker.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ('failure' in answer) waiting?.reject(new Error(answer.failure))
      else waiting?.resolve(answer.result as never)
      if (this.#waiting.size === 0) this.#rest()
    })
    return worker
  }

  #rest(): void {
    this.#worker?.unref()
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.close(), this.#idleMs)
    this.#idle.unref()
  }
}

/** Beside this file; `.ts` in a checkout and `.js` in the published package. */
function entry(): URL {
  const extension = import.meta.filename.slice(import.meta.filename.lastIndexOf('.'))
  return new URL(`./store-thread${extension}`, import.meta.url)
}

/** The far end: one call after another, in the order in which they came. */
export function answerCalls(): void {
  const port = parentPort as MessagePort
  const operations = storeOperations(workerData as StorePlace)
  let last: Promise<void> = Promise.resolve()
  port.on('message', (message: Call | 'close') => {
    last = last.then(async () => {
      if (message === 'close') {
        await operations.close()
        port.close()
        return
      }
      try {
        const run = operations[message.name] as (argument: unknown) => Promise<unknown>
        port.postMessage({ id: message.id, result: await run(message.argument) } satisfies Answer)
      } catch (error) {
        port.postMessage({ id: message.id, failure: reasonOf(error) } satisfies Answer)
      }
    })
  })
}
