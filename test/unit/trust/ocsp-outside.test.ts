// OCSP before outside judges: what the reference recorded, what openssl writes and reads, what pkijs verifies.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as pkijs from 'pkijs'
import {
  buildOcspRequest,
  type Certificate,
  certIdMatches,
  judgeOcsp,
  ocspErrorResponse,
  parseOcspRequest,
  parseOcspResponse,
  pem,
  write,
} from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors } from '../../vectors.ts'
import { authority, certify, type Holder, NOW } from './certify.ts'
import { containerEntry, recordedCertificate, recordedOcspAnswers, signatureValues } from './recorded.ts'
import { ago, answer, ca, delegate, disbelieved, leaf, notGood, POLICY, TRUST } from './responder.ts'

const scratch = mkdtempSync(join(tmpdir(), 'saadik-ocsp-'))
after(() => rmSync(scratch, { recursive: true }))
const file = (name: string) => join(scratch, name)

test('every recorded answer is good for its certificate, for openssl and pkijs too', async (t) => {
  if (!needsVectors(t)) return
  const issuer = recordedCertificate('ca')
  const responder = recordedCertificate('ocsp')
  const certificates = ['auth1', 'auth2', 'auth1-ec', 'auth2-ec', 'sign1', 'sign2', 'sign1-ec', 'sign2-ec', 'ica'].map(
    recordedCertificate,
  )
  const answers = recordedOcspAnswers()
  assert.ok(answers.length >= 8, `${answers.length} answers`)
  const trust = { issuer, responders: [responder], authorities: [issuer] }
  for (const [index, der] of answers.entries()) {
    const response = parseOcspResponse(der)
    const certificate = certificates.find((one) => one.serialNumber === response.responses[0]?.serialNumber)
    assert.ok(certificate, `answer ${index} is about somebody`)
    const at = response.responses[0]?.thisUpdate ?? NOW
    const verdict = judgeOcsp(certificate, response, trust, { at, freshnessSeconds: 3600, verifyNextUpdate: true })
    assert.equal(verdict.responder, responder)
    assert.throws(
      () =>
        judgeOcsp(
          certificate,
          response,
          { ...trust, responders: [], issuer: recordedCertificate('ica') },
          { at, freshnessSeconds: 3600, verifyNextUpdate: true },
        ),
      disbelieved,
    )
    // It is a delegate as well as listed.
    judgeOcsp(
      certificate,
      response,
      { ...trust, responders: [] },
      { at, freshnessSeconds: 3600, verifyNextUpdate: true },
    )
    assert.equal(await pkijsVerifies(der, responder), true)
    if (!needsTools(t, 'openssl')) continue
    writeFileSync(file('answer.der'), der)
    assert.match(openssl(certificate, issuer, responder), /: good\n/)
  }
})

/** The signature only: its dates would make the test rot. */
async function pkijsVerifies(der: Uint8Array, responder: Certificate): Promise<boolean> {
  const response = pkijs.OCSPResponse.fromBER(new Uint8Array(der))
  const basic = pkijs.BasicOCSPResponse.fromBER(
    new Uint8Array(response.responseBytes?.response.valueBlock.valueHexView ?? []),
  )
  return await pkijs
    .getCrypto(true)
    .verifyWithPublicKey(
      new Uint8Array(basic.tbsResponseData.tbsView),
      basic.signature,
      pkijs.Certificate.fromBER(new Uint8Array(responder.der)).subjectPublicKeyInfo,
      basic.signatureAlgorithm,
    )
}

/** openssl's whole report on answer.der: verified against the responder as explicitly trusted. */
function openssl(certificate: Certificate, issuer: Certificate, responder: Certificate): string {
  const files = { cert: certificate, issuer, responder }
  for (const [name, one] of Object.entries(files)) writeFileSync(file(`${name}.pem`), pem('CERTIFICATE', one.der))
  const { status, stdout, stderr } = tool(
    'openssl',
    [
      ...['ocsp', '-respin', 'answer.der', '-issuer', 'issuer.pem', '-cert', 'cert.pem'],
      ...['-VAfile', 'responder.pem', '-validity_period', '2000000000', '-no_nonce'],
    ],
    { cwd: scratch },
  )
  assert.equal(status, 0, stderr)
  assert.match(stderr, /Response verify OK/)
  return stdout
}

