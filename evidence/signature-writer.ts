// XAdES signatures as X-Road servers accept them (wire-message §4). The document is one string from a template whose parts are canonical
// as they stand, so nothing is canonicalised to sign: SignedProperties and SignedInfo are written in canonical form with the namespace
// declarations that inclusive C14N would put on them, and without those in the document. From then on the bytes do not change.
import { escapeText } from '#protocol'
import { type Certificate, derToRawEcdsa, digest, encodeBase64, type SignatureAlgorithm } from '#trust'
import { buildHashChains } from './hash-chain.ts'

export interface MessagePart {
  /** `/message.xml`, `/attachment1`, … */
  readonly name: string
  /** SHA-512 of its octets. */
  readonly digest: Uint8Array
  /** The octets of `/message.xml`, for references with another digest. */
  readonly bytes?: Uint8Array
}

/** A member's signing key with what a verifier needs to believe it. */
export interface MessageSigner {
  readonly certificate: Certificate
  /** DER OCSP answer for the certificate. */
  readonly ocsp: Uint8Array
  /** CAs between the certificate and the trusted root, with their answers. */
  readonly intermediates: readonly { readonly certificate: Certificate; readonly ocsp: Uint8Array }[]
  readonly algorithm: SignatureAlgorithm
  /** Signs the octets; DER for ECDSA. */
  sign(data: Uint8Array): Promise<Uint8Array>
}

export interface MessageSignature {
  readonly xml: Uint8Array
  readonly chainResult?: Uint8Array
  readonly chain?: Uint8Array
}

export const SIG_HASH_CHAIN_RESULT = '/sig-hashchainresult.xml'
export const SIG_HASH_CHAIN = '/sig-hashchain.xml'

const NAMESPACES =
  'xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
const SHA512 = '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"></ds:DigestMethod>'
const C14N = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315'
/** A constant of the protocol (wire-message §4.1): the signature policy and the digest of its document. */
const POLICY =
  '<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId><xades:Identifier Qualifier="OIDAsURN">urn:oid:1.3.6.1.4.1.3516.16.2</xades:Identifier>' +
  '<xades:Description>Profile for High Performance Digital Signatures (version 1.2)</xades:Description></xades:SigPolicyId>' +
  `<xades:SigPolicyHash>${SHA512}<ds:DigestValue>BuO0EDNfkxSVlUbxCzmQPzX1AUF1/xx9ytWHk3/6SAOePxQiniEfDYk+90QeYb3lWpV3Izhuz9fKaYyE+lTcXw==</ds:DigestValue></xades:SigPolicyHash>` +
  '<xades:SigPolicyQualifiers><xades:SigPolicyQualifier><xades:SPURI>https://repo.cyber.ee/dsig-profile-1.2.pdf</xades:SPURI></xades:SigPolicyQualifier></xades:SigPolicyQualifiers>' +
  '</xades:SignaturePolicyId></xades:SignaturePolicyIdentifier>'

/** One message: plain for a single part, else a batch of its own (wire-message §5.1). */
export async function signMessage(
  parts: readonly MessagePart[],
  signer: MessageSigner,
  at: Date,
): Promise<MessageSignature> {
  const [signed] = await signMessages([parts], signer, at)
  if (signed === undefined) throw new TypeError('a message without parts cannot be signed')
  return signed
}

/** One signing round: a single one-part message is signed plainly, everything else by one signature over a tree. */
export async function signMessages(
  messages: readonly (readonly MessagePart[])[],
  signer: MessageSigner,
  at: Date,
): Promise<readonly MessageSignature[]> {
  const [first] = messages
  if (first === undefined || messages.some((parts) => parts.length === 0))
    throw new TypeError('a message without parts cannot be signed')
  if (messages.length === 1 && first.length === 1 && first[0] !== undefined)
    return [{ xml: await writeSignature('/message.xml', first[0].digest, 'text/xml', signer, at) }]
  const { result, chains } = buildHashChains(messages, 'SHA-512', SIG_HASH_CHAIN)
  const xml = await writeSignature(
    SIG_HASH_CHAIN_RESULT,
    digest('SHA-512', result),
    'application/hash-chain-result',
    signer,
    at,
  )
  return chains.map((chain) => ({ xml, chainResult: result, chain }))
}

