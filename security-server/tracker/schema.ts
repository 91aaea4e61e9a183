// The tables of the tracker. No person's code is in them: who has them without the key cannot say whom they are about.
import type { Generated } from 'kysely'
import type { Migration } from '#host'

export interface Tables {
  /** `cursor`: the log was followed up to this record. `key`: the public key of the pseudonyms, base64. */
  tracker_state: { name: string; value: string }
  /** The uses of one person, those that are told, or those that are secret. */
  tracker_chain: {
    id: Generated<number>
    secret: number
    lookup: Uint8Array
    pseudonym: Uint8Array
    count: number
    head: Uint8Array
  }
  /** `head` is the chain's behind it. Of one that was erased `at` and `content` (JSON) are null. */
  tracker_use: {
    chain: number
    number: number
    seq: number
    day: number
    digest: Uint8Array
    head: Uint8Array
    at: number | null
    content: string | null
  }
  /** `content` is what is stated; `maps` the folder of its maps; `entry` its index in the log `origin`, null until it is there. */
  tracker_statement: {
    number: number
    at: number
    records: number
    erased_before: number
    salt: Uint8Array
    content: Uint8Array
    persons: number
    persons_root: Uint8Array
    secret_salt: Uint8Array
    secret_persons: number
    secret_root: Uint8Array
    maps: number
    origin: string | null
    entry: number | null
  }
  /** Uses of a service in a year. */
  tracker_statistic: { provider: string; service: string; year: number; secret: number; uses: number }
}

export const MIGRATIONS: readonly Migration[] = [
  {
    name: '001-tracker',
    async up(db) {
      await db.schema
        .createTable('tracker_state')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('tracker_chain')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('secret', 'integer', (column) => column.notNull())
        .addColumn('lookup', 'blob', (column) => column.notNull())
        .addColumn('pseudonym', 'blob', (column) => column.notNull())
        .addColumn('count', 'integer', (column) => column.notNull())
        .addColumn('head', 'blob', (column) => column.notNull())
        .addUniqueConstraint('tracker_chain_lookup', ['lookup', 'secret'])
        .execute()
      await db.schema
        .createIndex('tracker_chain_order')
        .on('tracker_chain')
        .columns(['secret', 'pseudonym'])
        .unique()
        .execute()
      await db.schema
        .createTable('tracker_use')
        .addColumn('chain', 'integer', (column) => column.notNull().references('tracker_chain.id'))
        .addColumn('number', 'integer', (column) => column.notNull())
        .addColumn('seq', 'integer', (column) => column.notNull())
        .addColumn('day', 'integer', (column) => column.notNull())
        .addColumn('digest', 'blob', (column) => column.notNull())
        .addColumn('head', 'blob', (column) => column.notNull())
        .addColumn('at', 'integer')
        .addColumn('content', 'text')
        .addPrimaryKeyConstraint('tracker_use_number', ['chain', 'number'])
        .execute()
      await db.schema.createIndex('tracker_use_seq').on('tracker_use').column('seq').execute()
      await db.schema.createIndex('tracker_use_at').on('tracker_use').column('at').where('at', 'is not', null).execute()
      await db.schema
        .createTable('tracker_statement')
        .addColumn('number', 'integer', (column) => column.notNull().unique())
        .addColumn('at', 'integer', (column) => column.notNull())
        .addColumn('records', 'integer', (column) => column.notNull())
        .addColumn('erased_before', 'integer', (column) => column.notNull())
        .addColumn('salt', 'blob', (column) => column.notNull())
        .addColumn('content', 'blob', (column) => column.notNull())
        .addColumn('persons', 'integer', (column) => column.notNull())
        .addColumn('persons_root', 'blob', (column) => column.notNull())
        .addColumn('secret_salt', 'blob', (column) => column.notNull())
        .addColumn('secret_persons', 'integer', (column) => column.notNull())
        .addColumn('secret_root', 'blob', (column) => column.notNull())
        .addColumn('maps', 'integer', (column) => column.notNull())
        .addColumn('origin', 'text')
        .addColumn('entry', 'integer')
        .execute()
      await db.schema
        .createTable('tracker_statistic')
        .addColumn('provider', 'text', (column) => column.notNull())
        .addColumn('service', 'text', (column) => column.notNull())
        .addColumn('year', 'integer', (column) => column.notNull())
        .addColumn('secret', 'integer', (column) => column.notNull())
        .addColumn('uses', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('tracker_statistic_of', ['provider', 'service', 'year', 'secret'])
        .execute()
    },
  },
]
