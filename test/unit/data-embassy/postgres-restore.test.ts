// From a register on PostgreSQL to a mirror abroad and back: sealed, receipted, restored at any checkpoint, and equal to what pg_dump said at that moment.
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { parseBatch, Recipients } from '#continuity'
import { parseCheckpoint, parseNote } from '#transparency'
import { NoteKeys } from '#transparent-log'
import { Mirror } from '../../../data-embassy/abroad/mirror.ts'
import { Author } from '../../../data-embassy/authoring/author.ts'
import { EmbassyError } from '../../../data-embassy/error.ts'
import { batches } from '../../../data-embassy/home/batching.ts'
import type { PostgresSource } from '../../../data-embassy/register/postgres/source.ts'
import type { Head } from '../../../data-embassy/restore/opening.ts'
import { restorePostgres } from '../../../data-embassy/restore/restore-postgres.ts'
import { asAdmin, type Cluster, freshDatabase, missingPostgres } from '../../postgres.ts'
import { run, scratch } from '../host/scratch.ts'
import { startedSigner } from '../signer/signer-process.ts'
import type { AgentToKill } from './postgres-agent.ts'
import { admin, dump, logicalCluster, type Register, register } from './postgres-register.ts'
import { SCHEMA, seeded, Work } from './postgres-work.ts'

