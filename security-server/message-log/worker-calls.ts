// Calls into a worker thread and their answers. A call that got no answer, because the thread died, may have been done.
import { type MessagePort, parentPort, type Transferable, Worker } from 'node:worker_threads'
import { LogError, type LogErrorCode } from './error.ts'

/** What a worker can be asked to do. One argument each; all that crosses is copied, or moved where `transfer` says so. */
export type Operations = Record<string, (argument: never) => unknown>

interface Call {
  readonly id: number
  readonly operation: string
  readonly argument: unknown
}

type Answer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly failure: Failure }

interface Failure {
  readonly message: string
  readonly code?: LogErrorCode
  readonly mayRemain: boolean
  readonly fatal: boolean
}

/** The near end: owned by the main thread. */
export class WorkerCalls<O extends Operations> {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (reason: LogError) => void }>()
  #next = 1
  #dead: string | undefined
  #ending = false

  /** @param onDeath Called once when the worker is gone or no longer to be trusted; not after `end`. */
  constructor(entry: URL, onDeath: (reason: string) => void) {
    this.#worker = new Worker(entry)
    const die = (reason: string) => {
      if (this.#dead !== undefined) return
      this.#dead = reason
      for (const call of this.#waiting.values()) call.reject(new LogError('store_broken', reason, { mayRemain: true }))
      this.#waiting.clear()
      if (!this.#ending) onDeath(reason)
    }
    this.#worker.on('message', (answer: Answer) => {
      const call = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ('result' in answer) return call?.resolve(answer.result as never)
      const { failure } = answer
      call?.reject(toError(failure))
      if (!failure.fatal) return
      die(failure.message)
      void this.#worker.terminate()
    })
    this.#worker.on('error', (error) => die(`a thread of the message log failed: ${(error as Error).message}`))
    this.#worker.on('exit', (code) => die(`a thread of the message log ended (code ${code})`))
  }

  /** Rejects with LogError; `mayRemain` says whether the work may have been done all the same. */
  call<K extends keyof O & string>(
    operation: K,
    argument: Parameters<O[K]>[0],
    transfer: readonly Transferable[] = [],
  ): Promise<Awaited<ReturnType<O[K]>>> {
    if (this.#dead !== undefined) return Promise.reject(new LogError('store_broken', this.#dead))
    return new Promise((resolve, reject) => {
      const id = this.#next++
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, operation, argument } satisfies Call, transfer)
    })
  }

  /** Ends the thread where it stands; what must be finished is awaited before. */
  async end(): Promise<void> {
    this.#ending = true
    await this.#worker.terminate()
  }
}

function toError(failure: Failure): LogError {
  const { message, mayRemain } = failure
  if (failure.code !== undefined) return new LogError(failure.code, message)
  return new LogError(failure.fatal ? 'store_broken' : 'store_failed', message, { mayRemain })
}

/** A worker beside the file that starts it; both are `.ts` in a checkout and `.js` in the published package. */
export function workerBeside(meta: ImportMeta, name: string): URL {
  return new URL(`./${name}${meta.filename.slice(meta.filename.lastIndexOf('.'))}`, meta.url)
}

/** The far end: answers calls one after another, in the order in which they came. */
export function answerCalls(operations: Operations): void {
  const port = parentPort as MessagePort
  port.on('message', (call: Call) => {
    try {
      const result = operations[call.operation]?.(call.argument as never)
      port.postMessage({ id: call.id, result } satisfies Answer)
    } catch (error) {
      port.postMessage({ id: call.id, failure: describe(error) } satisfies Answer)
    }
  })
}

/** Only a write says what it may have left behind, and whether it leaves the thread fit for another (store.ts). */
function describe(error: unknown): Failure {
  const { message, mayRemain = false, fatal = false } = error as Error & { mayRemain?: boolean; fatal?: boolean }
  return { message, mayRemain, fatal, ...(error instanceof LogError ? { code: error.code } : {}) }
}
