// What the tracker's thread does: store and pseudonyms, and proofs out of maps, none of which exchanges should wait for. One after another.
import { join } from 'node:path'
import type { PageUse, TrackerMap, Use } from '#evidence'
import type { Store, StorePlace } from '#host'
import { type ClientId, idKey } from '#protocol'
import { formatMapProof } from '#transparency'
import { encodeBase64 } from '#trust'
import { type CheckedChains, compareChains, compareUses, type ExpectedUse, type StoreFault } from './check-store.ts'
import { DataTrackerError } from './error.ts'
import { keepMaps, proveIn } from './maps.ts'
import { openPseudonyms, type Pseudonyms } from './pseudonyms.ts'
import type { Tables } from './schema.ts'
import {
  addStatement,
  clearTracker,
  enterStatement,
  newestStatements,
  openTrackerStore,
  readState,
  type StoredStatement,
  writeState,
} from './store.ts'
import { hex, knownPseudonyms, takeUses } from './taking.ts'
import { countUpTo, eraseSome, findChain, hasUsesAfter, headAt, usesOf, type YearCount, yearCounts } from './uses.ts'

export interface TrackerPlace {
  readonly place: StorePlace
  /** Where the maps are, a folder for each. */
  readonly maps: string
}

/** A use of one person, as the log says. */
export interface LoggedUse {
  readonly seq: number
  readonly provider: ClientId
  readonly person: string
  readonly secret: boolean
  readonly use: Use
}

export interface PageWanted {
  readonly provider: ClientId
  readonly person: string
  readonly map: TrackerMap
  /** The newest use to show; absent: the newest that is stated, and what came since. */
  readonly upTo?: number
  readonly limit: number
  /** That the answer is proved by. */
  readonly statement: StoredStatement
}

export interface Page {
  readonly uses: readonly PageUse[]
  readonly before: { readonly number: number; readonly head: Uint8Array }
  readonly pending: readonly Use[]
  readonly key: Uint8Array
  readonly map: Uint8Array
}

