// Whether an answer is believed: the reference's rules (wire-message §1.7, wire-conf §5.5), step by step.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type Certificate, certId, judgeOcsp, type OcspAnswer, oids, parseOcspResponse, readDer, write } from '#trust'
import { authority, certify, NOW } from './certify.ts'
import { ago, answer, ca, delegate, disbelieved, judge, leaf, notGood, POLICY, TRUST } from './responder.ts'

test('who may answer: the CA, its delegate, one that is listed', async () => {
  assert.equal(judge(await answer()).responder, ca.certificate)
  assert.equal(judge(await answer({ responder: delegate })).responder, delegate.certificate)
  assert.equal(judge(await answer({ more: { byKey: true } })).responder, ca.certificate)
  const stranger = certify({ name: 'Listed' })
  const bare = { includeCertificates: [] }
  const trust = { responders: [stranger.certificate] }
  assert.equal(judge(await answer({ responder: stranger, more: bare }), trust).responder, stranger.certificate)
  assert.equal(
    judge(await answer({ responder: stranger, more: { ...bare, byKey: true } }), trust).responder,
    stranger.certificate,
  )
})

for (const [why, responder] of [
  ['nobody known', certify({ name: 'Stranger', purposes: [oids.ocspSigning] })],
  ['a delegate without the purpose', certify({ name: 'Plain', issuer: ca, purposes: [oids.clientAuth] })],
  ['a delegate of another CA', certify({ name: 'Other', issuer: authority('Other CA'), purposes: [oids.ocspSigning] })],
  ['a CA of the same name', authority('CA')],
  ['the certificate itself', leaf],
  [
    'a grandchild',
    certify({ name: 'Grandchild', issuer: authority('Sub CA', { issuer: ca }), purposes: [oids.ocspSigning] }),
  ],
] as const)
  test(`may not answer: ${why}`, async () => {
    for (const byKey of [false, true]) {
      const der = await answer({ responder, more: { byKey, includeCertificates: [responder.certificate] } })
      assert.throws(() => judge(der), disbelieved)
    }
  })

test('another CA of the trust material has no say over this one', async () => {
  const other = authority('Other CA')
  const der = await answer({ responder: other })
  assert.throws(() => judge(der, { authorities: [ca.certificate, other.certificate] }), disbelieved)
})

test('a responder listed twice under one name, with the old and the new key', async () => {
  const old = certify({ name: 'Responder' })
  const renewed = certify({ name: 'Responder' })
  const der = await answer({ responder: renewed, more: { includeCertificates: [] } })
  const both = { responders: [old.certificate, renewed.certificate] }
  assert.equal(judge(der, both).responder, renewed.certificate)
  assert.throws(() => judge(der, { responders: [old.certificate] }), disbelieved)
})

test('a responder with a weak key has said nothing', async () => {
  const weak = certify({ name: 'Weak', issuer: ca, kind: 'RSA-1024', purposes: [oids.ocspSigning] })
  const der = await answer({ responder: weak })
  assert.throws(() => judge(der), disbelieved)
})

test('only the first response counts (wire-message §1.7)', async () => {
  const other = certify({ name: 'other', issuer: ca }).certificate
  const entry = (about: Certificate, status: 'good' | 'revoked'): OcspAnswer => ({
    certId: certId(about, ca.certificate),
    status,
    thisUpdate: ago(10),
  })
  const otherFirst = await answer({ before: [entry(other, 'good')] })
  assert.throws(() => judge(otherFirst), disbelieved)
  const goodFirst = await answer({ before: [entry(leaf.certificate, 'good')], single: { status: 'revoked' } })
  assert.equal(judge(goodFirst).responder, ca.certificate)
  const revokedFirst = await answer({ before: [entry(leaf.certificate, 'revoked')] })
  assert.throws(() => judge(revokedFirst), notGood)
})

for (const [why, id] of [
  ['another serial number', certId(certify({ name: 'x', issuer: ca }).certificate, ca.certificate)],
  ['another issuer', certId(leaf.certificate, authority('Elsewhere').certificate)],
  ['an issuer of the same name and another key', certId(leaf.certificate, authority('CA').certificate)],
  ['a CertID of SHA-256', sha256Id()],
] as const)
  test(`an answer about ${why} is not believed`, async () => {
    const der = await answer({ certId: id })
    assert.throws(() => judge(der), disbelieved)
  })

