// The parsers of `trust`, on values that its writers write and on what a stranger may make of them.
import assert from 'node:assert/strict'
import { sign as signWith } from 'node:crypto'
import fc from 'fast-check'
import {
  buildOcspRequest,
  buildOcspResponse,
  buildRequest,
  buildTimestampRequest,
  certId,
  type Der,
  decodeBase64,
  derToRawEcdsa,
  encodeBase64,
  judgeOcsp,
  type OcspStatus,
  ocspErrorResponse,
  oids,
  parseCertificate,
  parseOcspRequest,
  parseOcspResponse,
  parseRequest,
  parseTimestampRequest,
  parseTimestampResponse,
  parseTimestampToken,
  pem,
  rawToDerEcdsa,
  readDer,
  readName,
  signatureFor,
  TrustError,
  timestampRejection,
  unpem,
  verifyTimestampToken,
  withTsaCertificate,
  write,
  writeName,
} from '#trust'
import { certify, spkiOf } from '../unit/trust/certify.ts'
import { answer, ca, delegate, leaf, POLICY, TRUST } from '../unit/trust/responder.ts'
import { forged, respond, stamp, tsa } from '../unit/trust/stamper.ts'
import { bears, bearsAsync, property } from './campaign.ts'
import { mutatedDer, tlv } from './der.ts'
import { mutated } from './mutate.ts'

// Seeds: one of each kind, made once.
const rsa = certify({ name: 'RSA', issuer: ca, kind: 'RSA-2048', keyUsage: ['nonRepudiation'] })
const certificates = [ca, leaf, delegate, rsa, tsa].map(({ certificate }) => certificate.der)
const answers = [
  await answer(),
  await answer({
    responder: delegate,
    single: { status: 'revoked', revokedAt: POLICY.at, reason: 1 },
    more: { byKey: true, nonce: Buffer.of(4, 1, 7) },
  }),
  ocspErrorResponse('tryLater'),
]
const questions = [
  buildOcspRequest(leaf.certificate, ca.certificate),
  buildOcspRequest(leaf.certificate, ca.certificate, Buffer.of(4, 2, 1, 2)),
]
const responses = [
  await respond(),
  await respond({ accuracy: 3, request: { nonce: 77n } }),
  timestampRejection('badAlg', 'no'),
]
const token = await stamp()
const imprint = Buffer.alloc(64, 7)
const stampRequests = [
  buildTimestampRequest({ digest: 'SHA-512', imprint }),
  buildTimestampRequest({
    digest: 'SHA-256',
    imprint: imprint.subarray(32),
    nonce: 2n ** 63n,
    certReq: true,
    policy: '1.2.3',
  }),
]
const holder = certify({ name: 'holder' })
const csr = await buildRequest(
  {
    subject: [{ oid: oids.commonName, value: 'õ' }],
    spki: spkiOf(holder.publicKey),
    keyUsage: ['digitalSignature'],
    dnsName: 'a.example',
    algorithm: signatureFor(holder.privateKey, 'SHA-256'),
  },
  async (tbs) => signWith('sha256', tbs, holder.privateKey),
)

const bytes = (max: number) => fc.uint8Array({ maxLength: max })
const moment = fc.date({
  min: new Date('1950-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
})
const arcs = fc
  .tuple(fc.nat(2), fc.nat(39), fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 6 }))
  .map(([root, second, rest]) => [root, second, ...rest].join('.'))

property(
  'DER: what is written is read, and means the same',
  300,
  fc.record({
    integer: fc.bigInt({ min: -(2n ** 256n), max: 2n ** 256n }),
    oid: arcs,
    octets: bytes(400),
    text: fc.string({ unit: 'binary', maxLength: 50 }),
    flag: fc.boolean(),
    flags: fc.array(fc.boolean(), { maxLength: 20 }),
    time: moment,
    number: fc.nat(30),
  }),
  ({ integer, oid, octets, text, flag, flags, time, number }) => {
    const value = readDer(
      write.sequence(
        write.integer(integer),
        write.oid(oid),
        write.tagged(number, true, write.octets(octets)),
        write.utf8(text),
        write.boolean(flag),
        write.bits(octets),
        write.namedBits(flags),
        write.generalizedTime(time, true),
        write.validity(time),
      ),
    )
    const [a, b, c, d, e, f, g, h, i] = value.children()
    assert.equal(a?.integer(), integer)
    assert.equal(b?.oid(), oid)
    assert.deepEqual(Buffer.from(c?.only(0xa0 | number, 'it').octets() ?? []), Buffer.from(octets))
    assert.equal(d?.text(), text)
    assert.equal(e?.boolean(), flag)
    assert.deepEqual(Buffer.from(f?.bits() ?? []), Buffer.from(octets))
    assert.deepEqual(g?.namedBits(), flags.slice(0, flags.lastIndexOf(true) + 1))
    assert.equal(h?.time().getTime(), time.getTime())
    assert.equal(i?.time().getTime(), Math.floor(time.getTime() / 1000) * 1000)
    return true
  },
)

