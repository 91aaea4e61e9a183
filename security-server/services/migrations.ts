// How the store of the services came to be what it is. A migration that was released is never changed.
import type { Kysely } from 'kysely'
import type { Migration } from '#host'

export const MIGRATIONS: readonly Migration[] = [
  {
    name: '001-services',
    async up(db) {
      const table = (name: string) =>
        db.schema.createTable(name).addColumn('seq', 'integer', (column) => column.primaryKey())
      await table('client')
        .addColumn('id', 'text', (column) => column.notNull().unique())
        .addColumn('connection', 'text', (column) => column.notNull())
        .execute()
      await table('client_certificate')
        .addColumn('client', 'text', (column) => column.notNull().references('client.id'))
        .addColumn('der', 'blob', (column) => column.notNull())
        .execute()
      await table('local_group')
        .addColumn('client', 'text', (column) => column.notNull().references('client.id'))
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('description', 'text', (column) => column.notNull())
        .addUniqueConstraint('local_group_code', ['client', 'code'])
        .execute()
      await table('local_group_member')
        .addColumn('client', 'text', (column) => column.notNull())
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('member', 'text', (column) => column.notNull())
        .addForeignKeyConstraint('member_group', ['client', 'code'], 'local_group', ['client', 'code'])
        .execute()
      await table('service')
        .addColumn('client', 'text', (column) => column.notNull().references('client.id'))
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('description', 'text')
        .addColumn('url', 'text', (column) => column.notNull())
        .addColumn('timeout_seconds', 'integer', (column) => column.notNull())
        .addColumn('tls', 'text', (column) => column.notNull())
        .addColumn('notice', 'text')
        .addUniqueConstraint('service_code', ['client', 'code'])
        .execute()
      await table('endpoint')
        .addColumn('client', 'text', (column) => column.notNull())
        .addColumn('service', 'text', (column) => column.notNull())
        .addColumn('method', 'text', (column) => column.notNull())
        .addColumn('path', 'text', (column) => column.notNull())
        .addForeignKeyConstraint('endpoint_service', ['client', 'service'], 'service', ['client', 'code'])
        .execute()
      await table('access_right')
        .addColumn('client', 'text', (column) => column.notNull())
        .addColumn('service', 'text', (column) => column.notNull())
        .addColumn('subject_kind', 'text', (column) => column.notNull())
        .addColumn('subject', 'text', (column) => column.notNull())
        .addColumn('method', 'text')
        .addColumn('path', 'text')
        .addForeignKeyConstraint('right_service', ['client', 'service'], 'service', ['client', 'code'])
        .execute()
    },
  },
  {
    name: '002-versions',
    async up(db) {
      // SQLite does not change a key: what names a service is made anew, filled, and put in the old place. A dropped table must have
      // no rows that point to it, so the last one goes first.
      const table = (name: string) =>
        db.schema
          .createTable(`new_${name}`)
          .addColumn('seq', 'integer', (column) => column.primaryKey())
          .addColumn('client', 'text', (column) => column.notNull())
      await table('service')
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('version', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('title', 'text')
        .addColumn('description', 'text')
        .addColumn('url', 'text', (column) => column.notNull())
        .addColumn('timeout_seconds', 'integer', (column) => column.notNull())
        .addColumn('tls', 'text', (column) => column.notNull())
        .addColumn('notice', 'text')
        .addForeignKeyConstraint('service_client', ['client'], 'client', ['id'])
        .addUniqueConstraint('service_name', ['client', 'code', 'version'])
        .execute()
      const name = ['client', 'service', 'version'] as const
      await table('endpoint')
        .addColumn('service', 'text', (column) => column.notNull())
        .addColumn('version', 'text', (column) => column.notNull())
        .addColumn('method', 'text', (column) => column.notNull())
        .addColumn('path', 'text', (column) => column.notNull())
        .addForeignKeyConstraint('endpoint_service', [...name], 'new_service', ['client', 'code', 'version'])
        .execute()
      await table('access_right')
        .addColumn('service', 'text', (column) => column.notNull())
        .addColumn('version', 'text', (column) => column.notNull())
        .addColumn('subject_kind', 'text', (column) => column.notNull())
        .addColumn('subject', 'text', (column) => column.notNull())
        .addColumn('method', 'text')
        .addColumn('path', 'text')
        .addForeignKeyConstraint('right_service', [...name], 'new_service', ['client', 'code', 'version'])
        .execute()
      const described = ['type', 'description', 'url', 'timeout_seconds', 'tls', 'notice']
      await copy(db, 'service', ['seq', 'client', 'code', ...described])
      await copy(db, 'endpoint', ['seq', 'client', 'service', 'method', 'path'])
      await copy(db, 'access_right', ['seq', 'client', 'service', 'subject_kind', 'subject', 'method', 'path'])
      for (const old of ['access_right', 'endpoint', 'service']) await db.schema.dropTable(old).execute()
      for (const made of ['service', 'endpoint', 'access_right'])
        await db.schema.alterTable(`new_${made}`).renameTo(made).execute()
    },
  },
  {
    name: '003-tracker',
    async up(db) {
      await db.schema.alterTable('service').addColumn('tracker', 'text').execute()
    },
  },
]

/** Tables as a migration sees them: of another time than the types of today. */
type AnyTables = Record<string, Record<string, unknown>>

/** Rows that were there before there were versions have none. */
async function copy(db: Kysely<unknown>, table: string, columns: readonly string[]): Promise<void> {
  const tables = db as Kysely<AnyTables>
  const rows = await tables
    .selectFrom(table)
    .select([...columns])
    .execute()
  for (const row of rows)
    await tables
      .insertInto(`new_${table}`)
      .values({ ...row, version: '' })
      .execute()
}
