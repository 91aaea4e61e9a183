// Why an auditor gets no answer. The codes are those of the API (openapi.yaml), beside those of the message log and the transparent log.

export type AuditorErrorCode =
  /** No token and no certificate that the file of auditors knows, or one that is no longer valid. */
  | 'unauthenticated'
  /** What was said in messages, for one who may see facts only. */
  | 'content_forbidden'
  | 'not_found'
  | 'method_not_allowed'
  /** Too many questions of this auditor are being answered. */
  | 'too_many_requests'

export class AuditorError extends Error {
  override readonly name = 'AuditorError'
  readonly code: AuditorErrorCode

  constructor(code: AuditorErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
