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
import { C14N_EXCLUSIVE, C14N_INCLUSIVE, type C14nMode } from './c14n.ts'
import { EvidenceError } from './error.ts'

const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
const XADES = 'http://uri.etsi.org/01903/v1.3.2#'
/** Version 1.1.1 or 1.2.1, with and without the zero: all occur in old containers (wire-message §8.1). */
const ASIC = /^http:\/\/uri\.etsi\.org\/0?2918\/v1\.[12]\.1#$/
/** Santuario's secure validation allows as many (wire-message §4.3). */
const MAX_REFERENCES = 30
const MAX_BYTES = 1024 * 1024

export interface Reference {
  readonly uri: string
  readonly digest: DigestName
  readonly value: Uint8Array
  /** How a same-document reference is canonicalised; X-Road's has no transform: inclusive. */
  readonly mode: C14nMode
  readonly hasTransforms: boolean
}

export interface CertificateDigest {
  readonly digest: DigestName
  readonly value: Uint8Array
}

export interface ReadSignature {
  readonly signedInfo: XmlElement
  readonly signedInfoMode: C14nMode
  readonly algorithm: SignatureAlgorithm
  readonly references: readonly Reference[]
  readonly value: Uint8Array
  readonly certificate: Certificate
  readonly signedProperties: XmlElement
  readonly signedPropertiesId: string
  readonly signingTime: Date | undefined
  readonly signingCertificate: CertificateDigest | undefined
  /** CAs that the signature brings, named by its references. */
  readonly intermediates: readonly Certificate[]
  readonly ocspAnswers: readonly Uint8Array[]
  /** Token of a single time-stamp (wire-message §7.3). */
  readonly timestamp: Uint8Array | undefined
}

/** Throws EvidenceError `invalid_xml` or `malformed_signature`. */
export function readSignature(xml: Uint8Array): ReadSignature {
  let root: XmlElement
  try {
    root = readXml(xml, { maxBytes: MAX_BYTES, maxDepth: 32, maxNodes: 20_000 })
  } catch (cause) {
    throw new EvidenceError('invalid_xml', 'The signature is not XML', { cause })
  }
  const signature = ASIC.test(root.namespace) && root.local === 'XAdESSignatures' ? only(root, DSIG, 'Signature') : root
  if (signature.namespace !== DSIG || signature.local !== 'Signature') throw malformed(`its root is ${root.name}`)
  uniqueIds(root)

  const signedInfo = only(signature, DSIG, 'SignedInfo')
  const qualifying = only(only(signature, DSIG, 'Object'), XADES, 'QualifyingProperties')
  const signedProperties = only(qualifying, XADES, 'SignedProperties')
  const unsigned = maybe(maybe(qualifying, XADES, 'UnsignedProperties'), XADES, 'UnsignedSignatureProperties')
  const properties = only(signedProperties, XADES, 'SignedSignatureProperties')
  const time = maybe(properties, XADES, 'SigningTime')
  const signedPropertiesId = attributeOf(signedProperties, 'Id')
  if (signedPropertiesId === undefined || signedPropertiesId === '') throw malformed('SignedProperties has no Id')
  const keyInfo = only(signature, DSIG, 'KeyInfo')
  const certificateText = [...descendants(keyInfo)].find(
    (element) => element.namespace === DSIG && element.local === 'X509Certificate',
  )
  if (certificateText === undefined) throw malformed('it carries no certificate')
  const algorithmUri = attributeOf(only(signedInfo, DSIG, 'SignatureMethod'), 'Algorithm') ?? ''
  const algorithm = signatureByUri(algorithmUri)
  if (algorithm === undefined) throw malformed(`signature algorithm ${algorithmUri} is not accepted`)
  return {
    signedInfo,
    signedInfoMode: c14nMode(only(signedInfo, DSIG, 'CanonicalizationMethod')),
    algorithm,
    references: readReferences(signedInfo),
    value: bytes(only(signature, DSIG, 'SignatureValue')),
    certificate: certificate(certificateText),
    signedProperties,
    signedPropertiesId,
    signingTime: time === undefined ? undefined : readTime(text(time)),
    signingCertificate: readSigningCertificate(properties),
    intermediates: readIntermediates(unsigned),
    ocspAnswers: childElements(
      maybe(maybe(unsigned, XADES, 'RevocationValues'), XADES, 'OCSPValues') ?? NOTHING,
      XADES,
      'EncapsulatedOCSPValue',
    ).map(bytes),
    timestamp: readTimestamp(unsigned),
  }
}

