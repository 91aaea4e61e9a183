// A XAdES signature read once, strictly: every element is found by its place, each place may be filled once, and what is hashed later is
// exactly what is read here, so nothing can be wrapped around it (wire-message §4.3; both the wrapper of X-Road and the bare root of DSS).
import { attributeOf, childElements, descendants, isElement, readXml, type XmlElement } from '#protocol'
import {
  type Certificate,
  type DigestName,
  decodeBase64,
  digestByUri,
  parseCertificate,
  type SignatureAlgorithm,
  signatureByUri,
} from '#trust'
import { C14N_EXCLUSIVE, C14N_INCLUSIVE, type C14nMode, canonicalize } from './c14n.ts'
import { EvidenceError, malformedSignature as malformed } from './error.ts'

export const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
export const XADES = 'http://uri.etsi.org/01903/v1.3.2#'
/** Version 1.1.1 or 1.2.1, with and without the zero: all occur in old containers (wire-message §8.1). */
const ASIC = /^http:\/\/uri\.etsi\.org\/0?2918\/v1\.[12]\.1#$/
/** Santuario's secure validation allows as many (wire-message §4.3). */
const MAX_REFERENCES = 30
const MAX_BYTES = 1024 * 1024
/** Certificates, and OCSP answers, of a path: no country has more than three CAs above a member. */
const MAX_PATH_VALUES = 16
const MAX_TIMESTAMPS = 16

export interface Reference {
  readonly uri: string
  readonly digest: DigestName
  readonly value: Uint8Array
  /** How a same-document reference is canonicalised; X-Road's has no transform: inclusive. */
  readonly mode: C14nMode
}

export interface CertificateDigest {
  readonly digest: DigestName
  readonly value: Uint8Array
}

/** What a signature says; none of it is believed yet, and none of it holds on to the document. */
export interface SignatureFacts {
  readonly algorithm: SignatureAlgorithm
  readonly references: readonly Reference[]
  readonly value: Uint8Array
  readonly certificate: Certificate
  readonly signedPropertiesId: string
  readonly signingTime: Date | undefined
  /** What the signed properties say of the signer's certificate: SigningCertificate, SigningCertificateV2, or both. */
  readonly signingCertificates: readonly CertificateDigest[]
  /** CAs that the signature brings, believed only as far as a path leads over them. */
  readonly intermediates: readonly Certificate[]
  readonly ocspAnswers: readonly Uint8Array[]
  /** Token of a single time-stamp (wire-message §7.3). Unsigned: the log puts its own first, and the first one counts. */
  readonly timestamp: Uint8Array | undefined
  /** What it is over where it stands as XAdES says, naming its canonicalisation; X-Road's own is over the decoded value (wire-message §7.2). */
  readonly timestampOver: Uint8Array | undefined
}

/** The same with the octets that its digests and its value are over. */
export interface ReadSignature extends SignatureFacts {
  /** SignedInfo, canonical: what was signed. */
  signedInfo(): Uint8Array
  /** SignedProperties, canonical: what the reference to them is over. */
  signedProperties(mode: C14nMode): Uint8Array
}

/** Without what holds on to the document. */
export function factsOf(signature: SignatureFacts): SignatureFacts {
  const { algorithm, references, value, certificate, signedPropertiesId } = signature
  const { signingTime, signingCertificates, intermediates, ocspAnswers, timestamp, timestampOver } = signature
  return {
    algorithm,
    references,
    value,
    certificate,
    signedPropertiesId,
    signingTime,
    signingCertificates,
    intermediates,
    ocspAnswers,
    timestamp,
    timestampOver,
  }
}

