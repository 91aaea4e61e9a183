/**
 * X-Road's sub-codes of a failed verification (wire-message §5.5, §6.3, §8.1); after `signature_verification.` they go over the wire.
 * Ours alone, and only in reports on containers: `asic_malformed_zip`, `asic_attachment_not_found`, `timestamp_invalid`; on what a log proves:
 * `malformed_bundle`, `malformed_record`, `nobody_believed`.
 */
export type EvidenceCode =
  | 'invalid_xml'
  | 'malformed_signature'
  | 'malformed_signature.malformed_hash_chain'
  | 'malformed_signature.invalid_hash_chain'
  | 'malformed_signature.invalid_hash_chain_ref'
  | 'malformed_signature.invalid_reference'
  | 'malformed_signature.hashchain_unused_inputs'
  | 'invalid_signature_value'
  | 'incorrect_certificate'
  | 'cannot_create_cert_path'
  | 'invalid_cert_path'
  | 'invalid_cert_path.cert_validation'
  | 'invalid_cert_path.incorrect_validation_info'
  | 'asic_mime_type_not_found'
  | 'asic_invalid_mime_type'
  | 'asic_message_not_found'
  | 'asic_signature_not_found'
  | 'asic_hash_chain_result_not_found'
  | 'asic_hash_chain_not_found'
  | 'asic_timestamp_not_found'
  | 'asic_attachment_not_found'
  | 'asic_malformed_withheld'
  | 'asic_malformed_zip'
  | 'asic_withheld'
  | 'timestamp_invalid'
  | 'malformed_bundle'
  | 'malformed_record'
  | 'nobody_believed'

/** What is wrong with a piece of evidence. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError'
  readonly code: EvidenceCode

  constructor(code: EvidenceCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

export function malformedSignature(why: string): EvidenceError {
  return new EvidenceError('malformed_signature', `The signature is malformed: ${why}`)
}
