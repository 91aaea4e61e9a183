// What the message path asks, for every message: an immutable picture of the registry with everything looked up and
// compiled beforehand.
import {
  type ClientId,
  compilePattern,
  decodeServicePath,
  type EndpointPattern,
  fault,
  idKey,
  type ServiceId,
  typedId,
} from '#protocol'
import { type Certificate, parseCertificate } from '#trust'
import type { AccessRight, ClientEntry, Connection, ServiceEntry, ServiceTls } from './model.ts'

export interface LocalClient {
  readonly id: ClientId
  readonly connection: Connection
  readonly tlsCertificates: readonly Certificate[]
}

export interface LocalService {
  readonly id: ServiceId
  readonly type: 'REST' | 'OPENAPI3'
  /** Base address; path and query of the request follow it. */
  readonly url: string
  /** 0: no limit. */
  readonly timeoutSeconds: number
  readonly tls: ServiceTls
  readonly disabled?: { readonly notice: string }
  /** Of the description; empty for a base path. */
  readonly endpoints: readonly EndpointPattern[]
}

export interface AccessQuestion {
  readonly service: ServiceId
  readonly client: ClientId
  readonly method: string
  /** Raw, as in the request target. */
  readonly servicePath: string
  /** Whether the client is in a global group of this instance. */
  readonly inGlobalGroup: (group: string) => boolean
}

export interface ServiceSnapshot {
  readonly clients: readonly LocalClient[]
  client(id: ClientId): LocalClient | undefined
  service(id: ServiceId): LocalService | undefined
  services(client: ClientId): readonly LocalService[]
  /**
   * Whether a client may call (wire-client §5.5, in its order).
   *
   * @returns The service, and the pattern that allowed the call unless the whole service is allowed.
   * @throws XRoadFault `server.serverproxy.` + `unknown_service`, `access_denied` or `service_disabled`. `service_type` cannot
   * occur: every service here is REST.
   */
  authorise(question: AccessQuestion): { readonly service: LocalService; readonly endpoint?: EndpointPattern }
}

const SIDE = 'server.serverproxy'

export function createSnapshot(entries: readonly ClientEntry[]): ServiceSnapshot {
  const clients = new Map<string, LocalClient>()
  const services = new Map<string, { readonly service: LocalService; readonly rights: Rights }>()
  const byClient = new Map<string, readonly LocalService[]>()
  for (const entry of entries) {
    const key = idKey(entry.id)
    clients.set(
      key,
      Object.freeze({
        id: entry.id,
        connection: entry.connection,
        tlsCertificates: Object.freeze(entry.tlsCertificates.map((der) => parseCertificate(der))),
      }),
    )
    const groups = new Map(entry.localGroups.map((group) => [group.code, new Set(group.members.map(idKey))]))
    const offered = entry.services.map((each) => localService(entry.id, each))
    byClient.set(key, Object.freeze(offered))
    for (const [index, service] of offered.entries()) {
      services.set(idKey(service.id), { service, rights: new Rights(entry.services[index]?.rights ?? [], groups) })
    }
  }
  return Object.freeze({
    clients: Object.freeze([...clients.values()]),
    client: (id: ClientId) => clients.get(idKey(id)),
    // Codes never have a version in REST; one that has is nobody's service.
    service: (id: ServiceId) => (id.serviceVersion === undefined ? services.get(idKey(id))?.service : undefined),
    services: (client: ClientId) => byClient.get(idKey(client)) ?? [],
    authorise(question: AccessQuestion) {
      const found = question.service.serviceVersion === undefined ? services.get(idKey(question.service)) : undefined
      if (found === undefined) throw fault(SIDE, 'unknown_service', `Unknown service: ${typedId(question.service)}`)
      const { service, rights } = found
      // Paths that two readers may read differently are refused whatever the right: the service sees them as they are.
      const path = decodeServicePath(question.servicePath)
      const allowed = rights.find(question, path)
      if (allowed === undefined)
        throw fault(SIDE, 'access_denied', `Request is not allowed: ${typedId(question.service)}`)
      if (service.disabled !== undefined) {
        throw fault(
          SIDE,
          'service_disabled',
          `Service ${typedId(question.service)} is disabled: ${service.disabled.notice}`,
        )
      }
      return allowed === 'everything' ? { service } : { service, endpoint: allowed }
    },
  })
}

function localService(client: ClientId, entry: ServiceEntry): LocalService {
  const { code, type, url, timeoutSeconds, tls, notice, endpoints } = entry
  return Object.freeze({
    id: Object.freeze({ ...client, serviceCode: code }),
    type,
    url,
    timeoutSeconds,
    tls,
    endpoints: Object.freeze([...endpoints]),
    ...(notice === undefined ? {} : { disabled: Object.freeze({ notice }) }),
  })
}

interface Grant {
  everything: boolean
  readonly endpoints: { readonly pattern: EndpointPattern; readonly matches: ReturnType<typeof compilePattern> }[]
}

/** The rights of one service by subject. There are no denials, so the first that allows decides. */
class Rights {
  readonly #clients = new Map<string, Grant>()
  readonly #globalGroups = new Map<string, Grant>()
  readonly #localGroups: { readonly members: ReadonlySet<string>; readonly grant: Grant }[] = []

  constructor(rights: readonly AccessRight[], groups: ReadonlyMap<string, ReadonlySet<string>>) {
    const local = new Map<string, Grant>()
    for (const { subject, endpoint } of rights) {
      const grant =
        subject.kind === 'client'
          ? grantIn(this.#clients, idKey(subject.id))
          : grantIn(subject.kind === 'global-group' ? this.#globalGroups : local, subject.code)
      if (endpoint === undefined) grant.everything = true
      else grant.endpoints.push({ pattern: endpoint, matches: compilePattern(endpoint) })
    }
    for (const [code, grant] of local) {
      const members = groups.get(code)
      if (members !== undefined) this.#localGroups.push({ members, grant })
    }
  }

  find(
    { client, method, inGlobalGroup }: AccessQuestion,
    path: readonly string[],
  ): EndpointPattern | 'everything' | undefined {
    for (const grant of this.#grants(idKey(client), inGlobalGroup)) {
      if (grant.everything) return 'everything'
      const match = grant.endpoints.find(({ matches }) => matches(method, path))
      if (match !== undefined) return match.pattern
    }
    return undefined
  }

  *#grants(client: string, inGlobalGroup: (group: string) => boolean): Generator<Grant> {
    const own = this.#clients.get(client)
    if (own !== undefined) yield own
    for (const { members, grant } of this.#localGroups) if (members.has(client)) yield grant
    for (const [code, grant] of this.#globalGroups) if (inGlobalGroup(code)) yield grant
  }
}

function grantIn(grants: Map<string, Grant>, key: string): Grant {
  let grant = grants.get(key)
  if (grant === undefined) {
    grant = { everything: false, endpoints: [] }
    grants.set(key, grant)
  }
  return grant
}
