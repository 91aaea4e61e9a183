// What the store is asked: append, a window of records for an answer, its pages, and the end of old records.
import type { ExpressionBuilder, Kysely, SelectQueryBuilder } from 'kysely'
import { FIELD_NAMES, FIELDS, type FieldName, type OperationalRecord } from './record.ts'
import type { FieldColumns, OperationalDatabase, RecordTable } from './schema.ts'
import type { Scope, Slice } from './scope.ts'

type Database = Kysely<OperationalDatabase>

/** A record with the keys that it is looked up by. */
export interface NewRow {
  readonly client: string
  readonly provider: string
  readonly record: OperationalRecord
}

export interface WindowQuestion {
  readonly scope: Scope
  /** Seconds, inclusive both. */
  readonly from: number
  readonly to: number
  /** Records in one answer; those of its last second come on top. */
  readonly limit: number
}

export interface Window {
  readonly count: number
  /** What is read: `to`, or the second with which the answer is full. */
  readonly to: number
  /** Present when there are more records: where to go on, in seconds. */
  readonly next?: number
}

export interface PageQuestion {
  readonly scope: Scope
  readonly from: number
  readonly to: number
  readonly fields: readonly FieldName[]
  /** The last record of the page before. */
  readonly after?: Position
  readonly rows: number
}

export interface Position {
  readonly ts: number
  readonly id: number
}

export interface Page {
  /** JSON objects joined by commas; '' when there are none. */
  readonly json: string
  /** Absent after the last page. */
  readonly last?: Position
}

/** SQLite takes 32,766 values in a statement; a row has 42. */
const ROWS_AT_ONCE = 500

/** All of them or none: one transaction, one time. */
export async function append(db: Database, rows: readonly NewRow[], ts: number): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
      const values = rows.slice(start, start + ROWS_AT_ONCE).map((row) => columns(row, ts))
      await transaction.insertInto('operational_data').values(values).execute()
    }
  })
}

function columns({ client, provider, record }: NewRow, ts: number): Omit<RecordTable, 'id'> {
  const fields: Partial<FieldColumns> = {}
  for (const name of FIELD_NAMES) {
    if (name === 'monitoringDataTs') continue
    const value = record[name]
    fields[name] = value === undefined ? null : typeof value === 'boolean' ? Number(value) : value
  }
  return { ...(fields as FieldColumns), client, provider, monitoringDataTs: ts }
}

/** X-Road's paging (wire-client §6.2): `limit` records, then all others of the last one's second, and whether more remain. */
export async function window(db: Database, { scope, from, to, limit }: WindowQuestion): Promise<Window> {
  const times: number[] = []
  for (const slice of scope) {
    const found = await within(db, slice, from, to)
      .select('monitoringDataTs')
      .orderBy('monitoringDataTs')
      .limit(limit)
      .execute()
    for (const { monitoringDataTs } of found) times.push(monitoringDataTs)
  }
  const full = times.sort((a, b) => a - b)[limit - 1]
  if (full === undefined) return { count: times.length, to }
  const count = await countWithin(db, scope, from, full)
  const more = full < to && (await hasAny(db, scope, full + 1, to))
  return more ? { count, to: full, next: full + 1 } : { count, to: full }
}

/** The next records of a window, oldest first, as the JSON of an answer. */
export async function page(db: Database, question: PageQuestion): Promise<Page> {
  const { scope, from, to, fields, after, rows } = question
  const wanted = [...new Set<'id' | FieldName>(['id', 'monitoringDataTs', ...fields])]
  const found: Record<string, unknown>[] = []
  for (const slice of scope) {
    let query = within(db, slice, after?.ts ?? from, to).select(wanted)
    if (after !== undefined) query = query.where(beyond(after))
    found.push(...(await query.orderBy('monitoringDataTs').orderBy('id').limit(rows).execute()))
  }
  if (scope.length > 1) found.sort((a, b) => position(a).ts - position(b).ts || position(a).id - position(b).id)
  const taken = found.slice(0, rows)
  const json = taken.map((row) => JSON.stringify(shown(row, fields))).join(',')
  const last = taken.at(-1)
  return last === undefined || taken.length < rows ? { json } : { json, last: position(last) }
}

/**
 * Ends records: those stored before `before`, and the oldest above `keep`. At most `rows` of them, so that appends come in between.
 *
 * @returns How many went; fewer than `rows` says that it is done.
 */
export async function clean(db: Database, before: number, keep: number, rows: number): Promise<number> {
  const records = db.selectFrom('operational_data').select('id')
  const end = async (some: typeof records): Promise<number> => {
    const { numDeletedRows } = await db.deleteFrom('operational_data').where('id', 'in', some).executeTakeFirst()
    return Number(numDeletedRows)
  }
  const old = await end(records.where('monitoringDataTs', '<', before).limit(rows))
  const newest = await records.orderBy('id', 'desc').limit(1).executeTakeFirst()
  if (old === rows || newest === undefined) return old
  return old + (await end(records.where('id', '<=', newest.id - keep).limit(rows - old)))
}

type Builder = ExpressionBuilder<OperationalDatabase, 'operational_data'>
type Query = SelectQueryBuilder<OperationalDatabase, 'operational_data', object>

function within(db: Database, { client, provider, notClient }: Slice, from: number, to: number): Query {
  let query: Query = db
    .selectFrom('operational_data')
    .where('monitoringDataTs', '>=', from)
    .where('monitoringDataTs', '<=', to)
  if (client !== undefined) query = query.where('client', '=', client)
  if (provider !== undefined) {
    // Of two keys SQLite must take the client's index: an asker has few records, the provider that it names may have them all.
    const key = (eb: Builder) => (client === undefined ? eb.ref('provider') : eb.fn.coalesce('provider', eb.val('')))
    query = query.where((eb) => eb(key(eb), '=', provider))
  }
  if (notClient !== undefined) query = query.where('client', '<>', notClient)
  return query
}

function beyond({ ts, id }: Position) {
  return (eb: Builder) =>
    eb.or([eb('monitoringDataTs', '>', ts), eb.and([eb('monitoringDataTs', '=', ts), eb('id', '>', id)])])
}

async function countWithin(db: Database, scope: Scope, from: number, to: number): Promise<number> {
  let count = 0
  for (const slice of scope) {
    const { n } = await within(db, slice, from, to)
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    count += n
  }
  return count
}

async function hasAny(db: Database, scope: Scope, from: number, to: number): Promise<boolean> {
  for (const slice of scope) {
    if ((await within(db, slice, from, to).select('id').limit(1).executeTakeFirst()) !== undefined) return true
  }
  return false
}

function position(row: Record<string, unknown>): Position {
  return { ts: row['monitoringDataTs'] as number, id: row['id'] as number }
}

/** Nulls are left out, as the reference does. */
function shown(row: Record<string, unknown>, fields: readonly FieldName[]): object {
  const object: Record<string, unknown> = {}
  for (const name of fields) {
    const value = row[name]
    if (value !== null) object[name] = FIELDS[name] === 'boolean' ? value === 1 : value
  }
  return object
}
