// Searches: each field, all together, page by page, over runs that are made and what is behind them.
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { ClientId } from '#protocol'
import type { LogRecord, MessageLog, SearchQuery } from '../../../../security-server/message-log/index.ts'
import { RUN_RECORDS } from '../../../../security-server/message-log/search/runs.ts'
import { askLog, changeRecords } from './behind.ts'
import { CLIENT, code, openLog, PROVIDER, record, spooled, temporaryDirectory, until } from './fixture.ts'

const MEMBER: ClientId = { instance: 'DEMO', memberClass: 'GOV', memberCode: '70000002' }
const SERVICE = { ...PROVIDER, serviceCode: 'persons' }

/** All pages, and how many there were. */
async function all(log: MessageLog, query: SearchQuery): Promise<{ seqs: number[]; pages: number }> {
  const seqs: number[] = []
  let pages = 0
  let cursor: string | undefined
  do {
    const page = await log.search({ ...query, cursor })
    seqs.push(...page.records.map(({ seq }) => seq))
    cursor = page.next
    pages += 1
  } while (cursor !== undefined)
  return { seqs, pages }
}

const AT = Date.parse('2026-03-01T12:00:00Z')

/** Record n is made at second n. */
const MADE: readonly Partial<LogRecord>[] = [
  {},
  { queryId: 'wanted' },
  { requestId: 'exchange' },
  { client: { ...CLIENT, subsystemCode: 'other' } },
  { client: MEMBER },
  { client: { ...MEMBER, memberCode: '700000020', subsystemCode: 'longer code' } },
  { service: { ...SERVICE, serviceVersion: 'v2' }, protocol: 'soap' },
  { service: { ...SERVICE, serviceCode: 'addresses' } },
  { service: { ...MEMBER, subsystemCode: 'own', serviceCode: 'persons' }, client: { ...PROVIDER } },
  { userId: 'EE38001010000' },
  { issue: 'case 7/2026' },
  { side: 'provider', direction: 'response' },
]

const CASES: readonly { readonly query: SearchQuery; readonly seqs: readonly number[] }[] = [
  { query: {}, seqs: [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1] },
  { query: { order: 'oldest', side: 'provider' }, seqs: [12] },
  { query: { id: 'wanted' }, seqs: [2] },
  { query: { id: 'Wanted' }, seqs: [] },
  { query: { requestId: 'exchange' }, seqs: [3] },
  { query: { client: { ...CLIENT, subsystemCode: 'other' } }, seqs: [4] },
  { query: { client: MEMBER }, seqs: [12, 11, 10, 8, 7, 5, 4, 3, 2, 1] },
  { query: { client: { ...MEMBER, memberCode: '7000000' } }, seqs: [] },
  { query: { provider: { ...MEMBER, subsystemCode: 'own' } }, seqs: [9] },
  { query: { provider: MEMBER }, seqs: [9] },
  { query: { service: SERVICE, order: 'oldest' }, seqs: [1, 2, 3, 4, 5, 6, 7, 10, 11, 12] },
  { query: { service: { ...SERVICE, serviceVersion: 'v2' } }, seqs: [7] },
  { query: { protocol: 'soap' }, seqs: [7] },
  { query: { member: MEMBER }, seqs: [12, 11, 10, 9, 8, 7, 5, 4, 3, 2, 1] },
  { query: { member: { ...MEMBER, subsystemCode: 'own' } }, seqs: [9] },
  { query: { owner: PROVIDER }, seqs: [12, 9] },
  { query: { owner: MEMBER }, seqs: [5] },
  { query: { userId: 'EE38001010000' }, seqs: [10] },
  { query: { userId: 'EE38001010000', issue: 'case 7/2026' }, seqs: [] },
  { query: { issue: 'case 7/2026' }, seqs: [11] },
  { query: { direction: 'response' }, seqs: [12] },
  { query: { from: new Date(AT + 3000), to: new Date(AT + 6000) }, seqs: [5, 4, 3] },
  { query: { from: new Date(AT + 3000), client: CLIENT, order: 'oldest' }, seqs: [3, 7, 8, 10, 11, 12] },
  {
    query: {
      scope: [
        { ...MEMBER, subsystemCode: 'own' },
        { ...CLIENT, subsystemCode: 'other' },
      ],
    },
    seqs: [9, 4],
  },
  { query: { scope: [], client: MEMBER }, seqs: [] },
]