const missing = missingPostgres()
const skip = missing === undefined ? false : `SKIPPED, NOT PROVED: ${missing}`
const LONG = process.env['SAADIK_LONG'] !== undefined
const SEED = Number(process.env['SAADIK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const ORIGIN = 'DEMO/population-register/1'
const identity = await generateHybridIdentity()
const recipient = await identityToRecipient(identity)
const recipients = new Recipients([recipient])

let cluster: Cluster
before(async () => {
  if (!skip) cluster = await logicalCluster()
})
after(() => cluster?.remove())

async function embassy(t: TestContext) {
  const [home, abroad] = [await startedSigner(t), await startedSigner(t)]
  const directory = scratch(t)
  const author = await Author.open({ directory, instance: 'DEMO', origin: ORIGIN, signer: home.client, recipients })
  const keys = await NoteKeys.open(abroad.client, 'mirror', 'DEMO/embassy/mirror')
  const logKeys = author.log.keys.verifierKeys
  const mirror = await Mirror.open({ directory: scratch(t), origin: ORIGIN, logKeys, keys })
  t.after(async () => {
    await mirror.close()
    await author.close().catch(() => {})
  })
  return { home, directory, author, mirror }
}

/** Has the mirror take what it has not yet; gives the tree that it receipts. */
async function carried(author: Author, mirror: Mirror): Promise<Head> {
  while (mirror.size < author.size) {
    const batch = author.batch(mirror.size)
    assert.ok(batch)
    await mirror.take(parseBatch(batch.bytes))
  }
  const { size, root } = parseCheckpoint(parseNote(mirror.receipt ?? Buffer.alloc(0)).text)
  return { size, root }
}

/** Captures until it is told to end. */
function capturing(t: TestContext, source: PostgresSource, author: Author) {
  const stop = new AbortController()
  const state = { whole: author.position ?? '' }
  const running = (async () => {
    for await (const batch of batches(source.changes(author.position, stop.signal))) {
      await author.write(batch)
      const last = batch.at(-1)
      if (last?.complete) state.whole = last.change.position
    }
  })()
  const end = async () => {
    stop.abort()
    await running
  }
  t.after(() => end().catch(() => {}))
  return {
    async caughtUp() {
      const head = await source.head()
      while (state.whole === '' || !source.holds(state.whole, head)) await Promise.race([sleep(10), running])
    },
    end,
  }
}

async function emptyDatabase({ folder }: Cluster) {
  const { host, port, database } = await freshDatabase(folder)
  return { hosts: [host], port, database, user: 'test', passwordFile: `${folder}/password`, tls: false as const }
}

for (let round = 0; round < (LONG ? 40 : 2); round += 1)
  test(`a random register, restored at a random checkpoint, equals what pg_dump said then (SAADIK_SEED=${SEED + round})`, {
    skip,
  }, async (t) => {
    const random = seeded(SEED + round)
    const work = new Work(random)
    const home = await register(t, cluster, SCHEMA + Array.from({ length: 6 }, () => work.newTable()).join(';'))
    for (let at = 0; at < 5; at += 1) await work.transaction(home.db, 8, false)
    const { author, mirror } = await embassy(t)
    const capture = capturing(t, home.source(), author)
    const programs = await Promise.all([1, 2, 3].map(() => admin(t, cluster.folder, home.database)))
    for (const program of programs) await program.query("SET lock_timeout = '300ms'; SET deadlock_timeout = '100ms'")
    const moments: { readonly at: Head; readonly dump: string }[] = []
    for (let moment = 0; moment < 4; moment += 1) {
      if (moment > 0)
        await Promise.all(
          programs.map(async (program) => {
            for (let at = 0; at < 4; at += 1) await work.transaction(program, 6, true)
          }),
        )
      await capture.caughtUp()
      moments.push({ at: await carried(author, mirror), dump: dump(cluster.folder, home.database) })
    }
    await capture.end()
    assert.ok(work.done > work.refused, `${work.done} statements, ${work.refused} refused`)
    for (const { at, dump: then } of LONG
      ? moments
      : [moments[random(moments.length)]].filter((moment) => moment !== undefined)) {
      const settings = await emptyDatabase(cluster)
      const restored = await restorePostgres({ mirror, instance: 'DEMO', identity, at }, settings)
      assert.deepEqual([restored.erased, restored.unproved], [[], []])
      assert.equal(dump(cluster.folder, settings.database), then)
    }
  })

test('an agent that is killed at any moment loses nothing and tells nothing twice', { skip }, async (t) => {
  const home = await register(
    t,
    cluster,
    'CREATE TABLE persons (id int PRIMARY KEY, t text); CREATE TABLE counted (n serial, id int)',
  )
  const { home: signer, directory, author, mirror } = await embassy(t)
  await author.close()
  const { settings, slot } = home
  const options: AgentToKill = {
    ...{ settings, slot, directory, origin: ORIGIN, socket: signer.socket, tokenFile: signer.tokenFile, recipient },
  }
  const program = new URL('./postgres-agent.ts', import.meta.url).pathname
  const random = seeded(SEED)
  let busy = true
  let id = 0
  const working = (async () => {
    for (; busy; id += 1) {
      await home.db.query(
        `BEGIN; INSERT INTO persons VALUES (${id}, repeat('x', ${random(9000)})); INSERT INTO counted (id) SELECT ${id} FROM generate_series(1, ${1 + random(40)}); ${id % 40 === 0 ? `ALTER TABLE counted ADD COLUMN c${id} uuid DEFAULT gen_random_uuid();` : ''} COMMIT`,
      )
      await sleep(random(30))
    }
  })()
  for (let kill = 0; kill < (LONG ? 40 : 5); kill += 1) {
    const agent = run(t, [program, JSON.stringify(options)])
    await sleep(400 + random(1500))
    await agent.kill('SIGKILL')
    assert.equal(agent.stderr(), '')
  }
  busy = false
  await working
  const again = await Author.open({ directory, instance: 'DEMO', origin: ORIGIN, signer: signer.client, recipients })
  t.after(() => again.close())
  const capture = capturing(t, home.source(), again)
  await capture.caughtUp()
  await capture.end()
  await carried(again, mirror)
  const copy = await emptyDatabase(cluster)
  await restorePostgres({ mirror, instance: 'DEMO', identity }, copy)
  assert.equal(dump(cluster.folder, copy.database), dump(cluster.folder, home.database))
})

async function sealed(
  t: TestContext,
  schema: string,
  work: readonly string[],
): Promise<{ readonly home: Register; readonly author: Author; readonly mirror: Mirror }> {
  const home = await register(t, cluster, schema)
  const { author, mirror } = await embassy(t)
  const capture = capturing(t, home.source(), author)
  await capture.caughtUp()
  for (const sql of work) await home.db.query(sql)
  await capture.caughtUp()
  await capture.end()
  return { home, author, mirror }
}

test('a person who was erased is gone, and everything else is restored', { skip }, async (t) => {
  const { author, mirror } = await sealed(
    t,
    `CREATE TABLE persons (code text PRIMARY KEY, name text, photo bytea); CREATE TABLE marriages (one text REFERENCES persons, other text REFERENCES persons);
     INSERT INTO persons SELECT i::text, 'n' || i, decode(repeat('00ff', CASE i WHEN 3 THEN 3000000 ELSE 10 END), 'hex') FROM generate_series(1, 6) i; INSERT INTO marriages VALUES ('1', '2'), ('3', '4')`,
    [
      "UPDATE persons SET name = 'other' WHERE code IN ('3', '5'); UPDATE persons SET code = '33' WHERE code = '6'; UPDATE persons SET name = 'again' WHERE code = '33'; DELETE FROM persons WHERE code = '5'",
    ],
  )
  assert.ok((await author.erase('public.persons', { code: '3' }, 'PDPA §18')).length > 6)
  await author.erase('public.persons', { code: '6' }, 'PDPA §18')
  await author.erase('public.persons', { code: '5' }, 'PDPA §18')
  await carried(author, mirror)
  const copy = await emptyDatabase(cluster)
  const restored = await restorePostgres({ mirror, instance: 'DEMO', identity }, copy)
  assert.ok(restored.erased.length > 6)
  const db = await admin(t, cluster.folder, copy.database)
  const { rows } = await db.query('SELECT code, name FROM persons ORDER BY code')
  // 33 was 6 once: what is known of it from then on stays.
  assert.deepEqual(rows, [
    { code: '1', name: 'n1' },
    { code: '2', name: 'n2' },
    { code: '33', name: 'again' },
    { code: '4', name: 'n4' },
  ])
  assert.equal((await db.query('SELECT FROM marriages')).rowCount, 2)
  assert.equal(restored.unproved.length, 1)
  const { rows: loose } = await db.query(
    "SELECT count(*)::int AS n FROM pg_constraint WHERE contype = 'f' AND NOT convalidated",
  )
  assert.deepEqual(loose, [{ n: 1 }])
})

test('triggers, rules and foreign keys do nothing while a register is made again, and everything afterwards', {
  skip,
}, async (t) => {
  const { home, author, mirror } = await sealed(
    t,
    `CREATE TABLE persons (id int PRIMARY KEY, n int); CREATE TABLE noted (id serial PRIMARY KEY, what text); CREATE TABLE children (id int REFERENCES persons ON DELETE CASCADE);
     CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.noted (what) VALUES (TG_NAME || TG_OP); RETURN NULL; END';
     CREATE TRIGGER usual AFTER INSERT OR UPDATE ON persons FOR EACH ROW EXECUTE FUNCTION note(); CREATE TRIGGER always AFTER UPDATE OR DELETE ON persons FOR EACH ROW EXECUTE FUNCTION note();
     CREATE TRIGGER never AFTER UPDATE ON persons FOR EACH ROW EXECUTE FUNCTION note(); CREATE TRIGGER copies AFTER INSERT ON persons FOR EACH ROW EXECUTE FUNCTION note();
     ALTER TABLE persons ENABLE ALWAYS TRIGGER always; ALTER TABLE persons DISABLE TRIGGER never; ALTER TABLE persons ENABLE REPLICA TRIGGER copies;
     CREATE RULE twice AS ON UPDATE TO persons DO ALSO INSERT INTO noted (what) VALUES ('rule'); ALTER TABLE persons ENABLE ALWAYS RULE twice; INSERT INTO persons VALUES (1, 1), (2, 2); INSERT INTO children VALUES (1), (2)`,
    [
      'UPDATE persons SET n = n + 1',
      'ALTER TRIGGER always ON persons RENAME TO "Always"; DELETE FROM persons WHERE id = 1; ALTER TABLE persons ENABLE TRIGGER copies; UPDATE persons SET n = 5',
    ],
  )
  await carried(author, mirror)
  const copy = await emptyDatabase(cluster)
  await restorePostgres({ mirror, instance: 'DEMO', identity }, copy)
  assert.equal(dump(cluster.folder, copy.database), dump(cluster.folder, home.database))
})

test('a database that is not empty is refused, and one in which a restore failed is left empty', {
  skip,
}, async (t) => {
  const { author, mirror } = await sealed(
    t,
    'CREATE TABLE persons (id int PRIMARY KEY); INSERT INTO persons VALUES (1)',
    [
      "CREATE TYPE mood AS ENUM ('a'); ALTER TYPE mood ADD VALUE 'b'; CREATE TABLE moods (m mood)",
      "INSERT INTO moods VALUES ('b')",
    ],
  )
  await carried(author, mirror)
  const copy = await emptyDatabase(cluster)
  const unfit = { name: EmbassyError.name, code: 'target_unfit' }
  const db = await admin(t, cluster.folder, copy.database)
  for (const content of [
    'CREATE TABLE t (a int)',
    'CREATE SCHEMA s',
    'CREATE EXTENSION hstore',
    'CREATE SCHEMA saadik_unfinished',
  ]) {
    await db.query(content)
    await assert.rejects(restorePostgres({ mirror, instance: 'DEMO', identity }, copy), unfit)
    await db.query(content.replace('CREATE', 'DROP').replace(/ \(.*/, ''))
  }
  await assert.rejects(restorePostgres({ mirror, instance: 'DEMO', identity }, { ...copy, user: 'saadik' }), unfit)
  const wrong = await generateHybridIdentity()
  await assert.rejects(restorePostgres({ mirror, instance: 'DEMO', identity: wrong }, copy))
  const { size, root } = parseCheckpoint(parseNote(mirror.receipt ?? Buffer.alloc(0)).text)
  await assert.rejects(
    restorePostgres({ mirror, instance: 'DEMO', identity, at: { size, root: Buffer.alloc(root.length) } }, copy),
    { code: 'store_damaged' },
  )
  // Its owner may, who may keep triggers still.
  await db.query('GRANT SET ON PARAMETER session_replication_role TO saadik')
  t.after(() => asAdmin(cluster.folder, 'REVOKE SET ON PARAMETER session_replication_role FROM saadik'))
  assert.ok((await restorePostgres({ mirror, instance: 'DEMO', identity }, { ...copy, user: 'saadik' })).changes > 5)
  assert.equal((await db.query('SELECT FROM moods')).rowCount, 1)
})
