// The store of operational records: one table, X-Road's fields as they are, and two keys to look up by.
import type { Generated, Kysely } from 'kysely'
import type { Migration } from '#host'
import { FIELD_NAMES, FIELDS, type FieldName } from './record.ts'

/** As the reference names them; booleans are 0 and 1. */
export type FieldColumns = Record<Exclude<FieldName, 'monitoringDataTs'>, string | number | null>

export interface RecordTable extends FieldColumns {
  id: Generated<number>
  monitoringDataTs: number
  /** idKey of the client and of the providing client; '' when the exchange ended before it was known. */
  client: string
  provider: string
}

export interface OperationalDatabase {
  operational_data: RecordTable
}

export const migrations: readonly Migration[] = [{ name: '001-operational-data', up: createTable }]

async function createTable(db: Kysely<unknown>): Promise<void> {
  let table = db.schema
    .createTable('operational_data')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('client', 'text', (column) => column.notNull())
    .addColumn('provider', 'text', (column) => column.notNull())
  for (const name of FIELD_NAMES) {
    const type = FIELDS[name] === 'text' ? 'text' : 'integer'
    table = table.addColumn(name, type, (column) => (name === 'monitoringDataTs' ? column.notNull() : column))
  }
  await table.execute()
  // Every index ends with the row's id, SQLite says: each serves one kind of query in the order of its pages.
  await createIndex(db, 'operational_data_by_time', ['monitoringDataTs'])
  await createIndex(db, 'operational_data_by_client', ['client', 'monitoringDataTs'])
  await createIndex(db, 'operational_data_by_provider', ['provider', 'monitoringDataTs'])
}

async function createIndex(db: Kysely<unknown>, name: string, columns: string[]): Promise<void> {
  await db.schema.createIndex(name).on('operational_data').columns(columns).execute()
}
