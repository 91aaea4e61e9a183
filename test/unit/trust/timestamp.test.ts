// RFC 3161 tokens: who may stamp, what is covered, what is kept.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  digest,
  oids,
  parseTimestampResponse,
  parseTimestampToken,
  readDer,
  timestampRejection,
  verifyTimestampToken,
  withTsaCertificate,
  write,
} from '#trust'
import { certify, NOW } from './certify.ts'
import { flips, mangle } from './gallery.ts'
import { DATA, forged, judge, POLICY, refused, respond, root, stamp, tsa, tsaOf } from './stamper.ts'

for (const kind of ['P-256', 'P-384', 'RSA-2048'] as const)
  for (const name of ['SHA-256', 'SHA-384', 'SHA-512'] as const)
    test(`${kind} with ${name}`, async () => {
      const by = tsaOf({ kind })
      const genTime = new Date(NOW.getTime() + 250)
      const der = await stamp({
        by,
        digest: name,
        genTime,
        accuracy: 1,
        request: { nonce: 2n ** 63n, digest: name, imprint: digest(name, DATA) },
      })
      const token = parseTimestampToken(der)
      assert.deepEqual(token.imprint, digest(name, DATA))
      assert.equal(token.digest, name)
      assert.equal(token.serialNumber, 2n ** 80n + 1n)
      assert.equal(token.policy, POLICY)
      assert.equal(token.nonce, 2n ** 63n)
      const verdict = verifyTimestampToken(token, [certify({ name: 'x' }).certificate, by.certificate])
      assert.equal(verdict.tsa, by.certificate)
      assert.equal(verdict.genTime.getTime(), genTime.getTime())
    })

test('only an approved authority counts, whatever certificate the token brings', async () => {
  const der = await stamp({ by: tsaOf() })
  assert.throws(() => judge(der), refused)
  assert.throws(() => judge(der, []), refused)
  assert.throws(() => judge(der, [root.certificate]), refused)
})

test('the same name and serial number with another key', async () => {
  const twin = tsaOf({ serialNumber: tsa.certificate.serialNumber })
  const der = await stamp()
  assert.throws(() => judge(der, [twin.certificate]), refused)
})

test('memory does not lend a verdict to another list', async () => {
  const der = await stamp()
  assert.equal(judge(der).tsa, tsa.certificate)
  assert.equal(judge(der).tsa, tsa.certificate)
  assert.throws(() => judge(der, []), refused)
  assert.throws(() => judge(der, [tsaOf().certificate]), refused)
})

for (const [why, more] of [
  ['no purpose', { purposes: undefined }],
  ['another purpose', { purposes: [oids.clientAuth] }],
  ['a second purpose', { purposes: [oids.timeStamping, oids.clientAuth] }],
  ['the purpose not critical', { purposesCritical: false }],
  ['a life that ended before', { notAfter: new Date(NOW.getTime() - 1000) }],
  ['a life that began after', { notBefore: new Date(NOW.getTime() + 1000) }],
] as const)
  test(`a certificate with ${why} does not stamp (RFC 3161 §2.3)`, async () => {
    const by = tsaOf(more)
    const der = await stamp({ by })
    assert.throws(() => judge(der, [by.certificate]), refused)
  })

test('a certificate with a weak key does not stamp', async () => {
  const by = tsaOf({ kind: 'RSA-1024' })
  const der = await stamp({ by })
  assert.throws(() => judge(der, [by.certificate]), { code: 'weak_key' })
})

test('no bit of TSTInfo, imprint, signed attributes or signature can be changed', async () => {
  const der = Buffer.from(await stamp())
  const { signed } = parseTimestampToken(der)
  judge(der)
  const attributes = readDer(signed.signer.signedAttributes).content
  for (const [what, part] of [
    ['TSTInfo', signed.content],
    ['signed attributes', attributes],
    ['signature', signed.signer.signature],
  ] as const) {
    const start = der.indexOf(Buffer.from(part))
    assert.ok(start > 0, what)
    for (const changed of flips(der, start, start + part.length))
      assert.throws(() => judge(changed), { name: 'TrustError' }, what)
  }
})