test('the answers inside the outside containers are read', (t) => {
  if (!needsVectors(t)) return
  for (const container of ['valid-signed-message', 'valid-non-batch-rest', 'valid-non-batch-soap-attachments']) {
    const values = signatureValues(`${container}.asice`, 'EncapsulatedOCSPValue')
    assert.ok(values.length > 0, container)
    for (const der of values) {
      const response = parseOcspResponse(der)
      assert.equal(response.responses[0]?.status, 'good')
      assert.ok(response.producedAt.getTime() > 0)
    }
  }
  assert.ok(containerEntry('valid-signed-message.asice', 'mimetype'))
})

for (const kind of ['P-256', 'RSA-2048'] as const)
  test(`own answers under ${kind}: openssl and pkijs accept good, revoked, unknown`, async (t) => {
    const issuer = authority(`CA ${kind}`, { kind })
    const about = certify({ name: 'asked', issuer }).certificate
    for (const byKey of [false, true])
      for (const single of [
        { status: 'good', nextUpdate: ago(-100) },
        { status: 'revoked', revokedAt: ago(1000), reason: 1 },
        { status: 'revoked', revokedAt: ago(1000) },
        { status: 'unknown' },
      ] as const) {
        const der = await answer({ about, issuer, responder: issuer, single, more: { byKey, includeCertificates: [] } })
        const response = parseOcspResponse(der)
        assert.equal(response.responses[0]?.status, single.status)
        assert.equal(response.producedAt.getTime(), ago(5).getTime())
        assert.equal(await pkijsVerifies(der, issuer.certificate), true)
        if (!needsTools(t, 'openssl')) return
        writeFileSync(file('answer.der'), der)
        assert.match(openssl(about, issuer.certificate, issuer.certificate), new RegExp(`: ${single.status}\n`))
      }
  })

