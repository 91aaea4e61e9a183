// The tracker's store: how far the log was followed, and what was stated. Uses are in uses.ts and taking.ts.
import type { Kysely } from 'kysely'
import { openStore, type Store, type StorePlace } from '#host'
import { MIGRATIONS, type Tables } from './schema.ts'

export type TrackerDb = Kysely<Tables>
export type StoredStatement = Tables['tracker_statement']

type StateName = 'cursor' | 'key'

export function openTrackerStore(place: StorePlace): Store<Tables> {
  return openStore<Tables>(place, MIGRATIONS)
}

export async function readState(db: TrackerDb, name: StateName): Promise<string | undefined> {
  const row = await db.selectFrom('tracker_state').select('value').where('name', '=', name).executeTakeFirst()
  return row?.value
}

export async function writeState(db: TrackerDb, name: StateName, value: string): Promise<void> {
  await db
    .insertInto('tracker_state')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

/** The newest first. */
export async function newestStatements(db: TrackerDb, limit: number): Promise<readonly StoredStatement[]> {
  return await db.selectFrom('tracker_statement').selectAll().orderBy('number', 'desc').limit(limit).execute()
}

export async function addStatement(db: TrackerDb, statement: StoredStatement): Promise<void> {
  await db.insertInto('tracker_statement').values(statement).execute()
}

/** It is in the log. */
export async function enterStatement(db: TrackerDb, number: number, origin: string, entry: number): Promise<void> {
  await db.updateTable('tracker_statement').set({ origin, entry }).where('number', '=', number).execute()
}

/** Forgets everything: it is begun anew, with another key. */
export async function clearTracker(db: TrackerDb, cursor: number, key: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await transaction.deleteFrom('tracker_use').execute()
    await transaction.deleteFrom('tracker_chain').execute()
    await transaction.deleteFrom('tracker_statistic').execute()
    await transaction.deleteFrom('tracker_state').execute()
    // Those of before have no maps any more.
    await transaction.updateTable('tracker_statement').set({ maps: 0 }).execute()
    await writeState(transaction, 'cursor', String(cursor))
    await writeState(transaction, 'key', key)
  })
}
