/**
 * Codes of what this room refuses where it does not know on which side of an exchange it stands. The caller knows, and
 * makes an `XRoadFault` of it (`prefixed`), which keeps the code where X-Road has one of that name.
 */
export type ProtocolCode =
  | 'invalid_xml'
  | 'invalid_soap'
  | 'invalid_soap_action'
  | 'invalid_protocol_version'
  | 'missing_header'
  | 'missing_header_field'
  | 'duplicate_header_field'
  | 'missing_body'
  | 'invalid_body'
  | 'inconsistent_headers'
  | 'invalid_identifier'
  | 'incorrect_certificate'
  | 'invalid_content_type'
  | 'invalid_message'
  | 'mime_parsing_failed'
  /** What came ended before it was complete. */
  | 'io_error'
  | 'invalid_endpoint'
  | 'malformed_configuration'
  | 'invalid_configuration_signature'
  /** Signed by a key that nothing lists: neither the anchor nor the sources of the copy at hand. */
  | 'unknown_configuration_signer'
  | 'expired_configuration'

/** What this room refuses, and why. `message` is for people, `code` for programs and tests. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: ProtocolCode

  constructor(code: ProtocolCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
