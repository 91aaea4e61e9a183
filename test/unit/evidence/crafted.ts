// Signatures that our writer does not make: other forms that must be accepted, and forms that a forger would choose.
import { C14N_EXCLUSIVE, C14N_INCLUSIVE, type C14nMode, canonicalize } from '#evidence'
import { descendants, readXml, type XmlElement } from '#protocol'
import { type DigestName, derToRawEcdsa, digest, digestInfo, encodeBase64, signatureFor } from '#trust'
import { type Holder, NOW, signatureOf } from './authority.ts'

export interface CraftedReference {
  readonly uri: string
  readonly digest?: DigestName
  /** The octets that are hashed; those of the signed properties are found. */
  readonly bytes?: Uint8Array
  readonly transforms?: string
}

export interface Craft {
  readonly holder: Holder
  readonly ocsp: readonly Uint8Array[]
  readonly references: readonly CraftedReference[]
  /** Of SignedInfo. */
  readonly canonicalization?: C14nMode
  /** Bare `ds:Signature` as DSS makes it, or in X-Road's wrapper. */
  readonly bare?: boolean
  readonly prefixes?: { readonly ds: string; readonly xades: string }
  /** Inside SignedSignatureProperties, instead of the usual SigningCertificate. */
  readonly signingCertificate?: string
  readonly algorithm?: { readonly uri: string; sign(data: Uint8Array): Uint8Array }
  /** Last word on the text, before anything is hashed. */
  readonly edit?: (text: string) => string
}

export const SIGNED_PROPERTIES: CraftedReference = { uri: '#signed-properties' }

export function certificateDigest(
  holder: Holder,
  local: 'SigningCertificate' | 'SigningCertificateV2',
  name: DigestName = 'SHA-512',
): string {
  const value = encodeBase64(digest(name, holder.certificate.der))
  return `<X:${local}><X:Cert><X:CertDigest><D:DigestMethod Algorithm="${digestInfo(name).uri}"/><D:DigestValue>${value}</D:DigestValue></X:CertDigest></X:Cert></X:${local}>`
}

export function modeXml(mode: C14nMode): string {
  return mode.kind === 'inclusive' ? C14N_INCLUSIVE : C14N_EXCLUSIVE
}

export function find(root: XmlElement, local: string): XmlElement {
  for (const element of descendants(root)) if (element.local === local) return element
  throw new Error(`no ${local}`)
}

/** Written with the prefixes D and X, which are then exchanged for those that are asked for. */
export function craft(options: Craft): Uint8Array {
  const { holder, ocsp, references, canonicalization = { kind: 'inclusive' }, bare = false } = options
  const { ds, xades } = options.prefixes ?? { ds: 'ds', xades: 'xades' }
  const algorithm = options.algorithm ?? {
    uri: signatureFor(holder.privateKey).uri,
    sign(data: Uint8Array): Uint8Array {
      const signature = signatureOf(holder.privateKey, data)
      return holder.privateKey.asymmetricKeyType === 'ec' ? derToRawEcdsa(signature, 32) : signature
    },
  }
  const written = references.map(({ uri, transforms = '', digest: name = 'SHA-512', bytes }, index) => {
    const value = bytes === undefined ? `@${index}@` : encodeBase64(digest(name, bytes))
    return `<D:Reference URI="${uri}">${transforms}<D:DigestMethod Algorithm="${digestInfo(name).uri}"/><D:DigestValue>${value}</D:DigestValue></D:Reference>`
  })
  const answers = ocsp.map((der) => `<X:EncapsulatedOCSPValue>${encodeBase64(der)}</X:EncapsulatedOCSPValue>`).join('')
  const namespaces = `xmlns:D="http://www.w3.org/2000/09/xmldsig#" xmlns:X="http://uri.etsi.org/01903/v1.3.2#"`
  const signature =
    `<D:Signature ${bare ? namespaces : ''} Id="signature"><D:SignedInfo><D:CanonicalizationMethod Algorithm="${modeXml(canonicalization)}"/><D:SignatureMethod Algorithm="${algorithm.uri}"/>${written.join('\n')}</D:SignedInfo>` +
    `<D:SignatureValue>@value@</D:SignatureValue><D:KeyInfo><D:X509Data><D:X509Certificate>${encodeBase64(holder.certificate.der)}</D:X509Certificate></D:X509Data></D:KeyInfo>` +
    `<D:Object><X:QualifyingProperties Target="#signature"><X:SignedProperties Id="signed-properties"><X:SignedSignatureProperties><X:SigningTime>${NOW.toISOString()}</X:SigningTime>${options.signingCertificate ?? certificateDigest(holder, 'SigningCertificate')}</X:SignedSignatureProperties></X:SignedProperties>` +
    `<X:UnsignedProperties><X:UnsignedSignatureProperties><X:RevocationValues><X:OCSPValues>${answers}</X:OCSPValues></X:RevocationValues></X:UnsignedSignatureProperties></X:UnsignedProperties></X:QualifyingProperties></D:Object></D:Signature>`
  const whole = bare
    ? signature
    : `<asic:XAdESSignatures xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" ${namespaces}>${signature}</asic:XAdESSignatures>`
  const prefixed = whole
    .replaceAll(/(<\/?)D:/g, `$1${ds === '' ? '' : `${ds}:`}`)
    .replaceAll(/(<\/?)X:/g, `$1${xades === '' ? '' : `${xades}:`}`)
    .replaceAll('xmlns:D=', ds === '' ? 'xmlns=' : `xmlns:${ds}=`)
    .replaceAll('xmlns:X=', xades === '' ? 'xmlns=' : `xmlns:${xades}=`)
  let text = `<?xml version="1.0" encoding="UTF-8"?>\n${options.edit?.(prefixed) ?? prefixed}`
  references.forEach(({ transforms, digest: name = 'SHA-512' }, index) => {
    const mode: C14nMode = transforms?.includes(C14N_EXCLUSIVE) ? { kind: 'exclusive' } : { kind: 'inclusive' }
    const properties = find(readXml(Buffer.from(text)), 'SignedProperties')
    text = text.replace(`@${index}@`, encodeBase64(digest(name, canonicalize(properties, mode))))
  })
  const signed = canonicalize(find(readXml(Buffer.from(text)), 'SignedInfo'), canonicalization)
  return Buffer.from(text.replace('@value@', encodeBase64(algorithm.sign(signed))))
}
