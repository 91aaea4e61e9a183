// A register whose commits wait for their receipts: the agent as a synchronous standby of PostgreSQL.
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Log } from '#host'
import type { PostgresSource } from '../../../data-embassy/register/postgres/source.ts'
import { asAdmin, type Cluster, missingPostgres } from '../../postgres.ts'
import { admin, logicalCluster, type Register, register, told } from './postgres-register.ts'

const missing = missingPostgres()
const skip = missing === undefined ? false : `SKIPPED, NOT PROVED: ${missing}`

let cluster: Cluster
before(async () => {
  if (!skip) cluster = await logicalCluster()
})
after(() => cluster?.remove())

/** The embassy: it takes what the source tells, and receipts when it is asked to. */
function embassy(source: PostgresSource, after: string | undefined) {
  const stop = new AbortController()
  const state = { position: after ?? '', whole: after ?? '', rows: 0, receipting: true }
  const receipt = async () => {
    if (state.whole !== '') await source.confirm(state.whole)
  }
  const reading = (async () => {
    for await (const { change, complete } of source.changes(after, stop.signal)) {
      state.position = change.position
      if (change.operation === 'insert') state.rows += 1
      if (!complete) continue
      state.whole = change.position
      if (state.receipting) await receipt()
    }
  })()
  return {
    state,
    receipt,
    async end() {
      stop.abort()
      await reading
      await source.close()
      return state.position
    },
  }
}

/** Lines that say that a commit was not acknowledged. */
function listening(): { readonly log: Log; readonly lines: { readonly message: string; readonly xid?: number }[] } {
  const lines: { message: string; xid?: number }[] = []
  const line = (message: string, meta?: object) => void lines.push({ message, ...meta })
  return { log: { error: line, warn: line, info: () => {}, debug: () => {} }, lines }
}

const visible = (lines: readonly { readonly message: string; readonly xid?: number }[]) =>
  lines.filter(({ message }) => /visible at home/.test(message))

async function strict(t: TestContext, { folder, slot, database }: Register): Promise<void> {
  await asAdmin(folder, `ALTER SYSTEM SET synchronous_standby_names = '${slot}'`, database)
  await asAdmin(folder, 'SELECT pg_reload_conf()', database)
  if (folder === cluster.folder)
    t.after(async () => {
      await asAdmin(folder, 'ALTER SYSTEM RESET synchronous_standby_names', database)
      await asAdmin(folder, 'SELECT pg_reload_conf()', database)
      await waiting(folder, 0)
    })
  for (let tries = 0; tries < 200; tries += 1) {
    const [row] = await asAdmin(folder, 'SHOW synchronous_standby_names', database)
    if (row?.['synchronous_standby_names'] === slot) return
    await sleep(20)
  }
}

