// CMS SignedData (RFC 5652 §5) as far as a time-stamp token needs it: one signer, signed attributes, the content inside.
import {
  type DigestAlgorithm,
  digestByOid,
  type SignatureAlgorithm,
  signatureByOid,
  signatureFor,
} from './algorithms.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { digest, equalBytes, verifySignature } from './crypto.ts'
import { type Der, optionalFields, readDer } from './der.ts'
import { TrustError } from './error.ts'
import { oids } from './oids.ts'
import { readSignatureIdentifier } from './signature-identifier.ts'

export interface SignedData {
  readonly contentType: string
  readonly content: Uint8Array
  readonly certificates: readonly Certificate[]
  readonly signer: SignerInfo
}

interface SignerInfo {
  readonly issuer: Uint8Array | undefined
  readonly serialNumber: bigint | undefined
  readonly keyIdentifier: Uint8Array | undefined
  readonly digest: DigestAlgorithm
  /** With the SET tag that is signed instead of the implicit one (RFC 5652 §5.4). */
  readonly signedAttributes: Uint8Array
  readonly attributes: ReadonlyMap<string, Der>
  readonly algorithm: Der
  readonly signature: Uint8Array
}

const MAX_CERTIFICATES = 16
const MAX_ATTRIBUTES = 64

/** A ContentInfo that holds SignedData. Throws TrustError `malformed_timestamp`. */
export function parseSignedData(der: Uint8Array): SignedData {
  const info = readDer(der)
  info.parts(0x30, 2, 2, 'ContentInfo')
  if (info.child(0).oid() !== oids.signedData) throw malformed('it is not signed data')
  const [, , encapsulated, ...rest] = info.child(1).only(0xa0, 'content').parts(0x30, 4, 6, 'SignedData')
  const signers = rest.pop()
  if (encapsulated === undefined || signers === undefined) throw malformed('it is incomplete')
  // crls [1] are not read.
  const optional = optionalFields(rest, [0xa0, 0xa1], 'SignedData')
  const infos = signers.expect(0x31, 'signer infos').children()
  const [only] = infos
  if (only === undefined || infos.length !== 1) throw malformed(`it has ${infos.length} signers, not one`)
  if (encapsulated.parts(0x30, 1, 2, 'EncapsulatedContentInfo').length !== 2)
    throw malformed('its content is not inside')
  const certificates = optional
    .get(0xa0)
    ?.parts(0xa0, 0, MAX_CERTIFICATES, 'certificates')
    .filter((one) => one.tag === 0x30)
    .map((one) => parseCertificate(one.raw))
  return {
    contentType: encapsulated.child(0).oid(),
    content: encapsulated.child(1).only(0xa0, 'content').octets(),
    certificates: certificates ?? [],
    signer: readSigner(only),
  }
}

function readSigner(info: Der): SignerInfo {
  // Unsigned attributes may follow; nothing here depends on them.
  const [, identifier, algorithm, attributes, signatureAlgorithm, signature] = info.parts(0x30, 5, 7, 'SignerInfo')
  if (!identifier || !algorithm || !attributes || !signatureAlgorithm || !signature)
    throw malformed('its signer info is incomplete')
  if (attributes.tag !== 0xa0) throw malformed('it has no signed attributes')
  const digestAlgorithm = digestByOid(algorithm.child(0).oid())
  if (digestAlgorithm === undefined || digestAlgorithm.name === 'SHA-1')
    throw malformed(`digest ${algorithm.child(0).oid()} is not accepted`)
  const signedAttributes = Buffer.from(attributes.raw)
  signedAttributes[0] = 0x31
  const byOid = new Map<string, Der>()
  for (const attribute of attributes.parts(0xa0, 1, MAX_ATTRIBUTES, 'signed attributes')) {
    attribute.parts(0x30, 2, 2, 'attribute')
    const oid = attribute.child(0).oid()
    if (byOid.has(oid)) throw malformed(`attribute ${oid} stands twice`)
    const values = attribute.child(1).expect(0x31, 'attribute values').children()
    const [value] = values
    if (value === undefined || values.length !== 1) throw malformed(`attribute ${oid} has ${values.length} values`)
    byOid.set(oid, value)
  }
  const named = identifier.tag === 0x30
  return {
    issuer: named ? identifier.child(0).raw : undefined,
    serialNumber: named ? identifier.child(1).integer() : undefined,
    keyIdentifier: identifier.tag === 0x80 ? identifier.content : undefined,
    digest: digestAlgorithm,
    signedAttributes,
    attributes: byOid,
    algorithm: signatureAlgorithm,
    signature: signature.octets(),
  }
}

/** Whether this certificate is the one the signer info names. */
export function isSigner(signer: SignerInfo, certificate: Certificate): boolean {
  if (signer.issuer !== undefined)
    return signer.serialNumber === certificate.serialNumber && equalBytes(signer.issuer, certificate.issuer.der)
  // RFC 5652 §5.3: the certificate's own subjectKeyIdentifier; a SHA-1 of the key where it states none (RFC 5280 §4.2.1.2).
  const own = certificate.subjectKeyIdentifier ?? digest('SHA-1', certificate.keyBits)
  return signer.keyIdentifier !== undefined && equalBytes(signer.keyIdentifier, own)
}

/** Signature over the signed attributes, and of them contentType and messageDigest over the content (RFC 5652 §5.4, §11). Throws TrustError `timestamp_invalid`. */
export function verifySignedData(data: SignedData, certificate: Certificate): void {
  const { signer } = data
  if (signer.attributes.get(oids.contentType)?.oid() !== data.contentType)
    throw invalid('its content type attribute is not that of its content')
  const stated = signer.attributes.get(oids.messageDigest)?.octets()
  if (stated === undefined || !equalBytes(stated, digest(signer.digest.name, data.content)))
    throw invalid('its digest is not that of its content')
  const algorithm = signatureAlgorithm(signer, certificate)
  if (!verifySignature(algorithm, certificate.publicKey, signer.signedAttributes, signer.signature))
    throw invalid('its signature is wrong')
}

/** Many TSAs name only `rsaEncryption`; the digest algorithm then says the rest (RFC 3370 §3.2). */
function signatureAlgorithm(signer: SignerInfo, certificate: Certificate): SignatureAlgorithm {
  const oid = signer.algorithm.child(0).oid()
  if (oid === oids.rsaEncryption || oid === oids.ecPublicKey)
    return signatureFor(certificate.publicKey, signer.digest.name)
  const found = signatureByOid(oid) ?? readSignatureIdentifier(signer.algorithm)
  if (found.digest !== signer.digest.name) throw invalid('its signature algorithm and its digest algorithm differ')
  return found
}

function malformed(why: string): TrustError {
  return new TrustError('malformed_timestamp', `The time-stamp token is malformed: ${why}`)
}

export function invalid(why: string): TrustError {
  return new TrustError('timestamp_invalid', `The time-stamp token is not accepted: ${why}`)
}
