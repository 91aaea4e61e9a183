// OCSP answers and requests that are not what they must be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildOcspRequest, certId, judgeOcsp, oids, parseOcspRequest, parseOcspResponse, readDer, write } from '#trust'
import { extension, NOW } from './certify.ts'
import { mangle } from './gallery.ts'
import { answer, ca, delegate, disbelieved, leaf, POLICY, TRUST } from './responder.ts'

/** The answer of the shape of real ones with one thing changed. */
async function reshaped(
  change: (parts: { outer: Uint8Array[]; basic: Uint8Array[]; data: Uint8Array[]; single: Uint8Array[] }) => void,
) {
  const der = await answer()
  const raws = (value: { children(): readonly { raw: Uint8Array }[] }) => value.children().map((one) => one.raw)
  const outer = readDer(der)
  const bytes = outer.child(1).child(0)
  const basic = readDer(bytes.child(1).octets())
  const data = basic.child(0)
  const parts = {
    outer: [...raws(outer)],
    basic: [...raws(basic)],
    data: [...raws(data)],
    single: [...raws(data.child(2).child(0))],
  }
  change(parts)
  if (parts.data[2] === data.child(2).raw) parts.data[2] = write.sequence(write.sequence(...parts.single))
  if (parts.basic[0] === data.raw) parts.basic[0] = write.sequence(...parts.data)
  if (parts.outer[1] === outer.child(1).raw)
    parts.outer[1] = write.tagged(
      0,
      true,
      write.sequence(write.oid(oids.ocspBasic), write.octets(write.sequence(...parts.basic))),
    )
  return write.sequence(...parts.outer)
}

const nonce = (critical: boolean, oid: string = oids.ocspNonce) =>
  write.tagged(1, true, write.sequence(extension(oid, critical, write.octets(Buffer.of(1)))))

test('the shape that openssl writes is the shape that is read', async () => {
  parseOcspResponse(await reshaped(() => undefined))
  const versioned = await reshaped(({ data }) => void data.unshift(write.tagged(0, true, write.integer(0))))
  assert.equal(parseOcspResponse(versioned).responses.length, 1)
  const withNonce = await reshaped(({ data }) => void data.push(nonce(false)))
  assert.deepEqual(Buffer.from(parseOcspResponse(withNonce).nonce ?? []), Buffer.of(4, 1, 1))
})

