// A small country for these tests: a CA, its OCSP responder, a time-stamping authority and members' signing keys, issued with
// trust's own DER writer so that no test needs the pki room. Keys are fresh in every run; serial numbers and times are fixed.
import { generateKeyPairSync, type KeyObject, sign as signWith } from 'node:crypto'
import type { MessageSigner } from '#evidence'
import type { ClientId, TrustMaterial } from '#protocol'
import {
  buildOcspResponse,
  buildTimestampRequest,
  buildTimestampResponse,
  type Certificate,
  certId,
  type DigestName,
  KEY_USAGES,
  type KeyUsage,
  type NameAttribute,
  type OcspStatus,
  oids,
  parseCertificate,
  parseTimestampRequest,
  parseTimestampResponse,
  signatureFor,
  write,
  writeName,
  writeSignatureIdentifier,
} from '#trust'

export type KeyKind = 'EC-P256' | 'EC-P384' | 'RSA-2048'

export interface Holder {
  readonly certificate: Certificate
  readonly privateKey: KeyObject
}

/** Everything in these tests happens around this moment. */
export const NOW = new Date('2031-05-06T07:08:09.123Z')
export const CLIENT: ClientId = {
  instance: 'DEMO',
  memberClass: 'GOV',
  memberCode: '70000001',
  subsystemCode: 'register',
}
export const FRESHNESS_SECONDS = 3600
const BASIC = 'ee.ria.xroad.common.certificateprofile.impl.BasicCertificateProfileInfoProvider'
const POLICY = '1.3.6.1.4.1.99999.1'
const YEAR = 365 * 24 * 3600 * 1000

function keyPair(kind: KeyKind): { publicKey: KeyObject; privateKey: KeyObject } {
  if (kind === 'RSA-2048') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  return generateKeyPairSync('ec', { namedCurve: kind === 'EC-P256' ? 'P-256' : 'P-384' })
}

/** Signs like a token: PKCS#1 v1.5 or DER-form ECDSA, with the digest that is asked for. */
export function signatureOf(key: KeyObject, data: Uint8Array, digest: DigestName = 'SHA-512'): Uint8Array {
  return signWith(digest.replace('-', '').toLowerCase(), data, key)
}

export interface IssueOptions {
  readonly kind?: KeyKind
  /** A key of the test's own making. */
  readonly keyPair?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  readonly subject: readonly NameAttribute[]
  readonly issuer?: Holder
  readonly serialNumber?: number
  readonly ca?: boolean
  readonly keyUsage: readonly KeyUsage[]
  readonly extendedKeyUsage?: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** id-pkix-ocsp-nocheck: nobody need ask whether a responder is revoked (RFC 6960 §4.2.2.2.1). */
  readonly noCheck?: boolean
}

let serialNumbers = 1000

/** A certificate over a fresh key; self-signed without an issuer. */
export function issue(options: IssueOptions): Holder {
  const { publicKey, privateKey } = options.keyPair ?? keyPair(options.kind ?? 'EC-P256')
  const issuerKey = options.issuer?.privateKey ?? privateKey
  const algorithm = signatureFor(issuerKey, 'SHA-256')
  const extension = (oid: string, critical: boolean, value: Uint8Array) =>
    write.sequence(write.oid(oid), ...(critical ? [write.boolean(true)] : []), write.octets(value))
  const extensions = [
    extension(oids.keyUsage, true, write.namedBits(KEY_USAGES.map((usage) => options.keyUsage.includes(usage)))),
    ...(options.ca ? [extension(oids.basicConstraints, true, write.sequence(write.boolean(true)))] : []),
    ...(options.extendedKeyUsage
      ? [
          extension(
            oids.extendedKeyUsage,
            true,
            write.sequence(...options.extendedKeyUsage.map((one) => write.oid(one))),
          ),
        ]
      : []),
    ...(options.noCheck ? [extension(oids.ocspNoCheck, false, write.nul())] : []),
  ]
  const subject = writeName(options.subject)
  serialNumbers += 1
  const tbs = write.sequence(
    write.tagged(0, true, write.integer(2)),
    write.integer(options.serialNumber ?? serialNumbers),
    writeSignatureIdentifier(algorithm),
    options.issuer?.certificate.subject.der ?? subject,
    write.sequence(
      write.validity(options.notBefore ?? new Date(NOW.getTime() - YEAR)),
      write.validity(options.notAfter ?? new Date(NOW.getTime() + 5 * YEAR)),
    ),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    write.tagged(3, true, write.sequence(...extensions)),
  )
  const signature = signatureOf(issuerKey, tbs, 'SHA-256')
  const der = write.sequence(tbs, writeSignatureIdentifier(algorithm), write.bits(signature))
  return { certificate: parseCertificate(der), privateKey }
}

