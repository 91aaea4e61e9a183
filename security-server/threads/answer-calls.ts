// The far end of thread-calls.ts, in the thread itself: operations run one after another, in the order in which they were asked for.
import { type MessagePort, parentPort } from 'node:worker_threads'

/** What a thread can be asked to do. One argument each; all that crosses is copied. */
export type Operations = Record<string, (argument: never) => unknown>

export interface Call {
  readonly id: number
  readonly operation: string
  readonly argument: unknown
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: CallFailure }

/** What is told of an error: these of its properties, where it has them. */
export interface CallFailure {
  readonly message: string
  readonly code?: string
  /** What was asked for may have been done all the same. */
  readonly mayRemain: boolean
  /** The thread is not fit for another call. */
  readonly fatal: boolean
}

export function answerCalls(operations: Operations): void {
  const port = parentPort as MessagePort
  let last: Promise<void> = Promise.resolve()
  port.on('message', (call: Call) => {
    last = last.then(async () => {
      let answer: Answer
      try {
        answer = { id: call.id, result: await operations[call.operation]?.(call.argument as never) }
      } catch (error) {
        answer = { id: call.id, failure: describe(error) }
      }
      port.postMessage(answer)
    })
  })
}

function describe(error: unknown): CallFailure {
  const { message, code, mayRemain = false, fatal = false } = error as Error & Partial<CallFailure>
  return { message, mayRemain, fatal, ...(typeof code === 'string' ? { code } : {}) }
}
