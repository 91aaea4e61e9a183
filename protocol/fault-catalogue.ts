// The catalogue of fault codes: what X-Road calls the things that go wrong on the way of a message (wire-client §7.2,
// wire-message §6). docs/errors.md is this table for people; a test holds the two together, both ways.
// A code that has been given out keeps its meaning for ever; a retired one stays listed here and is not used again.

export interface FaultMeaning {
  /** One sentence for the one who reads the code in an answer. */
  readonly meaning: string
  /** How servers up to 7.7 spell it. Two codes are newer; theirs is the older code that stood for the same thing. */
  readonly legacy: string
}

export const FAULTS = {
  // What the information system or the peer sent
  invalid_http_method: entry('InvalidHttpMethod', 'The HTTP method must be POST.'),
  invalid_content_type: entry(
    'InvalidContentType',
    'The Content-Type of a message or of one of its parts is missing, wrong or in the wrong place.',
  ),
  invalid_soap_action: entry('InvalidSoapAction', 'SOAPAction is neither empty nor a quoted URI.'),
  invalid_soap: entry(
    'InvalidSoap',
    'Not a SOAP 1.1 envelope, or XML that is not read: malformed, with a DOCTYPE, in another encoding, beyond the limits.',
  ),
  invalid_xml: entry(
    'InvalidXml',
    'XML that is not read outside of SOAP; in a SOAP header an identifier without its objectType, or an element where a text is due.',
  ),
  invalid_protocol_version: entry('InvalidProtocolVersion', 'The SOAP protocol version is not 4.x.'),
  missing_soap: entry('MissingSoap', 'The SOAP message is missing.'),
  missing_header: entry('MissingHeader', 'The SOAP header is missing.'),
  missing_header_field: entry('MissingHeaderField', 'A required element of the SOAP header is missing.'),
  duplicate_header_field: entry('DuplicateHeaderField', 'An element of the SOAP header is repeated.'),
  missing_body: entry('MissingBody', 'The SOAP body is missing.'),
  invalid_body: entry('InvalidBody', 'There is not exactly one SOAP body with exactly one child element.'),
  inconsistent_headers: entry(
    'InconsistentHeaders',
    'The wrapper element of the SOAP body does not fit the service code.',
  ),
  mime_parsing_failed: entry('MimeParsingFailed', 'A multipart message is broken: delimiter, header syntax or limits.'),
  missing_rest: entry('MissingRest', 'The REST message part is missing.'),
  missing_signature: entry('MissingSignature', 'The signature part is missing.'),
  invalid_message: entry(
    'InvalidMessage',
    'The parts of a message are not what they must be: something after the signature, too large, or no fault where one was due.',
  ),
  invalid_request: entry('InvalidRequest', 'The parameters of a metaservice or monitoring request are wrong.'),
  bad_request: entry('BadRequest', 'The query of a download is incomplete or wrong.'),
  not_found: entry('NotFound', 'Nothing is logged under that query id for that client.'),

  // Who may speak, and to whom
  invalid_client_identifier: entry('InvalidClientIdentifier', 'X-Road-Client is missing or repeated.'),
  unknown_member: entry(
    'UnknownMember',
    'The client or the provider is not registered on this security server, or no security server is known for the provider.',
  ),
  invalid_security_server: entry(
    'InvalidSecurityServer',
    'The security server named in the request does not serve the provider.',
  ),
  maintenance_mode: entry('MaintenanceMode', 'All security servers that could answer are in maintenance.'),
  ssl_authentication_failed: entry(
    'SslAuthenticationFailed',
    'The TLS connection does not satisfy: no certificate, one that is not registered, not valid or revoked, or the wrong connection type.',
  ),
  client_proxy_version_not_supported: entry(
    'ClientProxyVersionNotSupported',
    "The consumer's security server is older than the provider's accepts.",
  ),
  unknown_service: entry('UnknownService', 'The provider has no service of that code.'),
  service_type: entry('ServiceType', 'A REST service was called by SOAP, or the reverse.'),
  access_denied: entry(
    'AccessDenied',
    'The client has no right to that service, method and path, or the path is not one that can be matched safely.',
  ),
  service_disabled: entry('ServiceDisabled', 'The provider has disabled the service; the text has its notice.'),
  service_missing_url: entry('ServiceMissingUrl', 'The service has no address.'),
  service_malformed_url: entry('ServiceMalformedUrl', 'The address of the service is not a URL.'),

  // What could not be done
  service_failed: entry(
    'ServiceFailed',
    'A prefix: what follows happened while the other side’s message was read or the service was called.',
  ),
  network_error: entry('NetworkError', 'No connection to the security server of the provider, or to the service.'),
  unknown_host: entry('NetworkError', 'The host name of the service does not resolve.'),
  io_error: entry('IOError', 'A connection stalled, timed out or was cut in the middle of a message.'),
  http_error: entry(
    'HttpError',
    'The other side did not answer in HTTP, or with a status that is not part of the protocol.',
  ),
  inconsistent_response: entry(
    'InconsistentResponse',
    'The response does not belong to the request: identifiers or request hash differ.',
  ),
  global_conf_outdated: entry('OutdatedGlobalConf', 'The global configuration has expired or was never downloaded.'),
  malformed_server_conf: entry('MalformedServerConf', 'The configuration of the security server cannot be used.'),
  database_error: entry('DatabaseError', 'The store of the security server failed.'),
  internal_error: entry(
    'InternalError',
    'A malformed REST target or header, a malformed identifier, or an error inside a security server; its log has the cause under the id in detail.',
  ),

  // Signatures
  cannot_create_signature: entry(
    'CannotCreateSignature',
    'The message could not be signed: no usable key, certificate or OCSP answer, or the signer is locked.',
  ),
  hsm_non_operational: entry('HSMNonOperational', 'The hardware token of the signer does not work.'),
  signature_verification: entry(
    'SignatureVerification',
    'A prefix: the signature of a message was not accepted; what follows says why.',
  ),
  malformed_signature: entry(
    'MalformedSignature',
    'The signature is not the XAdES structure that it must be, or does not cover every part.',
  ),
  invalid_signature_value: entry('InvalidSignatureValue', 'The signature value or the digest of a part is wrong.'),
  incorrect_certificate: entry(
    'IncorrectCertificate',
    'The certificate is not one of the member that should have signed.',
  ),
  invalid_reference: entry('InvalidReference', 'A signature or hash chain refers to something that is not there.'),
  cannot_create_cert_path: entry('CannotCreateCertPath', 'No path from the certificate to an approved authority.'),
  invalid_cert_path: entry('InvalidCertPath', 'The certificate path is not valid.'),
  cert_validation: entry('CertValidation', 'The certificate is revoked or its status unknown.'),
  incorrect_validation_info: entry(
    'IncorrectValidationInfo',
    'The OCSP answer is missing, stale, or not by an authorised responder.',
  ),
  invalid_hash_chain: entry('InvalidHashChain', 'The hash chain does not lead to the signed value.'),
  malformed_hash_chain: entry('MalformedHashChain', 'The hash chain is not well-formed, lacks a step or has a cycle.'),
  hashchain_unused_inputs: entry('HashChainUnusedInputs', 'A part of the message is in no hash chain.'),
  invalid_hash_chain_ref: entry(
    'InvalidHashChainRef',
    'The digest of something that the hash chain refers to is wrong.',
  ),

  // Evidence
  logging_failed: entry('LoggingFailed', 'The message could not be logged, so it was not exchanged.'),
  timestamping_failed: entry('TimestampingFailed', 'Time-stamping has failed for longer than is acceptable.'),
  'mlog.no_timestamping_provider_found': entry('TimestampingFailed', 'No time-stamping authority is configured.'),
} as const satisfies Record<string, FaultMeaning>

export type FaultCode = keyof typeof FAULTS

function entry(legacy: string, meaning: string): FaultMeaning {
  return Object.freeze({ meaning, legacy })
}
