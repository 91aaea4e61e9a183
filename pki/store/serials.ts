// The TSA's memory: which serial numbers were given away, and up to what time. Trusted by the TSA only; whoever owns it
// can make serial numbers repeat or time go back after a restart, but cannot sign.

import type { Kysely } from 'kysely'
import { type Migration, openStore, type Store, type StorePlace } from '#host'

/** The only row: `next_serial` was never given, and no token says a time after `ceiling`. */
interface TimestampTable {
  id: 1
  next_serial: number
  ceiling: number
}

interface TsaTables {
  timestamp: TimestampTable
}

const migrations: readonly Migration[] = [
  {
    name: '001-serials',
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('timestamp')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('next_serial', 'integer', (c) => c.notNull())
        .addColumn('ceiling', 'integer', (c) => c.notNull())
        .execute()
      await (db as Kysely<TsaTables>).insertInto('timestamp').values({ id: 1, next_serial: 1, ceiling: 0 }).execute()
    },
  },
]

export interface Reservation {
  /** Serial numbers from `first` up to and without `end` are the caller's, whatever happens to it. */
  readonly first: number
  readonly end: number
  /** The highest time a token may have carried before this reservation, milliseconds since 1970. */
  readonly ceiling: number
}

export interface SerialStore {
  /** Sets aside `count` serial numbers, durably, and declares that tokens may carry times up to `ceiling` (never lowered). */
  reserve(count: number, ceiling: number): Promise<Reservation>
  /** At an orderly stop: the time of the last token, so that the next start need not wait for an unused ceiling. */
  settle(last: number): Promise<void>
  /** Resolves when the store is open; rejects where it cannot be. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** Opens the TSA's memory, making it at the first start. One process at a time. */
export function openSerialStore(place: StorePlace): SerialStore {
  const store: Store<TsaTables> = openStore<TsaTables>(place, migrations)
  return {
    async reserve(count, ceiling) {
      return await store.db.transaction().execute(async (tx) => {
        const row = await tx.selectFrom('timestamp').selectAll().executeTakeFirstOrThrow()
        const end = row.next_serial + count
        await tx
          .updateTable('timestamp')
          .set({ next_serial: end, ceiling: Math.max(row.ceiling, ceiling) })
          .execute()
        return { first: row.next_serial, end, ceiling: row.ceiling }
      })
    },
    async settle(last) {
      await store.db.updateTable('timestamp').set({ ceiling: last }).execute()
    },
    ready: () => store.ready(),
    close: () => store.close(),
  }
}
