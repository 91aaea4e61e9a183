// Who sees which records (wire-client §6.2). A scope is the union of slices that share no record, so that each is one walk along
// one index and nothing is counted twice.
import { type ClientId, idKey, sameId } from '#protocol'

/** Records with this client and this provider, as far as they are named. Keys are idKeys. */
export interface Slice {
  readonly client?: string
  readonly provider?: string
  readonly notClient?: string
}

export type Scope = readonly Slice[]

/**
 * @param asker Undefined for the owner of the server and for the monitoring client, who see everything. Anybody else sees the
 * records in which exactly it is client or provider: a member does not see its subsystems'.
 * @param provider Only the services of this one.
 */
export function scopeOf(asker: ClientId | undefined, provider: ClientId | undefined): Scope {
  if (asker === undefined) return [provider === undefined ? {} : { provider: idKey(provider) }]
  const own = idKey(asker)
  if (provider === undefined) return [{ client: own }, { provider: own, notClient: own }]
  return [sameId(asker, provider) ? { provider: own } : { client: own, provider: idKey(provider) }]
}
