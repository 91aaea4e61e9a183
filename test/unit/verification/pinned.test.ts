// Pinned lists: what may stand in one, what is wrong with one, and what is believed when.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyContainer } from '#evidence'
import { pem } from '#trust'
import { readPinned, Trust, VerificationError } from '#verification'
import { foundCountry, NOW } from '../evidence/authority.ts'
import { evidenceOf, once, REST_REQUEST } from '../evidence/messages.ts'
import { pinnedDocument, TestLog } from './auditor.ts'

const country = foundCountry()
const container = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' })
const judged = (...documents: readonly object[]) =>
  verifyContainer(once(container), new Trust({ pinned: documents.map(readPinned) }))

test('whom the list names is believed, without any configuration', async () => {
  const report = await judged(pinnedDocument(country))
  assert.equal(report.verdict, 'valid', JSON.stringify(report.checks.filter(({ ok }) => !ok)))
  assert.deepEqual(report.believed, ['pinned: 1 certification and 1 time-stamping authorities'])
})

test('base64 of DER does as well as PEM, and names of members are shown', async () => {
  const der = Buffer.from(country.ca.certificate.der).toString('base64')
  const document = pinnedDocument(country, {}, { members: [{ id: 'DEMO/GOV/70000001', name: 'The Register' }] })
  const [authority] = (document as { authorities: object[] }).authorities
  const report = await judged({ ...document, authorities: [{ ...authority, certificate: der }] })
  assert.equal(report.verdict, 'valid')
  assert.equal(report.signerName, 'The Register')
})

test('each entry holds for its dates, both days included', async () => {
  // Time-stamped on 2031-05-06, half a minute after it was signed.
  for (const [dates, verdict] of [
    [{ from: '2031-05-06' }, 'valid'],
    [{ until: '2031-05-06' }, 'valid'],
    [{ from: '2031-05-06', until: '2031-05-06' }, 'valid'],
    [{ from: '2031-05-07' }, 'indeterminate'],
    [{ until: '2031-05-05' }, 'indeterminate'],
    [{ from: '2031-05-06T07:08:39Z' }, 'valid'],
    [{ from: '2031-05-06T07:08:41Z' }, 'indeterminate'],
    [{ until: '2031-05-06T10:08:38+03:00' }, 'indeterminate'],
  ] as const) {
    const report = await judged(pinnedDocument(country, dates))
    assert.equal(report.verdict, verdict, JSON.stringify(dates))
    if (verdict === 'indeterminate') {
      assert.equal(report.checks.find(({ ok }) => !ok)?.code, 'nobody_believed')
      assert.equal(report.subIndication, 'NO_CERTIFICATE_CHAIN_FOUND')
    }
  }
})

test('lists of several times add up', async () => {
  const [early, late] = [
    pinnedDocument(country, { until: '2029-12-31' }),
    pinnedDocument(country, { from: '2030-01-01' }),
  ]
  assert.equal((await judged(early, late)).verdict, 'valid')
  assert.equal((await judged(early)).verdict, 'indeterminate')
})

test('another country, the time-stamping authority alone, an answer that is too old', async () => {
  assert.equal((await judged(pinnedDocument(foundCountry()))).verdict, 'indeterminate')
  const { timestampAuthorities } = pinnedDocument(country) as { timestampAuthorities: object[] }
  const stamped = await judged({ format: 'saadik pinned trust 1', timestampAuthorities })
  assert.deepEqual(
    stamped.checks.filter(({ ok }) => !ok).map(({ code }) => code),
    ['cannot_create_cert_path', 'cannot_create_cert_path'],
  )
  const strict = await judged(pinnedDocument(country, {}, { ocspFreshnessSeconds: 30 }))
  assert.equal(strict.subIndication, 'TRY_LATER')
})

test('the moments at which somebody begins or ends to be believed are the only ones that matter', () => {
  const trust = new Trust({
    pinned: [readPinned(pinnedDocument(country, { from: '2030-01-01', until: '2030-12-31' }))],
  })
  const at = (text: string) => trust.at(new Date(text))
  assert.equal(at('2029-12-31T23:59:59.999Z'), undefined)
  assert.equal(at('2031-01-01T00:00:00.000Z'), undefined)
  const [first, last] = [at('2030-01-01T00:00:00.000Z'), at('2030-12-31T23:59:59.999Z')]
  assert.ok(first)
  assert.equal(first, last, 'the same value, so that what judges derive from it is kept')
})

const certificate = pem('CERTIFICATE', country.ca.certificate.der)
const format = 'saadik pinned trust 1'
const authority = { instance: 'DEMO', certificate, profile: 'Basic' }
const REFUSED: Record<string, unknown> = {
  nothing: undefined,
  'no object': [],
  'no format': { authorities: [authority] },
  'another format': { format: 'saadik pinned trust 2', authorities: [authority] },
  nobody: { format },
  'an unknown key': { format, authorities: [authority], anything: 1 },
  'an unknown key inside': { format, authorities: [{ ...authority, note: 'x' }] },
  'no profile': { format, authorities: [{ instance: 'DEMO', certificate }] },
  'an unknown profile': { format, authorities: [{ ...authority, profile: 'Nope' }] },
  'no certificate': { format, authorities: [{ ...authority, certificate: 'hello' }] },
  'two certificates': { format, authorities: [{ ...authority, certificate: certificate + certificate }] },
  'a private key': { format, authorities: [{ ...authority, certificate: pem('PRIVATE KEY', Buffer.of(1)) }] },
  'no date': { format, authorities: [{ ...authority, from: 'yesterday' }] },
  'no day': { format, authorities: [{ ...authority, from: '2027-02-30x' }] },
  'a time without its zone': { format, authorities: [{ ...authority, from: '2027-02-03T04:05:06' }] },
  'an end before the beginning': { format, authorities: [{ ...authority, from: '2027-02-03', until: '2027-02-02' }] },
  'a subsystem as a member': { format, members: [{ id: 'DEMO/GOV/1/sub', name: 'x' }] },
  'no member': { format, members: [{ id: 'x', name: 'x' }] },
  'no policy': { format, logs: [{ policy: 'hello' }] },
  'a policy that was cut off': { format, logs: [{ policy: new TestLog().policy(1).trimEnd() }] },
  'no freshness': { format, authorities: [authority], ocspFreshnessSeconds: 0 },
  'a number for a text': { format, authorities: [{ ...authority, instance: 1 }] },
}

for (const [name, document] of Object.entries(REFUSED))
  test(`refused: ${name}`, () => {
    assert.throws(
      () => readPinned(document),
      (error) => error instanceof VerificationError && error.code === 'malformed_pinned',
    )
  })

test('everything that is wrong is told', () => {
  assert.throws(
    () => readPinned({ format, authorities: [{ ...authority, profile: 'Nope', from: 'soon' }], extra: 1 }),
    ({ message }: Error) => /profile/.test(message) && /from/.test(message) && /extra/.test(message),
  )
})

test('a log alone is a list, and believes nobody else', () => {
  const trust = new Trust({
    pinned: [readPinned({ format, logs: [{ policy: new TestLog().policy(2), from: '2030-01-01' }] })],
  })
  assert.equal(trust.at(NOW), undefined)
  assert.equal(trust.logs.length, 1)
})
