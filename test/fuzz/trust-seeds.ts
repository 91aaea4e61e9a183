import { sign as signWith } from 'node:crypto'
import fc from 'fast-check'
import {
  buildOcspRequest,
  buildRequest,
  buildTimestampRequest,
  ocspErrorResponse,
  oids,
  pem,
  signatureFor,
  timestampRejection,
} from '#trust'
import { certify, spkiOf } from '../unit/trust/certify.ts'
import { answer, ca, delegate, leaf, POLICY } from '../unit/trust/responder.ts'
import { respond, stamp, tsa } from '../unit/trust/stamper.ts'

// Seeds: one of each kind, made once.
export const rsa = certify({ name: 'RSA', issuer: ca, kind: 'RSA-2048', keyUsage: ['nonRepudiation'] })
export const certificates = [ca, leaf, delegate, rsa, tsa].map(({ certificate }) => certificate.der)
export const answers = [
  await answer(),
  await answer({
    responder: delegate,
    single: { status: 'revoked', revokedAt: POLICY.at, reason: 1 },
    more: { byKey: true, nonce: Buffer.of(4, 1, 7) },
  }),
  ocspErrorResponse('tryLater'),
]
export const questions = [
  buildOcspRequest(leaf.certificate, ca.certificate),
  buildOcspRequest(leaf.certificate, ca.certificate, Buffer.of(4, 2, 1, 2)),
]
export const responses = [
  await respond(),
  await respond({ accuracy: 3, request: { nonce: 77n } }),
  timestampRejection('badAlg', 'no'),
]
export const token = await stamp()
export const imprint = Buffer.alloc(64, 7)
export const stampRequests = [
  buildTimestampRequest({ digest: 'SHA-512', imprint }),
  buildTimestampRequest({
    digest: 'SHA-256',
    imprint: imprint.subarray(32),
    nonce: 2n ** 63n,
    certReq: true,
    policy: '1.2.3',
  }),
]
export const holder = certify({ name: 'holder' })
export const csr = await buildRequest(
  {
    subject: [{ oid: oids.commonName, value: 'õ' }],
    spki: spkiOf(holder.publicKey),
    keyUsage: ['digitalSignature'],
    dnsName: 'a.example',
    algorithm: signatureFor(holder.privateKey, 'SHA-256'),
  },
  async (tbs) => signWith('sha256', tbs, holder.privateKey),
)

export const bytes = (max: number) => fc.uint8Array({ maxLength: max })
export const moment = fc.date({
  min: new Date('1950-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
})
export const arcs = fc
  .tuple(fc.nat(2), fc.nat(39), fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 6 }))
  .map(([root, second, rest]) => [root, second, ...rest].join('.'))

export const csrPem = Buffer.from(pem('CERTIFICATE REQUEST', csr))
