// Uses as they are told of, erased and counted.
import { CHAIN_START, type PageUse, type Use } from '#evidence'
import { decodeBase64 } from '#trust'
import type { Tables } from './schema.ts'
import type { TrackerDb } from './store.ts'

/** Smaller counts could tell of a person. */
const SMALLEST_COUNT = 10
/** Erased in one transaction, and those of the same millisecond. */
const ERASED_AT_ONCE = 2000

/** A service in a year. Counts below ten are not told, and not told apart from none. */
export interface YearCount {
  /** `INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE[/VERSION]` */
  readonly service: string
  readonly year: number
  readonly uses?: number
  readonly secretUses?: number
}

export async function findChain(db: TrackerDb, lookup: Uint8Array, secret: boolean): Promise<number | undefined> {
  const row = await db
    .selectFrom('tracker_chain')
    .select('id')
    .where('lookup', '=', lookup)
    .where('secret', '=', secret ? 1 : 0)
    .executeTakeFirst()
  return row?.id
}

/** How many uses of a chain are in records up to this one. */
export async function countUpTo(db: TrackerDb, chain: number, seq: number): Promise<number> {
  const last = await db
    .selectFrom('tracker_use')
    .select('number')
    .where('chain', '=', chain)
    .where('seq', '<=', seq)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  return last?.number ?? 0
}

/** The chain's head behind so many uses. */
export async function headAt(db: TrackerDb, chain: number, count: number): Promise<Uint8Array> {
  if (count === 0) return CHAIN_START
  const { head } = await db
    .selectFrom('tracker_use')
    .select('head')
    .where('chain', '=', chain)
    .where('number', '=', count)
    .executeTakeFirstOrThrow()
  return head
}

/** Those above a number of the chain and up to another, the newest first. */
export async function usesOf(
  db: TrackerDb,
  chain: number,
  { above, upTo, limit }: { readonly above: number; readonly upTo: number; readonly limit: number },
): Promise<readonly PageUse[]> {
  const rows = await db
    .selectFrom('tracker_use')
    .selectAll()
    .where('chain', '=', chain)
    .where('number', '<=', upTo)
    .where('number', '>', above)
    .orderBy('number', 'desc')
    .limit(limit)
    .execute()
  return rows.map(pageUse)
}

export function pageUse({ number, day, digest, at, content }: Tables['tracker_use']): PageUse {
  return at === null || content === null ? { number, erased: { day, digest } } : { number, use: useFrom(at, content) }
}

export async function hasUsesAfter(db: TrackerDb, seq: number): Promise<boolean> {
  const row = await db.selectFrom('tracker_use').select('seq').where('seq', '>', seq).limit(1).executeTakeFirst()
  return row !== undefined
}

/** Erases what uses before a time say, some of them; true while there are more. What a crash leaves goes with the next statement. */
export async function eraseSome(db: TrackerDb, before: number): Promise<boolean> {
  const next = await db
    .selectFrom('tracker_use')
    .select('at')
    .where('at', '<', before)
    .orderBy('at')
    .offset(ERASED_AT_ONCE)
    .limit(1)
    .executeTakeFirst()
  const old = db.updateTable('tracker_use').set({ at: null, content: null })
  await (next === undefined ? old.where('at', '<', before) : old.where('at', '<=', next.at)).execute()
  return next !== undefined
}

export async function yearCounts(db: TrackerDb, provider: string): Promise<readonly YearCount[]> {
  const rows = await db
    .selectFrom('tracker_statistic')
    .select(['service', 'year', 'secret', 'uses'])
    .where('provider', '=', provider)
    .where('uses', '>=', SMALLEST_COUNT)
    .orderBy('service')
    .orderBy('year')
    .execute()
  const counts = new Map<string, YearCount>()
  for (const { service, year, secret, uses } of rows) {
    const name = `${service} ${year}`
    counts.set(name, {
      ...(counts.get(name) ?? { service, year }),
      ...(secret === 1 ? { secretUses: uses } : { uses }),
    })
  }
  return [...counts.values()]
}

function useFrom(at: number, content: string): Use {
  const { record, ...texts } = JSON.parse(content) as Omit<Use, 'at' | 'record'> & { readonly record: string }
  return { at, ...texts, record: decodeBase64(record) ?? new Uint8Array(0) }
}
