// Calls into a thread of this server and their answers, one after another. The far end is answer-calls.ts.
import { Worker } from 'node:worker_threads'
import type { Answer, Call, CallFailure, Operations } from './answer-calls.ts'

export interface ThreadOptions {
  /** What the thread finds as `workerData`. */
  readonly data?: unknown
  /** How a failure is told; what got no answer, because the thread died, may have been done. */
  readonly toError: (failure: CallFailure) => Error
  /** Called once when the thread is gone or no longer to be trusted; not after `end`. */
  readonly onDeath?: (reason: string) => void
}

/** The near end of one thread, which lives until it is ended or dies. */
export class ThreadCalls<O extends Operations> {
  readonly #worker: Worker
  readonly #options: ThreadOptions
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (reason: Error) => void }>()
  #next = 1
  #dead: string | undefined
  #ending = false

  constructor(entry: URL, options: ThreadOptions) {
    this.#options = options
    this.#worker = new Worker(entry, { workerData: options.data })
    this.#worker.on('message', (answer: Answer) => this.#take(answer))
    this.#worker.on('error', (error) => this.#die(`a thread failed: ${(error as Error).message}`))
    this.#worker.on('exit', (code) => this.#die(`a thread ended (code ${code})`))
    this.#worker.unref()
  }

  /** Rejects with what `toError` makes of the failure. */
  call<K extends keyof O & string>(operation: K, argument: Parameters<O[K]>[0]): Promise<Awaited<ReturnType<O[K]>>> {
    if (this.#dead !== undefined) return Promise.reject(this.#gone(this.#dead, false))
    return new Promise((resolve, reject) => {
      const id = this.#next++
      this.#waiting.set(id, { resolve, reject })
      // While somebody waits for an answer the process must live for it, and only then.
      this.#worker.ref()
      this.#worker.postMessage({ id, operation, argument } satisfies Call)
    })
  }

  /** Ends the thread where it stands; what must be finished is awaited before. */
  async end(): Promise<void> {
    this.#ending = true
    await this.#worker.terminate()
  }

  #take(answer: Answer): void {
    const call = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if ('result' in answer) {
      call?.resolve(answer.result as never)
      return
    }
    const { failure } = answer
    call?.reject(this.#options.toError(failure))
    if (!failure.fatal) return
    this.#die(failure.message)
    void this.#worker.terminate()
  }

  #die(reason: string): void {
    if (this.#dead !== undefined) return
    this.#dead = reason
    for (const call of this.#waiting.values()) call.reject(this.#gone(reason, true))
    this.#waiting.clear()
    if (!this.#ending) this.#options.onDeath?.(reason)
  }

  #gone(message: string, mayRemain: boolean): Error {
    return this.#options.toError({ message, mayRemain, fatal: true })
  }
}

/** The entry of a thread beside the file that starts it; both are `.ts` in a checkout and `.js` in the published package. */
export function threadBeside(meta: ImportMeta, name: string): URL {
  return new URL(`./${name}${meta.filename.slice(meta.filename.lastIndexOf('.'))}`, meta.url)
}
