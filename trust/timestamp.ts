// RFC 3161 time-stamps, asked for and judged (wire-message §7).
import { type DigestAlgorithm, type DigestName, digestByOid, digestInfo } from './algorithms.ts'
import { bytesKey, Cache, ownCopy } from './cache.ts'
import type { Certificate } from './certificate.ts'
import { invalid, isSigner, parseSignedData, type SignedData, verifySignedData } from './cms.ts'
import { digest, equalBytes } from './crypto.ts'
import { type Der, optionalFields, readDer, tags } from './der.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'
import { oids } from './oids.ts'

export interface TimestampRequestInput {
  readonly digest: DigestName
  readonly imprint: Uint8Array
  readonly nonce?: bigint
  /** Asks for the TSA's certificate in the token; X-Road does not. */
  readonly certReq?: boolean
  readonly policy?: string
}

/** RFC 3161 §2.4.1. */
export function buildTimestampRequest(input: TimestampRequestInput): Uint8Array {
  const parts = [write.integer(1), imprint(input.digest, input.imprint)]
  if (input.policy !== undefined) parts.push(write.oid(input.policy))
  if (input.nonce !== undefined) parts.push(write.integer(input.nonce))
  if (input.certReq) parts.push(write.boolean(true))
  return write.sequence(...parts)
}

/** MessageImprint; the digest's AlgorithmIdentifier without parameters, as in X-Road's own requests. */
export function imprint(name: DigestName, value: Uint8Array): Uint8Array {
  return write.sequence(write.sequence(write.oid(digestInfo(name).oid)), write.octets(value))
}

/** `status` 0 granted, 1 granted with modifications; others carry no token (RFC 3161 §2.4.2). */
export interface TimestampResponse {
  readonly status: number
  readonly text?: string
  readonly failure?: string
  readonly token?: Uint8Array
}

const FAILURES: Readonly<Record<number, string>> = {
  0: 'badAlg',
  2: 'badRequest',
  5: 'badDataFormat',
  14: 'timeNotAvailable',
  15: 'unacceptedPolicy',
  16: 'unacceptedExtension',
  17: 'addInfoNotAvailable',
  25: 'systemFailure',
}
const MAX_BYTES = 256 * 1024

export function parseTimestampResponse(der: Uint8Array): TimestampResponse {
  if (der.length > MAX_BYTES)
    throw new TrustError('malformed_timestamp', `A time-stamp response of ${der.length} octets is not read`)
  const [info, token] = readDer(der).parts(0x30, 1, 2, 'TimeStampResp')
  if (info === undefined) throw new TrustError('malformed_timestamp', 'The time-stamp response is empty')
  const [code, ...rest] = info.parts(0x30, 1, 3, 'PKIStatusInfo')
  const details = optionalFields(rest, [tags.sequence, tags.bitString], 'PKIStatusInfo')
  const status = Number(code?.expect(tags.integer, 'status').integer())
  if (!(status >= 0 && status <= 5)) throw new TrustError('malformed_timestamp', `Status ${status} is not known`)
  const text = details
    .get(tags.sequence)
    ?.parts(tags.sequence, 1, 16, 'status text')
    .map((one) => one.text())
    .join('; ')
  const bits = details.get(tags.bitString)?.namedBits()
  const failure = bits === undefined ? undefined : FAILURES[bits.indexOf(true)]
  return {
    status,
    ...(text ? { text } : {}),
    ...(failure ? { failure } : {}),
    ...(token && status <= 1 ? { token: token.raw } : {}),
  }
}

export interface TimestampToken {
  readonly der: Uint8Array
  readonly genTime: Date
  readonly digest: DigestName
  readonly imprint: Uint8Array
  readonly serialNumber: bigint
  readonly policy: string
  readonly nonce?: bigint
  readonly certificates: readonly Certificate[]
  /** The CMS around it, for the judge. */
  readonly signed: SignedData
}

/** No extension of a token is understood here, so none may insist on it. */
function refuseCritical(extensions: Der | undefined): void {
  for (const extension of extensions?.parts(0xa1, 1, 16, 'extensions') ?? []) {
    const parts = extension.parts(tags.sequence, 2, 3, 'extension')
    if (parts.length === 3 && extension.child(1).boolean())
      throw new TrustError(
        'malformed_timestamp',
        `Extension ${extension.child(0).oid()} is critical and not understood`,
      )
  }
}