/** Everything that can be asked of a value; what is answered must be all that its octets can mean. */
function interrogate(value: Der): void {
  assert.ok(Buffer.from(value.raw).equals(tlv(value.tag, value.content)), 'the length is not minimal')
  const number = bears(() => value.integer(), TrustError)
  if (number && value.tag === 0x02) assert.ok(Buffer.from(write.integer(number.value)).equals(value.raw))
  const oid = bears(() => value.oid(), TrustError)
  if (oid) assert.ok(Buffer.from(write.oid(oid.value)).equals(value.raw))
  const flag = bears(() => value.boolean(), TrustError)
  if (flag) assert.ok(Buffer.from(write.boolean(flag.value)).equals(value.raw))
  bears(() => value.unsigned(), TrustError)
  bears(() => value.bits(), TrustError)
  bears(() => value.namedBits(), TrustError)
  bears(() => value.octets(), TrustError)
  bears(() => value.text(), TrustError)
  const time = bears(() => value.time(), TrustError)
  if (time) assert.ok(Number.isFinite(time.value.getTime()))
  const children = bears(() => value.children(), TrustError)
  if (children === undefined) return
  assert.ok(Buffer.concat(children.value.map((child) => child.raw)).equals(value.content))
  children.value.forEach(interrogate)
}

const der = [...certificates, ...answers, ...questions, ...responses, ...stampRequests, csr]
const reading = (input: Uint8Array) => {
  const value = bears(() => readDer(input), TrustError)
  if (value) interrogate(value.value)
  return value !== undefined
}
property('DER: any octets have one meaning or none', 300, mutated(der), reading)
property('DER: any values too', { short: 200, long: 5_000 }, mutatedDer(der), reading)

property(
  'certificates',
  400,
  fc.oneof(mutatedDer(certificates), mutated(certificates)),
  (input) => bears(() => parseCertificate(input), TrustError) !== undefined,
)

property(
  'names',
  200,
  fc.array(
    fc.record({
      oid: fc.constantFrom<string>(oids.commonName, oids.country, oids.serialNumber, '2.5.4.97', '1.2.3.4'),
      value: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    }),
    { maxLength: 8 },
  ),
  (attributes) => {
    const name = readName(readDer(writeName(attributes)))
    assert.equal(JSON.stringify(name.attributes), JSON.stringify(attributes))
    for (const { oid } of attributes) assert.equal(name.get(oid), attributes.findLast((one) => one.oid === oid)?.value)
    return true
  },
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

const csrPem = Buffer.from(pem('CERTIFICATE REQUEST', csr))
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

const armoured = [
  csrPem,
  Buffer.from(pem('CERTIFICATE', leaf.certificate.der) + pem('CERTIFICATE', ca.certificate.der)),
]
const DASHES = [
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  '-----BEGIN ',
  '-----',
  '-----END A-----',
  '=',
  '==',
  '\n',
  '\r\n',
  ' ',
  'A',
]
property('PEM', 300, mutated(armoured, DASHES), (input) => {
  const blocks = bears(() => unpem(input.toString('latin1')), TrustError)
  for (const block of blocks?.value ?? []) assert.ok(block.length > 0)
  return (blocks?.value.length ?? 0) > 0
})
property(
  'PEM: what is written is read',
  100,
  fc.array(fc.tuple(fc.constantFrom('A', 'CERTIFICATE', 'X 9'), fc.uint8Array({ minLength: 1, maxLength: 200 })), {
    maxLength: 4,
  }),
  (blocks) => {
    const text = blocks.map(([label, block]) => `text\n${pem(label, block)}`).join('')
    assert.deepEqual(
      unpem(text).map((block) => Buffer.from(block)),
      blocks.map(([, block]) => Buffer.from(block)),
    )
    return true
  },
)

property(
  'base64: one text for each byte string',
  400,
  fc.oneof(
    bytes(60).map(encodeBase64),
    fc.string({ unit: fc.constantFrom(...'ABab01+/=-_ \n\u0000é'), maxLength: 24 }),
    mutated([Buffer.from('QUJDREVGRw==')], ['=', '\n']).map((text) => text.toString('latin1')),
  ),
  (text) => {
    const decoded = decodeBase64(text)
    if (decoded) assert.equal(encodeBase64(decoded), text)
    const loose = decodeBase64(text, { whitespace: true })
    if (loose) assert.equal(encodeBase64(loose), text.replaceAll(/[ \t\r\n]/g, ''))
    return decoded !== undefined
  },
)

property(
  'ECDSA values: both forms mean the same',
  200,
  fc.tuple(fc.constantFrom(32, 48, 66), fc.uint8Array({ minLength: 132, maxLength: 132 })),
  ([size, source]) => {
    const raw = Buffer.from(source.subarray(0, 2 * size))
    raw[0] = (raw[0] ?? 0) | 1
    raw[size] = (raw[size] ?? 0) | 1
    assert.ok(Buffer.from(derToRawEcdsa(rawToDerEcdsa(raw) ?? raw, size)).equals(raw))
    return true
  },
)
const ecdsa = [0x81, 1].map((octet) => rawToDerEcdsa(Buffer.alloc(64, octet)) ?? Buffer.alloc(0))
property(
  'ECDSA values of strangers',
  200,
  fc.oneof(mutatedDer(ecdsa), mutated(ecdsa)),
  (input) => bears(() => derToRawEcdsa(input, 32), TrustError) !== undefined,
)
property(
  'ECDSA values of strangers, raw',
  100,
  bytes(140),
  (input) => bears(() => rawToDerEcdsa(input), TrustError) !== undefined,
)
