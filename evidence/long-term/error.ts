/**
 * What keeps a piece of evidence from lasting, or from being shown to last.
 *
 * - `malformed_evidence_record` an evidence record, or its manifest, that cannot be read
 * - `malformed_timestamps` time-stamps in a signature that stand where, or as, they may not
 * - `wrong_imprint` a time-stamp, or an evidence record, over something else
 * - `timestamp_invalid` one whose authority is not believed
 * - `out_of_order` one that is older than what it renews
 * - `renewed_late` one that was made when what it renews stood no longer
 * - `not_believed` a container that is not valid to begin with
 * - `not_conforming` a signature that no conforming container can be made of
 * - `too_late` a signature whose certificate had ended, or was revoked, before it was time-stamped
 */
export type LongTermCode =
  | 'malformed_evidence_record'
  | 'malformed_timestamps'
  | 'wrong_imprint'
  | 'timestamp_invalid'
  | 'out_of_order'
  | 'renewed_late'
  | 'not_believed'
  | 'not_conforming'
  | 'too_late'

export class LongTermError extends Error {
  override readonly name = 'LongTermError'
  readonly code: LongTermCode

  constructor(code: LongTermCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
