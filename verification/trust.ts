// Whom an auditor believes, put together: configurations of any number of dates, and pinned lists. At each moment one configuration of an
// instance counts, and those entries of the lists that held then.

import type { TrustAt, TrustOverTime } from '#evidence'
import { type Authority, type ClientId, idKey, memberOf, type TrustMaterial } from '#protocol'
import type { ConfigurationTrust } from './configurations.ts'
import type { LogPolicy } from './log-policy.ts'
import { type Dates, holdsAt, type Pinned } from './pinned.ts'

export interface TrustInput {
  readonly configurations?: readonly ConfigurationTrust[]
  readonly pinned?: readonly Pinned[]
}

/** X-Road's, where nobody says otherwise. */
const OCSP_FRESHNESS_SECONDS = 3600
/** Distinct sets of people believed that are kept: dates are few. */
const MAX_KEPT = 1000

/** Immutable; what is worked out for a moment is kept, so that its judges keep what they derive from it. */
export class Trust implements TrustOverTime {
  readonly #configurations: readonly ConfigurationTrust[]
  readonly #pinned: readonly Pinned[]
  /** Moments from which something else holds, ascending; between two of them the same people are believed. */
  readonly #turns: readonly number[]
  readonly #kept = new Map<number, TrustAt | undefined>()

  constructor({ configurations = [], pinned = [] }: TrustInput) {
    // The first that still holds is the nearest; a copy without a date is believed where no dated one speaks.
    this.#configurations = configurations.toSorted((a, b) => untilOf(a) - untilOf(b))
    this.#pinned = pinned
    this.logs = pinned.flatMap(({ logs }) => logs)
    const dated: readonly Dates[] = [
      ...configurations,
      ...pinned.flatMap(({ authorities, tsas, members }) => [...authorities, ...tsas, ...members]),
    ]
    const turns = dated.flatMap(({ from, until }) => [from?.getTime(), until && until.getTime() + 1])
    this.#turns = [...new Set(turns.filter((turn) => turn !== undefined))].sort((a, b) => a - b)
  }

  /** This and more configurations: those that came with the evidence and lead to the auditor's anchor. */
  with(configurations: readonly ConfigurationTrust[]): Trust {
    return configurations.length === 0
      ? this
      : new Trust({ configurations: [...this.#configurations, ...configurations], pinned: this.#pinned })
  }

  /** Logs and witnesses, each for its dates; empty where no proof can be judged. */
  readonly logs: readonly (Dates & { readonly policy: LogPolicy })[]

  at(time: Date): TrustAt | undefined {
    const span = passed(this.#turns, time.getTime())
    if (!this.#kept.has(span)) {
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
      this.#kept.set(span, this.#workOut(time))
    }
    return this.#kept.get(span)
  }

  #workOut(time: Date): TrustAt | undefined {
    const instances = new Set<string>()
    const configurations = this.#configurations.filter((one) => {
      if (untilOf(one) < time.getTime() || instances.has(one.instance)) return false
      instances.add(one.instance)
      return true
    })
    const pinned = this.#pinned.map((list) => ({
      list,
      authorities: list.authorities.filter((entry) => holdsAt(entry, time)),
      tsas: list.tsas.filter((entry) => holdsAt(entry, time)),
      members: list.members.filter((entry) => holdsAt(entry, time)),
    }))
    const believed =
      configurations.length > 0 || pinned.some(({ authorities, tsas }) => authorities.length + tsas.length > 0)
    return believed ? together(configurations, pinned) : undefined
  }
}

/** How many of the ascending moments are not after this one. */
function passed(turns: readonly number[], time: number): number {
  let [low, high] = [0, turns.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((turns[middle] ?? 0) <= time) low = middle + 1
    else high = middle
  }
  return low
}

interface Held {
  readonly list: Pinned
  readonly authorities: Pinned['authorities']
  readonly tsas: Pinned['tsas']
  readonly members: Pinned['members']
}

/** What the auditor pinned himself comes last, which is where an authority of a name is looked for first. */
function together(configurations: readonly ConfigurationTrust[], pinned: readonly Held[]): TrustAt {
  const read = configurations.map((one) => one.read())
  const own = read[0]?.trust
  const said = <K extends 'ocspFreshnessSeconds' | 'verifyNextUpdate'>(key: K) =>
    pinned.map(({ list }) => list[key]).find((value) => value !== undefined)
  const authorities: readonly Authority[] = [
    ...read.flatMap(({ trust }) => trust.authorities),
    ...pinned.flatMap((held) => held.authorities.map(({ authority }) => authority)),
  ]
  const trust: TrustMaterial = {
    instance: own?.instance ?? authorities[0]?.instance ?? '',
    authorities,
    tsas: [...read.flatMap(({ trust }) => trust.tsas), ...pinned.flatMap((held) => held.tsas.map(({ tsa }) => tsa))],
    ocspFreshnessSeconds: said('ocspFreshnessSeconds') ?? own?.ocspFreshnessSeconds ?? OCSP_FRESHNESS_SECONDS,
    verifyNextUpdate: said('verifyNextUpdate') ?? own?.verifyNextUpdate ?? true,
  }
  const names = new Map(pinned.flatMap(({ members }) => members.map(({ key, name }) => [key, name] as const)))
  return {
    trust,
    sources: [...configurations.map(({ name }) => name), ...pinned.flatMap(inWords)],
    memberName: (id: ClientId) =>
      names.get(idKey(memberOf(id))) ?? read.map((one) => one.memberName(id)).find((name) => name !== undefined),
  }
}

function inWords({ authorities, tsas }: Held): readonly string[] {
  if (authorities.length + tsas.length === 0) return []
  return [`pinned: ${authorities.length} certification and ${tsas.length} time-stamping authorities`]
}

function untilOf({ until }: ConfigurationTrust): number {
  return until?.getTime() ?? Number.POSITIVE_INFINITY
}
