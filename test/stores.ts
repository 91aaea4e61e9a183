// The engine under the stores of a test: SQLite, or with SAADIK_STORE=postgres a PostgreSQL of the tests' own. Tests do not see which.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { connectPostgres, type StorePlace, type StoreSettings, storePlace } from '#host'
import { freshDatabase } from './postgres.ts'

export const engine = process.env['SAADIK_STORE'] === 'postgres' ? 'postgres' : 'sqlite'

const database = engine === 'postgres' ? await freshDatabase() : undefined
let schemas = 0
const byDirectory = new Map<string, string>()

type StoreConfig = {
  readonly store?: { readonly postgres: NonNullable<typeof database> & { readonly schema: string } }
}

/** What stands under `store` in the configuration file of a new process; nothing on SQLite. */
export function storeConfig(): StoreConfig {
  return database === undefined ? {} : { store: { postgres: { ...database, schema: `s${++schemas}` } } }
}

/** The place of the store of that name in a directory: a file there, or tables of a schema that is the directory's. */
export function placeIn(directory: string, name: string): StorePlace {
  if (database === undefined) return storePlace(undefined, directory, name)
  const schema = byDirectory.get(directory) ?? `s${++schemas}`
  byDirectory.set(directory, schema)
  return placeOf({ store: { postgres: { ...database, schema } } }, directory, name)
}

/** The same of a process that was started with this configuration. */
export function placeOf({ store }: StoreConfig, directory: string, name: string): StorePlace {
  if (store === undefined) return storePlace(undefined, directory, name)
  const { host, ...rest } = store.postgres
  return { name, postgres: { ...rest, hosts: [host], tls: false } }
}

/** What `store` says to the message log of a directory. */
export function logStore(directory: string): StoreSettings | undefined {
  const place = placeIn(directory, 'message-log')
  return 'file' in place ? undefined : { postgres: place.postgres }
}

/** Runs SQL that both engines know beside the process that has the store. */
export async function askStore(place: StorePlace, sql: string): Promise<readonly Record<string, unknown>[]> {
  if ('file' in place) {
    const file = new DatabaseSync(place.file)
    try {
      return file.prepare(sql).all()
    } finally {
      file.close()
    }
  }
  const connection = await connectPostgres(place.postgres, { name: 'test' })
  try {
    return (await connection.query(sql)).rows
  } finally {
    await connection.close()
  }
}

/** A place where no store can be. */
export function unusablePlace(directory: string, name: string): StorePlace {
  const place = placeIn(directory, name)
  if ('postgres' in place) return { ...place, postgres: { ...place.postgres, database: 'nowhere' } }
  const file = join(directory, 'file')
  writeFileSync(file, '')
  return { file: join(file, name) }
}

/** Skips a test of what only one engine has. */
export function onlyOn(t: TestContext, one: typeof engine): boolean {
  if (engine !== one) t.skip(`it is about ${one}`)
  return engine === one
}
