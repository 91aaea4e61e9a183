// The time-stamping authority's side of RFC 3161: requests read, tokens and refusals written. Signing is the caller's.
import type { DigestAlgorithm, SignatureAlgorithm } from './algorithms.ts'
import type { Certificate } from './certificate.ts'
import { buildSignedData } from './cms-writer.ts'
import { digest } from './crypto.ts'
import { optionalFields, readDer, tags } from './der.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'
import { oids } from './oids.ts'
import { readImprint } from './timestamp.ts'

export interface TimestampRequest {
  /** Undefined when the digest is not one of the house's. */
  readonly digest: DigestAlgorithm | undefined
  readonly digestOid: string
  readonly imprint: Uint8Array
  /** MessageImprint as it came: it goes into the token octet for octet. */
  readonly messageImprint: Uint8Array
  readonly policy?: string
  readonly nonce?: bigint
  readonly certReq: boolean
  /** Extensions are refused with `unacceptedExtension`. */
  readonly hasExtensions: boolean
}

/** Throws TrustError `malformed_timestamp` or `malformed_der`. */
export function parseTimestampRequest(der: Uint8Array): TimestampRequest {
  if (der.length > 16 * 1024) throw new TrustError('malformed_timestamp', 'The time-stamp request is too long')
  const [version, messageImprint, ...rest] = readDer(der).parts(0x30, 2, 6, 'TimeStampReq')
  if (version === undefined || messageImprint === undefined || version.integer() !== 1n)
    throw new TrustError('malformed_timestamp', 'Not a time-stamp request of version 1')
  // reqPolicy, nonce, certReq, extensions [0] (RFC 3161 §2.4.1)
  const optional = optionalFields(rest, [tags.oid, tags.integer, tags.boolean, 0xa0], 'TimeStampReq')
  const { algorithm, oid, value } = readImprint(messageImprint)
  const policy = optional.get(tags.oid)?.oid()
  const nonce = optional.get(tags.integer)?.integer()
  return {
    digest: algorithm,
    digestOid: oid,
    imprint: value,
    messageImprint: messageImprint.raw,
    ...(policy === undefined ? {} : { policy }),
    ...(nonce === undefined ? {} : { nonce }),
    certReq: optional.get(tags.boolean)?.boolean() ?? false,
    hasExtensions: optional.has(0xa0),
  }
}

export interface TimestampResponseInput {
  readonly request: TimestampRequest
  readonly tsa: Certificate
  readonly policy: string
  readonly serialNumber: bigint
  readonly genTime: Date
  /** Seconds. */
  readonly accuracy?: number
  readonly algorithm: SignatureAlgorithm
}

/** `sign` signs the DER of the signed attributes as a SET. The certificate goes in when it was asked for (RFC 3161 §2.4.1). */
export async function buildTimestampResponse(
  input: TimestampResponseInput,
  sign: (signedAttributes: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const { request, tsa, algorithm } = input
  const info = write.sequence(
    write.integer(1),
    write.oid(input.policy),
    request.messageImprint,
    write.integer(input.serialNumber),
    write.generalizedTime(input.genTime, true),
    ...(input.accuracy === undefined ? [] : [write.sequence(write.integer(input.accuracy))]),
    ...(request.nonce === undefined ? [] : [write.integer(request.nonce)]),
  )
  const token = await buildSignedData(
    {
      contentType: oids.tstInfo,
      content: info,
      contentDigest: digest(algorithm.digest, info),
      signer: tsa,
      certificates: request.certReq ? [tsa] : [],
      signingTime: input.genTime,
      algorithm,
    },
    sign,
  )
  return write.sequence(write.sequence(write.integer(0)), token)
}

const FAILURE_BITS = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  systemFailure: 25,
} as const

/** A refusal: status `rejection`, a text, the failure bit (RFC 3161 §2.4.2). */
export function timestampRejection(failure: keyof typeof FAILURE_BITS, text: string): Uint8Array {
  const bits = Array.from({ length: FAILURE_BITS[failure] + 1 }, (_, index) => index === FAILURE_BITS[failure])
  return write.sequence(write.sequence(write.integer(2), write.sequence(write.utf8(text)), write.namedBits(bits)))
}
