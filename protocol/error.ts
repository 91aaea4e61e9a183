/**
 * Codes of what this room refuses when there is no fault code for it yet: the caller knows on which side it stands and
 * makes an {@link XRoadFault} of it (`prefixed`). Identifier, certificate and XML codes are X-Road's own words.
 */
export type ProtocolCode =
  | 'invalid_xml'
  | 'invalid_identifier'
  | 'incorrect_certificate'
  | 'invalid_content_type'
  | 'invalid_message'
  | 'mime_parsing_failed'
  | 'malformed_configuration'
  | 'invalid_configuration_signature'
  | 'expired_configuration'
  | 'invalid_endpoint'

/** What this room refuses, and why. `message` is for people, `code` for programs and tests. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: ProtocolCode

  constructor(code: ProtocolCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
