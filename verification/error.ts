/**
 * What an auditor brings and what cannot be used. `malformed_pinned`: a pinned list. `malformed_configuration`: a configuration, signed or
 * not, or an anchor; also one that nobody signed whom the anchor names. What is wrong with evidence is no error but its report.
 */
export type VerificationCode = 'malformed_pinned' | 'malformed_configuration'

export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  readonly code: VerificationCode

  constructor(code: VerificationCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
