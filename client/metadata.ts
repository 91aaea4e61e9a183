// Who there is, what they offer, and how it is described: the metaservices (wire-client §4).
import { AnswerError } from './error.ts'
import { type ClientId, clientId, encodeId, type ServiceId, serviceId } from './identifier.ts'
import type { MessageOptions } from './message.ts'
import { restService } from './rest.ts'
import { soapService } from './soap.ts'
import { faultOf } from './soap-answer.ts'
import { listSoap, readWsdl } from './soap-metadata.ts'
import { textWithin } from './text.ts'
import type { Transport } from './transport.ts'

/** A member or a subsystem of an instance, registered on a security server or not. */
export interface ListedClient {
  readonly id: ClientId
  /** The member's name, for subsystems too. */
  readonly name: string
  readonly subsystemName?: string
}

/** A service of a provider. */
export interface ListedService {
  readonly id: ServiceId
  readonly type: 'REST' | 'OPENAPI' | 'WSDL'
  /** Of REST services; the base endpoint is never among them. */
  readonly endpoints: readonly ListedEndpoint[]
}

export interface ListedEndpoint {
  /** `GET`, or `*` for any. */
  readonly method: string
  /** A pattern: `*` stands for anything but a slash, `**` for anything. */
  readonly path: string
}

export interface ServiceDescription {
  readonly mediaType: string
  /** As the provider keeps it: JSON or YAML for OpenAPI, XML for WSDL. */
  readonly text: string
}

export interface ListOptions extends MessageOptions {
  /** REST services (`rest`, when absent) or those of WSDLs (`soap`): a provider answers about one kind at a time. */
  readonly protocol?: 'rest' | 'soap'
}

/** Lists and descriptions; more than this is nobody's. */
const MAX_METADATA_BYTES = 64 * 1024 * 1024

export interface Metadata {
  /**
   * Everybody in the instance, or in a federated one: members, then their subsystems. Your security server answers by itself.
   *
   * @throws XRoadError: unknown instance, or no valid global configuration.
   */
  listClients(instance?: string): Promise<ListedClient[]>
  /** The services of a provider, allowed to you or not. */
  listMethods(provider: string | ClientId, options?: ListOptions): Promise<ListedService[]>
  /** Those that you may call, at least in part. */
  allowedMethods(provider: string | ClientId, options?: ListOptions): Promise<ListedService[]>
  /** The OpenAPI document of a REST service; `saadik types` makes types of it. */
  getOpenAPI(service: string | ServiceId, options?: MessageOptions): Promise<ServiceDescription>
  /** The WSDL of a SOAP service, of the version named if there is one. */
  getWsdl(service: string | ServiceId, options?: MessageOptions): Promise<ServiceDescription>
}

export function metadataOf(transport: Transport, client: ClientId, standing: MessageOptions): Metadata {
  const ask = (provider: ClientId, serviceCode: string, query: string, options: MessageOptions) =>
    restService(transport, { ...provider, serviceCode }, encodeId(client), standing).fetch(query, {
      ...options,
      headers: { Accept: 'application/json' },
    })
  const list = (provider: string | ClientId, code: string, { protocol = 'rest', ...options }: ListOptions) =>
    protocol === 'rest'
      ? services(provider, code, options)
      : listSoap(soapService(transport, { ...clientId(provider), serviceCode: code }, client, standing), options)

  async function services(
    provider: string | ClientId,
    code: string,
    options: MessageOptions,
  ): Promise<ListedService[]> {
    const answer = await good(await ask(clientId(provider), code, '', options), code)
    return listOf(jsonOf(answer.text, code), 'service', code).map((entry) => {
      const type = textOf(entry, 'service_type', code)
      if (type !== 'REST' && type !== 'OPENAPI' && type !== 'WSDL') throw unreadable(code, `service_type ${type}`)
      return {
        id: { ...idOf(entry, code), serviceCode: textOf(entry, 'service_code', code) },
        type,
        endpoints: listOf(entry, 'endpoint_list', code).map((endpoint) => ({
          method: textOf(endpoint, 'method', code),
          path: textOf(endpoint, 'path', code),
        })),
      }
    })
  }

  return {
    async listClients(instance) {
      const target = `/listClients${instance === undefined ? '' : `?xRoadInstance=${encodeURIComponent(instance)}`}`
      const response = await transport.send({
        method: 'GET',
        target,
        headers: new Headers({ Accept: 'application/json' }),
      })
      const { mediaType, text } = await good(response, 'listClients')
      // Errors are SOAP faults with status 200, even for those who asked for JSON.
      if (!mediaType.endsWith('json')) throw faultIn(text, mediaType)
      return listOf(jsonOf(text, 'listClients'), 'member', 'listClients').map((entry) => {
        const subsystemName = entry['subsystem_name']
        return {
          id: idOf(objectIn(entry, 'id', 'listClients'), 'listClients'),
          name: textOf(entry, 'name', 'listClients'),
          ...(typeof subsystemName === 'string' && { subsystemName }),
        }
      })
    },
    listMethods: (provider, options = {}) => list(provider, 'listMethods', options),
    allowedMethods: (provider, options = {}) => list(provider, 'allowedMethods', options),
    async getOpenAPI(service, options = {}) {
      const { serviceCode, ...provider } = serviceId(service)
      const query = `?serviceCode=${encodeURIComponent(serviceCode)}`
      return good(await ask(provider, 'getOpenAPI', query, options), 'getOpenAPI')
    },
    getWsdl(service, options = {}) {
      const { serviceCode, serviceVersion, ...provider } = serviceId(service)
      return readWsdl(
        soapService(transport, { ...provider, serviceCode: 'getWsdl' }, client, standing),
        { serviceCode, serviceVersion },
        options,
      )
    },
  }
}

async function good(response: Response, what: string): Promise<ServiceDescription> {
  const { status, headers } = response
  if (status !== 200) {
    await response.body?.cancel()
    throw new AnswerError(`${what} was answered with HTTP status ${status}`, { status })
  }
  const mediaType = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return { mediaType, text: await textWithin(response, MAX_METADATA_BYTES, what) }
}

function faultIn(text: string, mediaType: string): Error {
  if (!mediaType.endsWith('xml')) return unreadable('listClients', `Content-Type ${mediaType}`)
  return faultOf(text, 200) ?? unreadable('listClients', 'XML where JSON was asked for')
}

type Json = Readonly<Record<string, unknown>>

function jsonOf(text: string, what: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch (cause) {
    throw new AnswerError(`${what} was answered with something that is no JSON`, { cause })
  }
  throw unreadable(what, 'no object')
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectIn(entry: Json, field: string, what: string): Json {
  const value = entry[field]
  if (isObject(value)) return value
  throw unreadable(what, field)
}

/** A list of objects; absent is empty. */
function listOf(entry: Json, field: string, what: string): Json[] {
  const value = entry[field] ?? []
  if (Array.isArray(value) && value.every(isObject)) return value
  throw unreadable(what, field)
}

function textOf(entry: Json, field: string, what: string): string {
  const value = entry[field]
  if (typeof value === 'string') return value
  throw unreadable(what, field)
}

function idOf(entry: Json, what: string): ClientId {
  const subsystemCode = entry['subsystem_code']
  return {
    instance: textOf(entry, 'xroad_instance', what),
    memberClass: textOf(entry, 'member_class', what),
    memberCode: textOf(entry, 'member_code', what),
    ...(typeof subsystemCode === 'string' && { subsystemCode }),
  }
}

function unreadable(what: string, part: string): AnswerError {
  return new AnswerError(`The answer of ${what} is not as X-Road writes it (${part})`)
}
