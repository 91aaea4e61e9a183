// The store of the central server. One process writes it.
import type { Generated, Kysely } from 'kysely'
import { type Migration, openStore, type Store, type StorePlace } from '#host'
import type { Source } from '../contract.ts'

/** One fact of the federation: a member, a subsystem, a registration. `kind` and `key` name it, `content` is JSON (entries.ts). */
export interface EntryTable {
  kind: string
  key: string
  content: string
}

/** What was changed and when; never deleted. */
export interface ChangeTable {
  seq: Generated<number>
  at: string
  what: string
}

/** Configuration signing keys; the keys themselves are the signer's. Times are ISO 8601. */
export interface SigningKeyTable {
  /** The signer's id. */
  id: string
  source: Source
  /** DER of the self-signed certificate. */
  certificate: Uint8Array
  /** 1 for the one that signs; at most one a source. */
  active: number
  added_at: string
  published_at: string | null
}

/** The anchors as they were last given out, so that they stay the same bytes while nothing in them changes. */
export interface AnchorTable {
  source: Source
  xml: Uint8Array
}

export interface CentralTables {
  entry: EntryTable
  change: ChangeTable
  signing_key: SigningKeyTable
  anchor: AnchorTable
}

const migrations: readonly Migration[] = [
  {
    name: '001-registry',
    up: async (db) => {
      await db.schema
        .createTable('entry')
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('key', 'text', (column) => column.notNull())
        .addColumn('content', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('entry_key', ['kind', 'key'])
        .execute()
      await db.schema
        .createTable('change')
        .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('at', 'text', (column) => column.notNull())
        .addColumn('what', 'text', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('signing_key')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('certificate', 'blob', (column) => column.notNull())
        .addColumn('active', 'integer', (column) => column.notNull())
        .addColumn('added_at', 'text', (column) => column.notNull())
        .addColumn('published_at', 'text')
        .execute()
      await db.schema
        .createTable('anchor')
        .addColumn('source', 'text', (column) => column.primaryKey())
        .addColumn('xml', 'blob', (column) => column.notNull())
        .execute()
    },
  },
  {
    // Until then they were published by name; so they stay, until a document says another order.
    name: '002-order-of-time-stamping-authorities',
    up: async (untyped) => {
      const db = untyped as Kysely<CentralTables>
      const kind = 'time-stamping authority'
      const rows = await db.selectFrom('entry').select(['key', 'content']).where('kind', '=', kind).execute()
      for (const [position, { key, content }] of rows.toSorted((a, b) => (a.key < b.key ? -1 : 1)).entries())
        await db
          .updateTable('entry')
          .set({ content: JSON.stringify({ position, ...JSON.parse(content) }) })
          .where('kind', '=', kind)
          .where('key', '=', key)
          .execute()
    },
  },
]

export function openCentralStore(place: StorePlace): Store<CentralTables> {
  return openStore<CentralTables>(place, migrations)
}
