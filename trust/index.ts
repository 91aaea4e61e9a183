// The door of `trust`: parse, build, judge. Bytes in, values out; time comes as an argument.
export * from './algorithms.ts'
export { decodeBase64, encodeBase64 } from './base64.ts'
export { type Certificate, isAuthenticationCertificate, isSigningCertificate, parseCertificate } from './certificate.ts'
export {
  checkKey,
  digest,
  equalBytes,
  type Hasher,
  hasher,
  type KeyObject,
  publicKeyFromSpki,
  verifySignature,
} from './crypto.ts'
export { Der, readDer } from './der.ts'
export { write } from './der-writer.ts'
export { derToRawEcdsa, rawToDerEcdsa } from './ecdsa.ts'
export { type TrustCode, TrustError } from './error.ts'
export { KEY_USAGES, type KeyUsage } from './extensions.ts'
export { type Name, type NameAttribute, readName, writeName } from './name.ts'
export * from './ocsp.ts'
export * from './ocsp-writer.ts'
export { oids } from './oids.ts'
export { issued, verifyPath } from './path.ts'
export { pem, unpem } from './pem.ts'
export { buildRequest, type CertificateRequest, parseRequest, type RequestInput } from './request.ts'
export { readSignatureIdentifier, writeSignatureIdentifier } from './signature-identifier.ts'
export * from './timestamp.ts'
export * from './timestamp-writer.ts'
