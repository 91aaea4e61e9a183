// OCSP answers read and judged (RFC 6960 §4.2; the verdict rules of wire-message §1.7 and wire-conf §5.5).
import { type DigestName, digestByOid, type SignatureAlgorithm } from './algorithms.ts'
import { bytesKey, Cache, ownCopy } from './cache.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { digest, equalBytes, verifySignature } from './crypto.ts'
import { type Der, optionalFields, readDer, tags } from './der.ts'
import { TrustError } from './error.ts'
import { certIdMatches, type OcspCertId, readCertId } from './ocsp-cert-id.ts'
import { oids } from './oids.ts'
import { issued } from './path.ts'
import { readSignatureIdentifier } from './signature-identifier.ts'

export type OcspStatus = 'good' | 'revoked' | 'unknown'

export interface OcspSingle {
  readonly certId: OcspCertId
  readonly serialNumber: bigint
  readonly status: OcspStatus
  readonly thisUpdate: Date
  readonly nextUpdate?: Date
  readonly revokedAt?: Date
}

export interface OcspResponse {
  readonly der: Uint8Array
  /** ResponseData: what the responder signed. */
  readonly tbs: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly signature: Uint8Array
  readonly responderName: Uint8Array | undefined
  readonly responderKeyHash: Uint8Array | undefined
  readonly producedAt: Date
  readonly responses: readonly OcspSingle[]
  readonly certificates: readonly Certificate[]
  readonly nonce?: Uint8Array
  /** Lower-case hex over the DER. */
  readonly sha256: string
}

export interface OcspTrust {
  /** The CA that issued the certificate in question. */
  readonly issuer: Certificate
  /** Responders that the global configuration lists for this CA. */
  readonly responders: readonly Certificate[]
  /** Every CA certificate of the trust material. */
  readonly authorities: readonly Certificate[]
}

export interface OcspPolicy {
  readonly at: Date
  readonly freshnessSeconds: number
  readonly verifyNextUpdate: boolean
}

export interface OcspVerdict {
  readonly responder: Certificate
  readonly producedAt: Date
  readonly thisUpdate: Date
  readonly nextUpdate?: Date
}

const MAX_BYTES = 64 * 1024
const MAX_RESPONSES = 64
const MAX_CERTIFICATES = 16
const parsed = new Cache<OcspResponse>(10_000)
/** Steps 1–5 do not depend on time; their outcome is kept by the bytes they were made from. */
const believed = new Cache<Certificate>(20_000)

/** Throws TrustError `malformed_ocsp`, also for an answer that says it has none (`tryLater` …). */
export function parseOcspResponse(der: Uint8Array): OcspResponse {
  const key = bytesKey(der)
  const known = parsed.get(key)
  if (known !== undefined) return known
  if (der.length > MAX_BYTES)
    throw new TrustError('malformed_ocsp', `An OCSP answer of ${der.length} octets is not read`)
  const own = ownCopy(der)
  const outer = readDer(own)
  outer.parts(0x30, 1, 2, 'OCSPResponse')
  const status = Number(outer.child(0, 'response status').expect(0x0a).integer())
  if (status !== 0)
    throw new TrustError(
      'malformed_ocsp',
      `The responder answered with status ${status} (${STATUSES[status] ?? 'unknown'})`,
    )
  const bytes = outer.child(1, 'response bytes').only(0xa0, 'response bytes')
  bytes.parts(0x30, 2, 2, 'ResponseBytes')
  if (bytes.child(0).oid() !== oids.ocspBasic) throw new TrustError('malformed_ocsp', 'Not a basic OCSP response')
  const [data, identifier, signature, certificates] = readDer(bytes.child(1).octets()).parts(
    0x30,
    3,
    4,
    'BasicOCSPResponse',
  )
  if (!data || !identifier || !signature) throw new TrustError('malformed_ocsp', 'The OCSP answer is incomplete')
  let sha256: string | undefined
  return parsed.set(key, {
    der: own,
    get sha256() {
      sha256 ??= Buffer.from(digest('SHA-256', own)).toString('hex')
      return sha256
    },
    ...readResponseData(data),
    algorithm: readSignatureIdentifier(identifier),
    signature: signature.bits(),
    certificates:
      certificates
        ?.only(0xa0, 'certificates')
        .parts(0x30, 0, MAX_CERTIFICATES, 'certificates')
        .map((one) => parseCertificate(one.raw)) ?? [],
  })
}

