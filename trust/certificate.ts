// X.509 certificates (RFC 5280 §4.1), parsed once per byte string.
import type { SignatureAlgorithm } from './algorithms.ts'
import { bytesKey, Cache, ownCopy } from './cache.ts'
import { digest, type KeyObject, publicKeyFromSpki } from './crypto.ts'
import { optionalFields, readDer } from './der.ts'
import { TrustError } from './error.ts'
import { type Extensions, readExtensions } from './extensions.ts'
import { type Name, readName } from './name.ts'
import { oids } from './oids.ts'
import { unpem } from './pem.ts'
import { findSignatureIdentifier } from './signature-identifier.ts'

export interface Certificate extends Extensions {
  readonly der: Uint8Array
  /** TBSCertificate: what the issuer signed. */
  readonly tbs: Uint8Array
  readonly serialNumber: bigint
  readonly issuer: Name
  readonly subject: Name
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** The key's octets without their wrapping: what OCSP hashes (RFC 6960 §4.1.1). */
  readonly keyBits: Uint8Array
  /** Parsed when first asked for. */
  readonly publicKey: KeyObject
  /** Undefined when the issuer signed with something that is not accepted (SHA-1, say): it can be an anchor, not a link. */
  readonly signatureAlgorithm: SignatureAlgorithm | undefined
  readonly signature: Uint8Array
  /** Lower-case hex over the DER. */
  readonly sha1: string
  readonly sha256: string
}

const MAX_BYTES = 64 * 1024
const parsed = new Cache<Certificate>(10_000)

/** DER, or PEM text whose first certificate counts (wire-conf §3.4). Throws TrustError. The same bytes give the same object. */
export function parseCertificate(bytes: Uint8Array): Certificate {
  const key = bytesKey(bytes)
  const known = parsed.get(key)
  if (known !== undefined) return known
  if (bytes.length > MAX_BYTES)
    throw new TrustError('malformed_certificate', `A certificate of ${bytes.length} octets is not read`)
  if (bytes[0] === 0x30) return parsed.set(key, parseDer(ownCopy(bytes)))
  const [der] = unpem(Buffer.from(bytes).toString('latin1'), 'CERTIFICATE')
  if (der === undefined) throw new TrustError('malformed_certificate', 'Neither a DER nor a PEM certificate')
  return parsed.set(key, parseCertificate(der))
}

function parseDer(der: Uint8Array): Certificate {
  // The signature covers only the first of the three: anything more beside it would be another certificate with the same signature.
  const [tbs, outer, signature] = readDer(der).parts(0x30, 3, 3, 'certificate')
  if (!tbs || !outer || !signature) throw new TrustError('malformed_certificate', 'The certificate is incomplete')
  const fields = [...tbs.parts(0x30, 6, 10, 'TBSCertificate')]
  // v1 is the default and is not written; v2 and v3 are 1 and 2.
  const version = fields[0]?.tag === 0xa0 ? Number(fields.shift()?.only(0xa0, 'version').integer()) : 0
  if (version > 2 || version < 0) throw new TrustError('malformed_certificate', `Version ${version} is not known`)
  const [serial, inner, issuer, validity, subject, spki, ...optional] = fields
  if (!serial || !inner || !issuer || !validity || !subject || !spki)
    throw new TrustError('malformed_certificate', 'The TBSCertificate is incomplete')
  if (Buffer.compare(inner.raw, outer.raw) !== 0)
    throw new TrustError('malformed_certificate', 'The inner and the outer signature algorithm differ')
  // issuerUniqueID [1], subjectUniqueID [2], extensions [3]
  const extensions = optionalFields(optional, [0x81, 0x82, 0xa3], 'TBSCertificate').get(0xa3)
  if (extensions !== undefined && version !== 2)
    throw new TrustError('malformed_certificate', 'Extensions in a certificate that is not of version 3')
  validity.parts(0x30, 2, 2, 'validity')
  spki.parts(0x30, 2, 2, 'SubjectPublicKeyInfo')
  let publicKey: KeyObject | undefined
  let sha1: string | undefined
  let sha256: string | undefined
  return {
    ...readExtensions(extensions?.only(0xa3, 'extensions')),
    der,
    tbs: tbs.raw,
    serialNumber: serial.expect(0x02, 'serial number').integer(),
    issuer: readName(issuer),
    subject: readName(subject),
    notBefore: validity.child(0).time(),
    notAfter: validity.child(1).time(),
    spki: spki.raw,
    keyBits: spki.child(1).bits(),
    signatureAlgorithm: findSignatureIdentifier(outer),
    signature: signature.bits(),
    get publicKey() {
      publicKey ??= publicKeyFromSpki(spki.raw)
      return publicKey
    },
    get sha1() {
      sha1 ??= Buffer.from(digest('SHA-1', der)).toString('hex')
      return sha1
    },
    get sha256() {
      sha256 ??= Buffer.from(digest('SHA-256', der)).toString('hex')
      return sha256
    },
  }
}

/** For TLS between servers (wire-conf §5.1). A certificate that says nothing of its use is none. */
export function isAuthenticationCertificate(certificate: Certificate): boolean {
  if (certificate.extendedKeyUsage.includes(oids.clientAuth)) return true
  return (
    certificate.keyUsage?.some(
      (usage) => usage === 'digitalSignature' || usage === 'keyEncipherment' || usage === 'dataEncipherment',
    ) ?? false
  )
}

/** For messages (wire-conf §5.1). */
export function isSigningCertificate(certificate: Certificate): boolean {
  return certificate.keyUsage?.includes('nonRepudiation') ?? false
}
