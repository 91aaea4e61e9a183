// How long a page of a search takes over a large log. The index is built directly: its records lie in no segment, so that each record of a page is
// looked for there in vain, as a damaged one would be.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { KeyRing } from '../security-server/message-log/key-ring.ts'
import { openForReading, openForWriting } from '../security-server/message-log/schema.ts'
import { prepareQuery, type SearchQuery } from '../security-server/message-log/search/query.ts'
import { firstOf, makeRun, RUN_RECORDS } from '../security-server/message-log/search/runs.ts'
import { Search } from '../security-server/message-log/search/search.ts'
import { Segments } from '../security-server/message-log/segments.ts'

/** `SAADIK_BENCH_RECORDS=10000000` for the log that the issue names: two minutes and 5 GB. */
const RECORDS = Number(process.env['SAADIK_BENCH_RECORDS'] ?? 1_000_000)
const START = Date.parse('2026-01-01T00:00:00Z')
const STEP_MS = 3000
const ROUNDS = 20

const member = (code: number) => ({ instance: 'DEMO', memberClass: 'GOV', memberCode: String(70_000_000 + code) })
const key = (code: number, system: number) => `DEMO/GOV/${70_000_000 + code}/system-${system}`

/** As UUIDs look, without their randomness: the same log each time. */
function uuid(what: string, number: number): string {
  const hex = createHash('md5').update(`${what} ${number}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(process.cwd(), '.bench-search-'))
  try {
    const file = join(directory, 'log.db')
    const begun = performance.now()
    const db = openForWriting(file, true)
    const runs = build(db)
    db.close()
    const seconds = (performance.now() - begun) / 1000
    console.log(
      `${RECORDS} records built in ${seconds.toFixed(0)} s, ${((runs / RECORDS) * 1000).toFixed(1)} µs of it a record for the terms; ${(statSync(file).size / RECORDS).toFixed(0)} bytes a record`,
    )
    const reading = openForReading(file)
    const search = new Search({
      db: reading,
      segments: new Segments(join(directory, 'segments'), new KeyRing()),
      body: async function* () {},
    })
    await measure(search, 'a message id', (round) => ({ id: uuid('message', round * 977) }))
    await measure(search, 'an id that is not there', (round) => ({ id: `nowhere ${round}` }))
    await measure(search, 'an exchange', (round) => ({ requestId: uuid('exchange', round * 977) }))
    await measure(search, 'a user', (round) => ({ userId: `EE${round * 31}` }))
    await measure(search, 'a matter', (round) => ({ issue: `case ${round * 977}` }))
    await measure(search, 'a client', (round) => ({ client: member(round) }))
    await measure(search, 'a client and a user', (round) => ({ client: member(round), userId: `EE${round * 31}` }))
    await measure(search, 'a member and an hour', (round) => hour(round, { member: member(round) }))
    await measure(search, 'an hour', (round) => hour(round, {}))
    await measure(search, 'everything, the newest', () => ({}))
    reading.close()
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function hour(round: number, query: SearchQuery): SearchQuery {
  const from = new Date(START + Math.floor((RECORDS * STEP_MS * round) / ROUNDS))
  return { ...query, from, to: new Date(from.getTime() + 3_600_000) }
}

/** Milliseconds that the runs of terms took. */
function build(db: DatabaseSync): number {
  db.exec('PRAGMA synchronous = OFF')
  const record =
    db.prepare(`INSERT INTO records (seq, at, side, direction, protocol, query_id, request_id, client, provider, service_code,
    service_version, user_id, issue, represented_party, body_size, body_file, commitment, sealed_by, segment, place)
    VALUES (?, ?, 'consumer', ?, 'rest', ?, ?, ?, ?, ?, NULL, ?, ?, NULL, 2048, NULL, ?, NULL, 1, 0)`)
  const commitment = Buffer.alloc(32)
  let made = 0
  let run = 0
  for (let seq = 1; seq <= RECORDS; ) {
    db.exec('BEGIN')
    for (const end = Math.min(RECORDS, seq + RUN_RECORDS - 1); seq <= end; seq++) {
      const exchange = seq >> 1
      record.run(
        ...[seq, START + seq * STEP_MS, seq % 2 === 0 ? 'request' : 'response'],
        ...[uuid('message', exchange), uuid('exchange', exchange)],
        ...[key(exchange % 300, exchange % 3), key(300 + (exchange % 40), 0), `service-${exchange % 11}`],
        ...[`EE${exchange % 50_021}`, exchange % 3 === 0 ? `case ${exchange}` : null, commitment],
      )
    }
    const start = performance.now()
    for (; firstOf(run + 1) <= seq; run++) makeRun(db, run)
    made += performance.now() - start
    db.exec('COMMIT')
  }
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  return made
}

async function measure(search: Search, name: string, query: (round: number) => SearchQuery): Promise<void> {
  const times: number[] = []
  let found = 0
  for (let round = 1; round <= ROUNDS; round++) {
    const prepared = prepareQuery(query(round))
    const start = performance.now()
    const page = await search.page(prepared)
    times.push(performance.now() - start)
    found += page.records.length
  }
  times.sort((a, b) => a - b)
  const middle = times[times.length >> 1] ?? 0
  console.log(
    `${name}: ${middle.toFixed(1)} ms a page, ${(times.at(-1) ?? 0).toFixed(1)} at most; ${(found / ROUNDS).toFixed(0)} records in it`,
  )
}
