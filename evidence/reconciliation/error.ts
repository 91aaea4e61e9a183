/**
 * What is wrong with what a party says of its log. `malformed_statement`: it is not of the format. `other_run`: it is about something else than
 * was agreed. `wrong_values`: the list is not the one that the party had bound itself to. `wrong_proof`: what is shown does not lead to the
 * checkpoint, or is no exchange of these two in this time. `too_many`: more than is taken.
 */
export type StatementCode = 'malformed_statement' | 'other_run' | 'wrong_values' | 'wrong_proof' | 'too_many'

export class StatementError extends Error {
  override readonly name = 'StatementError'
  readonly code: StatementCode

  constructor(code: StatementCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
