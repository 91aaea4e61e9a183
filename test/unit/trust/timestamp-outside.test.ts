// Time-stamps before outside judges: real tokens of an X-Road TSA, openssl's requests, responses and verdicts.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  buildTimestampRequest,
  type Certificate,
  digest,
  equalBytes,
  parseCertificate,
  parseTimestampRequest,
  parseTimestampResponse,
  parseTimestampToken,
  pem,
  timestampRejection,
  verifyTimestampToken,
  withTsaCertificate,
} from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vector } from '../../vectors.ts'
import { flips } from './gallery.ts'
import { containerEntry, signatureValues } from './recorded.ts'
import { DATA, judge, POLICY, respond, root, stamp, tsaOf } from './stamper.ts'

const scratch = mkdtempSync(join(tmpdir(), 'saadik-tsp-'))
after(() => rmSync(scratch, { recursive: true }))
const file = (name: string) => join(scratch, name)
const openssl = (...args: readonly string[]) => tool('openssl', args, { cwd: scratch })

/** The TSA that the containers' configuration names. */
function outsideTsa(): Certificate {
  const xml = vector('globalconf', 'globalconf_good2_v3', 'DEV', 'shared-params.xml').toString()
  const [, text = ''] = /<approvedTSA>[\s\S]*?<cert>([^<]+)</.exec(xml) ?? []
  return parseCertificate(Buffer.from(text, 'base64'))
}

/** Token and what it is over. */
function outsideTokens(): readonly { container: string; token: Buffer; stamped: Buffer }[] {
  const inside = ['valid-signed-message', 'valid-signed-hashchain', 'invalid-digest', 'invalid-not-signed-hashchain']
  const beside = ['valid-non-batch-rest', 'valid-non-batch-soap-attachments']
  const none = Buffer.alloc(0)
  return [
    ...inside.map((container) => ({
      container,
      token: signatureValues(`${container}.asice`, 'EncapsulatedTimeStamp')[0] ?? none,
      stamped: signatureValues(`${container}.asice`, 'SignatureValue')[0] ?? none,
    })),
    ...beside.map((container) => ({
      container,
      token: containerEntry(`${container}.asice`, 'META-INF/timestamp.tst') ?? none,
      stamped: containerEntry(`${container}.asice`, 'ts-hashchainresult.xml') ?? none,
    })),
  ]
}

test('the tokens of the outside containers: approved, over the right data, and so says openssl', (t) => {
  if (!needsVectors(t)) return
  const tsa = outsideTsa()
  assert.equal(tsa.extendedKeyUsageCritical, true)
  for (const { container, token: der, stamped } of outsideTokens()) {
    const token = parseTimestampToken(der)
    assert.equal(verifyTimestampToken(token, [tsa]).tsa, tsa, container)
    assert.ok(equalBytes(token.imprint, digest(token.digest, stamped)), container)
    // The reference has put the authority's certificate first already.
    assert.deepEqual(withTsaCertificate(token, tsa), token.der)
    if (!needsTools(t, 'openssl')) continue
    writeFileSync(file('token.der'), der)
    writeFileSync(file('stamped'), stamped)
    writeFileSync(file('tsa.pem'), pem('CERTIFICATE', tsa.der))
    const at = String(Math.floor(token.genTime.getTime() / 1000))
    const verdict = openssl(
      ...['ts', '-verify', '-in', 'token.der', '-token_in', '-data', 'stamped', '-CAfile', 'tsa.pem', '-partial_chain'],
      ...['-attime', at],
    )
    assert.equal(verdict.status, 0, `${container}: ${verdict.stderr}`)
    const { stdout } = openssl('ts', '-reply', '-in', 'token.der', '-token_in', '-text')
    assert.match(stdout, new RegExp(`Serial number: 0x0*${token.serialNumber.toString(16)}\n`, 'i'))
    assert.match(stdout, new RegExp(`Policy OID: ${token.policy.replaceAll('.', '\\.')}|Policy OID: tsa_policy`))
  }
})

