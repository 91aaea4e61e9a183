/**
 * Why a comparison is not made. `invalid_terms`: what is to be compared cannot be. `not_sealed_yet`: the own log has messages that no checkpoint
 * (witnessed, where there are witnesses) has; soon it will. `log_damaged`: a message that is to be shown is not what was logged. `busy`: as many
 * comparisons are under way as may be. `unknown_run`, `wrong_step`: there is none of that name, or it is not as far. `not_offered`: the other
 * side does not compare. `refused`: it said why not. `unreachable`: it cannot be asked, or stopped to answer. `broken`: what it says is not of the
 * format. `interrupted`: the server stopped.
 */
export type ReconciliationCode =
  | 'invalid_terms'
  | 'not_sealed_yet'
  | 'log_damaged'
  | 'busy'
  | 'unknown_run'
  | 'wrong_step'
  | 'not_offered'
  | 'refused'
  | 'unreachable'
  | 'broken'
  | 'interrupted'

export class ReconciliationError extends Error {
  override readonly name = 'ReconciliationError'
  readonly code: ReconciliationCode

  constructor(code: ReconciliationCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