test('openssl answers, we judge', async (t) => {
  if (!needsTools(t, 'openssl')) return
  const expiry = '350101000000Z'
  const serial = (one: Holder) => one.certificate.serialNumber.toString(16).toUpperCase().padStart(4, '0')
  const revoked = certify({ name: 'revoked', issuer: ca })
  const unknown = certify({ name: 'unknown', issuer: ca })
  writeFileSync(
    file('index.txt'),
    `V\t${expiry}\t\t${serial(leaf)}\tunknown\t/CN=leaf\nR\t${expiry}\t300101000000Z,keyCompromise\t${serial(revoked)}\tunknown\t/CN=revoked\n`,
  )
  writeFileSync(file('ca.pem'), pem('CERTIFICATE', ca.certificate.der))
  writeFileSync(file('delegate.pem'), pem('CERTIFICATE', delegate.certificate.der))
  writeFileSync(file('delegate.key'), delegate.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const at = new Date()
  for (const [one, status] of [
    [leaf, 'good'],
    [revoked, 'revoked'],
    [unknown, 'unknown'],
  ] as const)
    for (const more of [[], ['-resp_key_id'], ['-resp_no_certs'], ['-ndays', '1']]) {
      writeFileSync(file('request.der'), buildOcspRequest(one.certificate, ca.certificate))
      const { status: exit, stderr } = tool(
        'openssl',
        [
          ...['ocsp', '-index', 'index.txt', '-CA', 'ca.pem', '-rsigner', 'delegate.pem', '-rkey', 'delegate.key'],
          ...['-reqin', 'request.der', '-respout', 'response.der', ...more],
        ],
        { cwd: scratch },
      )
      assert.equal(exit, 0, stderr)
      const response = parseOcspResponse(readFileSync(file('response.der')))
      assert.equal(response.responses[0]?.status, status)
      const trust = { ...TRUST, responders: more[0] === '-resp_no_certs' ? [delegate.certificate] : [] }
      const policy = { ...POLICY, at: new Date(at.getTime() + 60_000) }
      const verdict = () => judgeOcsp(one.certificate, response, trust, policy)
      if (status === 'good') assert.equal(verdict().responder, delegate.certificate)
      else assert.throws(verdict, notGood)
    }
})

test('openssl reads our requests, we read those of openssl', (t) => {
  if (!needsTools(t, 'openssl')) return
  const nonce = write.octets(Buffer.from('0123456789abcdef'))
  writeFileSync(file('request.der'), buildOcspRequest(leaf.certificate, ca.certificate, nonce))
  const { stdout } = tool('openssl', ['ocsp', '-reqin', 'request.der', '-req_text', '-noverify'], { cwd: scratch })
  const nameHash = createHash('sha1').update(ca.certificate.subject.der).digest('hex').toUpperCase()
  assert.match(stdout, new RegExp(`Hash Algorithm: sha1\\s+Issuer Name Hash: ${nameHash}`))
  assert.match(stdout, /OCSP Nonce:\s+041030313233343536373839616263646566/i)
  writeFileSync(file('ca.pem'), pem('CERTIFICATE', ca.certificate.der))
  writeFileSync(file('cert.pem'), pem('CERTIFICATE', leaf.certificate.der))
  for (const digest of ['-sha1', '-sha256', '-sha512']) {
    tool('openssl', ['ocsp', digest, '-issuer', 'ca.pem', '-cert', 'cert.pem', '-reqout', 'asked.der'], {
      cwd: scratch,
    })
    const { certIds, nonce: sent } = parseOcspRequest(readFileSync(file('asked.der')))
    assert.equal(certIds.length, 1)
    const [id] = certIds
    assert.ok(id && certIdMatches(id, ca.certificate))
    assert.equal(certIdMatches(id, leaf.certificate), false)
    assert.equal(id.serialNumber, leaf.certificate.serialNumber)
    assert.ok(sent && sent.length > 8)
  }
})

test('a signed request is read, its signature ignored', (t) => {
  if (!needsTools(t, 'openssl')) return
  for (const [name, text] of [
    ['ca.pem', pem('CERTIFICATE', ca.certificate.der)],
    ['cert.pem', pem('CERTIFICATE', leaf.certificate.der)],
    ['key.pem', leaf.privateKey.export({ type: 'pkcs8', format: 'pem' })],
  ] as const)
    writeFileSync(file(name), text, { mode: 0o600 })
  const args = [
    '-issuer',
    'ca.pem',
    '-cert',
    'cert.pem',
    '-signer',
    'cert.pem',
    '-signkey',
    'key.pem',
    '-reqout',
    'signed.der',
  ]
  const { status, stderr } = tool('openssl', ['ocsp', ...args], { cwd: scratch })
  assert.equal(status, 0, stderr)
  assert.equal(parseOcspRequest(readFileSync(file('signed.der'))).certIds.length, 1)
})

test('answers that say why there is none', (t) => {
  for (const [name, code] of [
    ['malformedRequest', 1],
    ['internalError', 2],
    ['tryLater', 3],
    ['sigRequired', 5],
    ['unauthorized', 6],
  ] as const) {
    const der = ocspErrorResponse(name)
    assert.deepEqual([...der], [0x30, 3, 0x0a, 1, code])
    assert.throws(() => parseOcspResponse(der), { code: 'malformed_ocsp', message: new RegExp(name) })
    if (!needsTools(t, 'openssl')) return
    writeFileSync(file('error.der'), der)
    const { stderr, stdout } = tool('openssl', ['ocsp', '-respin', 'error.der', '-noverify', '-no_nonce'], {
      cwd: scratch,
    })
    assert.match(stderr + stdout, new RegExp(`Responder Error: ${name} \\(${code}\\)`, 'i'))
  }
})
