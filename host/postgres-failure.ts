// What PostgreSQL and the way to it say when something fails, in the words of this house.
import { HostError, type HostErrorCode, reasonOf } from './error.ts'

export interface Failure {
  /** A HostError where the store as a whole is meant; else the database's own word on the query. */
  readonly error: Error
  /** The connection can no longer be used: what it had not committed is undone, and a COMMIT under way may be either. */
  readonly lost: boolean
}

/** By SQLSTATE, the longest that fits first. */
const STATES: readonly (readonly [state: string, code: HostErrorCode, lost: boolean])[] = [
  // The server goes down, comes up, or has ended this session.
  ['08', 'store_unreachable', true],
  ['57P', 'store_unreachable', true],
  ['25P03', 'store_unreachable', true],
  // Become a standby under us.
  ['25006', 'store_unreachable', true],
  // Too many connections, no room on its disk, no memory: a later try may find some.
  ['53', 'store_unreachable', false],
  // Longer than a statement may take here, or than another's lock is waited for.
  ['57014', 'store_busy', false],
  ['55P03', 'store_busy', false],
  // Another transaction came between: this one is undone, and may be tried again.
  ['40', 'store_busy', false],
  // Who we are, which database, what we may.
  ['28', 'store_unusable', true],
  ['3D', 'store_unusable', true],
  ['42501', 'store_unusable', false],
]

/** @param where The database, for people. */
export function postgresFailure(cause: unknown, where: string): Failure {
  if (cause instanceof HostError) return { error: cause, lost: true }
  // Of a value that we cannot say.
  if (cause instanceof RangeError) return { error: cause, lost: false }
  const { code, severity } = cause as { code?: unknown; severity?: unknown }
  // Without a severity it is no answer of the server: the socket's own error, or the driver's about it.
  if (typeof severity !== 'string') return { error: hostError('store_unreachable', where, cause), lost: true }
  const found = STATES.find(([state]) => typeof code === 'string' && code.startsWith(state))
  const lost = (found?.[2] ?? false) || severity === 'FATAL' || severity === 'PANIC'
  if (found !== undefined) return { error: hostError(found[1], where, cause), lost }
  return lost ? { error: hostError('store_unreachable', where, cause), lost } : { error: cause as Error, lost }
}

const WORDS: Partial<Record<HostErrorCode, string>> = {
  store_unreachable: 'does not answer',
  store_busy: 'is held by another transaction',
  store_unusable: 'cannot be used',
}

function hostError(code: HostErrorCode, where: string, cause: unknown): HostError {
  return new HostError(code, `the database ${where} ${WORDS[code]}: ${reasonOf(cause)}`, { cause })
}
