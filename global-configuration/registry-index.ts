// Who is who in one instance, by key. Made once for the parameters of an instance, which stay the same object while they say the same.
import { idKey, type RegisteredServer, type ServerId, type SharedParameters } from '#protocol'

export interface SecurityServer {
  readonly id: ServerId
  /** Host name or address; without one it cannot be called. */
  readonly address?: string
  readonly maintenance?: { readonly message?: string }
  /** idKey of everybody who is registered on it, the owner's member included. */
  readonly clients: ReadonlySet<string>
}

export interface RegistryIndex {
  /** idKey of every member and subsystem. */
  readonly clients: ReadonlySet<string>
  /** idKey of a member → its name. */
  readonly names: ReadonlyMap<string, string>
  /** Hexadecimal hash of an authentication certificate → its server. */
  readonly serversByHash: ReadonlyMap<string, SecurityServer>
  readonly serversById: ReadonlyMap<string, SecurityServer>
  /** idKey of a client → its servers, in the order of the document. */
  readonly serversByClient: ReadonlyMap<string, readonly SecurityServer[]>
  /** Group code → idKey of its members. */
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>
}

const made = new WeakMap<SharedParameters, RegistryIndex>()

export function registryIndex(shared: SharedParameters): RegistryIndex {
  let index = made.get(shared)
  if (index === undefined) {
    index = { ...indexMembers(shared), ...indexServers(shared), groups: indexGroups(shared) }
    made.set(shared, index)
  }
  return index
}

function indexMembers({ instance, members }: SharedParameters) {
  const clients = new Set<string>()
  const names = new Map<string, string>()
  for (const { memberClass, memberCode, name, subsystems } of members) {
    const member = { instance, memberClass, memberCode }
    const key = idKey(member)
    names.set(key, name)
    clients.add(key)
    for (const { code } of subsystems) clients.add(idKey({ ...member, subsystemCode: code }))
  }
  return { clients, names }
}

function indexServers({ servers }: SharedParameters) {
  const serversByHash = new Map<string, SecurityServer>()
  const serversById = new Map<string, SecurityServer>()
  const serversByClient = new Map<string, SecurityServer[]>()
  for (const registered of servers) {
    const server = securityServer(registered)
    serversById.set(idKey(server.id), server)
    // The last in the document wins (wire-conf §3.1).
    for (const hash of registered.authCertHashes) serversByHash.set(Buffer.from(hash).toString('hex'), server)
    for (const client of server.clients) {
      const others = serversByClient.get(client)
      if (others === undefined) serversByClient.set(client, [server])
      else others.push(server)
    }
  }
  return { serversByHash, serversById, serversByClient }
}

function securityServer({ id, address, maintenance, clients }: RegisteredServer): SecurityServer {
  return Object.freeze({
    id,
    ...(address !== undefined && { address }),
    ...(maintenance && { maintenance }),
    clients: new Set(clients.map(idKey)),
  })
}

function indexGroups({ groups }: SharedParameters): RegistryIndex['groups'] {
  return new Map(groups.map(({ code, members }) => [code, new Set(members.map(idKey))]))
}
