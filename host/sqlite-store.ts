// A store in a file: kysely over the SQLite that comes with Node.
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type * as kysely from 'kysely'
import type { Kysely, SqliteDatabase, SqliteStatement } from 'kysely'
import { HostError } from './error.ts'
import { load } from './lazy.ts'
import type { Migration, OpenedStore } from './store.ts'

/** Another process's transaction is waited for this long. */
const BUSY_MS = 5_000
const BUSY_AGAIN_MS = 5
const SQLITE_BUSY = 5

/**
 * Opens the store in `file`, making it (0600) and its folder (0700) at the first start. A committed transaction survives a
 * power failure: WAL with `synchronous=FULL`. Writers of several processes wait for each other up to 5 s.
 */
export function openSqliteStore(file: string, migrations: readonly Migration[]): OpenedStore {
  const { Kysely, SqliteDialect } = load<typeof kysely>('kysely')
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const database = openDatabase(file)
  const adapter = adapt(database)
  const dialect = new SqliteDialect({
    database: async () => {
      // The same connection, but not the same Kysely: that one waits for us. Not destroyed, or it would close the file.
      await migrate(new Kysely({ dialect: new SqliteDialect({ database: adapter }) }), database, file, migrations)
      return adapter
    },
  })
  return {
    dialect,
    async close() {
      if (database.isOpen) database.close()
    },
  }
}

/** Opens the store that another process makes there: SQLite refuses every change, and neither process waits for the other. */
export function openSqliteForReading(file: string, migrations: readonly Migration[]): OpenedStore {
  const { SqliteDialect } = load<typeof kysely>('kysely')
  let database: DatabaseSync | undefined
  let closed = false
  const open = async (): Promise<SqliteDatabase> => {
    if (closed) throw new HostError('store_unusable', `${file} was closed`)
    database = openReadOnly(file, migrations)
    return adapt(database)
  }
  return {
    dialect: new SqliteDialect({ database: open }),
    async close() {
      closed = true
      if (database?.isOpen) database.close()
    },
  }
}

function openReadOnly(file: string, migrations: readonly Migration[]): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS })
    database.exec('PRAGMA trusted_schema=OFF')
    const [has, needs] = [applied(database), migrations.map(({ name }) => name)].map((names) => names.toSorted().join())
    if (has !== needs) throw new Error(`it has the migrations ${has}, and this version needs ${needs}`)
    return database
  } catch (cause) {
    database?.close()
    throw new HostError('store_unusable', `${file} cannot be read: its writer has not made it`, { cause })
  }
}

function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    // -wal and -shm take the mode of the store, which SQLite itself would make under the umask.
    if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600))
    database = new DatabaseSync(file, { timeout: BUSY_MS, enableForeignKeyConstraints: true })
    enterWal(database)
    database.exec('PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF')
    return database
  } catch (cause) {
    database?.close()
    throw new HostError('store_unusable', `${file} cannot be opened as a store`, { cause })
  }
}

/**
 * SQLite does not wait its timeout here: of two processes that make one store, both read it before they write its mode, and it
 * tells one of them at once that it is busy, so that neither waits for the other for ever. That one asks again.
 */
function enterWal(database: DatabaseSync): void {
  const end = performance.now() + BUSY_MS
  for (;;) {
    try {
      database.exec('PRAGMA journal_mode=WAL')
      return
    } catch (cause) {
      if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY || performance.now() > end) throw cause
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_AGAIN_MS)
    }
  }
}

/** kysely speaks to better-sqlite3's interface; this is Node's in its shape. */
function adapt(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => {
      if (database.isOpen) database.close()
    },
    prepare(sql): SqliteStatement {
      const statement = database.prepare(sql)
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...bound(parameters)),
        run: (parameters) => statement.run(...bound(parameters)),
        iterate: (parameters) => statement.iterate(...bound(parameters)),
      }
    },
  }
}

/** SQLite has no booleans; anything else that it does not know, it refuses itself. */
function bound(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => (typeof value === 'boolean' ? Number(value) : (value as SQLInputValue)))
}

async function migrate(
  db: Kysely<unknown>,
  database: DatabaseSync,
  file: string,
  migrations: readonly Migration[],
): Promise<void> {
  database.exec('CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT')
  const known = new Set(migrations.map(({ name }) => name))
  const newer = applied(database).find((name) => !known.has(name))
  if (newer !== undefined) {
    throw new HostError(
      'store_unusable',
      `${file} has the migration ${newer}, which this version does not know: it belongs to a newer one`,
    )
  }
  for (const { name, up } of migrations) {
    // IMMEDIATE: of two processes that start together, one migrates, the other waits here and then finds it done.
    database.exec('BEGIN IMMEDIATE')
    try {
      if (!applied(database).includes(name)) {
        await up(db)
        database.prepare('INSERT INTO migration (name, at) VALUES (?, ?)').run(name, new Date().toISOString())
      }
      database.exec('COMMIT')
    } catch (cause) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw new HostError('store_unusable', `${file}: migration ${name} failed`, { cause })
    }
  }
}

function applied(database: DatabaseSync): string[] {
  return database
    .prepare('SELECT name FROM migration ORDER BY name')
    .all()
    .map((row) => String(row['name']))
}
