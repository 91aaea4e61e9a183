// The data tracker of a provider, asked over the exchange (docs/auditors.md, "Data tracker"): what a person is told, what proves it, what an
// operator cannot leave out, and what a crash does not lose.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import { CLIENT, type Pair } from '../federation/pair.ts'
import { envelope } from '../federation/soap.ts'
import { until } from '../federation/traces.ts'
import {
  answersAbout,
  askTracker,
  checked,
  failures,
  followed,
  judged,
  SECRETLY,
  secretAnswer,
  startTracked,
  stated,
  trackerStatus,
} from '../federation/tracked.ts'

let pair: Pair
before(async () => {
  pair = await startTracked()
})
after(async () => await pair?.stop())

async function use(path: string, headers: Record<string, string> = {}, init: RequestInit = {}): Promise<number> {
  const answer = await pair.call(path, { ...init, headers: { 'X-Road-UserId': 'EE60001019906', ...headers } })
  await answer.arrayBuffer()
  return answer.status
}

test('a person is told who asked what, with the legal basis; until it is stated, without proof', async () => {
  assert.equal(await use('/items/38001010001', { 'X-Road-Issue': 'case 17' }), 200)
  await followed(pair.provider)
  await until(async () => (await trackerStatus(pair.provider)).statement !== undefined)
  const [early] = await answersAbout(pair, '38001010001')
  assert.equal(early.uses.length + early.pending.length, 1)
  await stated(pair.provider)
  const pages = await answersAbout(pair, '38001010001')
  const [{ uses, pending }] = pages
  assert.deepEqual(pending, [])
  const [only] = uses
  assert.ok(only && 'use' in only)
  const { at, record, ...said } = only.use
  assert.deepEqual(said, {
    client: 'TEST/GOV/2222/office',
    service: 'TEST/GOV/1111/registry/items',
    operation: 'GET /items/{person}',
    basis: 'case 17',
  })
  assert.ok(Math.abs(at - Date.now()) < 120_000 && record.length === 32)
  const report = await judged(pair, pages)
  assert.deepEqual([report.verdict, failures(report), report.stated, report.shown], ['valid', [], 1, 1])
  assert.equal(report.server, 'TEST/GOV/1111/P')
})

test('of a person who was never asked about it is proved that there is nothing', async () => {
  const pages = await answersAbout(pair, '49999999999')
  assert.deepEqual([pages[0].uses, pages[0].pending, pages[0].before.number], [[], [], 0])
  const report = await judged(pair, pages)
  assert.deepEqual([report.verdict, report.stated], ['valid', 0])
})

test('codes are found in path, query, JSON and SOAP, and only as they look', async () => {
  assert.equal(await use('/items/EE38001010002', { 'Saadik-Legal-Basis': 'law', 'X-Road-Issue': 'case' }), 200)
  assert.equal(await use('/echo?code=38001010002&code=38001010003&code=x'), 200)
  const body = JSON.stringify({
    persons: [{ code: '38001010002' }, { code: 38001010003 }, { name: 'none' }, { code: '' }],
  })
  assert.equal(await use('/echo', { 'Content-Type': 'application/json; charset=utf-8' }, { method: 'POST', body }), 200)
  assert.equal(await use('/status/204/of/38001010002'), 204)
  const header = '<t:legalBasis xmlns:t="urn:saadik:data-tracker:1">soap law</t:legalBasis>'
  const soap = await fetch(pair.consumer.client, {
    method: 'POST',
    headers: { 'Content-Type': 'text/xml; charset=utf-8' },
    body: envelope('echo', 'in-soap', {
      header,
      body: '<who><code>38001010002</code></who><who><code>38001010004</code></who>',
    }),
  })
  assert.equal(soap.status, 200, await soap.text())
  assert.equal(await use('/echo?code=xx'), 200)
  assert.equal(await use('/echo', { 'Content-Type': 'application/json' }, { method: 'POST', body: '{"persons":' }), 200)
  await stated(pair.provider)
  const pages = await answersAbout(pair, '38001010002')
  const told = pages[0].uses.map((one) => ('use' in one ? one.use : assert.fail()))
  assert.deepEqual(
    told.map(({ service, operation, basis, user }) => [service.split('/').at(-1), operation, basis, user]),
    [
      ['echo', undefined, 'soap law', 'EE1'],
      ['items', 'POST', undefined, undefined],
      ['items', 'GET', undefined, undefined],
      ['items', 'GET /items/{person}', 'law', undefined],
    ],
  )
  assert.equal((await judged(pair, pages)).verdict, 'valid')
  assert.equal((await answersAbout(pair, '38001010003'))[0].uses.length, 2)
  assert.equal((await answersAbout(pair, '204'))[0].uses.length, 1)
  const { requests } = await trackerStatus(pair.provider)
  assert.deepEqual([requests.nobody, requests.unreadable], [1, 1])
})

