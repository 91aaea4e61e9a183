// A store in a PostgreSQL. One connection, which holds the store's lock for as long as it lives: what is written comes from the one
// process that has the store, and a process that lost its connection has lost the store with it.
import type * as kysely from 'kysely'
import type { Kysely } from 'kysely'
import { HostError } from './error.ts'
import { load } from './lazy.ts'
import { connectPostgres, type PostgresConnection } from './postgres-connection.ts'
import { postgresDialect } from './postgres-dialect.ts'
import type { PostgresSettings } from './postgres-settings.ts'
import { SingleConnection } from './single-connection.ts'
import type { Migration, OpenedStore } from './store.ts'

/** A migration may rewrite a large table. */
const MIGRATION_MS = 3_600_000

export function openPostgresStore(
  settings: PostgresSettings,
  store: string,
  migrations: readonly Migration[],
): OpenedStore {
  return openOver(() => connectStore(settings, store, migrations))
}

/**
 * A connection that has the store, at the last of its migrations. What goes over it is written by the one process that has the store;
 * another may have had it since an earlier connection broke.
 *
 * @throws {HostError} as the queries of `openStore` do
 */
export function connectStore(
  settings: PostgresSettings,
  store: string,
  migrations: readonly Migration[],
): Promise<PostgresConnection> {
  return connectAnd(settings, store, false, async (connection) => {
    await takeStore(connection, settings, store)
    await migrate(connection, settings, store, migrations)
  })
}

export function openPostgresForReading(
  settings: PostgresSettings,
  store: string,
  migrations: readonly Migration[],
): OpenedStore {
  const check = async (connection: PostgresConnection) => {
    const applied = (await hasMigrations(connection)) ? await appliedIn(connection, store) : []
    const [has, needs] = [applied, migrations.map(({ name }) => name)].map((names) => names.toSorted().join())
    if (has === needs) return
    throw new HostError(
      'store_unusable',
      `${named(settings, store)} cannot be read: its writer has not made it. It has the migrations ${has}, and this version needs ${needs}`,
    )
  }
  return openOver(() => connectAnd(settings, store, true, check))
}

function openOver(connect: () => Promise<PostgresConnection>): OpenedStore {
  const single = new SingleConnection(connect)
  return { dialect: postgresDialect(single), close: () => single.end() }
}

async function connectAnd(
  settings: PostgresSettings,
  name: string,
  readOnly: boolean,
  prepare: (connection: PostgresConnection) => Promise<void>,
): Promise<PostgresConnection> {
  const connection = await connectPostgres(settings, { name, readOnly })
  try {
    await prepare(connection)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** PostgreSQL frees the lock with the session, however that ends. */
async function takeStore(connection: PostgresConnection, settings: PostgresSettings, store: string): Promise<void> {
  try {
    await connection.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`saadik ${settings.schema}.${store}`])
  } catch (cause) {
    if ((cause as HostError).code !== 'store_busy') throw cause
    throw new HostError('store_in_use', `another process has ${named(settings, store)}`, { cause })
  }
}

async function migrate(
  connection: PostgresConnection,
  settings: PostgresSettings,
  store: string,
  migrations: readonly Migration[],
): Promise<void> {
  await makeSchema(connection, settings)
  const applied = new Set(await appliedIn(connection, store))
  const known = new Set(migrations.map(({ name }) => name))
  const newer = [...applied].find((name) => !known.has(name))
  if (newer !== undefined) {
    throw new HostError(
      'store_unusable',
      `${named(settings, store)} has the migration ${newer}, which this version does not know: it belongs to a newer one`,
    )
  }
  for (const { name, up } of migrations) {
    if (applied.has(name)) continue
    try {
      await inTransaction(connection, async () => {
        await up(over(connection))
        await countOn(connection)
        await connection.query('INSERT INTO migration (store, name, at) VALUES ($1, $2, $3)', [
          store,
          name,
          new Date().toISOString(),
        ])
      })
    } catch (cause) {
      if (cause instanceof HostError && cause.code === 'store_unreachable') throw cause
      throw new HostError('store_unusable', `${named(settings, store)}: migration ${name} failed`, { cause })
    }
  }
}

/** Numbers go on behind those of rows that a migration brought along, as they do in SQLite by themselves. */
async function countOn(connection: PostgresConnection): Promise<void> {
  const { rows } = await connection.query(`
    SELECT quote_ident(table_name) AS "table", quote_ident(column_name) AS "column",
      pg_get_serial_sequence(quote_ident(table_name), column_name) AS sequence
    FROM information_schema.columns WHERE table_schema = current_schema AND is_identity = 'YES'`)
  for (const { table, column, sequence } of rows)
    await connection.query(
      `SELECT setval($1, greatest(max(${column}), (SELECT last_value FROM ${sequence})))
        FROM ${table} HAVING max(${column}) IS NOT NULL`,
      [sequence],
    )
}

/** Stores of one schema that are opened together wait for each other here. Once it is made, no right to make it is needed. */
async function makeSchema(connection: PostgresConnection, settings: PostgresSettings): Promise<void> {
  if (await hasMigrations(connection)) return
  await inTransaction(connection, async () => {
    await connection.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`saadik ${settings.schema}`])
    await connection.query(`CREATE SCHEMA IF NOT EXISTS ${settings.schema}`)
    await connection.query(
      'CREATE TABLE IF NOT EXISTS migration (store text, name text, at text NOT NULL, PRIMARY KEY (store, name))',
    )
  })
}

async function hasMigrations(connection: PostgresConnection): Promise<boolean> {
  const { rows } = await connection.query("SELECT to_regclass('migration') IS NOT NULL AS made")
  return rows[0]?.['made'] === true
}

async function appliedIn(connection: PostgresConnection, store: string): Promise<string[]> {
  const { rows } = await connection.query('SELECT name FROM migration WHERE store = $1', [store])
  return rows.map((row) => String(row['name']))
}

async function inTransaction(connection: PostgresConnection, work: () => Promise<void>): Promise<void> {
  await connection.query('BEGIN')
  try {
    await connection.query(`SET LOCAL statement_timeout = ${MIGRATION_MS}`)
    await work()
    await connection.query('COMMIT')
  } catch (error) {
    // The first failure is the one to tell. A connection that cannot roll back is closed by whoever opened it.
    await connection.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** kysely over a connection that is in a transaction already. */
function over(connection: PostgresConnection): Kysely<unknown> {
  const { Kysely } = load<typeof kysely>('kysely')
  const query = (sql: string, values: readonly unknown[]) => connection.query(sql, values, { withinMs: MIGRATION_MS })
  return new Kysely({
    dialect: postgresDialect({
      connect: async () => ({ query, release: () => undefined }),
      end: async () => undefined,
    }),
  })
}

function named({ database, schema }: PostgresSettings, store: string): string {
  return `the store ${store} in ${database}.${schema}`
}
