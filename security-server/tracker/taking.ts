// Uses become links of chains: a page of the log in one transaction, with how far the log was followed. What a crash kept out of it, the next start
// reads from the log again.
import { CHAIN_START, chained, linkOf, type Use } from '#evidence'
import { encodeBase64 } from '#trust'
import type { Tables } from './schema.ts'
import { type TrackerDb, writeState } from './store.ts'

/** A use as the log has it, about one person. */
export interface TakenUse {
  readonly seq: number
  readonly secret: boolean
  readonly lookup: Uint8Array
  /** As `idKey` writes it. */
  readonly provider: string
  readonly use: Use
}

const ROWS_AT_ONCE = 500

/** The pseudonyms of those who are known already, by their lookup in hex. */
export async function knownPseudonyms(
  db: TrackerDb,
  lookups: readonly Uint8Array[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for (const some of inPages(lookups)) {
    const rows = await db
      .selectFrom('tracker_chain')
      .select(['lookup', 'pseudonym'])
      .where('lookup', 'in', [...some])
      .execute()
    for (const { lookup, pseudonym } of rows) found.set(hex(lookup), pseudonym)
  }
  return found
}

/** @param uses In the order of the log. @param pseudonyms Of all of them, by lookup in hex. */
export async function takeUses(
  db: TrackerDb,
  uses: readonly TakenUse[],
  cursor: number,
  pseudonyms: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const chains = await chainsOf(transaction, uses, pseudonyms)
    const rows: Tables['tracker_use'][] = []
    for (const { seq, secret, lookup, use } of uses) {
      const chain = chains.get(chainName(lookup, secret)) as GrowingChain
      const { day, digest } = linkOf(use)
      chain.count += 1
      chain.head = chained(chain.head, { day, digest })
      const { at, record, ...texts } = use
      const content = JSON.stringify({ ...texts, record: encodeBase64(record) })
      rows.push({ chain: chain.id, number: chain.count, seq, day, digest, head: chain.head, at, content })
    }
    for (const some of inPages(rows)) await transaction.insertInto('tracker_use').values(some).execute()
    for (const { id, count, head } of chains.values())
      await transaction.updateTable('tracker_chain').set({ count, head }).where('id', '=', id).execute()
    await countUses(transaction, uses)
    await writeState(transaction, 'cursor', String(cursor))
  })
}

interface GrowingChain {
  readonly id: number
  count: number
  head: Uint8Array
}

/** All chains that the uses are of, made where they are not. */
async function chainsOf(
  db: TrackerDb,
  uses: readonly TakenUse[],
  pseudonyms: ReadonlyMap<string, Uint8Array>,
): Promise<Map<string, GrowingChain>> {
  const wanted = new Map(uses.map((use) => [chainName(use.lookup, use.secret), use]))
  const chains = new Map<string, GrowingChain>()
  for (const some of inPages([...wanted.values()])) {
    const rows = await db
      .selectFrom('tracker_chain')
      .select(['id', 'secret', 'lookup', 'count', 'head'])
      .where(
        'lookup',
        'in',
        some.map(({ lookup }) => lookup),
      )
      .execute()
    for (const { secret, lookup, ...chain } of rows) chains.set(chainName(lookup, secret === 1), chain)
  }
  const fresh = [...wanted].filter(([name]) => !chains.has(name)).map(([, use]) => use)
  for (const some of inPages(fresh)) {
    const values = some.map(({ lookup, secret }) => ({
      ...{ lookup, secret: secret ? 1 : 0, count: 0, head: CHAIN_START },
      pseudonym: pseudonyms.get(hex(lookup)) as Uint8Array,
    }))
    const rows = await db
      .insertInto('tracker_chain')
      .values(values)
      .returning(['id', 'secret', 'lookup', 'count', 'head'])
      .execute()
    for (const { secret, lookup, ...chain } of rows) chains.set(chainName(lookup, secret === 1), chain)
  }
  return chains
}

async function countUses(db: TrackerDb, uses: readonly TakenUse[]): Promise<void> {
  const counts = new Map<string, Tables['tracker_statistic']>()
  for (const { provider, secret, use } of uses) {
    const year = new Date(use.at).getUTCFullYear()
    const name = `${provider} ${use.service} ${year} ${secret}`
    const counted = counts.get(name)?.uses ?? 0
    counts.set(name, { provider, service: use.service, year, secret: secret ? 1 : 0, uses: counted + 1 })
  }
  for (const row of counts.values())
    await db
      .insertInto('tracker_statistic')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(['provider', 'service', 'year', 'secret'])
          .doUpdateSet((stored) => ({ uses: stored('tracker_statistic.uses', '+', row.uses) })),
      )
      .execute()
}

function* inPages<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let first = 0; first < all.length; first += ROWS_AT_ONCE) yield all.slice(first, first + ROWS_AT_ONCE)
}

function chainName(lookup: Uint8Array, secret: boolean): string {
  return `${secret} ${hex(lookup)}`
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