/** Throws EvidenceError `invalid_xml` or `malformed_signature`. */
export function readSignature(xml: Uint8Array): ReadSignature {
  let root: XmlElement
  try {
    root = readXml(xml, { maxBytes: MAX_BYTES, maxDepth: 32, maxNodes: 20_000 })
  } catch (cause) {
    throw new EvidenceError('invalid_xml', 'The signature is not XML', { cause })
  }
  const wrapped = root.local === 'XAdESSignatures' && ASIC.test(root.namespace)
  if (wrapped && childElements(root).length !== 1)
    throw malformed('its wrapper does not hold one signature and nothing else')
  const signature = wrapped ? only(root, DSIG, 'Signature') : root
  if (signature.namespace !== DSIG || signature.local !== 'Signature') throw malformed(`its root is ${root.name}`)
  uniqueIds(root, new Set())

  const signedInfo = only(signature, DSIG, 'SignedInfo')
  const qualifying = only(only(signature, DSIG, 'Object'), XADES, 'QualifyingProperties')
  const signedProperties = only(qualifying, XADES, 'SignedProperties')
  const signedPropertiesId = attributeOf(signedProperties, 'Id')
  if (signedPropertiesId === undefined || signedPropertiesId === '') throw malformed('SignedProperties has no Id')
  const mode = c14nMode(only(signedInfo, DSIG, 'CanonicalizationMethod'))
  const value = only(signature, DSIG, 'SignatureValue')
  return {
    signedInfo: () => canonicalize(signedInfo, mode),
    signedProperties: (properties) => canonicalize(signedProperties, properties),
    algorithm: readAlgorithm(signedInfo),
    references: readReferences(signedInfo),
    value: bytesOf(value),
    certificate: readCertificate(only(signature, DSIG, 'KeyInfo')),
    signedPropertiesId,
    ...readProperties(only(signedProperties, XADES, 'SignedSignatureProperties')),
    ...readUnsigned(maybe(maybe(qualifying, XADES, 'UnsignedProperties'), XADES, 'UnsignedSignatureProperties'), value),
  }
}

/** Other verifiers find what a reference hashes by its Id: one that stands twice would let them hash another element. */
function uniqueIds(element: XmlElement, seen: Set<string>): void {
  const id = attributeOf(element, 'Id')
  if (id !== undefined) {
    if (seen.has(id)) throw malformed(`Id ${id} stands twice`)
    seen.add(id)
  }
  for (const child of element.children) if (isElement(child)) uniqueIds(child, seen)
}

function readAlgorithm(signedInfo: XmlElement): SignatureAlgorithm {
  const uri = attributeOf(only(signedInfo, DSIG, 'SignatureMethod'), 'Algorithm') ?? ''
  const algorithm = signatureByUri(uri)
  if (algorithm === undefined) throw malformed(`signature algorithm ${uri} is not accepted`)
  return algorithm
}

function readReferences(signedInfo: XmlElement): Reference[] {
  const references = childElements(signedInfo, DSIG, 'Reference')
  if (references.length === 0 || references.length > MAX_REFERENCES)
    throw malformed(`it has ${references.length} references`)
  const uris = new Set<string>()
  return references.map((reference) => {
    const uri = attributeOf(reference, 'URI') ?? ''
    if (uris.has(uri)) throw malformed(`${uri} is referenced twice`)
    uris.add(uri)
    const transforms = maybe(reference, DSIG, 'Transforms')
    const [transform, ...more] = transforms === undefined ? [] : childElements(transforms)
    if (more.length > 0) throw malformed('more than one transform')
    if (transform !== undefined && !uri.startsWith('#')) throw malformed('a transform of data outside the signature')
    return {
      uri,
      ...readDigest(reference),
      mode: transform === undefined ? { kind: 'inclusive' } : c14nMode(transform),
    }
  })
}

function readDigest(parent: XmlElement): CertificateDigest {
  const uri = attributeOf(only(parent, DSIG, 'DigestMethod'), 'Algorithm') ?? ''
  const algorithm = digestByUri(uri)
  // SHA-1 and SHA-224 sign nothing, SHA-3 nothing that servers exchange: docs/policy.md.
  if (algorithm?.use !== 'signatures') throw malformed(`digest ${uri} is not accepted`)
  const value = bytesOf(only(parent, DSIG, 'DigestValue'))
  if (value.length !== algorithm.length) throw malformed('a digest value is not as long as its digest')
  return { digest: algorithm.name, value }
}

/** How a CanonicalizationMethod or a Transform asks to be canonicalised. Throws EvidenceError `malformed_signature`. */
export function c14nMode(method: XmlElement): C14nMode {
  const uri = attributeOf(method, 'Algorithm')
  if (uri === C14N_INCLUSIVE) return { kind: 'inclusive' }
  if (uri !== C14N_EXCLUSIVE) throw malformed(`canonicalization ${uri} is not accepted`)
  const list = maybe(method, C14N_EXCLUSIVE, 'InclusiveNamespaces')
  const prefixes = list === undefined ? '' : (attributeOf(list, 'PrefixList') ?? '')
  return { kind: 'exclusive', inclusivePrefixes: prefixes.split(/[ \t\r\n]+/).filter((prefix) => prefix !== '') }
}

