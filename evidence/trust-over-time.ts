// Whom to believe, at a moment: evidence is judged by those who were believed when it was made, not by those of today.
import type { ClientId, TrustMaterial } from '#protocol'

export interface TrustAt {
  /** The same value for the same set of people believed, so that what is derived from it is derived once. */
  readonly trust: TrustMaterial
  /** By whose word, for people. */
  readonly sources: readonly string[]
  /** What they call a member; its subsystems are called the same. */
  memberName?(id: ClientId): string | undefined
}

export interface TrustOverTime {
  /** Undefined when nobody was believed then. */
  at(time: Date): TrustAt | undefined
}

/** Trust without dates is the same at all times. */
export function trustAt(trust: TrustMaterial | TrustOverTime, time: Date): TrustAt | undefined {
  return 'at' in trust ? trust.at(time) : { trust, sources: [] }
}

/** Nobody: what the remaining checks are made with when nobody was believed. */
export const NOBODY: TrustMaterial = Object.freeze({
  instance: '',
  authorities: [],
  tsas: [],
  ocspFreshnessSeconds: 0,
  verifyNextUpdate: true,
})
