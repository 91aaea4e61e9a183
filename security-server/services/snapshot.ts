// What the message path asks, for every message: an immutable picture of the registry with everything looked up and
// compiled beforehand.
import {
  type ClientId,
  decodeServicePath,
  type EndpointPattern,
  fault,
  idKey,
  type ServiceId,
  typedId,
} from '#protocol'
import { type Certificate, parseCertificate } from '#trust'
import type { ClientEntry, Connection, ServiceEntry, ServiceTls, ServiceType, TrackerRules } from './model.ts'
import { type Asking, Rights } from './rights.ts'

export interface LocalClient {
  readonly id: ClientId
  readonly connection: Connection
  readonly tlsCertificates: readonly Certificate[]
}

export interface LocalService {
  /** With a version only if it is an operation of a WSDL that has one. */
  readonly id: ServiceId
  readonly type: ServiceType
  /** For people; from a WSDL. */
  readonly title?: string
  /** Address of the description; absent for a base path. */
  readonly description?: string
  /** Base address, which path and query of the request follow; of an operation of a WSDL the address itself. */
  readonly url: string
  /** 0: no limit. */
  readonly timeoutSeconds: number
  readonly tls: ServiceTls
  readonly disabled?: { readonly notice: string }
  /** Where the data tracker tells persons of its requests. */
  readonly tracker?: TrackerRules
  /** Of the description; for a base path those that rights name; none for SOAP. */
  readonly endpoints: readonly EndpointPattern[]
}

export interface SoapAccessQuestion extends Asking {
  readonly service: ServiceId
}

export interface AccessQuestion extends SoapAccessQuestion {
  readonly method: string
  /** Raw, as in the request target. */
  readonly servicePath: string
}

export interface ServiceSnapshot {
  readonly clients: readonly LocalClient[]
  client(id: ClientId): LocalClient | undefined
  service(id: ServiceId): LocalService | undefined
  services(client: ClientId): readonly LocalService[]
  /**
   * Whether a client may call a REST service (wire-client §5.5, in its order).
   *
   * @returns The service, and the pattern that allowed the call unless the whole service is allowed.
   * @throws XRoadFault `server.serverproxy.` + `unknown_service`, `service_type`, `access_denied` or `service_disabled`.
   */
  authorise(question: AccessQuestion): { readonly service: LocalService; readonly endpoint?: EndpointPattern }
  /** Whether a client may call an operation of a WSDL: only rights to the whole service count. Faults as above. */
  authoriseSoap(question: SoapAccessQuestion): LocalService
  /**
   * The services of a provider to which a client has some right, with the endpoints that it may call: for metadata, disabled ones
   * included (wire-client §4.2–4.3).
   */
  allowed(
    provider: ClientId,
    asking: Asking,
  ): readonly { readonly service: LocalService; readonly endpoints: readonly EndpointPattern[] }[]
}

const SIDE = 'server.serverproxy'

interface Offered {
  readonly service: LocalService
  readonly rights: Rights
}

export function createSnapshot(entries: readonly ClientEntry[]): ServiceSnapshot {
  const clients = new Map<string, LocalClient>()
  const services = new Map<string, Offered>()
  const byClient = new Map<string, readonly Offered[]>()
  for (const entry of entries) {
    clients.set(
      idKey(entry.id),
      Object.freeze({
        id: entry.id,
        connection: entry.connection,
        tlsCertificates: Object.freeze(entry.tlsCertificates.map((der) => parseCertificate(der))),
      }),
    )
    const offered = offeredBy(entry)
    byClient.set(idKey(entry.id), offered)
    for (const each of offered) services.set(idKey(each.service.id), each)
  }

  function known(id: ServiceId, soap: boolean): Offered {
    const found = services.get(idKey(id))
    if (found === undefined) throw fault(SIDE, 'unknown_service', `Unknown service: ${typedId(id)}`)
    if ((found.service.type === 'WSDL') === soap) return found
    const text = soap ? 'a REST service and cannot be called by SOAP' : 'a SOAP service and cannot be called by REST'
    throw fault(SIDE, 'service_type', `Service ${typedId(id)} is ${text}`)
  }

  return Object.freeze({
    clients: Object.freeze([...clients.values()]),
    client: (id: ClientId) => clients.get(idKey(id)),
    service: (id: ServiceId) => services.get(idKey(id))?.service,
    services: (client: ClientId) => byClient.get(idKey(client))?.map(({ service }) => service) ?? [],
    authorise(question: AccessQuestion) {
      const { service, rights } = known(question.service, false)
      // Paths that two readers may read differently are refused whatever the right: the service sees them as they are.
      const path = decodeServicePath(question.servicePath)
      const allowed = rights.find(question, question.method, path)
      if (allowed === undefined) throw denied(question.service)
      refuseDisabled(service)
      return allowed === 'everything' ? { service } : { service, endpoint: allowed }
    },
    authoriseSoap(question: SoapAccessQuestion) {
      const { service, rights } = known(question.service, true)
      if (!rights.everything(question)) throw denied(question.service)
      refuseDisabled(service)
      return service
    },
    allowed: (provider: ClientId, asking: Asking) =>
      (byClient.get(idKey(provider)) ?? [])
        .filter(({ rights }) => rights.any(asking))
        .map(({ service, rights }) => ({ service, endpoints: rights.among(asking, service.endpoints) })),
  })
}

function denied(id: ServiceId): Error {
  return fault(SIDE, 'access_denied', `Request is not allowed: ${typedId(id)}`)
}

function refuseDisabled({ id, disabled }: LocalService): void {
  if (disabled === undefined) return
  throw fault(SIDE, 'service_disabled', `Service ${typedId(id)} is disabled: ${disabled.notice}`)
}

/** Versions of one code share their rights (wire-client §5.1). */
function offeredBy(client: ClientEntry): readonly Offered[] {
  const groups = new Map(client.localGroups.map((group) => [group.code, new Set(group.members.map(idKey))]))
  const rights = new Map(
    [...Map.groupBy(client.services, ({ code }) => code)].map(([code, versions]) => [
      code,
      new Rights(
        versions.flatMap((version) => version.rights),
        groups,
      ),
    ]),
  )
  return Object.freeze(
    client.services.flatMap((entry) => {
      const own = rights.get(entry.code)
      return own === undefined ? [] : [{ service: localService(client.id, entry), rights: own }]
    }),
  )
}

function localService(client: ClientId, entry: ServiceEntry): LocalService {
  const { code, version, type, title, description, url, timeoutSeconds, tls, notice, tracker } = entry
  const id =
    version === undefined ? { ...client, serviceCode: code } : { ...client, serviceCode: code, serviceVersion: version }
  return Object.freeze({
    id: Object.freeze(id),
    type,
    url,
    timeoutSeconds,
    tls,
    endpoints: Object.freeze(endpointsOf(entry)),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(notice === undefined ? {} : { disabled: Object.freeze({ notice }) }),
    ...(tracker === undefined ? {} : { tracker: Object.freeze(tracker) }),
  })
}

/** Who describes a base path are those who gave rights to parts of it. */
function endpointsOf({ type, endpoints, rights }: ServiceEntry): EndpointPattern[] {
  if (type !== 'REST') return [...endpoints]
  const named = rights.map(({ endpoint }) => endpoint).filter((endpoint) => endpoint !== undefined)
  return [...new Map(named.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint])).values()]
}