async function writeSignature(
  uri: string,
  reference: Uint8Array,
  mimeType: string,
  signer: MessageSigner,
  at: Date,
): Promise<Uint8Array> {
  const properties = signedProperties(signer.certificate, mimeType, at)
  const canonicalProperties = `<xades:SignedProperties ${NAMESPACES} Id="signed-properties">${properties}`
  const info =
    `<ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="${signer.algorithm.uri}"></ds:SignatureMethod>` +
    `<ds:Reference Id="signature-reference-0" URI="${uri}">${SHA512}<ds:DigestValue>${encodeBase64(reference)}</ds:DigestValue></ds:Reference>` +
    `<ds:Reference Id="signature-reference-1" Type="http://uri.etsi.org/01903#SignedProperties" URI="#signed-properties">${SHA512}<ds:DigestValue>${encodeBase64(digest('SHA-512', Buffer.from(canonicalProperties)))}</ds:DigestValue></ds:Reference></ds:SignedInfo>`
  const signature = await signer.sign(Buffer.from(`<ds:SignedInfo ${NAMESPACES}>${info}`))
  const value = signer.algorithm.key === 'ec' ? derToRawEcdsa(signature, fieldBytes(signer.certificate)) : signature
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8" standalone="no"?><asic:XAdESSignatures ${NAMESPACES}><ds:Signature Id="signature"><ds:SignedInfo>${info}` +
      `<ds:SignatureValue Id="signature-value">${encodeBase64(value)}</ds:SignatureValue>` +
      `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${quoted(signer.certificate).base64}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>` +
      `<ds:Object><xades:QualifyingProperties Target="#signature"><xades:SignedProperties Id="signed-properties">${properties}${unsignedProperties(signer)}</xades:QualifyingProperties></ds:Object></ds:Signature></asic:XAdESSignatures>`,
  )
}

/** Content and end tag of SignedProperties, canonical: no white space, no empty-element tags. */
function signedProperties(certificate: Certificate, mimeType: string, at: Date): string {
  return (
    `<xades:SignedSignatureProperties><xades:SigningTime>${at.toISOString()}</xades:SigningTime><xades:SigningCertificate>${certificateReference(certificate)}</xades:SigningCertificate>${POLICY}</xades:SignedSignatureProperties>` +
    `<xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference="#signature-reference-0"><xades:MimeType>${mimeType}</xades:MimeType></xades:DataObjectFormat></xades:SignedDataObjectProperties></xades:SignedProperties>`
  )
}

/** No white space inside: the reference reads it by position (wire-message §4.3). */
function certificateReference(certificate: Certificate, id?: string): string {
  return `<xades:Cert${id === undefined ? '' : ` URI="#${id}"`}>${quoted(certificate).reference}</xades:Cert>`
}

interface Quoted {
  readonly base64: string
  readonly reference: string
}

const quotedCertificates = new WeakMap<Certificate, Quoted>()

/** A certificate as signatures carry and name it; the same few sign everything. */
function quoted(certificate: Certificate): Quoted {
  let known = quotedCertificates.get(certificate)
  if (known === undefined) {
    const { der, issuer, serialNumber } = certificate
    known = {
      base64: encodeBase64(der),
      reference:
        `<xades:CertDigest>${SHA512}<ds:DigestValue>${encodeBase64(digest('SHA-512', der))}</ds:DigestValue></xades:CertDigest>` +
        `<xades:IssuerSerial><ds:X509IssuerName>${escapeText(issuer.text)}</ds:X509IssuerName><ds:X509SerialNumber>${serialNumber}</ds:X509SerialNumber></xades:IssuerSerial>`,
    }
    quotedCertificates.set(certificate, known)
  }
  return known
}

/** References and values of intermediate CAs, if any, then the OCSP answers: the signer's first (wire-message §4.1). */
function unsignedProperties(signer: MessageSigner): string {
  let references = ''
  let certificates = ''
  let answers = encapsulatedAnswer(signer.ocsp, 1)
  signer.intermediates.forEach(({ certificate, ocsp }, index) => {
    const id = `encapsulated-cert-${index + 1}`
    references += certificateReference(certificate, id)
    certificates += `<xades:EncapsulatedX509Certificate Id="${id}">${quoted(certificate).base64}</xades:EncapsulatedX509Certificate>`
    answers += encapsulatedAnswer(ocsp, index + 2)
  })
  const path =
    references === ''
      ? ''
      : `<xades:CompleteCertificateRefs Id="complete-certificate-refs"><xades:CertRefs>${references}</xades:CertRefs></xades:CompleteCertificateRefs><xades:CertificateValues>${certificates}</xades:CertificateValues>`
  return `<xades:UnsignedProperties><xades:UnsignedSignatureProperties>${path}<xades:RevocationValues><xades:OCSPValues>${answers}</xades:OCSPValues></xades:RevocationValues></xades:UnsignedSignatureProperties></xades:UnsignedProperties>`
}

function encapsulatedAnswer(der: Uint8Array, number: number): string {
  return `<xades:EncapsulatedOCSPValue Id="ocsp-response-${number}">${encodeBase64(der)}</xades:EncapsulatedOCSPValue>`
}

/** Octets of the curve's field: each half of r‖s. */
function fieldBytes(certificate: Certificate): number {
  const curve = certificate.publicKey.asymmetricKeyDetails?.namedCurve
  return curve === 'secp384r1' ? 48 : curve === 'secp521r1' ? 66 : 32
}
