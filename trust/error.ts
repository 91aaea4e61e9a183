export type TrustCode =
  | 'malformed_der'
  | 'malformed_pem'
  | 'malformed_certificate'
  | 'malformed_request'
  | 'unsupported_algorithm'
  | 'weak_key'
  | 'cannot_create_cert_path'
  | 'invalid_cert_path'
  | 'incorrect_certificate'
  | 'incorrect_validation_info'
  | 'cert_validation'
  | 'malformed_ocsp'
  | 'malformed_timestamp'
  | 'timestamp_invalid'

/** What this room refuses, and why. The codes of certificate and OCSP verdicts are X-Road's sub-codes (wire-message §6.3). */
export class TrustError extends Error {
  override readonly name = 'TrustError'
  readonly code: TrustCode

  constructor(code: TrustCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
