// OCSP as it is written: requests (RFC 6960 §4.1) and a responder's answers (§4.2). Signing is the caller's.
import type { SignatureAlgorithm } from './algorithms.ts'
import type { Certificate } from './certificate.ts'
import { digest } from './crypto.ts'
import { readDer } from './der.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'
import { type OcspStatus, readNonce } from './ocsp.ts'
import { certId, type OcspCertId, readCertId } from './ocsp-cert-id.ts'
import { oids } from './oids.ts'
import { writeSignatureIdentifier } from './signature-identifier.ts'

/** One certificate, SHA-1 CertID, unsigned; X-Road sends no nonce (wire-conf §5.6). `nonce` is the extension's value as it is to stand there: an OCTET STRING in DER (RFC 9654 §2.1). */
export function buildOcspRequest(certificate: Certificate, issuer: Certificate, nonce?: Uint8Array): Uint8Array {
  const list = write.sequence(write.sequence(certId(certificate, issuer)))
  const extensions = nonce === undefined ? [] : [write.tagged(2, true, write.sequence(nonceExtension(nonce)))]
  return write.sequence(write.sequence(list, ...extensions))
}

export interface OcspRequest {
  readonly certIds: readonly OcspCertId[]
  readonly nonce?: Uint8Array
}

const MAX_REQUESTED = 64

/** Throws TrustError `malformed_ocsp`. A signature on the request is ignored: answers are public. */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  if (der.length > 64 * 1024) throw new TrustError('malformed_ocsp', 'The OCSP request is too long')
  const tbs = readDer(der).expect(0x30, 'OCSPRequest').child(0, 'TBSRequest')
  const list = tbs.children().find((field) => field.tag === 0x30)
  const requested = list?.children() ?? []
  if (requested.length === 0 || requested.length > MAX_REQUESTED)
    throw new TrustError('malformed_ocsp', `${requested.length} certificates are asked for`)
  const extensions = tbs.tagged(2)
  const nonce = extensions === undefined ? undefined : readNonce(extensions.only(0xa2, 'request extensions'))
  // RFC 9654 §2.1: at most 128 octets, in their own encoding.
  if (nonce !== undefined && nonce.length > 131) throw new TrustError('malformed_ocsp', 'The nonce is too long')
  return { certIds: requested.map((one) => readCertId(one.child(0))), ...(nonce ? { nonce } : {}) }
}

export interface OcspAnswer {
  /** As asked, octet for octet. */
  readonly certId: Uint8Array
  readonly status: OcspStatus
  readonly revokedAt?: Date
  /** CRLReason, RFC 5280 §5.3.1. */
  readonly reason?: number
  readonly thisUpdate: Date
  readonly nextUpdate?: Date
}

export interface OcspResponseInput {
  readonly responder: Certificate
  /** Names the responder by key hash instead of by name. */
  readonly byKey?: boolean
  readonly producedAt: Date
  readonly answers: readonly OcspAnswer[]
  readonly nonce?: Uint8Array
  readonly includeCertificates: readonly Certificate[]
  readonly algorithm: SignatureAlgorithm
}

/** `sign` signs ResponseData. */
export async function buildOcspResponse(
  input: OcspResponseInput,
  sign: (tbs: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const responder = input.byKey
    ? write.tagged(2, true, write.octets(digest('SHA-1', input.responder.keyBits)))
    : write.tagged(1, true, input.responder.subject.der)
  const extensions =
    input.nonce === undefined ? [] : [write.tagged(1, true, write.sequence(nonceExtension(input.nonce)))]
  const data = write.sequence(
    responder,
    write.generalizedTime(input.producedAt),
    write.sequence(...input.answers.map(single)),
    ...extensions,
  )
  const certificates =
    input.includeCertificates.length === 0
      ? []
      : [write.tagged(0, true, write.sequence(...input.includeCertificates.map((one) => one.der)))]
  const basic = write.sequence(
    data,
    writeSignatureIdentifier(input.algorithm),
    write.bits(await sign(data)),
    ...certificates,
  )
  return write.sequence(
    write.enumerated(0),
    write.tagged(0, true, write.sequence(write.oid(oids.ocspBasic), write.octets(basic))),
  )
}

function single(answer: OcspAnswer): Uint8Array {
  const reason = answer.reason === undefined ? [] : [write.tagged(0, true, write.enumerated(answer.reason))]
  const status =
    answer.status === 'good'
      ? write.tagged(0, false, Buffer.alloc(0))
      : answer.status === 'unknown'
        ? write.tagged(2, false, Buffer.alloc(0))
        : write.tagged(
            1,
            true,
            Buffer.concat([write.generalizedTime(answer.revokedAt ?? answer.thisUpdate), ...reason]),
          )
  const next = answer.nextUpdate === undefined ? [] : [write.tagged(0, true, write.generalizedTime(answer.nextUpdate))]
  return write.sequence(answer.certId, status, write.generalizedTime(answer.thisUpdate), ...next)
}

function nonceExtension(nonce: Uint8Array): Uint8Array {
  return write.sequence(write.oid(oids.ocspNonce), write.octets(nonce))
}

const ERRORS = { malformedRequest: 1, internalError: 2, tryLater: 3, sigRequired: 5, unauthorized: 6 } as const

/** RFC 6960 §4.2.1: an answer that says why there is none. */
export function ocspErrorResponse(status: keyof typeof ERRORS): Uint8Array {
  return write.sequence(write.enumerated(ERRORS[status]))
}
