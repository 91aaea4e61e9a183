// Builds the certificate that will be signed, under a throw-away key: the first of the two signatures, made for show.
// @peculiar/x509 and what it drags in are loaded here, when the first certificate is drafted, and in the CA process only.

import type { webcrypto } from 'node:crypto'
import type * as X509 from '@peculiar/x509'
import { type DigestName, type KeyObject, oids, write } from '#trust'
import type { Profile } from './profiles.ts'

/** What goes into a certificate. Everything here was decided by us; nothing is copied from a request unread. */
export interface DraftInput {
  readonly profile: Profile
  readonly serialNumber: Uint8Array
  /** DER of the issuer's subject, byte for byte. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly spki: Uint8Array
  readonly publicKey: KeyObject
  /** Key identifier of the issuer. */
  readonly issuerKeyId: Uint8Array
  readonly subjectKeyId: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly locations?: { readonly crl: string; readonly issuer: string; readonly ocsp?: string }
  /** The issuer's way of signing; the throw-away key is of its kind so that the draft's bytes are the final ones. */
  readonly signing: SigningKind
}

export interface SigningKind {
  readonly key: 'rsa' | 'P-256' | 'P-384'
  readonly hash: DigestName
}

let loading: Promise<typeof X509> | undefined

/** Loaded once, when first needed. The decorators of its ASN.1 schemas want reflect-metadata to be there before. */
function library(): Promise<typeof X509> {
  loading ??= import('reflect-metadata').then(() => import('@peculiar/x509'))
  return loading
}

const throwAway = new Map<string, Promise<webcrypto.CryptoKeyPair>>()

/** A key that signs drafts and nothing else. One for each kind and process: it protects nothing, so it need not change. */
function throwAwayKey(kind: SigningKind): Promise<webcrypto.CryptoKeyPair> {
  const id = `${kind.key}/${kind.hash}`
  const known = throwAway.get(id)
  if (known !== undefined) return known
  const algorithm =
    kind.key === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: kind.hash, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
      : { name: 'ECDSA', namedCurve: kind.key }
  const made = crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>
  throwAway.set(id, made)
  return made
}

/** Copies into a buffer of its own kind: the library's types want ArrayBuffer-backed bytes. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function extensions(x509: typeof X509, input: DraftInput): X509.Extension[] {
  const { profile, locations } = input
  const list: X509.Extension[] = []
  const usages = profile.keyUsage[input.publicKey.asymmetricKeyType === 'ec' ? 'ec' : 'rsa']
  if (profile.pathLength !== undefined) list.push(new x509.BasicConstraintsExtension(true, profile.pathLength, true))
  const flags = usages.reduce((sum, usage) => sum | x509.KeyUsageFlags[usage], 0)
  list.push(new x509.KeyUsagesExtension(flags, true))
  if (profile.extendedKeyUsage !== undefined) {
    const { purposes, critical } = profile.extendedKeyUsage
    list.push(new x509.ExtendedKeyUsageExtension([...purposes], critical))
  }
  list.push(new x509.SubjectKeyIdentifierExtension(hex(input.subjectKeyId)))
  list.push(new x509.AuthorityKeyIdentifierExtension(hex(input.issuerKeyId)))
  const names = [
    ...input.dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...input.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ]
  if (names.length > 0) list.push(new x509.SubjectAlternativeNameExtension(names))
  if (locations !== undefined) {
    list.push(new x509.CRLDistributionPointsExtension([locations.crl]))
    const { issuer: caIssuers, ocsp } = locations
    list.push(new x509.AuthorityInfoAccessExtension({ caIssuers, ...(ocsp === undefined ? {} : { ocsp }) }))
  }
  if (profile.noCheck) list.push(new x509.Extension(oids.ocspNoCheck, false, own(write.nul())))
  return list
}

/** The whole certificate, DER, signed by the throw-away key. Its TBSCertificate is what the issuer will sign. */
export async function draftCertificate(input: DraftInput): Promise<Uint8Array> {
  const [x509, keys] = await Promise.all([library(), throwAwayKey(input.signing)])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: hex(input.serialNumber),
    issuer: new x509.Name(own(input.issuer) as never),
    subject: new x509.Name(own(input.subject) as never),
    notBefore: input.notBefore,
    notAfter: input.notAfter,
    publicKey: own(input.spki),
    signingKey: keys.privateKey,
    signingAlgorithm: { name: keys.privateKey.algorithm.name, hash: input.signing.hash },
    extensions: extensions(x509, input),
  })
  return new Uint8Array(certificate.rawData)
}