/** Throws TrustError `malformed_timestamp` or `malformed_der`. */
export function parseTimestampToken(der: Uint8Array): TimestampToken {
  if (der.length > MAX_BYTES)
    throw new TrustError('malformed_timestamp', `A time-stamp token of ${der.length} octets is not read`)
  const own = ownCopy(der)
  const signed = parseSignedData(own)
  if (signed.contentType !== oids.tstInfo) throw new TrustError('malformed_timestamp', 'The token holds no TSTInfo')
  const [version, policy, messageImprint, serial, time, ...rest] = readDer(signed.content).parts(0x30, 5, 10, 'TSTInfo')
  if (!version || !policy || !messageImprint || !serial || !time || version.integer() !== 1n)
    throw new TrustError('malformed_timestamp', 'The TSTInfo is incomplete')
  const { algorithm, value } = readImprint(messageImprint)
  if (algorithm === undefined) throw new TrustError('malformed_timestamp', 'The imprint is made with an unknown digest')
  // accuracy, ordering, nonce, tsa [0], extensions [1] (RFC 3161 §2.4.2)
  const optional = optionalFields(rest, [tags.sequence, tags.boolean, tags.integer, 0xa0, 0xa1], 'TSTInfo')
  refuseCritical(optional.get(0xa1))
  const nonce = optional.get(tags.integer)?.integer()
  return {
    der: own,
    genTime: time.expect(0x18, 'genTime').time(),
    digest: algorithm.name,
    imprint: value,
    serialNumber: serial.expect(tags.integer, 'serial number').integer(),
    policy: policy.oid(),
    ...(nonce === undefined ? {} : { nonce }),
    certificates: signed.certificates,
    signed,
  }
}

export function readImprint(field: Der): { algorithm: DigestAlgorithm | undefined; oid: string; value: Uint8Array } {
  field.parts(0x30, 2, 2, 'message imprint')
  const oid = field.child(0).child(0).oid()
  const algorithm = digestByOid(oid)
  const value = field.child(1).octets()
  if (algorithm !== undefined && value.length !== algorithm.length)
    throw new TrustError('malformed_timestamp', 'The imprint is not as long as its digest')
  return { algorithm, oid, value }
}

const believed = new Cache<Certificate>(5_000)

/**
 * The TSA must be one of those the trust material approves, whatever certificates the token brings (wire-message §7.2).
 * Signature, signed attributes, signing-certificate attribute (RFC 5035), EKU timeStamping alone and critical (RFC 3161 §2.3), validity at genTime. Throws TrustError `timestamp_invalid`.
 */
export function verifyTimestampToken(
  token: TimestampToken,
  tsas: readonly Certificate[],
): { genTime: Date; tsa: Certificate } {
  const key = bytesKey(token.der) + tsas.map((tsa) => tsa.sha1).join('')
  const tsa = believed.get(key) ?? believed.set(key, believe(token, tsas))
  return { genTime: token.genTime, tsa }
}

function believe(token: TimestampToken, tsas: readonly Certificate[]): Certificate {
  const tsa = tsas.find((candidate) => isSigner(token.signed.signer, candidate))
  if (tsa === undefined) throw invalid('its time-stamping authority is not approved')
  verifySignedData(token.signed, tsa)
  if (!namesCertificate(token.signed, tsa))
    throw invalid('its signing-certificate attribute does not name the authority')
  // RFC 3161 §2.3: this purpose alone, critical. The reference does not look; every TSA certificate met so far has it so.
  const [purpose, ...others] = tsa.extendedKeyUsage
  if (purpose !== oids.timeStamping || others.length > 0 || !tsa.extendedKeyUsageCritical)
    throw invalid(`${tsa.subject.text} is not a certificate for time-stamping`)
  if (token.genTime < tsa.notBefore || token.genTime > tsa.notAfter)
    throw invalid(`${tsa.subject.text} was not valid at ${token.genTime.toISOString()}`)
  return tsa
}

/** ESSCertID (SHA-1) or ESSCertIDv2 (SHA-256 unless it says otherwise): the first one names the signer (RFC 5035 §3). */
function namesCertificate(signed: SignedData, tsa: Certificate): boolean {
  const old = signed.signer.attributes.get(oids.signingCertificate)
  const current = signed.signer.attributes.get(oids.signingCertificateV2)
  const first = (current ?? old)?.child(0).child(0)
  if (first === undefined) return false
  const fields = first.children()
  if (current === undefined) return fields[0] !== undefined && equalBytes(fields[0].octets(), digest('SHA-1', tsa.der))
  const explicit = fields[0]?.tag === 0x30 ? digestByOid(fields[0].child(0).oid()) : digestInfo('SHA-256')
  const hash = fields[0]?.tag === 0x30 ? fields[1] : fields[0]
  return explicit !== undefined && hash !== undefined && equalBytes(hash.octets(), digest(explicit.name, tsa.der))
}

/** The token with the TSA's certificate first in its certificate set and the others kept: what the log stores (wire-message §7.2). */
export function withTsaCertificate(token: TimestampToken, tsa: Certificate): Uint8Array {
  const [first] = token.certificates
  if (first !== undefined && equalBytes(first.der, tsa.der)) return token.der
  const info = readDer(token.der)
  const data = info.tagged(0)?.child(0)
  if (data === undefined) throw new TrustError('malformed_timestamp', 'The token has no content')
  const others = token.certificates.filter((one) => !equalBytes(one.der, tsa.der)).map((one) => one.der)
  const set = write.tagged(0, true, Buffer.concat([tsa.der, ...others]))
  const [version, digests, content, ...rest] = data.children()
  if (!version || !digests || !content) throw new TrustError('malformed_timestamp', 'The token is incomplete')
  const kept = rest.filter((field) => field.tag !== 0xa0).map((field) => field.raw)
  return write.sequence(
    info.child(0).raw,
    write.tagged(0, true, write.sequence(version.raw, digests.raw, content.raw, set, ...kept)),
  )
}