async function filled(t: TestContext): Promise<{ log: MessageLog; directory: string }> {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  for (const [index, facts] of MADE.entries())
    await log.append(record({ ...facts, at: new Date(AT + 1000 * (index + 1)) }))
  return { log, directory }
}

test('each field finds what it says, alone and with others, and pages neither repeat nor leave out one', async (t) => {
  const { log } = await filled(t)
  for (const { query, seqs } of CASES) {
    assert.deepEqual(await all(log, query), { seqs, pages: 1 }, JSON.stringify(query))
    const paged = await all(log, { ...query, limit: 2 })
    assert.deepEqual(paged, { seqs, pages: Math.max(1, Math.ceil(seqs.length / 2)) }, JSON.stringify(query))
  }
})

test('what is found says all that the index knows', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const made = record({
    userId: 'EE1',
    issue: 'i',
    representedParty: 'COM/1',
    body: await spooled(log, Buffer.alloc(9)),
  })
  await log.append(made)
  const { head: _, signature: __, body: ___, ...facts } = made
  assert.deepEqual((await log.search({})).records, [
    { ...facts, seq: 1, member: CLIENT, bodySize: 9, timestamped: false },
  ])
})

test('records that come meanwhile disturb no search', async (t) => {
  const { log } = await filled(t)
  const first = await log.search({ limit: 5 })
  await log.append(record())
  const second = await log.search({ limit: 5, cursor: first.next })
  assert.deepEqual(
    second.records.map(({ seq }) => seq),
    [7, 6, 5, 4, 3],
  )
  const up = await log.search({ limit: 12, order: 'oldest' })
  assert.deepEqual(
    (await log.search({ order: 'oldest', cursor: up.next })).records.map(({ seq }) => seq),
    [13],
  )
})

test('a query that is none, and a cursor of another search, are refused', async (t) => {
  const { log } = await filled(t)
  const { next } = await log.search({ limit: 1 })
  assert.ok(next)
  for (const query of [
    { limit: 0 },
    { limit: 1.5 },
    { from: new Date(Number.NaN) },
    { cursor: 'x' },
    { cursor: '' },
    { cursor: next, order: 'oldest' as const },
    { userId: 'x'.repeat(5000) },
  ])
    await assert.rejects(log.search(query), code('invalid_query'), JSON.stringify(query))
  await assert.rejects(log.search({ text: 'persons' }), code('text_search_forbidden'))
})

test('a damaged record fails no page: it is named in it, the others come', async (t) => {
  const { log, directory } = await filled(t)
  assert.equal((await log.search({ id: 'wanted' })).records.length, 1)
  await changeRecords(directory, 'wanted', 'Wanted')
  const { records } = await log.search({})
  assert.equal(records.length, 12)
  assert.deepEqual(
    records.flatMap(({ seq, damaged }) => (damaged === undefined ? [] : [seq])),
    [2],
  )
  assert.match((await log.search({ id: 'wanted' })).records[0]?.damaged ?? '', /Record 2/)
})

