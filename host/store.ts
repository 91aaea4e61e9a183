// Small relational stores: kysely over SQLite or PostgreSQL, the same code for both. (The message log has a writer of its own.)
import { join } from 'node:path'
import type * as kysely from 'kysely'
import type { Dialect, Kysely } from 'kysely'
import { load } from './lazy.ts'
import type { PostgresSettings, StoreSettings } from './postgres-settings.ts'
import { openPostgresForReading, openPostgresStore } from './postgres-store.ts'
import { openSqliteForReading, openSqliteStore } from './sqlite-store.ts'

export interface Migration {
  /** Unique in its store and for ever: `001-authorities`. They run in the order of the list. */
  readonly name: string
  /**
   * Runs in a transaction of its own that also records the name: it happened whole or not at all. Its types are SQLite's, and mean on
   * PostgreSQL what they mean there: `integer` has 64 bits, an `integer` primary key counts up by itself, `blob` is bytes.
   */
  readonly up: (db: Kysely<unknown>) => Promise<void>
}

/** Where one store lies. */
export type StorePlace = { readonly file: string } | { readonly postgres: PostgresSettings; readonly name: string }

export interface Store<DB> {
  readonly db: Kysely<DB>
  /** Resolves when the store is open and migrated; rejects as its queries would. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** What an engine makes of a place. */
export interface OpenedStore {
  readonly dialect: Dialect
  close(): Promise<void>
}

/** The place of a process's store: `name.sqlite` in its directory, or the tables of that name in its schema. */
export function storePlace(settings: StoreSettings | undefined, directory: string, name: string): StorePlace {
  return settings === undefined ? { file: join(directory, `${name}.sqlite`) } : { postgres: settings.postgres, name }
}

/**
 * Opens a store for the one process that writes it, making it at the first start. A committed transaction survives a power failure.
 * There is one connection: transactions of this process come one after another.
 *
 * Migrations run before the first query. Every query rejects with HostError `store_unusable` when one fails, or when the store was
 * migrated by a newer version than this. On PostgreSQL also `store_unreachable` while the database is away, and `store_in_use` while
 * another process has the store; the next query tries again.
 */
export function openStore<DB>(place: StorePlace, migrations: readonly Migration[]): Store<DB> {
  return storeOf(
    'file' in place
      ? openSqliteStore(place.file, migrations)
      : openPostgresStore(place.postgres, place.name, migrations),
  )
}

/**
 * Opens a store that another process makes and writes, for reading alone: the engine refuses every change. What the writer commits is
 * seen by the next query.
 *
 * It is opened by the first query. As long as the store is not there, or not at the last of `migrations`, queries reject with HostError
 * `store_unusable`, and the next one tries again.
 */
export function openStoreForReading<DB>(place: StorePlace, migrations: readonly Migration[]): Store<DB> {
  return storeOf(
    'file' in place
      ? openSqliteForReading(place.file, migrations)
      : openPostgresForReading(place.postgres, place.name, migrations),
  )
}

function storeOf<DB>({ dialect, close }: OpenedStore): Store<DB> {
  const { CompiledQuery, Kysely } = load<typeof kysely>('kysely')
  const db = new Kysely<DB>({ dialect })
  return {
    db,
    async ready() {
      await db.executeQuery(CompiledQuery.raw('SELECT 1'))
    },
    close,
  }
}
