// A thread of the message log. Whichever of them ends, nothing is logged any more: there is no half a log.
import type { CallFailure, Operations } from '../threads/answer-calls.ts'
import { ThreadCalls } from '../threads/thread-calls.ts'
import { LogError, type LogErrorCode } from './error.ts'

/** Rejects with LogError; `mayRemain` says whether the work may have been done all the same. */
export type LogThread<O extends Operations> = ThreadCalls<O>

/** @param onDeath Called once when the thread is gone or no longer to be trusted; not after its `end`. */
export function startThread<O extends Operations>(entry: URL, onDeath: (reason: string) => void): LogThread<O> {
  return new ThreadCalls<O>(entry, { toError, onDeath })
}

/** Codes of our own cross as they are; all else is a write, or a thread, that failed. */
function toError({ message, code, mayRemain, fatal }: CallFailure): LogError {
  const known = code !== undefined && /^[a-z_]+$/.test(code) ? (code as LogErrorCode) : undefined
  return new LogError(known ?? (fatal ? 'store_broken' : 'store_failed'), message, { mayRemain })
}
