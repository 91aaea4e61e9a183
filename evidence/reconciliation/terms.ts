// What two parties compare: whose exchanges, of which time, and under which key. Both say the same, or nothing fits.
import { type ClientId, idKey } from '#protocol'
import { hmac } from '#trust'

/** One of the two: a member with all its subsystems, or one subsystem. */
export type Party = ClientId

/** What was logged from `from` on and before `to`, each side by its own clock. Milliseconds since 1970. */
export interface Period {
  readonly from: number
  readonly to: number
}

export interface Terms extends Period {
  /** Names the run. */
  readonly run: string
  /** In either order. */
  readonly parties: readonly [Party, Party]
  /** What was logged so much earlier or later is compared too, but is no finding: clocks differ, and messages travel. Milliseconds. */
  readonly margin: number
}

/** No run is about more: a margin as long as the period would find nothing. */
export const MAX_MARGIN_MS = 86_400_000
/** Of the secret that both sides made the key of a run from, at least. */
export const SECRET_BYTES = 32

const FORMAT = 'saadik reconciliation v1'

/** The key of a run's values. Whoever has not the secret cannot try out what a value stands for, nor use one of another run. */
export function runKey(secret: Uint8Array, { run, parties, from, to, margin }: Terms): Uint8Array {
  const names = parties.map((party) => idKey(party)).sort()
  // Neither identifiers nor the name of a run have a line break.
  return hmac('SHA-256', secret, Buffer.from([FORMAT, run, ...names, from, to, margin].join('\n')))
}

/** Whether somebody is the party, or a subsystem of it. */
export function belongsTo(party: Party, id: ClientId): boolean {
  return belongsToKey(party, idKey(id))
}

/** The same by its `idKey`, in which no part has a slash. */
export function belongsToKey(party: Party, key: string): boolean {
  const whole = idKey(party)
  return key === whole || (party.subsystemCode === undefined && key.startsWith(`${whole}/`))
}

/** Whether a time counts for the comparison: within the period and its margins. */
export function isCompared({ from, to, margin }: Terms, at: number): boolean {
  return at >= from - margin && at < to + margin
}

/** Whether something that only one side has is a finding. */
export function isInPeriod({ from, to }: Period, at: number): boolean {
  return at >= from && at < to
}
