// The door of `trust`: parse, build, judge. Bytes in, values out; time comes as an argument.
export {
  CURVES,
  type DigestAlgorithm,
  type DigestName,
  type DigestUse,
  digestByOid,
  digestByUri,
  digestInfo,
  digestNamed,
  MAXIMUM_RSA_BITS,
  MINIMUM_RSA_BITS,
  type SignatureAlgorithm,
  signatureByOid,
  signatureByUri,
  signatureFor,
  signatureNamed,
} from './algorithms.ts'
export { decodeBase64, encodeBase64 } from './base64.ts'
export { Cache } from './cache.ts'
export { type Certificate, isAuthenticationCertificate, isSigningCertificate, parseCertificate } from './certificate.ts'
export { buildSignedData, type SignedDataInput } from './cms-writer.ts'
export {
  checkKey,
  digest,
  equalBytes,
  type Hasher,
  hasher,
  hmac,
  type KeyObject,
  NOTE_ALGORITHMS,
  type NoteAlgorithm,
  notePublicKey,
  publicKeyFromSpki,
  verifyNoteSignature,
  verifySignature,
} from './crypto.ts'
export { Der, readDer } from './der.ts'
export { write } from './der-writer.ts'
export { derToRawEcdsa, rawToDerEcdsa } from './ecdsa.ts'
export { type TrustCode, TrustError } from './error.ts'
export { KEY_USAGES, type KeyUsage } from './extensions.ts'
export { type Name, type NameAttribute, readName, writeName } from './name.ts'
export {
  judgeOcsp,
  type OcspResponse,
  type OcspStatus,
  type OcspTrust,
  type OcspVerdict,
  parseOcspResponse,
} from './ocsp.ts'
export { certId, certIdMatches } from './ocsp-cert-id.ts'
export {
  buildOcspRequest,
  buildOcspResponse,
  type OcspAnswer,
  type OcspRequest,
  type OcspResponseInput,
  ocspErrorResponse,
  parseOcspRequest,
} from './ocsp-writer.ts'
export { oids } from './oids.ts'
export { issued, verifyPath } from './path.ts'
export { pem, unpem } from './pem.ts'
export { buildRequest, parseRequest, type RequestInput } from './request.ts'
export { readSignatureIdentifier, writeSignatureIdentifier } from './signature-identifier.ts'
export {
  buildTimestampRequest,
  parseTimestampResponse,
  parseTimestampToken,
  type TimestampRequestInput,
  type TimestampToken,
  verifyTimestampToken,
  withTsaCertificate,
} from './timestamp.ts'
export {
  buildTimestampResponse,
  parseTimestampRequest,
  type TimestampRequest,
  timestampRejection,
} from './timestamp-writer.ts'