test('the authority’s certificate comes first, the others stay (wire-message §7.2)', async () => {
  const other = root.certificate.der
  const order = (der: Uint8Array) => parseTimestampToken(der).certificates.map((one) => one.subject.text)
  for (const [brought, expected] of [
    [[], [tsa.certificate]],
    [[tsa.certificate.der], [tsa.certificate]],
    [[other], [tsa.certificate, root.certificate]],
    [
      [other, tsa.certificate.der],
      [tsa.certificate, root.certificate],
    ],
    [
      [tsa.certificate.der, other],
      [tsa.certificate, root.certificate],
    ],
  ] as const) {
    const der = await forged((p) => {
      p.data.splice(3, 1, ...(brought.length > 0 ? [write.tagged(0, true, Buffer.concat(brought))] : []))
    })
    const stored = withTsaCertificate(parseTimestampToken(der), tsa.certificate)
    assert.deepEqual(
      order(stored),
      expected.map((one) => one.subject.text),
    )
    assert.equal(judge(stored).genTime.getTime(), NOW.getTime())
    assert.equal(withTsaCertificate(parseTimestampToken(stored), tsa.certificate).length, stored.length)
  }
})

test('responses without a token', async () => {
  for (const [status, failure, bits] of [
    [2, 'badAlg', [0]],
    [2, 'unacceptedExtension', [16]],
    [3, 'systemFailure', [25]],
    [4, undefined, undefined],
  ] as const) {
    const flags =
      bits?.map((bit) => write.namedBits(Array.from({ length: bit + 1 }, (_, index) => index === bit))) ?? []
    const response = parseTimestampResponse(write.sequence(write.sequence(write.integer(status), ...flags)))
    assert.deepEqual(response, { status, ...(failure === undefined ? {} : { failure }) })
  }
  const refusal = parseTimestampResponse(timestampRejection('unacceptedPolicy', 'not this one'))
  assert.deepEqual(refusal, { status: 2, text: 'not this one', failure: 'unacceptedPolicy' })
})

test('a token that comes with a refusal is not one', async () => {
  const [, token] = readDer(await respond()).children()
  assert.ok(token)
  const response = (status: number) =>
    parseTimestampResponse(write.sequence(write.sequence(write.integer(status)), token.raw))
  assert.ok(response(0).token)
  assert.ok(response(1).token)
  for (const status of [2, 3, 4, 5]) assert.equal(response(status).token, undefined)
})

for (const [why, der] of [
  ['an empty response', write.sequence()],
  ['status 6', write.sequence(write.sequence(write.integer(6)))],
  ['status -1', write.sequence(write.sequence(write.integer(-1)))],
  ['no status', write.sequence(write.sequence())],
  ['three parts', write.sequence(write.sequence(write.integer(2)), write.sequence(), write.nul())],
  ['a text that is a number', write.sequence(write.sequence(write.integer(2), write.sequence(write.integer(1))))],
  [
    'fields out of order',
    write.sequence(write.sequence(write.integer(2), write.namedBits([true]), write.sequence(write.utf8('x')))),
  ],
] as const)
  test(`refused: a response of ${why}`, () => {
    assert.throws(() => parseTimestampResponse(der), { name: 'TrustError', code: /^malformed_(timestamp|der)$/ })
  })

test('size is bounded', () => {
  const large = Buffer.alloc(256 * 1024 + 1, 0x30)
  assert.throws(() => parseTimestampResponse(large), { code: 'malformed_timestamp' })
  assert.throws(() => parseTimestampToken(large), { code: 'malformed_timestamp' })
})

test('every octet changed: a value or a TrustError, never anything else', async () => {
  mangle((bytes) => judge(bytes), await stamp({ request: { nonce: 5n } }))
  mangle(parseTimestampResponse, timestampRejection('badRequest', 'no'))
})
