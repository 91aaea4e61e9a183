import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import type { Change } from '#continuity'
import { EmbassyError } from '../../../data-embassy/error.ts'
import { JournalSource } from '../../../data-embassy/register/journal.ts'
import type { Captured } from '../../../data-embassy/register/source.ts'
import { SqliteTarget } from '../../../data-embassy/register/sqlite-target.ts'

function register(t: TestContext, schema: string) {
  const folder = mkdtempSync(join(tmpdir(), 'saadik-journal-'))
  const file = join(folder, "a register's #1.db")
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA journal_mode = WAL; ${schema}`)
  const copy = new DatabaseSync(join(folder, 'copy.db'))
  t.after(() => {
    db.close()
    copy.close()
    rmSync(folder, { recursive: true })
  })
  return { folder, file, db, copy }
}

/** Reads until a place where all that is committed was told. */
async function told(source: JournalSource, after?: string): Promise<Captured[]> {
  const stop = new AbortController()
  const found: Captured[] = []
  for await (const captured of source.changes(after, stop.signal)) {
    found.push(captured)
    if (captured.complete) break
  }
  return found
}

/** As text: every object and every row. */
function dump(db: DatabaseSync): unknown {
  const objects = db
    .prepare(
      "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'saadik%' AND name NOT LIKE 'sqlite%' ORDER BY name",
    )
    .all() as { type: string; name: string; sql: string }[]
  const rows = objects
    .filter(({ type }) => type === 'table')
    .map(({ name }) => {
      const read = db.prepare(`SELECT * FROM "${name.replaceAll('"', '""')}" ORDER BY 1, 2`)
      read.setReadBigInts(true)
      return [name, read.all()]
    })
  return JSON.parse(JSON.stringify({ objects, rows }, (_, value) => shown(value)))
}

/** Storage classes apart. */
function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  if (typeof value === 'bigint') return `${value}`
  return typeof value === 'number' ? `${value} (real)` : value
}

const SCHEMA = `
  CREATE TABLE persons (code TEXT PRIMARY KEY, name TEXT NOT NULL, born INTEGER, height REAL, photo BLOB, odd) WITHOUT ROWID;
  CREATE TABLE "a table's ""events""" (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT REFERENCES persons ON DELETE CASCADE, "what ""happened""" TEXT);
  CREATE TABLE keyless (a, b);
  CREATE INDEX by_name ON persons (name);
  CREATE VIEW tall AS SELECT * FROM persons WHERE height > 2;
`

test('a register is copied, and follows', async (t) => {
  const { file, db, copy } = register(t, SCHEMA)
  db.exec(`INSERT INTO persons VALUES ('1', 'O''Brien', 1, 1.5, x'00ff', '5'), ('2', 'Ülle', NULL, 1e300, NULL, 5), ('3', '', -9223372036854775807, 0.1, x'', 5.0), ('4', 'n', 0, -0.0, NULL, NULL);
    INSERT INTO "a table's ""events""" (code) VALUES ('1'), ('2'), ('3'); INSERT INTO keyless VALUES (1, 2), (1, 2)`)
  const source = new JournalSource(file)
  const target = new SqliteTarget(copy)
  const first = await told(source)
  for (const { change } of first) target.apply(change)
  assert.deepEqual(dump(copy), dump(db))

  db.exec(`BEGIN; UPDATE persons SET code = '9', name = 'other' WHERE code = '4'; DELETE FROM persons WHERE code = '1'; COMMIT;
    INSERT OR REPLACE INTO persons VALUES ('3', 'again', 1, 2, x'01', NULL);
    DELETE FROM keyless WHERE rowid = 1; DELETE FROM "a table's ""events"""; INSERT INTO "a table's ""events""" (code) VALUES ('9')`)
  const next = await told(source, first.at(-1)?.change.position)
  assert.ok(next.length >= 7)
  for (const { change } of next) target.apply(change)
  assert.deepEqual(dump(copy), dump(db))
  assert.deepEqual(
    copy.prepare('SELECT * FROM sqlite_sequence').all(),
    db.prepare("SELECT * FROM sqlite_sequence WHERE name NOT LIKE 'saadik%'").all(),
  )
  await source.close()
})

test('a schema that changes is followed, and no row lacks a column', async (t) => {
  const { file, db, copy } = register(t, SCHEMA)
  db.exec(`INSERT INTO persons (code, name) VALUES ('1', 'one')`)
  const source = new JournalSource(file)
  const target = new SqliteTarget(copy)
  const first = await told(source)
  for (const { change } of first) target.apply(change)
  db.exec(`ALTER TABLE persons ADD COLUMN died INTEGER DEFAULT 7; INSERT INTO persons (code, name, died) VALUES ('2', 'two', 9);
    CREATE TABLE more (id INTEGER PRIMARY KEY, v); INSERT INTO more VALUES (1, 'x'); DROP TABLE keyless`)
  for (const { change } of await told(source, first.at(-1)?.change.position)) target.apply(change)
  assert.deepEqual(dump(copy), dump(db))
  await source.close()
})

test('what was confirmed is forgotten, what was not is told again', async (t) => {
  const { file, db } = register(t, SCHEMA)
  const source = new JournalSource(file)
  const first = await told(source)
  const start = first.at(-1)?.change.position
  for (let code = 0; code < 1200; code += 1) db.exec(`INSERT INTO persons (code, name) VALUES ('${code}', 'n')`)
  const all = await told(source, start)
  assert.equal(all.length, 1200)
  assert.equal(all.filter(({ complete }) => complete).length, 1)
  assert.deepEqual(await told(source, start), all)
  const half = all[599]?.change.position ?? ''
  await source.confirm(half)
  assert.equal((await told(source, half)).length, 600)
  await source.confirm(all.at(-1)?.change.position ?? '')
  assert.equal(db.prepare('SELECT count(*) AS n FROM saadik_journal').get()?.['n'], 0)
  db.exec(`DELETE FROM persons WHERE code = '5'`)
  const last = await told(source, all.at(-1)?.change.position)
  assert.deepEqual(
    last.map(({ change }) => change.operation),
    ['delete'],
  )
  await source.close()
})

test('a gap in the journal is loud', async (t) => {
  const { file, db } = register(t, SCHEMA)
  const source = new JournalSource(file)
  const start = (await told(source)).at(-1)?.change.position
  db.exec(
    `INSERT INTO persons (code, name) VALUES ('1', 'n'), ('2', 'n'), ('3', 'n'); DELETE FROM saadik_journal WHERE seq = 1`,
  )
  await assert.rejects(told(source, start), { name: EmbassyError.name, code: 'source_lost' })
  await source.close()
})

test('a picture that was not ended is taken again', async (t) => {
  const { file, db } = register(t, SCHEMA)
  db.exec(`INSERT INTO persons (code, name) VALUES ('1', 'n'), ('2', 'n')`)
  const source = new JournalSource(file)
  const whole: Change[] = (await told(source)).map(({ change }) => change)
  const again = await told(source, whole[3]?.position)
  assert.deepEqual(
    again.map(({ change }) => change.operation),
    whole.map(({ operation }) => operation),
  )
  await source.close()
})

test('what cannot be captured exactly is refused', (t) => {
  const { folder, file, db } = register(t, 'CREATE TABLE t (a)')
  db.exec('PRAGMA journal_mode = DELETE')
  assert.throws(() => new JournalSource(file), { name: EmbassyError.name, code: 'source_unsupported' })
  assert.throws(() => new JournalSource(join(folder, 'nothing.db')), { name: EmbassyError.name, code: 'source_lost' })
})