test('a real token with any signed bit changed is refused', (t) => {
  if (!needsVectors(t)) return
  const tsa = outsideTsa()
  const [{ token: der } = { token: Buffer.alloc(0) }] = outsideTokens()
  const { signed } = parseTimestampToken(der)
  for (const part of [signed.content, signed.signer.signedAttributes.subarray(3), signed.signer.signature]) {
    const start = der.indexOf(Buffer.from(part))
    assert.ok(start > 0)
    for (const changed of flips(der, start, start + part.length))
      assert.throws(() => verifyTimestampToken(parseTimestampToken(changed), [tsa]), { name: 'TrustError' })
  }
})

test('openssl reads our requests', (t) => {
  if (!needsTools(t, 'openssl')) return
  const imprint = digest('SHA-512', DATA)
  const plain = buildTimestampRequest({ digest: 'SHA-512', imprint })
  writeFileSync(file('request.tsq'), plain)
  const { stdout } = openssl('ts', '-query', '-in', 'request.tsq', '-text')
  assert.match(stdout, /Version: 1\nHash Algorithm: sha512\n/)
  assert.match(stdout, /Policy OID: unspecified\nNonce: unspecified\nCertificate required: no\n/)
  writeFileSync(file('data'), DATA)
  openssl('ts', '-query', '-data', 'data', '-sha512', '-no_nonce', '-out', 'theirs.tsq')
  // Theirs states NULL parameters, ours none, as the reference does.
  assert.equal(readFileSync(file('theirs.tsq')).length, plain.length + 2)
  const full = buildTimestampRequest({ digest: 'SHA-512', imprint, nonce: 255n, certReq: true, policy: POLICY })
  writeFileSync(file('request.tsq'), full)
  const { stdout: text } = openssl('ts', '-query', '-in', 'request.tsq', '-text')
  assert.match(text, new RegExp(`Policy OID: ${POLICY}\nNonce: 0xFF\nCertificate required: yes\n`))
})