test('texts are found in messages and bodies, in whatever case and wherever chunks are cut; a damaged record may have it', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory, settings: { textSearch: true } })
  const long = Buffer.alloc(900_000, 'x')
  long.write('Tõnu Õun', 256 * 1024 - 3)
  const late = Buffer.alloc(1_500_000, 'x')
  late.write('too far behind', 1_200_000)
  await log.append(record({ head: Buffer.from('GET /r1/persons?name=T%C3%B5nu HTTP/1.1') }))
  await log.append(record({ body: await spooled(log, Buffer.from('{"name":"TÕNU ÕUN"}')) }))
  await log.append(record({ body: await spooled(log, long), userId: 'EE1' }))
  await log.append(record({ body: await spooled(log, late) }))
  const parts = log.spool()
  await parts.write(Buffer.alloc(100_000))
  parts.next()
  await parts.write(Buffer.from('second attachment'))
  await log.append(record({ body: await parts.finish() }))
  await log.append(record({ head: Buffer.from('GET /r1/damaged'), queryId: 'damaged' }))
  const found = async (text: string, more: SearchQuery = {}) => (await all(log, { text, ...more })).seqs
  assert.deepEqual(await found('tõnu õun'), [3, 2])
  assert.deepEqual(await found('tõnu õun', { userId: 'EE1' }), [3])
  assert.deepEqual(await found('PERSONS?NAME'), [1])
  assert.deepEqual(await found('second attach'), [5])
  assert.deepEqual(await found('too far behind'), [])
  assert.deepEqual(await found('nowhere'), [])
  await assert.rejects(log.search({ text: 'ab' }), code('invalid_query'))
  await changeRecords(directory, 'r1/damaged', 'W1/damaged')
  const { records } = await log.search({ text: 'nowhere' })
  assert.deepEqual(
    records.map(({ seq, damaged }) => [seq, damaged !== undefined]),
    [[6, true]],
  )
})

test('runs are made as the log grows, and searches over them find what a look through all finds', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const count = RUN_RECORDS + 500
  const signature = Buffer.from('s')
  const users = (seq: number) => `user ${seq % 1013}`
  for (let seq = 1; seq <= count; seq += 512)
    await Promise.all(
      Array.from({ length: Math.min(512, count - seq + 1) }, (_, index) =>
        log.append(
          record({
            signature,
            at: new Date(AT + (seq + index) * 1000),
            queryId: `id ${seq + index}`,
            userId: users(seq + index),
            ...(seq + index === 5 || seq + index === count - 3 ? { issue: 'seldom' } : {}),
            client: { ...CLIENT, subsystemCode: `s${(seq + index) % 3}` },
          }),
        ),
      ),
    )
  const made = { sqlite: 'SELECT run FROM runs', postgres: 'SELECT span FROM log_span WHERE span < 1' }
  await until(async () => (await askLog(directory, made)).length === 1)
  const expected = (test: (seq: number) => boolean) =>
    Array.from({ length: count }, (_, index) => count - index).filter(test)
  assert.deepEqual((await all(log, { issue: 'seldom' })).seqs, [count - 3, 5])
  assert.deepEqual((await all(log, { id: `id ${RUN_RECORDS}` })).seqs, [RUN_RECORDS])
  assert.deepEqual((await all(log, { id: `id ${RUN_RECORDS + 1}` })).seqs, [RUN_RECORDS + 1])
  assert.deepEqual(
    (await all(log, { userId: users(77), limit: 7 })).seqs,
    expected((seq) => seq % 1013 === 77),
  )
  assert.deepEqual(
    (await all(log, { userId: users(77), client: { ...CLIENT, subsystemCode: 's1' }, order: 'oldest' })).seqs,
    expected((seq) => seq % 1013 === 77 && seq % 3 === 1).reverse(),
  )
  const from = new Date(AT + 1000 * (RUN_RECORDS - 10))
  const to = new Date(AT + 1000 * (RUN_RECORDS + 10))
  assert.deepEqual(
    (await all(log, { from, to, client: { ...CLIENT, subsystemCode: 's2' }, limit: 3 })).seqs,
    expected((seq) => seq >= RUN_RECORDS - 10 && seq < RUN_RECORDS + 10 && seq % 3 === 2),
  )
  assert.equal((await all(log, { member: MEMBER, limit: 1000 })).seqs.length, count)
  await log.close()
  const again = await openLog(t, { directory })
  assert.deepEqual((await all(again, { issue: 'seldom' })).seqs, [count - 3, 5])
})
