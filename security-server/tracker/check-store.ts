// What the tracker's store has, compared with what it should have: with the uses that the log says, and with itself.
import { CHAIN_START, chained } from '#evidence'
import { equalBytes } from '#trust'
import type { TrackerDb } from './store.ts'
import { hex } from './taking.ts'

/** As the log says: its digest follows from the record. */
export interface ExpectedUse {
  readonly seq: number
  readonly secret: boolean
  readonly lookup: Uint8Array
  readonly digest: Uint8Array
}

export interface StoreFault {
  readonly code: 'use_missing' | 'use_changed' | 'use_invented' | 'chain_broken'
  /** Of the log; absent where it is not about one. */
  readonly record?: number
  /** What the person's chain is called in the store. */
  readonly chain?: number
}

const CHAINS_AT_ONCE = 500
const USES_AT_ONCE = 5000

/** Compares the uses of the records behind one, up to another one. The first fault, in the order of the log. */
export async function compareUses(
  db: TrackerDb,
  {
    after,
    upTo,
    expected,
  }: { readonly after: number; readonly upTo: number; readonly expected: readonly ExpectedUse[] },
): Promise<StoreFault | undefined> {
  const rows = await db
    .selectFrom('tracker_use')
    .innerJoin('tracker_chain', 'tracker_chain.id', 'tracker_use.chain')
    .select(['seq', 'digest', 'lookup', 'secret'])
    .where('seq', '>', after)
    .where('seq', '<=', upTo)
    .execute()
  const there = new Map(rows.map((row) => [`${row.seq} ${row.secret} ${hex(row.lookup)}`, row]))
  const faults: StoreFault[] = []
  for (const { seq, secret, lookup, digest } of expected) {
    const name = `${seq} ${secret ? 1 : 0} ${hex(lookup)}`
    const row = there.get(name)
    there.delete(name)
    if (row === undefined) faults.push({ code: 'use_missing', record: seq })
    else if (!equalBytes(row.digest, digest)) faults.push({ code: 'use_changed', record: seq })
  }
  for (const { seq } of there.values()) faults.push({ code: 'use_invented', record: seq })
  return faults.sort((a, b) => (a.record ?? 0) - (b.record ?? 0))[0]
}

export interface CheckedChains {
  readonly fault?: StoreFault
  /** Where it goes on; undefined at the end. */
  readonly last: number | undefined
  readonly uses: number
}

/** Makes the heads of some chains again, from their beginning. */
export async function compareChains(db: TrackerDb, after: number): Promise<CheckedChains> {
  const chains = await db
    .selectFrom('tracker_chain')
    .select(['id', 'count', 'head'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(CHAINS_AT_ONCE)
    .execute()
  let uses = 0
  for (const { id, count, head } of chains) {
    const made = await headOf(db, id)
    uses += made.count
    if (made.fault !== undefined || made.count !== count || !equalBytes(made.head, head))
      return { fault: { code: 'chain_broken', chain: id, ...made.fault }, last: undefined, uses }
  }
  return { last: chains.length < CHAINS_AT_ONCE ? undefined : chains.at(-1)?.id, uses }
}

async function headOf(
  db: TrackerDb,
  chain: number,
): Promise<{ readonly head: Uint8Array; readonly count: number; readonly fault?: { readonly record: number } }> {
  let [head, count] = [CHAIN_START, 0]
  for (;;) {
    const rows = await db
      .selectFrom('tracker_use')
      .select(['seq', 'number', 'day', 'digest', 'head'])
      .where('chain', '=', chain)
      .where('number', '>', count)
      .orderBy('number')
      .limit(USES_AT_ONCE)
      .execute()
    for (const row of rows) {
      head = chained(head, row)
      count += 1
      if (row.number !== count || !equalBytes(row.head, head)) return { head, count, fault: { record: row.seq } }
    }
    if (rows.length < USES_AT_ONCE) return { head, count }
  }
}
