/** What the authorities refuse, by kind. `request` and `lint` are the asker's to mend, the rest ours. */
export type PkiErrorCode =
  | 'invalid_request'
  | 'lint_refused'
  | 'key_already_certified'
  | 'unknown_certificate'
  | 'token_spent'
  | 'not_ready'
  | 'signature_mismatch'
  | 'clock_went_back'

/** The room's only error class. The message is for people and names what to mend; code is for programs. */
export class PkiError extends Error {
  override readonly name = 'PkiError'
  readonly code: PkiErrorCode

  constructor(code: PkiErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