export function trackerOperations({ place, maps }: TrackerPlace) {
  let store: Store<Tables> | undefined
  let opened: Pseudonyms | undefined
  const db = () => {
    store ??= openTrackerStore(place)
    return store.db
  }
  const pseudonyms = () => {
    if (opened === undefined) throw new DataTrackerError('unavailable', 'The data tracker has no key yet')
    return opened
  }

  return {
    /** What an earlier run has left: nothing of a store that was just made. */
    async open(): Promise<{ readonly cursor?: number; readonly key?: string }> {
      const cursor = await readState(db(), 'cursor')
      const key = await readState(db(), 'key')
      return { ...(cursor === undefined ? {} : { cursor: Number(cursor) }), ...(key === undefined ? {} : { key }) }
    },

    /** Throws DataTrackerError `key_replaced`. @param cursor Of a store that has none yet. */
    async begin({ secret, cursor }: { readonly secret: Uint8Array; readonly cursor: number }): Promise<void> {
      const made = await openPseudonyms(secret)
      const key = encodeBase64(made.publicKey)
      const known = await readState(db(), 'key')
      if (known !== undefined && known !== key)
        throw new DataTrackerError(
          'key_replaced',
          'The key of the data tracker is not the one that its store was made with',
        )
      if ((await readState(db(), 'cursor')) === undefined) await writeState(db(), 'cursor', String(cursor))
      if (known === undefined) await writeState(db(), 'key', key)
      opened = made
    },

    /** Begins anew with another key: what is there is forgotten. */
    async renew({ secret, cursor }: { readonly secret: Uint8Array; readonly cursor: number }): Promise<void> {
      const made = await openPseudonyms(secret)
      await clearTracker(db(), cursor, encodeBase64(made.publicKey))
      opened = made
    },

    async publicKey(): Promise<Uint8Array> {
      return pseudonyms().publicKey
    },

    /** @param uses In the order of the log. */
    async take({ uses, cursor }: { readonly uses: readonly LoggedUse[]; readonly cursor: number }): Promise<void> {
      if (uses.length === 0) return await writeState(db(), 'cursor', String(cursor))
      const names = pseudonyms()
      const taken = uses.map(({ seq, provider, person, secret, use }) => ({
        ...{ seq, secret, use, provider: idKey(provider), lookup: names.lookup(provider, person) },
        key: () => names.key(provider, person),
      }))
      const known = new Map(
        await knownPseudonyms(
          db(),
          taken.map(({ lookup }) => lookup),
        ),
      )
      for (const { lookup, key } of taken) if (!known.has(hex(lookup))) known.set(hex(lookup), key())
      await takeUses(db(), taken, cursor, known)
    },

    /** The newest statements, and whether a use came since the first of them. */
    async statements(limit: number): Promise<{ readonly newest: readonly StoredStatement[]; readonly news: boolean }> {
      const newest = await newestStatements(db(), limit)
      return { newest, news: await hasUsesAfter(db(), newest[0]?.records ?? 0) }
    },

    async state(statement: StoredStatement): Promise<void> {
      await addStatement(db(), statement)
    },

    async entered(entered: {
      readonly number: number
      readonly origin: string
      readonly entry: number
    }): Promise<void> {
      await enterStatement(db(), entered.number, entered.origin, entered.entry)
    },

    async erase(before: number): Promise<boolean> {
      return await eraseSome(db(), before)
    },

    /** Removes all others, and says which of these are there. */
    async keepMaps(kept: readonly number[]): Promise<readonly number[]> {
      return (await keepMaps(maps, new Set(kept.map(String)))).map(Number)
    },

    async page({ provider, person, map, limit, statement, ...wanted }: PageWanted): Promise<Page> {
      const names = pseudonyms()
      const secret = map === 'secret'
      const chain = await findChain(db(), names.lookup(provider, person), secret)
      const stated = chain === undefined ? 0 : await countUpTo(db(), chain, statement.records)
      const upTo = Math.min(wanted.upTo ?? stated, stated)
      const uses = chain === undefined ? [] : await usesOf(db(), chain, { above: 0, upTo, limit })
      const number = upTo - uses.length
      const since =
        chain === undefined || wanted.upTo !== undefined
          ? []
          : await usesOf(db(), chain, { above: stated, upTo: Number.MAX_SAFE_INTEGER, limit })
      const count = secret ? statement.secret_persons : statement.persons
      const folder = join(maps, String(statement.maps))
      const proof = await proveIn(folder, secret ? 'secret' : 'persons', count, names.key(provider, person))
      return {
        uses,
        before: { number, head: await headAt(db(), chain ?? 0, number) },
        pending: since.flatMap((one) => ('use' in one ? [one.use] : [])),
        key: names.proof(provider, person),
        map: formatMapProof(proof),
      }
    },

    async counts(provider: ClientId): Promise<readonly YearCount[]> {
      return await yearCounts(db(), idKey(provider))
    },

    async compareUses({
      expected,
      ...range
    }: {
      readonly after: number
      readonly upTo: number
      readonly expected: readonly (Omit<ExpectedUse, 'lookup'> & Pick<LoggedUse, 'provider' | 'person'>)[]
    }): Promise<StoreFault | undefined> {
      const lookup = (one: Pick<LoggedUse, 'provider' | 'person'>) => pseudonyms().lookup(one.provider, one.person)
      return await compareUses(db(), { ...range, expected: expected.map((one) => ({ ...one, lookup: lookup(one) })) })
    },

    async compareChains(after: number): Promise<CheckedChains> {
      return await compareChains(db(), after)
    },

    async close(): Promise<void> {
      await store?.close()
      store = undefined
    },
  }
}

export type TrackerOperations = ReturnType<typeof trackerOperations>
