// Which servers speak for a party, and by which client of theirs it can be asked.

import { belongsTo, type Party } from '#evidence'
import type { GlobalConfiguration, SecurityServer } from '#global-configuration'
import { type ClientId, decodeClientId, idKey, memberOf } from '#protocol'

/** All that the party, or a subsystem of it, is registered on. */
export function serversOf(configuration: GlobalConfiguration, party: Party): readonly SecurityServer[] {
  const found = new Map<string, SecurityServer>()
  for (const client of clientsOf(configuration, party))
    for (const server of configuration.serversFor(client)) found.set(idKey(server.id), server)
  return [...found.values()]
}

/** A subsystem of the party on that server: services belong to subsystems (PR-REST §4.1). */
export function subsystemOn(server: SecurityServer, party: Party): ClientId | undefined {
  for (const key of server.clients) {
    const client = decodeClientId(key)
    if (client.subsystemCode !== undefined && belongsTo(party, client)) return client
  }
  return undefined
}

function clientsOf(configuration: GlobalConfiguration, party: Party): ClientId[] {
  if (party.subsystemCode !== undefined) return [party]
  const { instance, memberClass, memberCode } = party
  const member = configuration
    .members(instance)
    ?.find((each) => each.memberClass === memberClass && each.memberCode === memberCode)
  return [party, ...(member?.subsystems ?? []).map(({ code }) => ({ ...memberOf(party), subsystemCode: code }))]
}