function sha256Id(): Uint8Array {
  const hash = (bytes: Uint8Array) => write.octets(createHash('sha256').update(bytes).digest())
  return write.sequence(
    write.sequence(write.oid('2.16.840.1.101.3.4.2.1'), write.nul()),
    hash(ca.certificate.subject.der),
    hash(ca.certificate.keyBits),
    write.integer(leaf.certificate.serialNumber),
  )
}

test('a CertID whose SHA-1 has no parameters is the same', async () => {
  const [, ...rest] = readDer(certId(leaf.certificate, ca.certificate)).children()
  const bare = write.sequence(write.sequence(write.oid('1.3.14.3.2.26')), ...rest.map((one) => one.raw))
  assert.equal(judge(await answer({ certId: bare })).responder, ca.certificate)
})

// Java's rules on time: thisUpdate alone, a future one passes, nextUpdate when asked for.
for (const [why, single, policy, expected] of [
  ['as fresh as it must be', { thisUpdate: ago(3600) }, {}, undefined],
  ['a second too old', { thisUpdate: ago(3601) }, {}, disbelieved],
  ['from the future', { thisUpdate: ago(-86_400) }, {}, undefined],
  ['due now', { nextUpdate: NOW }, {}, undefined],
  ['due a second ago', { nextUpdate: ago(1) }, {}, disbelieved],
  ['due a second ago, which nobody asks', { nextUpdate: ago(1) }, { verifyNextUpdate: false }, undefined],
  ['revoked', { status: 'revoked', revokedAt: ago(100) }, {}, notGood],
  ['revoked, but too old to say so', { status: 'revoked', thisUpdate: ago(3601) }, {}, disbelieved],
  ['revoked in the future', { status: 'revoked', revokedAt: ago(-100) }, {}, notGood],
  ['unknown', { status: 'unknown' }, {}, notGood],
] as const)
  test(`an answer that is ${why}`, async () => {
    const der = await answer({ single })
    // Twice: the second verdict comes from memory, and time must still count.
    for (let again = 0; again < 2; again += 1) {
      if (expected === undefined) {
        const verdict = judge(der, {}, policy)
        assert.equal(verdict.thisUpdate.getTime(), parseOcspResponse(der).responses[0]?.thisUpdate.getTime())
      } else assert.throws(() => judge(der, {}, policy), expected)
    }
    assert.throws(() => judge(der, {}, { ...policy, at: new Date(NOW.getTime() + 200_000_000) }))
  })

test('memory does not lend a verdict to another certificate, issuer or list', async () => {
  const stranger = certify({ name: 'Listed here' })
  const der = await answer({ responder: stranger, more: { includeCertificates: [] } })
  assert.equal(judge(der, { responders: [stranger.certificate] }).responder, stranger.certificate)
  assert.throws(() => judge(der), disbelieved)
  assert.throws(() => judge(der, { responders: [delegate.certificate] }), disbelieved)
  const twin = authority('CA')
  assert.throws(() => judge(der, { issuer: twin.certificate, responders: [stranger.certificate] }), disbelieved)
  const other = certify({ name: 'x', issuer: ca }).certificate
  assert.throws(
    () => judgeOcsp(other, parseOcspResponse(der), { ...TRUST, responders: [stranger.certificate] }, POLICY),
    disbelieved,
  )
})

test('no bit of the signed data or the signature can be changed', async () => {
  const der = Buffer.from(await answer({ single: { nextUpdate: ago(-1000) } }))
  const { tbs, signature } = parseOcspResponse(der)
  assert.equal(judge(der).responder, ca.certificate)
  for (const part of [tbs, signature]) {
    const start = der.indexOf(Buffer.from(part))
    for (let at = start; at < start + part.length; at += 1)
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Buffer.from(der)
        changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        assert.throws(() => judge(changed), { name: 'TrustError' }, `octet ${at}, bit ${bit}`)
      }
  }
})

test('the same bytes give the same object, and not the caller’s buffer', async () => {
  const bytes = Buffer.concat([Buffer.alloc(100), await answer()])
  const view = bytes.subarray(100)
  const response = parseOcspResponse(view)
  assert.equal(parseOcspResponse(Buffer.from(view)), response)
  assert.equal(response.der.buffer.byteLength, view.length)
  const copy = Buffer.from(view)
  bytes.fill(0)
  assert.deepEqual(Buffer.from(response.der), copy)
  assert.equal(judge(response.der).responder, ca.certificate)
})
