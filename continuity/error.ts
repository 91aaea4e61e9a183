/**
 * What this room refuses. `malformed_…`: bytes of others that are not of the format. `misbound`: a blob, slot or key that was sealed for another
 * place. `erased`: the slot is gone, and with it the record. `wrong_share`, `too_few_shares`, `wrong_key`: an opening that does not give the key
 * of its ceremony. `unsigned_decree`, `stale_decree`, `wrong_epoch`: a decree that counts for nothing. `too_large`: beyond a bound.
 */
export type ContinuityCode =
  | 'malformed_change'
  | 'malformed_entry'
  | 'malformed_batch'
  | 'malformed_decree'
  | 'malformed_manifest'
  | 'malformed_share'
  | 'misbound'
  | 'erased'
  | 'wrong_share'
  | 'too_few_shares'
  | 'wrong_key'
  | 'unsigned_decree'
  | 'stale_decree'
  | 'wrong_epoch'
  | 'too_large'

export class ContinuityError extends Error {
  override readonly name = 'ContinuityError'
  readonly code: ContinuityCode

  constructor(code: ContinuityCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
