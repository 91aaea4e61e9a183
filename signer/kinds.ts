// One reader per purpose: are these bytes of the kind that the purpose names? Each asks for the whole outer shape, so that bytes
// of one kind can never pass for another. None judges the content: that is the caller's task and everyone else's, who verifies.
import { type Der, oids, readDer, type SignatureAlgorithm } from '#trust'

const SIGNED_INFO_MAX = 16 * 1024

/** An XML Digital Signature's algorithm, reference and end tags as canonical XML writes them; line ends as X-Road's own server has them. */
const SIGNED_INFO = (() => {
  const uri = '[\\w:/.#+-]+'
  const base64 = '(?:[A-Za-z0-9+/=\\n]|&#xD;)+'
  const empty = (name: string, algorithm: string) => `<ds:${name} Algorithm="${algorithm}"></ds:${name}>\\n?`
  const reference = (attributes: string) =>
    `<ds:Reference Id="[\\w.-]+" ${attributes}>\\n?${empty('DigestMethod', uri)}<ds:DigestValue>${base64}</ds:DigestValue>\\n?</ds:Reference>\\n?`
  return new RegExp(
    `^<ds:SignedInfo((?: xmlns:[a-z]+="${uri}")+)>\\n?${empty('CanonicalizationMethod', uri)}${empty('SignatureMethod', `(${uri})`)}` +
      reference('URI="/(?:message|sig-hashchainresult)\\.xml"') +
      reference('Type="http://uri\\.etsi\\.org/01903#SignedProperties" URI="#signed-properties"') +
      '</ds:SignedInfo>$',
  )
})()

/**
 * Canonical `ds:SignedInfo` over exactly the message (or the hash chain result of a batch) and the signed properties, naming the
 * algorithm that is asked for (wire-message §4.1).
 */
export function isSignedInfo(data: Uint8Array, algorithm: SignatureAlgorithm): boolean {
  if (data.length > SIGNED_INFO_MAX) return false
  const match = SIGNED_INFO.exec(latin1(data))
  return (
    match !== null &&
    ` ${match[1]}`.includes(' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"') &&
    match[2] === algorithm.uri
  )
}

/** The inner multipart of a signed directory: a delimiter, a first part that says when it expires, the closing delimiter (wire-conf §2.3). */
export function isConfiguration(data: Uint8Array): boolean {
  const text = latin1(data)
  const match = /^--([A-Za-z0-9]{1,70})\r\n((?:[A-Za-z-]{1,64}: [\x20-\x7e]{1,256}\r\n){1,8})\r\n--/.exec(text)
  if (match === null || !/^Expire-date: \d{4}-\d\d-\d\dT/m.test(match[2] ?? '')) return false
  const end = `\r\n--${match[1]}--\r\n`
  return text.indexOf(end) === text.length - end.length
}

const TAG = { integer: 0x02, sequence: 0x30, set: 0x31, utcTime: 0x17, generalizedTime: 0x18 } as const
const isTime = (tag: number | undefined) => tag === TAG.utcTime || tag === TAG.generalizedTime
const context = (number: number) => 0xa0 | number

/** The children of the one DER value that `data` is; undefined when it is not DER or not of this tag. */
function childrenOf(data: Uint8Array, tag: number): readonly Der[] | undefined {
  try {
    const der = readDer(data)
    return der.tag === tag ? der.children() : undefined
  } catch {
    return undefined
  }
}

/** TBSCertificate (RFC 5280 §4.1), version 3, which alone may have extensions. */
export function isCertificate(data: Uint8Array): boolean {
  const [version, serial, algorithm, issuer, validity, subject, spki, ...rest] = childrenOf(data, TAG.sequence) ?? []
  if (version?.tag !== context(0) || serial?.tag !== TAG.integer) return false
  if ([algorithm, issuer, validity, subject, spki].some((part) => part?.tag !== TAG.sequence)) return false
  try {
    const times = validity?.children() ?? []
    return (
      times.length === 2 &&
      times.every((time) => isTime(time.tag)) &&
      rest.length <= 3 &&
      rest.at(-1)?.tag === context(3)
    )
  } catch {
    return false
  }
}