/** Sessions that wait for a standby: at least, or, for none, exactly so many. */
async function waiting(folder: string, count: number): Promise<void> {
  for (;;) {
    const [row] = await asAdmin(folder, "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    const n = Number(row?.['n'])
    if (count === 0 ? n === 0 : n >= count) return
    await sleep(20)
  }
}

async function begun(
  t: TestContext,
): Promise<{ readonly home: Register; readonly start: string; readonly other: Client }> {
  const home = await register(t, cluster, 'CREATE TABLE persons (code text PRIMARY KEY, name text)')
  const source = home.source()
  const first = await told(source)
  await source.close()
  return { home, start: first.at(-1)?.change.position ?? '', other: await admin(t, cluster.folder, home.database) }
}

/** Whether it is done after a while in which everything else could have happened. */
const settledSoon = (work: Promise<unknown>) => Promise.race([work.then(() => true), sleep(400).then(() => false)])

test('a commit returns when it is receipted, and not before', { skip }, async (t) => {
  const { home, start, other } = await begun(t)
  await strict(t, home)
  const alone = other.query("INSERT INTO persons VALUES ('1', 'Mari')")
  assert.equal(await settledSoon(alone), false)
  const { log, lines } = listening()
  const there = embassy(home.source({ synchronous: true, log }), start)
  there.state.receipting = false
  assert.equal(await settledSoon(alone), false)
  // Nobody sees it either.
  assert.equal((await home.db.query('SELECT FROM persons')).rowCount, 0)
  while (there.state.rows < 1) await sleep(20)
  await there.receipt()
  await alone
  there.state.receipting = true
  for (let code = 2; code < 30; code += 1) await other.query('INSERT INTO persons VALUES ($1, $2)', [`${code}`, 'Jüri'])
  // What is nothing to tell waits for nobody: an empty transaction, another database.
  await other.query('CREATE TEMP TABLE passing AS SELECT 1; DROP TABLE passing')
  await asAdmin(home.folder, 'CREATE TABLE elsewhere (a int); DROP TABLE elsewhere', 'postgres')
  assert.equal(there.state.rows, 29)
  assert.deepEqual(visible(lines), [])
  await there.end()
})

test('a statement of the schema waits as well, and nobody waits for each other', { skip }, async (t) => {
  const { home, start, other } = await begun(t)
  await strict(t, home)
  const there = embassy(home.source({ synchronous: true }), start)
  await other.query(
    'CREATE TABLE more (id serial PRIMARY KEY, t text); INSERT INTO more (t) SELECT repeat(md5(i::text), 400) FROM generate_series(1, 20) i',
  )
  await other.query('TRUNCATE more RESTART IDENTITY; INSERT INTO more (t) VALUES (now()::text)')
  await other.query('ALTER TABLE more ADD COLUMN u uuid DEFAULT gen_random_uuid(); DROP SEQUENCE more_id_seq CASCADE')
  await Promise.all(
    Array.from({ length: 8 }, async (_, at) => {
      const client = await admin(t, cluster.folder, home.database)
      for (let n = 0; n < 10; n += 1) await client.query('INSERT INTO persons VALUES ($1)', [`${at}.${n}`])
    }),
  )
  assert.equal(there.state.rows, 20 + 1 + 1 + 80)
  await there.end()
})

test('who cancels the wait is told so by PostgreSQL, and reported by us', { skip }, async (t) => {
  const { home, start, other } = await begun(t)
  await strict(t, home)
  const { log, lines } = listening()
  const there = embassy(home.source({ synchronous: true, log }), start)
  await other.query("INSERT INTO persons VALUES ('1', 'acknowledged')")
  there.state.receipting = false
  const notices: string[] = []
  other.on('notice', ({ message }) => notices.push(message ?? ''))
  const { rows } = await other.query('SELECT pg_backend_pid() AS pid')
  const cancelled = other.query("INSERT INTO persons VALUES ('2', 'cancelled')")
  const patient = await admin(t, cluster.folder, home.database)
  const second = patient.query("INSERT INTO persons VALUES ('3', 'patient')")
  await waiting(home.folder, 2)
  await asAdmin(home.folder, `SELECT pg_cancel_backend(${(rows[0] as { pid: number }).pid})`, home.database)
  await cancelled
  assert.match(notices.join(), /canceling wait for synchronous replication/)
  const { rows: found } = await home.db.query("SELECT xmin::text::bigint AS xid FROM persons WHERE code = '2'")
  while (there.state.rows < 3) await sleep(20)
  await there.receipt()
  await second
  assert.deepEqual(
    visible(lines).map((line) => (line as { xid?: number }).xid),
    [Number((found[0] as { xid: string }).xid)],
  )
  await there.end()
})

test('commits that a crash of home brought to light are reported', { skip }, async (t) => {
  const own = await logicalCluster()
  const home = await register(t, own, 'CREATE TABLE persons (code text PRIMARY KEY, name text)')
  t.after(() => own.remove())
  const first = home.source()
  const start = (await told(first)).at(-1)?.change.position ?? ''
  await first.close()
  await strict(t, home)
  const { log, lines } = listening()
  const there = embassy(home.source({ synchronous: true, log }), start)
  await home.db.query("INSERT INTO persons VALUES ('1', 'acknowledged')")
  there.state.receipting = false
  const lost = home.db.query("INSERT INTO persons VALUES ('2', 'nobody knows')")
  lost.catch(() => {})
  while (there.state.rows < 2) await sleep(20)
  await own.stop('QUIT')
  await own.start()
  await assert.rejects(lost)
  const again = await admin(t, own.folder, home.database)
  assert.equal((await again.query('SELECT FROM persons')).rowCount, 2)
  there.state.receipting = true
  await again.query("INSERT INTO persons VALUES ('3', 'acknowledged')")
  assert.equal(visible(lines).length, 1)
  assert.equal(there.state.rows, 3)
  await there.end()
})

test('what an agent had captured before it ended is asked for as well', { skip }, async (t) => {
  const { home, start, other } = await begun(t)
  await strict(t, home)
  const first = embassy(home.source({ synchronous: true }), start)
  first.state.receipting = false
  const { rows } = await other.query('SELECT pg_backend_pid() AS pid')
  const cancelled = other.query("INSERT INTO persons VALUES ('1', 'cancelled')")
  while (first.state.rows < 1) await sleep(20)
  const position = await first.end()
  await waiting(home.folder, 1)
  await asAdmin(home.folder, `SELECT pg_cancel_backend(${(rows[0] as { pid: number }).pid})`, home.database)
  await cancelled
  const { log, lines } = listening()
  const next = embassy(home.source({ synchronous: true, log }), position)
  await home.db.query("INSERT INTO persons VALUES ('2', 'patient')")
  assert.equal(next.state.rows, 1)
  assert.equal(visible(lines).length, 1)
  await next.end()
})
