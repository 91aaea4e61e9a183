// listMethods and allowedMethods: what a provider offers, and what of it the asker may call (PR-META §3, PR-MREST §4, wire-client §4.2–4.3).
// Each protocol lists its own services; disabled ones are listed, metadata services are not.
import type { ClientId, EndpointPattern } from '#protocol'
import type { Asking, LocalService, ServiceSnapshot } from '../services/index.ts'
import { identifierJson, identifierXml, NAMESPACES } from './identifiers.ts'

interface Listed {
  readonly service: LocalService
  readonly endpoints: readonly EndpointPattern[]
}

/** @param asking Absent: everything that is offered. */
function listed(snapshot: ServiceSnapshot, provider: ClientId, asking: Asking | undefined): readonly Listed[] {
  if (asking !== undefined) return snapshot.allowed(provider, asking)
  return snapshot.services(provider).map((service) => ({ service, endpoints: service.endpoints }))
}

/** The JSON of REST and OpenAPI services, as X-Road's serialiser writes it. */
export function restMethods(snapshot: ServiceSnapshot, provider: ClientId, asking: Asking | undefined): Uint8Array {
  const service = listed(snapshot, provider, asking)
    .filter(({ service: { type } }) => type !== 'WSDL')
    .map(({ service: { id, type }, endpoints }) => {
      const { object_type, ...parts } = identifierJson(id)
      return {
        object_type,
        service_type: type === 'OPENAPI3' ? 'OPENAPI' : 'REST',
        ...parts,
        endpoint_list: endpoints.map(({ method, path }) => ({ method, path })),
      }
    })
  return Buffer.from(JSON.stringify({ service }))
}

/** The SOAP body's element with the operations of WSDLs. */
export function soapMethods(
  snapshot: ServiceSnapshot,
  provider: ClientId,
  asking: Asking | undefined,
  name: 'listMethodsResponse' | 'allowedMethodsResponse',
): Uint8Array {
  const services = listed(snapshot, provider, asking)
    .filter(({ service: { type } }) => type === 'WSDL')
    .map(({ service: { id } }) => identifierXml('xroad:service', id))
  return Buffer.from(`<xroad:${name} ${NAMESPACES}>${services.join('')}</xroad:${name}>`)
}