for (const [why, change] of [
  ['a status without an answer', ({ outer }) => void outer.pop()],
  ['a third part outside', ({ outer }) => void outer.push(write.nul())],
  [
    'another kind of answer',
    ({ outer }) =>
      void outer.splice(1, 1, write.tagged(0, true, write.sequence(write.oid('1.2.3'), write.octets(Buffer.of(5, 0))))),
  ],
  ['an answer in another tag', ({ outer }) => void outer.splice(1, 1, write.tagged(1, true, write.sequence()))],
  ['no signature', ({ basic }) => void basic.pop()],
  ['a fifth part', ({ basic }) => void basic.push(write.tagged(0, true, write.sequence()), write.nul())],
  ['certificates in another tag', ({ basic }) => void basic.push(write.tagged(1, true, write.sequence()))],
  ['a certificate that is none', ({ basic }) => void basic.push(write.tagged(0, true, write.sequence(write.nul())))],
  [
    'seventeen certificates',
    ({ basic }) =>
      void basic.push(write.tagged(0, true, write.sequence(...Array.from({ length: 17 }, () => ca.certificate.der)))),
  ],
  [
    'an algorithm of SHA-1',
    ({ basic }) => void basic.splice(1, 1, write.sequence(write.oid('1.2.840.113549.1.1.5'), write.nul())),
  ],
  ['version 2', ({ data }) => void data.unshift(write.tagged(0, true, write.integer(1)))],
  ['no responder', ({ data }) => void data.shift()],
  [
    'a responder that is neither name nor key',
    ({ data }) => void data.splice(0, 1, write.tagged(3, true, write.nul())),
  ],
  ['a time of production in UTCTime', ({ data }) => void data.splice(1, 1, write.validity(NOW))],
  [
    '65 responses',
    ({ data }) =>
      void data.splice(
        2,
        1,
        write.sequence(...Array.from({ length: 65 }, () => readDer(data[2] as Uint8Array).child(0).raw)),
      ),
  ],
  ['extensions twice', ({ data }) => void data.push(nonce(false), nonce(false))],
  ['a critical extension nobody knows', ({ data }) => void data.push(nonce(true, '1.2.3'))],
  ['a good that says more', ({ single }) => void single.splice(1, 1, write.tagged(0, false, Buffer.of(0)))],
  ['an unknown that says more', ({ single }) => void single.splice(1, 1, write.tagged(2, false, Buffer.of(0)))],
  ['a revocation without time', ({ single }) => void single.splice(1, 1, write.tagged(1, true, Buffer.alloc(0)))],
  ['a status of another tag', ({ single }) => void single.splice(1, 1, write.tagged(3, false, Buffer.alloc(0)))],
  [
    'a nextUpdate twice',
    ({ single }) => void single.push(...[1, 2].map(() => write.tagged(0, true, write.generalizedTime(NOW)))),
  ],
  ['a field after the status that does not belong there', ({ single }) => void single.push(write.nul())],
  [
    'a CertID of five parts',
    ({ single }) =>
      void single.splice(
        0,
        1,
        write.sequence(
          ...readDer(single[0] as Uint8Array)
            .children()
            .map((one) => one.raw),
          write.nul(),
        ),
      ),
  ],
] as const satisfies readonly (readonly [string, Parameters<typeof reshaped>[0]])[])
  test(`refused: ${why}`, async () => {
    const der = await reshaped(change)
    assert.throws(
      () => parseOcspResponse(der),
      (error: Error & { code?: string }) => {
        assert.equal(error.name, 'TrustError')
        return true
      },
    )
  })

test('an answer without responses answers nothing', async () => {
  const der = await reshaped(({ data }) => void data.splice(2, 1, write.sequence()))
  const response = parseOcspResponse(der)
  assert.throws(() => judgeOcsp(leaf.certificate, response, TRUST, POLICY), disbelieved)
})

test('size is bounded', () => {
  assert.throws(() => parseOcspResponse(Buffer.alloc(64 * 1024 + 1, 0x30)), { code: 'malformed_ocsp' })
  assert.throws(() => parseOcspRequest(Buffer.alloc(64 * 1024 + 1, 0x30)), { code: 'malformed_ocsp' })
})

test('every octet changed: a value or a TrustError, never anything else', async () => {
  mangle(parseOcspResponse, await answer({ responder: delegate, more: { nonce: Buffer.of(4, 1, 1) } }))
  mangle(parseOcspRequest, buildOcspRequest(leaf.certificate, ca.certificate, Buffer.of(4, 1, 1)))
})

for (const [why, der] of [
  ['nobody asked about', write.sequence(write.sequence(write.sequence()))],
  [
    '65 certificates',
    write.sequence(
      write.sequence(
        write.sequence(...Array.from({ length: 65 }, () => write.sequence(certId(leaf.certificate, ca.certificate)))),
      ),
    ),
  ],
  ['a nonce of 129 octets', buildOcspRequest(leaf.certificate, ca.certificate, write.octets(Buffer.alloc(129)))],
  [
    'a critical extension nobody knows',
    write.sequence(
      write.sequence(
        write.sequence(write.sequence(certId(leaf.certificate, ca.certificate))),
        write.tagged(2, true, write.sequence(extension('1.2.3', true, write.nul()))),
      ),
    ),
  ],
] as const)
  test(`a request refused: ${why}`, () => {
    assert.throws(() => parseOcspRequest(der), { code: 'malformed_ocsp' })
  })

test('a nonce of 128 octets passes (RFC 9654 §2.1)', () => {
  const longest = write.octets(Buffer.alloc(128, 7))
  assert.deepEqual(parseOcspRequest(buildOcspRequest(leaf.certificate, ca.certificate, longest)).nonce, longest)
})