test('secret uses are for the court alone, and nobody else sees that there are any', async () => {
  assert.equal(await use('/items/38001010005', SECRETLY), 200)
  assert.equal(await use('/items/38001010005'), 200)
  await stated(pair.provider)
  const pages = await answersAbout(pair, '38001010005')
  assert.deepEqual([pages[0].uses.length, pages[0].pending.length], [1, 0])
  assert.equal((await judged(pair, pages)).verdict, 'valid')
  const secret = await secretAnswer(pair, '38001010005')
  assert.deepEqual(
    secret.uses.map((one) => 'use' in one && one.use.basis),
    ['criminal procedure'],
  )
  assert.equal((await judged(pair, [secret])).verdict, 'valid')
  // Shown as public, or with what it opens left out, it proves nothing.
  assert.ok(failures(await judged(pair, [{ ...secret, map: 'public' }])).includes('other_value'))
  const { secret: _, ...proof } = secret.proof
  assert.ok(failures(await judged(pair, [{ ...secret, proof }])).includes('other_value'))
  const none = await secretAnswer(pair, '49999999999')
  assert.deepEqual([none.uses.length, (await judged(pair, [none])).verdict], [0, 'valid'])
})

test('pages belong together, in whatever order they are judged; one that is missing is missed', async () => {
  for (let at = 0; at < 7; at += 1) assert.equal(await use('/items/38001010006'), 200)
  await stated(pair.provider)
  assert.equal(await use('/items/38001010006'), 200)
  await followed(pair.provider)
  const pages = await answersAbout(pair, '38001010006', 3)
  assert.deepEqual(
    pages.map(({ uses, pending }) => [uses.length, pending.length]),
    [
      [3, 1],
      [3, 0],
      [1, 0],
    ],
  )
  assert.equal((await judged(pair, pages.toReversed() as typeof pages)).verdict, 'valid')
  const [first, , third] = pages
  assert.ok(third)
  assert.deepEqual(failures(await judged(pair, [first])), ['uses_missing'])
  assert.ok(failures(await judged(pair, [first, third])).includes('foreign_page'))
})

test('an answer that leaves one use out is caught, whichever it is', async () => {
  const pages = await answersAbout(pair, '38001010006')
  const [page] = pages
  for (const left of page.uses.keys()) {
    const uses = page.uses.filter((_, at) => at !== left).map((one, at, all) => ({ ...one, number: all.length - at }))
    const report = await judged(pair, [{ ...page, uses }])
    assert.deepEqual([report.verdict, failures(report)], ['invalid', ['other_value']])
  }
  const cut = await judged(pair, [{ ...page, uses: [] }])
  assert.equal(cut.verdict, 'invalid')
})

test('counts by service and year, none below ten; the description; what is no question; who has no right', async () => {
  for (let at = 0; at < 10; at += 1) assert.equal(await use(`/items/3800101100${at}`, SECRETLY), 200)
  await followed(pair.provider)
  const answer = await askTracker(pair, '/statistics')
  const { counts } = (await answer.json()) as {
    counts: { service: string; year: number; uses?: number; secretUses?: number }[]
  }
  assert.deepEqual(
    counts.map(({ service, year, uses, secretUses }) => [service, year, (uses ?? 0) >= 10, secretUses]),
    [['TEST/GOV/1111/registry/items', new Date().getUTCFullYear(), true, 11]],
  )
  const described = await fetch(
    `${pair.consumer.client}/r1/TEST/GOV/1111/registry/getOpenAPI?serviceCode=saadikDataTracker`,
    { headers: { 'X-Road-Client': CLIENT } },
  )
  assert.deepEqual(Object.keys((parse(await described.text()) as { paths: object }).paths), [
    '/persons/{code}/uses',
    '/statistics',
  ])
  const status = async (path: string) => (await askTracker(pair, path)).status
  const paths = [
    '/persons/38001010001',
    '/persons/1/uses/2',
    '/persons/1/uses?limit=0',
    '/persons/1/uses?limit=1&limit=2',
  ]
  assert.deepEqual(await Promise.all(paths.map(status)), [400, 400, 400, 400])
  assert.equal(await status(`/persons/${'1'.repeat(201)}/uses`), 400)
  assert.equal(await status('/statistics?year=1'), 400)
  const posted = await fetch(`${pair.consumer.client}/r1/TEST/GOV/1111/registry/saadikDataTracker/statistics`, {
    method: 'POST',
    headers: { 'X-Road-Client': CLIENT },
  })
  assert.equal(posted.status, 400)
})

test('kill -9 between the log and the store loses nothing, and the operator’s check agrees', async () => {
  for (let at = 0; at < 20; at += 1) assert.equal(await use('/items/38001010007'), 200)
  await pair.provider.restart('SIGKILL')
  await until(async () => (await use('/items/38001010007')) === 200)
  await stated(pair.provider)
  const pages = await answersAbout(pair, '38001010007')
  assert.deepEqual([pages[0].uses.length, (await judged(pair, pages)).verdict], [21, 'valid'])
  await pair.provider.restart()
  await until(async () => (await trackerStatus(pair.provider)).statement !== undefined)
  const again = await answersAbout(pair, '38001010007')
  assert.deepEqual([again[0].uses.length, (await judged(pair, again)).verdict], [21, 'valid'])
  const report = await checked(pair.provider)
  assert.deepEqual([report.ok, report.fault, report.notTracked], [true, undefined, { requests: 0 }])
  assert.ok(report.uses > 40)
})