/** The first certificate is the signer's (wire-message §4.3). */
function readCertificate(keyInfo: XmlElement): Certificate {
  for (const element of descendants(keyInfo))
    if (element.namespace === DSIG && element.local === 'X509Certificate') return certificateOf(element)
  throw malformed('it carries no certificate')
}

/** SigningCertificate (XAdES 1.3.2) or SigningCertificateV2: in each the first digest names the signer. One of them must be there. */
function readProperties(properties: XmlElement): Pick<SignatureFacts, 'signingTime' | 'signingCertificates'> {
  const time = maybe(properties, XADES, 'SigningTime')
  const holders = ['SigningCertificate', 'SigningCertificateV2'].map((local) => maybe(properties, XADES, local))
  const signingCertificates = holders
    .filter((holder) => holder !== undefined)
    .map((holder) => {
      const [first] = childElements(holder, XADES, 'Cert')
      if (first === undefined) throw malformed(`${holder.local} names no certificate`)
      return readDigest(only(first, XADES, 'CertDigest'))
    })
  if (signingCertificates.length === 0) throw malformed('its signed properties do not name the signing certificate')
  return { signingTime: time === undefined ? undefined : timeOf(time), signingCertificates }
}

function readUnsigned(
  unsigned: XmlElement | undefined,
  value: XmlElement,
): Pick<SignatureFacts, 'intermediates' | 'ocspAnswers' | 'timestamp' | 'timestampOver'> {
  const certificates = maybe(unsigned, XADES, 'CertificateValues')
  const answers = maybe(maybe(unsigned, XADES, 'RevocationValues'), XADES, 'OCSPValues')
  const stamps = unsigned === undefined ? [] : childElements(unsigned, XADES, 'SignatureTimeStamp')
  if (stamps.length > MAX_TIMESTAMPS) throw malformed('it brings too many time-stamps')
  const token = maybe(stamps[0], XADES, 'EncapsulatedTimeStamp')
  const method = maybe(stamps[0], DSIG, 'CanonicalizationMethod')
  return {
    intermediates: values(certificates, 'EncapsulatedX509Certificate').map(certificateOf),
    ocspAnswers: values(answers, 'EncapsulatedOCSPValue').map(bytesOf),
    timestamp: token === undefined ? undefined : bytesOf(token),
    timestampOver: method === undefined ? undefined : canonicalize(value, c14nMode(method)),
  }
}

function values(parent: XmlElement | undefined, local: string): XmlElement[] {
  const found = parent === undefined ? [] : childElements(parent, XADES, local)
  if (found.length > MAX_PATH_VALUES) throw malformed(`it brings ${found.length} of ${local}`)
  return found
}

function timeOf(element: XmlElement): Date {
  const time = readTime(textOf(element).trim())
  if (time === undefined) throw malformed('its signing time is not a time')
  return time
}

/** XML Schema dateTime with its time zone; undefined when the text is none. */
export function readTime(text: string): Date | undefined {
  const time = new Date(text)
  const stated = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text)
  return stated && !Number.isNaN(time.getTime()) ? time : undefined
}

function certificateOf(element: XmlElement): Certificate {
  const bytes = bytesOf(element)
  try {
    return parseCertificate(bytes)
  } catch (cause) {
    throw new EvidenceError('malformed_signature', 'A certificate in the signature cannot be read', { cause })
  }
}

/** The one child of that name. */
function only(parent: XmlElement, namespace: string, local: string): XmlElement {
  const found = maybe(parent, namespace, local)
  if (found === undefined) throw malformed(`it has no ${local}`)
  return found
}

function maybe(parent: XmlElement | undefined, namespace: string, local: string): XmlElement | undefined {
  if (parent === undefined) return undefined
  let found: XmlElement | undefined
  for (const child of parent.children) {
    if (!isElement(child) || child.local !== local || child.namespace !== namespace) continue
    if (found !== undefined) throw malformed(`it has more than one ${local}`)
    found = child
  }
  return found
}

/** Text of an element that must hold nothing else: no element or instruction may split what is read from what is shown. */
function textOf(element: XmlElement): string {
  const [text = '', ...more] = element.children
  if (typeof text !== 'string' || more.length > 0) throw malformed(`${element.local} holds more than text`)
  return text
}

/** Canonical base64: two texts must never mean the same octets. Line breaks are the signer's choice (wire-message §4.1). */
function bytesOf(element: XmlElement): Uint8Array {
  const value = decodeBase64(textOf(element), { whitespace: true })
  if (value === undefined || value.length === 0) throw malformed(`${element.local} is not canonical base64`)
  return value
}
