import assert from 'node:assert/strict'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import type { Generated, Kysely } from 'kysely'
import { type Migration, openStore, openStoreForReading } from '#host'
import { engine, onlyOn, placeIn, unusablePlace } from '../../stores.ts'
import { program, scratch } from './scratch.ts'

interface Tables {
  person: { id: number; name: string; alive: number | boolean; photo: Uint8Array | null }
}

const first: Migration = {
  name: '001-person',
  up: async (db) => {
    await db.schema
      .createTable('person')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('alive', 'integer', (c) => c.notNull())
      .addColumn('photo', 'blob')
      .execute()
  },
}
const person = (id: number) => ({ id, name: `n${id}`, alive: true, photo: Buffer.from([id]) })

test('keeps rows over a reopening; migrations run once', async (t) => {
  const place = placeIn(join(scratch(t), 'data'), 'store')
  let runs = 0
  const counted: Migration = {
    name: first.name,
    up: async (db) => {
      runs += 1
      await first.up(db)
    },
  }
  for (const id of [1, 2]) {
    const store = openStore<Tables>(place, [counted])
    await store.db.insertInto('person').values(person(id)).execute()
    await store.close()
    await store.close()
  }
  const store = openStore<Tables>(place, [counted])
  t.after(() => store.close())
  const rows = await store.db.selectFrom('person').selectAll().orderBy('id').execute()
  assert.deepEqual(
    rows.map(({ id, alive, photo }) => [id, alive, photo?.[0]]),
    [
      [1, 1, 1],
      [2, 1, 2],
    ],
  )
  assert.equal(rows[0]?.photo?.constructor, Uint8Array)
  assert.equal(runs, 1)
  if (!('file' in place)) return
  assert.equal(statSync(place.file).mode & 0o777, 0o600)
  assert.equal(statSync(join(place.file, '..')).mode & 0o777, 0o700)
})

test('a reader sees what the writer commits, at once, and can change nothing', async (t) => {
  const place = placeIn(scratch(t), 'store')
  const reader = openStoreForReading<Tables>(place, [first])
  t.after(() => reader.close())
  const read = async () =>
    (await reader.db.selectFrom('person').select('id').orderBy('id').execute()).map(({ id }) => id)
  await assert.rejects(read(), { code: 'store_unusable' })
  await assert.rejects(reader.ready(), { code: 'store_unusable' })
  if ('file' in place) assert.ok(!existsSync(place.file))
  // A writer of the version before has not made what is read here.
  const before = openStore<Tables>(place, [])
  await assert.rejects(before.db.selectFrom('person').selectAll().execute())
  await assert.rejects(read(), { code: 'store_unusable' })
  await before.close()

  const writer = openStore<Tables>(place, [first])
  await writer.db.insertInto('person').values(person(1)).execute()
  assert.deepEqual(await read(), [1])
  // While the writer has a transaction open, the state before it.
  await writer.db.transaction().execute(async (transaction) => {
    await transaction.insertInto('person').values(person(2)).execute()
    assert.deepEqual(await read(), [1])
  })
  assert.deepEqual(await read(), [1, 2])
  const refused = engine === 'sqlite' ? /readonly database/ : { code: 'store_unreachable' }
  for (const change of [
    reader.db.insertInto('person').values(person(3)),
    reader.db.updateTable('person').set({ name: 'x' }),
    reader.db.deleteFrom('person'),
  ])
    await assert.rejects(change.execute(), refused)
  await assert.rejects(reader.db.schema.dropTable('person').execute(), refused)

  // The writer may go and come back.
  await writer.close()
  assert.equal((await read()).length, 2)
  const again = openStore<Tables>(place, [first])
  t.after(() => again.close())
  await again.db.deleteFrom('person').execute()
  assert.deepEqual(await read(), [])
  await reader.close()
  await assert.rejects(read())
})

test('is durable: WAL, synchronous FULL', async (t) => {
  if (!onlyOn(t, 'sqlite')) return
  const store = openStore<Tables>({ file: join(scratch(t), 'store.sqlite') }, [first])
  t.after(() => store.close())
  const { sql } = await import('kysely')
  const ask = async (pragma: string) =>
    Object.values((await sql.raw<Record<string, unknown>>(`PRAGMA ${pragma}`).execute(store.db)).rows[0] ?? {})[0]
  assert.equal(await ask('journal_mode'), 'wal')
  assert.equal(await ask('synchronous'), 2)
  assert.equal(await ask('foreign_keys'), 1)
})

test('a transaction that fails leaves nothing, and no other query gets into one', async (t) => {
  const store = openStore<Tables>(placeIn(scratch(t), 's'), [first])
  t.after(() => store.close())
  const failed = store.db.transaction().execute(async (tx) => {
    await tx.insertInto('person').values(person(1)).execute()
    await new Promise((resolve) => setTimeout(resolve, 20))
    throw new Error('no')
  })
  const beside = store.db.insertInto('person').values(person(2)).execute()
  await assert.rejects(failed, /no/)
  await beside
  assert.deepEqual(
    (await store.db.selectFrom('person').select('id').execute()).map(({ id }) => id),
    [2],
  )
})