const STATUSES: readonly string[] = [
  'successful',
  'malformedRequest',
  'internalError',
  'tryLater',
  '',
  'sigRequired',
  'unauthorized',
]

function readResponseData(data: Der) {
  const fields = [...data.parts(0x30, 3, 5, 'ResponseData')]
  if (fields[0]?.tag === 0xa0 && fields.shift()?.only(0xa0, 'version').integer() !== 0n)
    throw new TrustError('malformed_ocsp', 'The OCSP answer is of an unknown version')
  // By place: responderID by name and the extensions share a tag.
  const [responder, producedAt, list, extensions, ...more] = fields
  if (!responder || !producedAt || !list || more.length > 0)
    throw new TrustError('malformed_ocsp', 'The OCSP answer has too few or too many parts')
  const nonce = extensions === undefined ? undefined : readNonce(extensions.only(0xa1, 'response extensions'))
  return {
    tbs: data.raw,
    ...readResponderId(responder),
    producedAt: producedAt.expect(tags.generalizedTime, 'producedAt').time(),
    responses: list.parts(0x30, 0, MAX_RESPONSES, 'responses').map(readSingle),
    ...(nonce ? { nonce } : {}),
  }
}

function readResponderId(id: Der) {
  if (id.tag === 0xa1) return { responderName: id.only(0xa1, 'responder name').raw, responderKeyHash: undefined }
  return { responderName: undefined, responderKeyHash: id.only(0xa2, 'responder key hash').octets() }
}

/** The value of the nonce extension, in whatever encoding it came (RFC 9654 §2.1). An extension that must be understood and is not spoils the answer (RFC 6960 §4.4). */
export function readNonce(extensions: Der): Uint8Array | undefined {
  let nonce: Uint8Array | undefined
  for (const extension of extensions.parts(0x30, 0, MAX_RESPONSES, 'extensions')) {
    const parts = extension.parts(0x30, 2, 3, 'extension')
    const oid = extension.child(0).oid()
    const value = extension.child(parts.length - 1).octets()
    if (oid === oids.ocspNonce) nonce = value
    else if (parts.length === 3 && extension.child(1).boolean())
      throw new TrustError('malformed_ocsp', `Extension ${oid} is critical and not understood`)
  }
  return nonce
}

function readSingle(single: Der): OcspSingle {
  const [id, status, thisUpdate, ...rest] = single.parts(0x30, 3, 5, 'single response')
  if (!id || !status || !thisUpdate) throw new TrustError('malformed_ocsp', 'A single response is incomplete')
  const certId = readCertId(id)
  const nextUpdate = optionalFields(rest, [0xa0, 0xa1], 'single response')
    .get(0xa0)
    ?.only(0xa0, 'nextUpdate')
    .expect(tags.generalizedTime, 'nextUpdate')
    .time()
  const base = {
    certId,
    serialNumber: certId.serialNumber,
    thisUpdate: thisUpdate.expect(tags.generalizedTime, 'thisUpdate').time(),
    ...(nextUpdate ? { nextUpdate } : {}),
  }
  if (status.tag === 0x80 && status.content.length === 0) return { ...base, status: 'good' }
  if (status.tag === 0xa1) {
    status.parts(0xa1, 1, 2, 'revocation')
    return { ...base, status: 'revoked', revokedAt: status.child(0).expect(tags.generalizedTime).time() }
  }
  if (status.tag === 0x82 && status.content.length === 0) return { ...base, status: 'unknown' }
  throw new TrustError('malformed_ocsp', 'A certificate status is none of good, revoked, unknown')
}

/**
 * Judges the first single response, the only one that counts. Throws TrustError `incorrect_validation_info` when it cannot be believed or is stale,
 * `cert_validation` when the certificate is not good. A thisUpdate in the future passes, as in the reference (wire-conf §10 row 24).
 */
