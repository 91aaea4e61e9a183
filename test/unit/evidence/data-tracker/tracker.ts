// A data tracker in memory, as a security server would run it: uses in, answers out. A test bends what it has.
import { randomBytes } from 'node:crypto'
import {
  CHAIN_START,
  chained,
  formatStatement,
  linkOf,
  logOrigin,
  mapKey,
  mapValue,
  type PageUse,
  pseudonymInput,
  secretDigest,
  statementEntry,
  type TrackerAnswer,
  type TrackerMap,
  type Use,
} from '#evidence'
import { parseClientId, parseServerId } from '#protocol'
import {
  buildMap,
  formatLogProof,
  formatMapProof,
  leafHash,
  type MapHead,
  openVrf,
  parseNote,
  proveKey,
  type Vrf,
} from '#transparency'
import { NaiveTree } from '../../transparency/naive.ts'
import { type NoteSigner, noteSigner, signedBy } from '../../transparency/signers.ts'

export const PROVIDER = parseClientId('TEST/GOV/1/register')
export const SERVER = parseServerId('TEST/GOV/1/one')
export const DAY = 86_400_000
export const AT = Date.UTC(2026, 2, 1)

let count = 0
export function use(more: Partial<Use> = {}): Use {
  count += 1
  return {
    at: AT + count * 1000,
    client: 'TEST/GOV/2/office',
    service: 'TEST/GOV/1/register/persons',
    basis: `case ${count}`,
    record: randomBytes(32),
    ...more,
  }
}

interface BuiltMap {
  readonly head: MapHead
  read(level: number, first: number, count: number): Uint8Array
}

export class MemoryTracker {
  readonly signer: NoteSigner = noteSigner('note', logOrigin(SERVER))
  readonly vrf: Vrf
  readonly uses: Record<TrackerMap, Map<string, Use[]>> = { public: new Map(), secret: new Map() }
  readonly erased = new Set<Use>()
  erasedBefore = 0
  #stated: { maps: Record<TrackerMap, BuiltMap>; salt: Buffer; secretSalt: Buffer; statement: Buffer } | undefined

  private constructor(vrf: Vrf) {
    this.vrf = vrf
  }

  static async make(): Promise<MemoryTracker> {
    return new MemoryTracker(await openVrf(randomBytes(32)))
  }

  add(person: string, one: Use = use(), map: TrackerMap = 'public'): Use {
    this.uses[map].set(person, [...(this.uses[map].get(person) ?? []), one])
    return one
  }

  async state(): Promise<void> {
    const maps = { public: await this.#map('public'), secret: await this.#map('secret') }
    const secretSalt = randomBytes(32)
    const statement = formatStatement({
      ...{ server: SERVER, at: AT + DAY, records: 10, key: this.vrf.publicKey },
      erasedBefore: this.erasedBefore,
      persons: maps.public.head,
      secret: secretDigest(secretSalt, maps.secret.head),
    })
    this.#stated = { maps, salt: randomBytes(32), secretSalt, statement }
  }

  /** Honest, but for what the test changes in it. */
  async answer(
    person: string,
    { map = 'public', from, to = 0 }: { map?: TrackerMap; from?: number; to?: number } = {},
    witnesses: readonly NoteSigner[] = [],
  ): Promise<TrackerAnswer> {
    if (this.#stated === undefined) throw new Error('nothing was stated')
    const { maps, salt, secretSalt, statement } = this.#stated
    const all = this.uses[map].get(person) ?? []
    const input = pseudonymInput(PROVIDER, person)
    const proof = await proveKey(mapKey(this.vrf.output(input)), maps[map].head.count, maps[map].read)
    const entries = [statementEntry(salt, statement), Buffer.from('another')]
    const tree = new NaiveTree(entries.map(leafHash))
    const note = signedBy(
      { origin: this.signer.key.name, size: entries.length, root: tree.root(0, entries.length) },
      this.signer,
      ...witnesses,
    )
    const log = formatLogProof({
      index: 0,
      extra: Buffer.concat([salt, statement]),
      proof: tree.path(0, 0, entries.length),
      note: parseNote(note),
    })
    const shown = all
      .slice(to, from ?? all.length)
      .map((one, at): PageUse => {
        const number = to + at + 1
        return this.erased.has(one) ? { number, erased: linkOf(one) } : { number, use: one }
      })
      .reverse()
    return {
      ...{ provider: PROVIDER, person, map, uses: shown, pending: [] },
      before: { number: to, head: headOf(all.slice(0, to)) },
      proof: {
        key: this.vrf.prove(input),
        map: formatMapProof(proof),
        log,
        ...(map === 'secret' ? { secret: { salt: secretSalt, head: maps.secret.head } } : {}),
      },
    }
  }

  async #map(map: TrackerMap): Promise<BuiltMap> {
    const entries = [...this.uses[map]]
      .map(([person, uses]) => ({
        key: mapKey(this.vrf.output(pseudonymInput(PROVIDER, person))),
        value: mapValue(uses.length, headOf(uses)),
      }))
      .sort((a, b) => Buffer.compare(a.key, b.key))
    const levels: Buffer[] = []
    const head = await buildMap(entries, (level, bytes) => {
      levels[level] = Buffer.concat([levels[level] ?? Buffer.alloc(0), bytes])
    })
    const read = (level: number, first: number, count: number) => {
      const width = level === 0 ? 64 : 32
      return (levels[level] ?? Buffer.alloc(0)).subarray(first * width, (first + count) * width)
    }
    return { head, read }
  }
}

export function headOf(uses: readonly Use[]): Uint8Array {
  return uses.reduce<Uint8Array>((head, one) => chained(head, linkOf(one)), CHAIN_START)
}
