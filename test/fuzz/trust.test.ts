// Certificates, requests, OCSP and time-stamps, on values that our writers write and on what a stranger may make of them.
import assert from 'node:assert/strict'
import { sign as signWith } from 'node:crypto'
import fc from 'fast-check'
import {
  buildOcspResponse,
  buildTimestampRequest,
  certId,
  judgeOcsp,
  type OcspStatus,
  parseCertificate,
  parseOcspRequest,
  parseOcspResponse,
  parseRequest,
  parseTimestampRequest,
  parseTimestampResponse,
  parseTimestampToken,
  readDer,
  signatureFor,
  TrustError,
  verifyTimestampToken,
  withTsaCertificate,
  write,
} from '#trust'
import { ca, leaf, POLICY, TRUST } from '../unit/trust/responder.ts'
import { forged, tsa } from '../unit/trust/stamper.ts'
import { bears, bearsAsync, property } from './campaign.ts'
import { mutatedDer } from './der.ts'
import { mutated } from './mutate.ts'
import {
  answers,
  arcs,
  bytes,
  certificates,
  csr,
  csrPem,
  holder,
  imprint,
  moment,
  questions,
  responses,
  stampRequests,
  token,
} from './trust-seeds.ts'

property(
  'certificates',
  400,
  fc.oneof(mutatedDer(certificates), mutated(certificates)),
  (input) => bears(() => parseCertificate(input), TrustError) !== undefined,
)

property('OCSP answers, parsed and judged', 400, fc.oneof(mutatedDer(answers), mutated(answers)), (input) => {
  const parsed = bears(() => parseOcspResponse(input), TrustError)
  if (parsed) bears(() => judgeOcsp(leaf.certificate, parsed.value, TRUST, POLICY), TrustError)
  return parsed !== undefined
})

property(
  'OCSP answers: what is written is read',
  { short: 50, long: 2000 },
  fc.record({
    status: fc.constantFrom<OcspStatus>('good', 'unknown', 'revoked'),
    producedAt: moment,
    thisUpdate: moment,
    nextUpdate: fc.option(moment, { nil: undefined }),
    byKey: fc.boolean(),
    nonce: fc.option(bytes(32), { nil: undefined }),
  }),
  async ({ status, producedAt, thisUpdate, nextUpdate, byKey, nonce }) => {
    const written = await buildOcspResponse(
      {
        responder: ca.certificate,
        byKey,
        producedAt,
        answers: [
          {
            certId: certId(leaf.certificate, ca.certificate),
            status,
            thisUpdate,
            ...(nextUpdate ? { nextUpdate } : {}),
          },
        ],
        includeCertificates: [ca.certificate],
        algorithm: signatureFor(ca.privateKey, 'SHA-256'),
        ...(nonce ? { nonce: write.octets(nonce) } : {}),
      },
      async () => Buffer.alloc(64),
    )
    const read = parseOcspResponse(written)
    const seconds = (time: Date | undefined) => time && Math.floor(time.getTime() / 1000)
    assert.equal(seconds(read.producedAt), seconds(producedAt))
    assert.equal(read.responses[0]?.status, status)
    assert.equal(seconds(read.responses[0]?.thisUpdate), seconds(thisUpdate))
    assert.equal(seconds(read.responses[0]?.nextUpdate), seconds(nextUpdate))
    assert.equal(read.responderName === undefined, byKey)
    return true
  },
)

property(
  'OCSP requests',
  200,
  fc.oneof(mutatedDer(questions), mutated(questions)),
  (input) => bears(() => parseOcspRequest(input), TrustError) !== undefined,
)

property(
  'time-stamp requests: what is written is read',
  100,
  fc.record({
    digest: fc.constantFrom('SHA-256' as const, 'SHA-512' as const),
    nonce: fc.option(fc.bigInt({ min: 0n, max: 2n ** 128n }), { nil: undefined }),
    certReq: fc.boolean(),
    policy: fc.option(arcs, { nil: undefined }),
  }),
  ({ digest, nonce, certReq, policy }) => {
    const value = imprint.subarray(0, digest === 'SHA-256' ? 32 : 64)
    const read = parseTimestampRequest(
      buildTimestampRequest({
        digest,
        imprint: value,
        certReq,
        ...(nonce === undefined ? {} : { nonce }),
        ...(policy === undefined ? {} : { policy }),
      }),
    )
    assert.equal(read.digest?.name, digest)
    assert.ok(Buffer.from(read.imprint).equals(value))
    assert.equal(read.nonce, nonce)
    assert.equal(read.policy, policy)
    assert.equal(read.certReq, certReq)
    return true
  },
)

property(
  'time-stamp requests',
  200,
  fc.oneof(mutatedDer(stampRequests), mutated(stampRequests)),
  (input) => bears(() => parseTimestampRequest(input), TrustError) !== undefined,
)
property(
  'time-stamp responses',
  200,
  fc.oneof(mutatedDer(responses), mutated(responses)),
  (input) => bears(() => parseTimestampResponse(input), TrustError) !== undefined,
)

property(
  'time-stamp tokens (CMS), parsed and judged',
  400,
  fc.oneof(mutatedDer([token, ...certificates]), mutatedDer([token]), mutated([token])),
  (input) => {
    const parsed = bears(() => parseTimestampToken(input), TrustError)
    if (parsed === undefined) return false
    bears(() => verifyTimestampToken(parsed.value, [tsa.certificate]), TrustError)
    bears(() => parseTimestampToken(withTsaCertificate(parsed.value, tsa.certificate)), TrustError)
    return true
  },
)

property(
  'certificate requests',
  200,
  fc.oneof(mutatedDer([csr]), mutated([csr, csrPem])),
  (input) => bears(() => parseRequest(input), TrustError) !== undefined,
)

const info = readDer(csr).child(0).raw
property('certificate requests whose signature is right', { short: 100, long: 10_000 }, mutatedDer([info]), (input) => {
  const [, algorithm] = readDer(csr).children()
  const signed = write.sequence(
    input,
    algorithm?.raw ?? input,
    write.bits(signWith('sha256', input, holder.privateKey)),
  )
  return bears(() => parseRequest(signed), TrustError) !== undefined
})

const tokenAttributes = readDer(token).child(1).child(0).children().at(-1)?.child(0).child(3).children() ?? []
property(
  'time-stamp tokens whose signature is right',
  { short: 50, long: 5_000 },
  fc.tuple(fc.nat(tokenAttributes.length - 1), mutatedDer(tokenAttributes.map(({ raw }) => raw))),
  async ([index, attribute]) => {
    // The helper looks for the digest attribute by its OID; one that has none is not for this property.
    const odd = await bearsAsync(
      async () => await forged(({ attributes }) => attributes.splice(index, 1, attribute)),
      TrustError,
    )
    const parsed = odd && bears(() => parseTimestampToken(odd.value), TrustError)
    return parsed && bears(() => verifyTimestampToken(parsed.value, [tsa.certificate]), TrustError) !== undefined
  },
)