test('we read the requests of openssl', (t) => {
  if (!needsTools(t, 'openssl')) return
  writeFileSync(file('data'), DATA)
  for (const name of ['SHA-1', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512'] as const) {
    openssl(
      'ts',
      '-query',
      '-data',
      'data',
      `-${name.replace('-', '').toLowerCase()}`,
      '-cert',
      '-tspolicy',
      POLICY,
      '-out',
      'q',
    )
    const request = parseTimestampRequest(readFileSync(file('q')))
    assert.equal(request.digest?.name, name)
    assert.deepEqual(request.imprint, digest(name, DATA))
    assert.equal(request.policy, POLICY)
    assert.equal(request.certReq, true)
    assert.equal(request.hasExtensions, false)
    assert.ok((request.nonce ?? 0n) > 2n ** 32n)
  }
  openssl('ts', '-query', '-data', 'data', '-md5', '-out', 'q')
  assert.equal(parseTimestampRequest(readFileSync(file('q'))).digest, undefined)
})

for (const kind of ['P-256', 'RSA-2048'] as const)
  test(`openssl accepts what an authority of ${kind} writes`, async (t) => {
    if (!needsTools(t, 'openssl')) return
    const by = tsaOf({ kind })
    writeFileSync(file('root.pem'), pem('CERTIFICATE', root.certificate.der))
    writeFileSync(file('data'), DATA)
    const request = { nonce: 2n ** 64n + 3n, policy: POLICY }
    const imprint = digest('SHA-512', DATA)
    writeFileSync(file('q'), buildTimestampRequest({ digest: 'SHA-512', imprint, certReq: true, ...request }))
    writeFileSync(file('r'), await respond({ by, accuracy: 1, request }))
    const at = ['-attime', String(Math.floor(Date.parse('2031-05-06T07:08:09Z') / 1000))]
    for (const about of [
      ['-queryfile', 'q'],
      ['-data', 'data'],
    ]) {
      const verdict = openssl('ts', '-verify', '-in', 'r', ...about, '-CAfile', 'root.pem', ...at)
      assert.equal(verdict.status, 0, verdict.stderr)
      assert.match(verdict.stdout, /Verification: OK/)
    }
    const { stdout } = openssl('ts', '-reply', '-in', 'r', '-text')
    assert.match(stdout, /Status: Granted\./)
    assert.match(stdout, /Time stamp: May {2}6 07:08:09 2031 GMT\n/)
  })

test('openssl shows a refusal', (t) => {
  if (!needsTools(t, 'openssl')) return
  writeFileSync(file('r'), timestampRejection('unacceptedPolicy', 'not this policy'))
  const { stdout, stderr } = openssl('ts', '-reply', '-in', 'r', '-text')
  assert.match(stdout + stderr, /Rejected[\s\S]*not this policy[\s\S]*requested TSA policy is not supported/)
})

test('openssl stamps, we judge', (t) => {
  if (!needsTools(t, 'openssl')) return
  // openssl stamps now and by its own clock, so this authority's life is around now.
  const now = Date.now()
  const life = { notBefore: new Date(now - 86_400_000), notAfter: new Date(now + 86_400_000) }
  for (const [kind, digestOf, essDigest] of [
    ['P-256', 'sha256', 'sha1'],
    ['P-384', 'sha384', 'sha256'],
    ['RSA-2048', 'sha512', 'sha512'],
  ] as const) {
    const by = tsaOf({ kind, ...life })
    writeFileSync(file('tsa.pem'), pem('CERTIFICATE', by.certificate.der))
    writeFileSync(file('tsa.key'), by.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    writeFileSync(file('serial'), '0A')
    writeFileSync(
      file('tsa.cnf'),
      `[tsa]\ndefault_tsa=one\n[one]\nserial=serial\ncrypto_device=builtin\nsigner_digest=${digestOf}\ndefault_policy=1.2.3.4\ndigests=sha512\naccuracy=secs:1\nclock_precision_digits=3\nordering=yes\ntsa_name=yes\ness_cert_id_alg=${essDigest}\n`,
    )
    for (const certReq of [true, false]) {
      const imprint = digest('SHA-512', DATA)
      writeFileSync(file('q'), buildTimestampRequest({ digest: 'SHA-512', imprint, certReq }))
      const made = openssl(
        ...['ts', '-reply', '-config', 'tsa.cnf', '-section', 'one', '-queryfile', 'q'],
        ...['-signer', 'tsa.pem', '-inkey', 'tsa.key', '-out', 'r'],
      )
      assert.equal(made.status, 0, made.stderr)
      const response = parseTimestampResponse(readFileSync(file('r')))
      assert.equal(response.status, 0)
      const token = parseTimestampToken(response.token ?? Buffer.alloc(0))
      assert.deepEqual(token.imprint, imprint)
      assert.equal(token.certificates.length, certReq ? 1 : 0)
      const verdict = verifyTimestampToken(token, [by.certificate])
      assert.ok(Math.abs(verdict.genTime.getTime() - now) < 3_600_000)
      assert.throws(() => verifyTimestampToken(token, [tsaOf({ kind }).certificate]), { code: 'timestamp_invalid' })
    }
  }
})

test('openssl accepts a token whose certificates we put in order', async (t) => {
  if (!needsTools(t, 'openssl')) return
  const by = tsaOf()
  const bare = parseTimestampToken(await stamp({ by, request: { certReq: false } }))
  assert.equal(bare.certificates.length, 0)
  const stored = withTsaCertificate(bare, by.certificate)
  assert.equal(judge(stored, [by.certificate]).tsa, by.certificate)
  writeFileSync(file('t'), stored)
  writeFileSync(file('root.pem'), pem('CERTIFICATE', root.certificate.der))
  writeFileSync(file('data'), DATA)
  const verdict = openssl(
    ...['ts', '-verify', '-in', 't', '-token_in', '-data', 'data', '-CAfile', 'root.pem'],
    ...['-attime', String(Math.floor(bare.genTime.getTime() / 1000))],
  )
  assert.equal(verdict.status, 0, verdict.stderr)
})