/** Ids name what references hash; one that stands twice would let another element be hashed. */
function uniqueIds(root: XmlElement): void {
  const seen = new Set<string>()
  for (const element of descendants(root)) {
    const id = attributeOf(element, 'Id')
    if (id === undefined) continue
    if (seen.has(id)) throw malformed(`Id ${id} stands twice`)
    seen.add(id)
  }
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
    const transforms = childElements(maybe(reference, DSIG, 'Transforms') ?? NOTHING)
    const [transform] = transforms
    if (transforms.length > 1) throw malformed('more than one transform')
    if (transform !== undefined && !uri.startsWith('#')) throw malformed('a transform of data outside the signature')
    const { digest, value } = digestAndValue(reference)
    return {
      uri,
      digest,
      value,
      mode: transform === undefined ? { kind: 'inclusive' } : c14nMode(transform),
      hasTransforms: transform !== undefined,
    }
  })
}

function digestAndValue(parent: XmlElement): CertificateDigest {
  const uri = attributeOf(only(parent, DSIG, 'DigestMethod'), 'Algorithm') ?? ''
  const algorithm = digestByUri(uri)
  // SHA-1 and SHA-224 sign nothing that is accepted: docs/policy.md.
  if (algorithm === undefined || algorithm.length < 32) throw malformed(`digest ${uri} is not accepted`)
  const value = bytes(only(parent, DSIG, 'DigestValue'))
  if (value.length !== algorithm.length) throw malformed('a digest value is not as long as its digest')
  return { digest: algorithm.name, value }
}

function c14nMode(method: XmlElement): C14nMode {
  const uri = attributeOf(method, 'Algorithm')
  if (uri === C14N_INCLUSIVE) return { kind: 'inclusive' }
  if (uri !== C14N_EXCLUSIVE) throw malformed(`canonicalization ${uri} is not accepted`)
  const [list] = childElements(method, C14N_EXCLUSIVE, 'InclusiveNamespaces')
  const prefixes =
    list === undefined
      ? []
      : (attributeOf(list, 'PrefixList') ?? '').split(/[ \t\r\n]+/).filter((prefix) => prefix !== '')
  return { kind: 'exclusive', inclusivePrefixes: prefixes }
}

/** SigningCertificate (XAdES 1.3.2) or SigningCertificateV2; the first digest names the signer. */
function readSigningCertificate(properties: XmlElement): CertificateDigest | undefined {
  const holder = maybe(properties, XADES, 'SigningCertificate') ?? maybe(properties, XADES, 'SigningCertificateV2')
  const [first] = childElements(holder ?? NOTHING, XADES, 'Cert')
  return first === undefined ? undefined : digestAndValue(only(first, XADES, 'CertDigest'))
}

function readIntermediates(unsigned: XmlElement | undefined): Certificate[] {
  const values = childElements(
    maybe(unsigned, XADES, 'CertificateValues') ?? NOTHING,
    XADES,
    'EncapsulatedX509Certificate',
  )
  if (values.length > 16) throw malformed('it brings too many certificates')
  return values.map(certificate)
}

function readTimestamp(unsigned: XmlElement | undefined): Uint8Array | undefined {
  const token = maybe(maybe(unsigned, XADES, 'SignatureTimeStamp'), XADES, 'EncapsulatedTimeStamp')
  return token === undefined ? undefined : bytes(token)
}

function readTime(value: string): Date {
  const time = new Date(value.trim())
  if (
    !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(value.trim()) ||
    Number.isNaN(time.getTime())
  )
    throw malformed('its signing time is not a time')
  return time
}

function certificate(element: XmlElement): Certificate {
  try {
    return parseCertificate(bytes(element))
  } catch (cause) {
    if (cause instanceof EvidenceError) throw cause
    throw new EvidenceError('malformed_signature', 'A certificate in the signature cannot be read', { cause })
  }
}

const NOTHING: XmlElement = {
  name: '',
  prefix: '',
  local: '',
  namespace: '',
  attributes: [],
  children: [],
  parent: undefined,
}

/** The one child of that name. */
function only(parent: XmlElement, namespace: string, local: string): XmlElement {
  const found = childElements(parent, namespace, local)
  const [first] = found
  if (first === undefined) throw malformed(`it has no ${local}`)
  if (found.length > 1) throw malformed(`it has more than one ${local}`)
  return first
}

function maybe(parent: XmlElement | undefined, namespace: string, local: string): XmlElement | undefined {
  if (parent === undefined) return undefined
  const found = childElements(parent, namespace, local)
  if (found.length > 1) throw malformed(`it has more than one ${local}`)
  return found[0]
}

/** Text of an element that must hold nothing else: no element or instruction may split what is read from what is shown. */
function text(element: XmlElement): string {
  if (element.children.some((child) => typeof child !== 'string'))
    throw malformed(`${element.local} holds more than text`)
  return element.children.filter((child) => typeof child === 'string' && !isElement(child)).join('')
}

function bytes(element: XmlElement): Uint8Array {
  const value = decodeBase64(text(element), { whitespace: true })
  if (value === undefined || value.length === 0) throw malformed(`${element.local} is not canonical base64`)
  return value
}

function malformed(why: string): EvidenceError {
  return new EvidenceError('malformed_signature', `The signature is malformed: ${why}`)
}