test('a migration that fails is undone and tried again at the next start', async (t) => {
  const place = placeIn(scratch(t), 's')
  const broken: Migration = {
    name: '002',
    up: async (db) => {
      await db.schema.createTable('half').addColumn('id', 'integer').execute()
      throw new Error('half way')
    },
  }
  const store = openStore<Tables>(place, [first, broken])
  await assert.rejects(store.db.selectFrom('person').selectAll().execute(), {
    code: 'store_unusable',
    message: /migration 002 failed/,
  })
  await store.close()
  const repaired = openStore<Tables>(place, [
    first,
    { name: '002', up: async (db) => void (await db.schema.createTable('half').addColumn('id', 'integer').execute()) },
  ])
  t.after(() => repaired.close())
  assert.deepEqual(await repaired.db.selectFrom('person').selectAll().execute(), [])
})

test('numbers go on behind rows that a migration copied', async (t) => {
  const place = placeIn(scratch(t), 's')
  const copied: Migration = {
    name: '002-copied',
    up: async (db) => {
      await (db as Kysely<Tables>).insertInto('person').values(person(7)).execute()
    },
  }
  const store = openStore<{ person: Omit<Tables['person'], 'id'> & { id: Generated<number> } }>(place, [first, copied])
  t.after(() => store.close())
  const { id: _, ...unnumbered } = person(0)
  await store.db.insertInto('person').values([unnumbered, unnumbered]).execute()
  const ids = await store.db.selectFrom('person').select('id').orderBy('id').execute()
  assert.deepEqual(
    ids.map(({ id }) => id),
    [7, 8, 9],
  )
})

test('a store of a newer version, and what is no store, are refused', async (t) => {
  const folder = scratch(t)
  const place = placeIn(folder, 's')
  const newer = openStore<Tables>(place, [first, { name: '009-later', up: async () => undefined }])
  await newer.ready()
  await newer.close()
  const older = openStore<Tables>(place, [first])
  t.after(() => older.close())
  await assert.rejects(older.ready(), { code: 'store_unusable', message: /009-later/ })
  if (engine === 'postgres') {
    const nowhere = openStore(unusablePlace(folder, 'g'), [])
    t.after(() => nowhere.close())
    return await assert.rejects(nowhere.ready(), { code: 'store_unusable', message: /nowhere/ })
  }
  const file = join(folder, 'g.sqlite')
  writeFileSync(file, 'x'.repeat(5000))
  assert.throws(() => openStore({ file }, []), { code: 'store_unusable' })
})

/** Writes pairs of rows for ever. */
const PAIRS = `import { openStore } from '#host'
  const store = openStore(JSON.parse(process.argv[2]), [{ name: '001', up: async (db) => {
    await db.schema.createTable('entry').addColumn('n', 'integer').addColumn('half', 'text').execute() } }])
  for (let n = 0; ; n++) {
    await store.db.transaction().execute(async (tx) => {
      await tx.insertInto('entry').values({ n, half: process.argv[3] }).execute()
      await tx.insertInto('entry').values({ n, half: process.argv[3] }).execute()
    })
    if (n === 5) console.log('going')
  }`

test('two processes that start together migrate once; a killed writer leaves whole transactions', async (t) => {
  if (!onlyOn(t, 'sqlite')) return
  const file = join(scratch(t), 's.sqlite')
  const both = ['a', 'b'].map((name) => program(t, PAIRS, { args: [JSON.stringify({ file }), name] }))
  await Promise.all(both.map((each) => each.printed('going')))
  await Promise.all(both.map((each) => each.kill('SIGKILL')))
  // Node's own warning about node:sqlite would stand here.
  assert.deepEqual(
    both.map((each) => each.stderr()),
    ['', ''],
  )
  const database = new DatabaseSync(file)
  t.after(() => database.close())
  assert.deepEqual(
    database.prepare('SELECT half, n, count(*) AS c FROM entry GROUP BY half, n HAVING c <> 2').all(),
    [],
  )
  assert.equal(database.prepare('SELECT count(*) AS c FROM migration').get()?.['c'], 1)
})

test('a killed writer leaves whole transactions, and the store to the next', async (t) => {
  if (!onlyOn(t, 'postgres')) return
  const place = placeIn(scratch(t), 's')
  const writer = program(t, PAIRS, { args: [JSON.stringify(place), 'a'] })
  await writer.printed('going')
  await writer.kill('SIGKILL')
  const store = openStore<{ entry: { n: number; half: string } }>(place, [{ name: '001', up: async () => undefined }])
  t.after(() => store.close())
  const halves = await store.db
    .selectFrom('entry')
    .select('n')
    .groupBy('n')
    .having((eb) => eb(eb.fn.countAll(), '<>', 2))
    .execute()
  assert.deepEqual(halves, [])
  assert.ok((await store.db.selectFrom('entry').select('n').execute()).length >= 12)
})