export function named(commonName: string): NameAttribute[] {
  return [
    { oid: oids.country, value: 'EE' },
    { oid: oids.organization, value: 'Demo & Söhne <"test">' },
    { oid: oids.commonName, value: commonName },
  ]
}

export interface Country {
  readonly ca: Holder
  readonly responder: Holder
  readonly tsa: Holder
  readonly trust: TrustMaterial
  /** A certificate for signing messages, by the rules of the Basic profile. */
  member(kind: KeyKind, options?: Partial<IssueOptions> & { readonly code?: string }): Holder
  /** An OCSP answer about a certificate of this CA. */
  ocsp(
    certificate: Certificate,
    options?: {
      readonly status?: OcspStatus
      readonly thisUpdate?: Date
      readonly nextUpdate?: Date
      readonly by?: Holder
    },
  ): Promise<Uint8Array>
  signer(holder: Holder, options?: { readonly ocsp?: Uint8Array }): Promise<MessageSigner>
  /** A time-stamp token over the imprint. */
  stamp(
    imprint: Uint8Array,
    options?: { readonly genTime?: Date; readonly digest?: DigestName; readonly by?: Holder },
  ): Promise<Uint8Array>
}

/** @param kind Of the authorities' own keys. */
export function foundCountry(kind: KeyKind = 'EC-P256'): Country {
  const ca = issue({ kind, subject: named('Demo CA'), ca: true, keyUsage: ['keyCertSign', 'cRLSign'] })
  const responder = issue({
    kind,
    subject: named('Demo OCSP'),
    issuer: ca,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.ocspSigning],
    noCheck: true,
  })
  const tsa = issue({
    kind,
    subject: named('Demo TSA'),
    issuer: ca,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.timeStamping],
  })
  const trust: TrustMaterial = {
    instance: CLIENT.instance,
    authorities: [
      {
        instance: CLIENT.instance,
        name: 'Demo CA',
        certificate: ca.certificate,
        responders: [responder.certificate],
        ocspUrls: [],
        profile: BASIC,
        authenticationOnly: false,
      },
    ],
    tsas: [{ name: 'Demo TSA', url: 'http://tsa.example.test/', certificate: tsa.certificate }],
    ocspFreshnessSeconds: FRESHNESS_SECONDS,
    verifyNextUpdate: true,
  }
  const country: Country = {
    ca,
    responder,
    tsa,
    trust,
    member: (memberKind, { code = CLIENT.memberCode, ...options } = {}) =>
      issue({
        kind: memberKind,
        subject: [
          { oid: oids.country, value: 'EE' },
          { oid: oids.organization, value: 'Population Register' },
          { oid: oids.businessCategory, value: CLIENT.memberClass },
          { oid: oids.serialNumber, value: code },
          { oid: oids.commonName, value: 'Population Register, signing' },
        ],
        issuer: ca,
        keyUsage: ['nonRepudiation'],
        ...options,
      }),
    ocsp: (
      certificate,
      { status = 'good', thisUpdate = new Date(NOW.getTime() - 60_000), nextUpdate, by = responder } = {},
    ) =>
      buildOcspResponse(
        {
          responder: by.certificate,
          byKey: true,
          producedAt: thisUpdate,
          answers: [
            { certId: certId(certificate, ca.certificate), status, thisUpdate, ...(nextUpdate ? { nextUpdate } : {}) },
          ],
          includeCertificates: [by.certificate],
          algorithm: signatureFor(by.privateKey, 'SHA-256'),
        },
        async (tbs) => signatureOf(by.privateKey, tbs, 'SHA-256'),
      ),
    async signer(holder, options = {}) {
      return {
        certificate: holder.certificate,
        ocsp: options.ocsp ?? (await country.ocsp(holder.certificate)),
        intermediates: [],
        algorithm: signatureFor(holder.privateKey),
        sign: async (data) => signatureOf(holder.privateKey, data),
      }
    },
    async stamp(imprint, { genTime = new Date(NOW.getTime() + 30_000), digest = 'SHA-512', by = tsa } = {}) {
      const request = parseTimestampRequest(buildTimestampRequest({ digest, imprint, certReq: true }))
      const response = await buildTimestampResponse(
        {
          request,
          tsa: by.certificate,
          policy: POLICY,
          serialNumber: 77n,
          genTime,
          algorithm: signatureFor(by.privateKey, 'SHA-256'),
        },
        async (attributes) => signatureOf(by.privateKey, attributes, 'SHA-256'),
      )
      const { token } = parseTimestampResponse(response)
      if (token === undefined) throw new Error('the authority refused')
      return token
    },
  }
  return country
}
