// Containers that we make: by our own judge, by Info-ZIP, xmlsec1 and openssl ts, and what each defect is called.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import {
  containerName,
  escapeQueryId,
  type Report,
  readContainer,
  readZip,
  verifyContainer,
  writeContainer,
  writeZip,
} from '#evidence'
import type { TrustMaterial } from '#protocol'
import { pem } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { foundCountry, type KeyKind, NOW } from './authority.ts'
import { collect, type Evidence, evidenceOf, once, REST_REQUEST, REST_RESPONSE, SOAP_REQUEST } from './messages.ts'

const country = foundCountry()
const folder = mkdtempSync(join(tmpdir(), 'saadik-container-'))
after(() => rmSync(folder, { recursive: true }))

async function judged(bytes: Uint8Array, trust: TrustMaterial = country.trust): Promise<Report> {
  return verifyContainer(once(bytes), trust)
}

function failures(report: Report): string[] {
  return report.checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name}: ${code}`)
}

async function passes(bytes: Uint8Array): Promise<Report> {
  const report = await judged(bytes)
  assert.deepEqual(failures(report), [])
  assert.equal(report.verdict, 'valid')
  assert.equal(report.indication, 'TOTAL-PASSED')
  return report
}

async function unpacked(bytes: Uint8Array): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>()
  for await (const { name, body } of readZip(once(bytes))) entries.set(name, await collect(body))
  return entries
}

/** The container with entries changed, added or (undefined) taken away. */
async function repacked(bytes: Uint8Array, changes: Record<string, Uint8Array | undefined>): Promise<Buffer> {
  const entries = await unpacked(bytes)
  for (const [name, body] of Object.entries(changes)) {
    if (body === undefined) entries.delete(name)
    else entries.set(name, Buffer.from(body))
  }
  return collect(writeZip([...entries].map(([name, body]) => ({ name, body, modifiedAt: NOW, compress: true }))))
}

const FORMS: readonly (readonly [string, Evidence])[] = [
  ['REST request, plain, single time-stamp', { message: REST_REQUEST, stamp: 'single' }],
  ['REST request, plain, batch time-stamp', { message: REST_REQUEST, stamp: 'batch' }],
  [
    'REST response with body, batch, single time-stamp',
    { message: REST_RESPONSE, body: Buffer.from('{"a":1}'), stamp: 'single' },
  ],
  [
    'REST response with empty body, batch, batch time-stamp',
    { message: REST_RESPONSE, body: Buffer.alloc(0), stamp: 'batch' },
  ],
  ['SOAP request, plain', { message: SOAP_REQUEST, stamp: 'single' }],
  [
    'SOAP request with attachments that are not kept',
    { message: SOAP_REQUEST, body: Buffer.from('att'), keepBody: false, stamp: 'batch' },
  ],
]

for (const kind of ['EC-P256', 'RSA-2048'] as const satisfies readonly KeyKind[])
  for (const [name, evidence] of FORMS)
    test(`${kind}: ${name}`, async () => {
      const report = await passes(await evidenceOf(country, { kind, ...evidence }))
      assert.equal(report.signer, 'DEMO/GOV/70000001/register')
      assert.equal(report.signedAt, NOW.toISOString())
      assert.equal(report.timestamp?.authority, country.tsa.certificate.subject.text)
      assert.equal(report.ocsp?.responder, country.responder.certificate.subject.text)
      const kept = evidence.body !== undefined && evidence.keepBody !== false
      assert.deepEqual(report.message?.attachments, kept ? ['attachment1'] : [])
      assert.deepEqual(report.message?.absent, evidence.keepBody === false ? ['attachment1'] : [])
      assert.deepEqual(report.message?.unsigned, [])
      assert.equal(report.message?.protocol, evidence.message === SOAP_REQUEST ? 'SOAP' : 'REST')
      assert.equal(report.message?.direction, evidence.message === REST_RESPONSE ? 'response' : 'request')
    })

const whole = await evidenceOf(country, { message: REST_RESPONSE, body: Buffer.from('{"a":1}'), stamp: 'batch' })
const single = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' })

test('entries in the order of wire-message §8.1, mimetype first and readable without unpacking', async () => {
  assert.deepEqual(
    [...(await unpacked(whole)).keys()],
    [
      'mimetype',
      'message.xml',
      'META-INF/signatures.xml',
      'sig-hashchainresult.xml',
      'sig-hashchain.xml',
      'ts-hashchainresult.xml',
      'ts-hashchain.xml',
      'META-INF/manifest.xml',
      'META-INF/ASiCManifest.xml',
      'META-INF/timestamp.tst',
      'attachment1',
    ],
  )
  assert.deepEqual(
    [...(await unpacked(single)).keys()],
    ['mimetype', 'message.xml', 'META-INF/signatures.xml', 'META-INF/manifest.xml'],
  )
  assert.equal(whole.subarray(30, 69).toString(), 'mimetypeapplication/vnd.etsi.asic-e+zip')
  assert.ok(whole.toString('latin1').endsWith('mimetype=application/vnd.etsi.asic-e+zip'))
})

test('the OpenDocument manifest lists what is not in META-INF', async () => {
  const manifest = (await unpacked(whole)).get('META-INF/manifest.xml')?.toString() ?? ''
  const paths = [...manifest.matchAll(/media-type="([^"]+)" manifest:full-path="([^"]+)"/g)].map(
    ([, type, path]) => `${path} ${type}`,
  )
  assert.deepEqual(paths.sort(), [
    '/ application/vnd.etsi.asic-e+zip',
    'attachment1 application/octet-stream',
    'message.xml text/xml',
    'sig-hashchain.xml text/xml',
    'sig-hashchainresult.xml text/xml',
    'ts-hashchain.xml text/xml',
    'ts-hashchainresult.xml text/xml',
  ])
})

test('names of containers (wire-message §8.2)', () => {
  assert.equal(containerName('a b*~/ä', 'request', 33), 'a+b*%7E%2F%C3%A4-request-11.asice')
  assert.equal(containerName('x', 'response', 2n ** 40n), 'x-response-100000000.asice')
  assert.equal(escapeQueryId('/'.repeat(300)).length, 226)
})

test('a name that leaves its folder or breaks the manifest is not written', async () => {
  const attachments = [{ name: '../evil', body: () => once(Buffer.of(1)) }]
  await assert.rejects(
    collect(writeContainer({ createdAt: NOW, message: REST_REQUEST, signature: Buffer.from('<x/>'), attachments })),
    TypeError,
  )
})

// --- other judges

async function laidOut(bytes: Uint8Array): Promise<string> {
  const at = mkdtempSync(join(folder, 'c-'))
  for (const [name, body] of await unpacked(bytes)) {
    mkdirSync(dirname(join(at, name)), { recursive: true })
    writeFileSync(join(at, name), body)
  }
  return at
}

test('Info-ZIP, xmlsec1 and openssl ts agree', async (t) => {
  if (!needsTools(t, 'unzip', 'xmlsec1', 'openssl')) return
  const anchor = join(folder, 'ca.pem')
  writeFileSync(anchor, pem('CERTIFICATE', country.ca.certificate.der))
  for (const kind of ['EC-P256', 'RSA-2048'] as const)
    for (const [name, evidence] of FORMS) {
      const bytes = await evidenceOf(country, { kind, ...evidence })
      const at = await laidOut(bytes)
      writeFileSync(join(at, 'whole.asice'), bytes)
      assert.equal(tool('unzip', ['-tq', join(at, 'whole.asice')]).status, 0, name)
      const batch = evidence.body !== undefined
      const covered = batch ? 'sig-hashchainresult.xml' : 'message.xml'
      const signature = tool('xmlsec1', [
        '--verify',
        `--url-map:/${covered}`,
        join(at, covered),
        '--id-attr:Id',
        'SignedProperties',
        '--insecure',
        join(at, 'META-INF/signatures.xml'),
      ])
      assert.equal(signature.status, 0, `${name}: ${signature.stderr}`)
      const { stamped, token } = await stampOf(bytes)
      writeFileSync(join(at, 'token.tst'), token)
      writeFileSync(join(at, 'stamped'), stamped)
      const stamp = tool('openssl', [
        'ts',
        '-verify',
        '-token_in',
        '-in',
        join(at, 'token.tst'),
        '-data',
        join(at, 'stamped'),
        '-CAfile',
        anchor,
        '-attime',
        `${(NOW.getTime() / 1000) | 0}`,
      ])
      assert.match(stamp.stdout + stamp.stderr, /Verification: OK/, name)
    }
})

/** The token and the octets that it is over. */
async function stampOf(bytes: Uint8Array): Promise<{ token: Buffer; stamped: Buffer }> {
  const entries = await unpacked(bytes)
  const token = entries.get('META-INF/timestamp.tst')
  const result = entries.get('ts-hashchainresult.xml')
  if (token !== undefined && result !== undefined) return { token, stamped: result }
  const xml = entries.get('META-INF/signatures.xml')?.toString() ?? ''
  const inside = (name: string) => Buffer.from(new RegExp(`<${name}[^>]*>([^<]+)<`).exec(xml)?.[1] ?? '', 'base64')
  return { token: inside('xades:EncapsulatedTimeStamp'), stamped: inside('ds:SignatureValue') }
}

// --- what is wrong, and what it is called

const entries = await unpacked(whole)
const textOf = (name: string) => entries.get(name)?.toString() ?? ''

const DEFECTS: Record<string, [Promise<Buffer>, Report['indication'], string | undefined, string[]]> = {
  'a wrong REST body': [
    repacked(whole, { attachment1: Buffer.from('{"a":2}') }),
    'TOTAL-FAILED',
    'HASH_FAILURE',
    ['hash chain: malformed_signature.invalid_hash_chain_ref'],
  ],
  'a missing REST body': [
    repacked(whole, { attachment1: undefined }),
    'INDETERMINATE',
    'SIGNED_DATA_NOT_FOUND',
    ['attachments: asic_attachment_not_found'],
  ],
  'a body that was never signed': [
    repacked(whole, { attachment2: Buffer.from('x') }),
    'TOTAL-FAILED',
    'HASH_FAILURE',
    ['hash chain: malformed_signature.hashchain_unused_inputs'],
  ],
  'a body beside a plain signature': [
    repacked(single, { attachment1: Buffer.from('x') }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['signed parts: malformed_signature'],
  ],
  'another message': [
    repacked(whole, { 'message.xml': Buffer.from(textOf('message.xml').replace('200', '404')) }),
    'TOTAL-FAILED',
    'HASH_FAILURE',
    ['hash chain: malformed_signature.invalid_hash_chain_ref'],
  ],
  'another message and another body at once': [
    repacked(single, {
      'message.xml': Buffer.from(REST_REQUEST.toString().replace('GET', 'PUT')),
      attachment1: Buffer.from('x'),
    }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['signed parts: malformed_signature'],
  ],
  'a message that is neither SOAP nor REST': [
    repacked(single, { 'message.xml': Buffer.from('hello') }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['message: asic_message_not_found', 'digest of /message.xml: invalid_signature_value'],
  ],
  'a signature that is no XML': [
    repacked(whole, { 'META-INF/signatures.xml': Buffer.from('hello') }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['signature structure: invalid_xml'],
  ],
  'a changed result document': [
    repacked(whole, { 'sig-hashchainresult.xml': Buffer.from(`${textOf('sig-hashchainresult.xml')}\n`) }),
    'TOTAL-FAILED',
    'HASH_FAILURE',
    ['digest of /sig-hashchainresult.xml: invalid_signature_value'],
  ],
  'a changed signing time': [
    repacked(whole, {
      'META-INF/signatures.xml': Buffer.from(
        textOf('META-INF/signatures.xml').replace('<xades:SigningTime>2031', '<xades:SigningTime>2030'),
      ),
    }),
    'TOTAL-FAILED',
    'HASH_FAILURE',
    ['time-stamp: malformed_signature', 'digest of #signed-properties: invalid_signature_value'],
  ],
  'no time-stamp': [
    repacked(whole, { 'META-INF/timestamp.tst': undefined }),
    'INDETERMINATE',
    'NO_POE',
    ['time-stamp: asic_timestamp_not_found'],
  ],
  'a time-stamp that is no DER': [
    repacked(whole, { 'META-INF/timestamp.tst': Buffer.from('hello') }),
    'INDETERMINATE',
    'NO_POE',
    ['time-stamp: timestamp_invalid'],
  ],
  'a time-stamp chain that is no XML': [
    repacked(whole, { 'ts-hashchainresult.xml': Buffer.from('foobar\n') }),
    'INDETERMINATE',
    'NO_POE',
    ['time-stamp: malformed_signature'],
  ],
  'a time-stamp over something else': [
    repacked(whole, { 'ts-hashchainresult.xml': undefined, 'ts-hashchain.xml': undefined }),
    'INDETERMINATE',
    'NO_POE',
    ['time-stamp: malformed_signature'],
  ],
  'a chain without its result': [
    repacked(whole, { 'sig-hashchainresult.xml': undefined }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['container: asic_hash_chain_result_not_found'],
  ],
  'a result without its chain': [
    repacked(whole, { 'ts-hashchain.xml': undefined }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['container: asic_hash_chain_not_found'],
  ],
  'no chain for a batch signature': [
    repacked(whole, { 'sig-hashchainresult.xml': undefined, 'sig-hashchain.xml': undefined }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['signed parts: malformed_signature'],
  ],
  'no mimetype': [
    repacked(whole, { mimetype: undefined }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['container: asic_mime_type_not_found'],
  ],
  'another mimetype': [
    repacked(whole, { mimetype: Buffer.from('application/zip') }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['container: asic_invalid_mime_type'],
  ],
  'no message': [
    repacked(whole, { 'message.xml': undefined }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['container: asic_message_not_found'],
  ],
  'no signature': [
    repacked(whole, { 'META-INF/signatures.xml': undefined }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['container: asic_signature_not_found'],
  ],
  'no ZIP': [
    Promise.resolve(Buffer.from('hello')),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['container: asic_malformed_zip'],
  ],
  'a signature of a megabyte': [
    repacked(whole, { 'META-INF/signatures.xml': Buffer.alloc(1 << 21, 32) }),
    'TOTAL-FAILED',
    'FORMAT_FAILURE',
    ['container: asic_malformed_zip'],
  ],
}

for (const [name, [bytes, indication, subIndication, expected]] of Object.entries(DEFECTS))
  test(`told: ${name}`, async () => {
    const report = await judged(await bytes)
    assert.deepEqual(failures(report), expected)
    assert.deepEqual([report.indication, report.subIndication], [indication, subIndication])
    const word = indication === 'INDETERMINATE' ? 'indeterminate' : 'invalid'
    assert.equal(report.verdict, expected[0]?.startsWith('container') ? 'unreadable' : word)
    for (const check of report.checks) if (!check.ok) assert.ok(check.detail, 'a failure says why')
  })

test('all failures are told, not the first', async () => {
  const xml = textOf('META-INF/signatures.xml')
    .replace('<xades:SigningTime>2031', '<xades:SigningTime>2030')
    .replace(/(<ds:SignatureValue[^>]*>)./, '$1/')
  const report = await judged(
    await repacked(whole, {
      'META-INF/signatures.xml': Buffer.from(xml),
      attachment1: Buffer.from('x'),
      'sig-hashchainresult.xml': Buffer.from(`${textOf('sig-hashchainresult.xml')} `),
    }),
  )
  assert.deepEqual(failures(report), [
    'time-stamp: malformed_signature',
    'hash chain: malformed_signature.invalid_hash_chain_ref',
    'signature value: invalid_signature_value',
    'digest of /sig-hashchainresult.xml: invalid_signature_value',
    'digest of #signed-properties: invalid_signature_value',
  ])
})

test('entries that prove nothing are named', async () => {
  const { message } = await passes(
    await repacked(whole, { 'README.txt': Buffer.from('trust me'), 'META-INF/signatures2.xml': Buffer.from('<x/>') }),
  )
  assert.deepEqual(message?.unsigned, ['README.txt', 'META-INF/signatures2.xml'])
  const chained = { 'sig-hashchain.xml': Buffer.from('<x/>'), 'sig-hashchainresult.xml': Buffer.from('<x/>') }
  assert.deepEqual((await passes(await repacked(single, chained))).message?.unsigned, [
    'sig-hashchainresult.xml',
    'sig-hashchain.xml',
  ])
})

test('trust decides: member, CA, authority, freshness, revocation', async () => {
  const { trust } = country
  const foreign = foundCountry()
  const cases: [string, TrustMaterial, string, string[]][] = [
    [
      'another country',
      foreign.trust,
      'NO_CERTIFICATE_CHAIN_FOUND',
      ['time-stamp: timestamp_invalid', 'signer: cannot_create_cert_path'],
    ],
    ['another authority', { ...trust, tsas: foreign.trust.tsas }, 'NO_POE', ['time-stamp: timestamp_invalid']],
    [
      'stale answer',
      { ...trust, ocspFreshnessSeconds: 10 },
      'TRY_LATER',
      ['certificate path and revocation: invalid_cert_path.incorrect_validation_info'],
    ],
  ]
  for (const [name, believed, subIndication, expected] of cases) {
    const report = await judged(whole, believed)
    assert.deepEqual(failures(report), name === 'another country' ? ['time-stamp: timestamp_invalid'] : expected, name)
    assert.ok(name === 'another country' || report.subIndication === subIndication, name)
    assert.equal(report.indication, 'INDETERMINATE')
  }
  const revoked = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single', status: 'revoked' })
  const report = await judged(revoked)
  assert.deepEqual(failures(report), ['certificate path and revocation: invalid_cert_path.cert_validation'])
  assert.deepEqual([report.indication, report.subIndication], ['TOTAL-FAILED', 'REVOKED'])
  const other = await judged(await evidenceOf(country, { message: REST_REQUEST, stamp: 'single', code: '70000002' }))
  assert.deepEqual(failures(other), ['signer: incorrect_certificate'])
  assert.deepEqual([other.indication, other.subIndication], ['INDETERMINATE', 'SIG_CONSTRAINTS_FAILURE'])
})

test('a source that fails is not a verdict', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield whole.subarray(0, 100)
    throw new Error('the disk is gone')
  }
  await assert.rejects(verifyContainer(failing(), country.trust), /the disk is gone/)
})

test('readContainer keeps digests of attachments, whatever the case of the name', async () => {
  const bytes = await repacked(whole, { attachment1: undefined, Attachment1: Buffer.from('{"a":1}') })
  assert.deepEqual([...(await readContainer(once(bytes))).attachments.keys()], ['attachment1'])
  await passes(bytes)
})