/** TBSCertList (RFC 5280 §5.1), version 2. */
export function isRevocationList(data: Uint8Array): boolean {
  const [version, algorithm, issuer, thisUpdate, ...rest] = childrenOf(data, TAG.sequence) ?? []
  if (
    version?.tag !== TAG.integer ||
    algorithm?.tag !== TAG.sequence ||
    issuer?.tag !== TAG.sequence ||
    !isTime(thisUpdate?.tag)
  )
    return false
  const [nextUpdate, ...more] = rest
  if (!isTime(nextUpdate?.tag)) return false
  return (
    more.length >= 1 &&
    more.length <= 2 &&
    more.at(-1)?.tag === context(0) &&
    (more.length === 1 || more[0]?.tag === TAG.sequence)
  )
}

/** ResponseData (RFC 6960 §4.2.1): [version], responder by name [1] or key [2], time, single responses, [extensions]. */
export function isOcspResponse(data: Uint8Array): boolean {
  const parts = [...(childrenOf(data, TAG.sequence) ?? [])]
  if (parts[0]?.tag === context(0)) parts.shift()
  const [responder, producedAt, responses, ...rest] = parts
  if (responder?.tag !== context(1) && responder?.tag !== context(2)) return false
  return (
    producedAt?.tag === TAG.generalizedTime &&
    responses?.tag === TAG.sequence &&
    rest.every((part) => part.tag === context(1)) &&
    rest.length <= 1
  )
}

/** The signed attributes of a time-stamp token (RFC 3161 §2.4.2, RFC 5652 §5.4): a SET whose content type is TSTInfo, with a message digest. */
export function isTimestampAttributes(data: Uint8Array): boolean {
  try {
    const attributes = childrenOf(data, TAG.set) ?? []
    const valuesOf = (oid: string) =>
      attributes.filter((attribute) => attribute.child(0).oid() === oid).map((attribute) => attribute.child(1).child(0))
    const [contentType, ...otherTypes] = valuesOf(oids.contentType)
    const [messageDigest, ...otherDigests] = valuesOf(oids.messageDigest)
    return (
      otherTypes.length + otherDigests.length === 0 &&
      contentType?.oid() === oids.tstInfo &&
      (messageDigest?.octets().length ?? 0) >= 20
    )
  } catch {
    return false
  }
}

const MANAGEMENT_SERVICES = [
  'authCertReg',
  'authCertDeletion',
  'clientReg',
  'clientDeletion',
  'clientDisable',
  'clientEnable',
  'clientRename',
  'ownerChange',
  'addressChange',
  'maintenanceModeEnable',
  'maintenanceModeDisable',
]
const ENVELOPE = /^(?:<\?xml [^<>?]{1,100}\?>\s*)?<([\w.-]+):Envelope\s[^<>]*>/
const BODY = new RegExp(`<[\\w.-]+:Body(?:\\s[^<>]*)?>\\s*<(?:[\\w.-]+:)?(?:${MANAGEMENT_SERVICES.join('|')})[\\s>/]`)

/** A SOAP envelope whose body is one of X-Road's management requests (wire-conf §4.2). Messages themselves are never signed raw. */
export function isManagementRequest(data: Uint8Array): boolean {
  const text = latin1(data)
  const match = ENVELOPE.exec(text)
  if (match === null || text.includes('<!')) return false
  const [start, prefix] = match
  const end = `</${prefix}:Envelope>`
  const body = text.trimEnd()
  return (
    start.includes(`xmlns:${prefix}="http://schemas.xmlsoap.org/soap/envelope/"`) &&
    BODY.test(text) &&
    body.indexOf(end) === body.length - end.length
  )
}

function latin1(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')
}
