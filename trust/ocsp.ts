// OCSP answers read and judged (RFC 6960 §4.2; the verdict rules of wire-message §1.7 and wire-conf §5.5).
import { type DigestName, digestByOid, type SignatureAlgorithm } from './algorithms.ts'
import { bytesKey, Cache } from './cache.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { digest, equalBytes, verifySignature } from './crypto.ts'
import { type Der, readDer } from './der.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'
import { oids } from './oids.ts'
import { issued } from './path.ts'
import { readSignatureIdentifier } from './signature-identifier.ts'

export interface OcspCertId {
  /** The whole CertID as it came. */
  readonly raw: Uint8Array
  readonly hashOid: string
  readonly issuerNameHash: Uint8Array
  readonly issuerKeyHash: Uint8Array
  readonly serialNumber: bigint
}

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
  const outer = readDer(Buffer.from(der)).expect(0x30, 'OCSPResponse')
  const status = Number(outer.child(0, 'response status').expect(0x0a).integer())
  if (status !== 0)
    throw new TrustError(
      'malformed_ocsp',
      `The responder answered with status ${status} (${STATUSES[status] ?? 'unknown'})`,
    )
  const bytes = outer.tagged(0)?.child(0)
  if (bytes === undefined || bytes.child(0).oid() !== oids.ocspBasic)
    throw new TrustError('malformed_ocsp', 'Not a basic OCSP response')
  const [data, identifier, signature, certificates] = readDer(bytes.child(1).octets())
    .expect(0x30, 'BasicOCSPResponse')
    .children()
  if (!data || !identifier || !signature) throw new TrustError('malformed_ocsp', 'The OCSP answer is incomplete')
  return parsed.set(key, {
    der,
    ...readResponseData(data),
    algorithm: readSignatureIdentifier(identifier),
    signature: signature.bits(),
    certificates:
      certificates
        ?.child(0)
        .children()
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
  const fields = [...data.children()]
  if (fields[0]?.tag === 0xa0) fields.shift()
  const [responder, producedAt, list, extensions] = fields
  if (!responder || !producedAt || !list) throw new TrustError('malformed_ocsp', 'The OCSP answer is incomplete')
  const singles = list.expect(0x30, 'responses').children()
  if (singles.length > MAX_RESPONSES) throw new TrustError('malformed_ocsp', 'Too many answers in one')
  // By place: responderID by name and the extensions share a tag.
  const nonce = extensions
    ?.child(0)
    .children()
    .find((extension) => extension.child(0).oid() === oids.ocspNonce)
    ?.children()
    .at(-1)
    ?.octets()
  return {
    tbs: data.raw,
    responderName: responder.tag === 0xa1 ? responder.child(0).raw : undefined,
    responderKeyHash: responder.tag === 0xa2 ? responder.child(0).octets() : undefined,
    producedAt: producedAt.time(),
    responses: singles.map(readSingle),
    ...(nonce ? { nonce } : {}),
  }
}

function readSingle(single: Der): OcspSingle {
  const [id, status, thisUpdate, ...rest] = single.expect(0x30, 'single response').children()
  if (!id || !status || !thisUpdate) throw new TrustError('malformed_ocsp', 'A single response is incomplete')
  const certId = readCertId(id)
  const nextUpdate = rest
    .find((field) => field.tag === 0xa0)
    ?.child(0)
    .time()
  const base = {
    certId,
    serialNumber: certId.serialNumber,
    thisUpdate: thisUpdate.time(),
    ...(nextUpdate ? { nextUpdate } : {}),
  }
  if (status.tag === 0x80 && status.content.length === 0) return { ...base, status: 'good' }
  if (status.tag === 0xa1) return { ...base, status: 'revoked', revokedAt: status.child(0).time() }
  if (status.tag === 0x82) return { ...base, status: 'unknown' }
  throw new TrustError('malformed_ocsp', 'A certificate status is none of good, revoked, unknown')
}

export function readCertId(id: Der): OcspCertId {
  const [algorithm, name, key, serial] = id.expect(0x30, 'CertID').children()
  if (!algorithm || !name || !key || !serial) throw new TrustError('malformed_ocsp', 'A CertID is incomplete')
  return {
    raw: id.raw,
    hashOid: algorithm.child(0).oid(),
    issuerNameHash: name.octets(),
    issuerKeyHash: key.octets(),
    serialNumber: serial.integer(),
  }
}

/** CertID with SHA-1 hashes, the only kind that X-Road matches. */
export function certId(certificate: Certificate, issuer: Certificate): Uint8Array {
  return write.sequence(
    write.sequence(write.oid('1.3.14.3.2.26'), write.nul()),
    write.octets(digest('SHA-1', issuer.subject.der)),
    write.octets(digest('SHA-1', issuer.keyBits)),
    write.integer(certificate.serialNumber),
  )
}

/** Whether a CertID names certificates of this issuer, by whatever digest it uses. */
export function certIdMatches(id: OcspCertId, issuer: Certificate): boolean {
  const algorithm = digestByOid(id.hashOid)
  return (
    algorithm !== undefined &&
    equalBytes(id.issuerNameHash, digest(algorithm.name, issuer.subject.der)) &&
    equalBytes(id.issuerKeyHash, digest(algorithm.name, issuer.keyBits))
  )
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
  const key =
    bytesKey(response.der) + certificate.sha1 + trust.issuer.sha1 + trust.responders.map((one) => one.sha1).join('')
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
  const responder = [...trust.responders, ...trust.authorities, ...response.certificates].find((one) =>
    isResponder(one, response),
  )
  if (responder === undefined) throw refuse('its responder is not known')
  if (!verifySignature(response.algorithm, responder.publicKey, response.tbs, response.signature))
    throw refuse('its signature is wrong')
  const listed = trust.responders.some((one) => equalBytes(one.der, responder.der))
  const itself = equalBytes(responder.der, trust.issuer.der)
  const delegated = responder.extendedKeyUsage.includes(oids.ocspSigning) && issued(trust.issuer, responder)
  if (!listed && !itself && !delegated) throw refuse(`${responder.subject.text} has no authority over this CA`)
  return responder
}

function isResponder(candidate: Certificate, response: OcspResponse): boolean {
  if (response.responderName !== undefined) return equalBytes(candidate.subject.der, response.responderName)
  return (
    response.responderKeyHash !== undefined && equalBytes(digest('SHA-1', candidate.keyBits), response.responderKeyHash)
  )
}