export function judgeOcsp(
  certificate: Certificate,
  response: OcspResponse,
  trust: OcspTrust,
  policy: OcspPolicy,
): OcspVerdict {
  const [single] = response.responses
  if (single === undefined) throw new TrustError('incorrect_validation_info', 'The OCSP answer holds no response')
  let key = response.sha256 + certificate.sha256 + trust.issuer.sha256
  for (const listed of trust.responders) key += listed.sha256
  const responder = believed.get(key) ?? believed.set(key, believe(certificate, response, single, trust))
  const at = policy.at.getTime()
  if (single.thisUpdate.getTime() < at - policy.freshnessSeconds * 1000)
    throw new TrustError(
      'incorrect_validation_info',
      `The OCSP answer of ${single.thisUpdate.toISOString()} is older than ${policy.freshnessSeconds} s`,
    )
  if (policy.verifyNextUpdate && single.nextUpdate !== undefined && single.nextUpdate.getTime() < at)
    throw new TrustError(
      'incorrect_validation_info',
      `A newer OCSP answer was due at ${single.nextUpdate.toISOString()}`,
    )
  if (single.status !== 'good')
    throw new TrustError(
      'cert_validation',
      `${certificate.subject.text} is ${single.status}${single.revokedAt ? ` since ${single.revokedAt.toISOString()}` : ''}`,
    )
  return {
    responder,
    producedAt: response.producedAt,
    thisUpdate: single.thisUpdate,
    ...(single.nextUpdate ? { nextUpdate: single.nextUpdate } : {}),
  }
}

/** Steps 1–5: CertID, responder found, signature, authority. */
function believe(certificate: Certificate, response: OcspResponse, single: OcspSingle, trust: OcspTrust): Certificate {
  const refuse = (why: string) =>
    new TrustError(
      'incorrect_validation_info',
      `The OCSP answer for ${certificate.subject.text} is not accepted: ${why}`,
    )
  const { certId: id } = single
  if (
    digestByOid(id.hashOid)?.name !== ('SHA-1' satisfies DigestName) ||
    id.serialNumber !== certificate.serialNumber ||
    !certIdMatches(id, trust.issuer)
  )
    throw refuse('it is about another certificate')
  const named = [...trust.responders, ...trust.authorities, ...response.certificates].filter((one) =>
    isResponder(one, response),
  )
  if (named.length === 0) throw refuse('its responder is not known')
  // The reference looks only at the first of that name, so a responder that renewed its key under its old name fails there until the old one is gone.
  const signers = named.filter((one) => signed(one, response))
  const [signer] = signers
  if (signer === undefined) throw refuse('its signature is wrong')
  const responder = signers.find((one) => isAuthorised(one, trust))
  if (responder === undefined) throw refuse(`${signer.subject.text} has no authority over this CA`)
  return responder
}

/** A key that the policy refuses has signed nothing. */
function signed(candidate: Certificate, response: OcspResponse): boolean {
  try {
    return verifySignature(response.algorithm, candidate.publicKey, response.tbs, response.signature)
  } catch (error) {
    if (error instanceof TrustError) return false
    throw error
  }
}

/** RFC 6960 §4.2.2.2: listed, the CA itself, or its direct delegate. Its own validity is not looked at, as in the reference (wire-conf §5.5). */
function isAuthorised(responder: Certificate, trust: OcspTrust): boolean {
  return (
    trust.responders.some((one) => equalBytes(one.der, responder.der)) ||
    equalBytes(responder.der, trust.issuer.der) ||
    (responder.extendedKeyUsage.includes(oids.ocspSigning) && issued(trust.issuer, responder))
  )
}

function isResponder(candidate: Certificate, response: OcspResponse): boolean {
  if (response.responderName !== undefined) return equalBytes(candidate.subject.der, response.responderName)
  return (
    response.responderKeyHash !== undefined && equalBytes(digest('SHA-1', candidate.keyBits), response.responderKeyHash)
  )
}
