// Metadata, as the provider's side answers it in place of a service (wire-client §4.2–4.3). No right is needed, signatures and log are those of any
// other exchange; who calls has been judged before.
import { Readable } from 'node:stream'
import {
  type ClientId,
  childElements,
  clientOf,
  fault,
  MAX_ID_LENGTH,
  type ServiceId,
  textOf,
  typedId,
  type XmlElement,
} from '#protocol'
import type { Asking, LocalService, ServiceSnapshot } from '../services/index.ts'
import { Descriptions, type FetchDescription } from './descriptions.ts'
import { NAMESPACES, textXml, XROAD } from './identifiers.ts'
import { restMethods, soapMethods } from './method-lists.ts'

export interface RestMetadataQuestion extends Asking {
  /** Of the request: the provider, and the metadata service's code. */
  readonly service: ServiceId
  /** Raw, without the question mark. */
  readonly query: string | undefined
}

/** What a service would have answered. Nothing of the request is in it: the reference echoes its headers, credentials included. */
export interface RestMetadataAnswer {
  readonly status: 200
  readonly reason: 'OK'
  /** name, value. */
  readonly rawHeaders: readonly string[]
  readonly body: Readable
  readonly hasBody: true
}

export interface SoapMetadataQuestion extends Asking {
  readonly service: ServiceId
  /** The one element of the SOAP body. */
  readonly request: XmlElement
}

export interface SoapMetadataAnswer {
  /** The one element of the SOAP body, with every namespace that it uses; UTF-8. */
  readonly body: Uint8Array
  readonly attachments: readonly SoapMetadataAttachment[]
}

export interface SoapMetadataAttachment {
  readonly contentType: string
  /** `content-transfer-encoding` and `content-id`, to be sent with it. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly content: AsyncIterable<Uint8Array>
}

export interface Metadata {
  /** Whether a REST request is for metadata; with another method it is for an ordinary service, which nobody has (wire-client §4.3). */
  isRest(request: { readonly method: string; readonly service: ServiceId }): boolean
  /**
   * Answers listMethods, allowedMethods and getOpenAPI.
   *
   * @throws XRoadFault `server.serverproxy.` + `invalid_request`: no serviceCode; `internal_error`: no such service or not one with an OpenAPI
   * description; those of {@link Descriptions.get}.
   */
  answerRest(question: RestMetadataQuestion): Promise<RestMetadataAnswer>
  /** Whether a SOAP request is for metadata; the version does not count. */
  isSoap(service: ServiceId): boolean
  /**
   * Answers listMethods, allowedMethods and getWsdl; the last one with an attachment, which makes the answer a multipart.
   *
   * @throws XRoadFault `server.serverproxy.` + `invalid_request`: no serviceCode; `unknown_service`; `service_type`: a REST service; those of
   * {@link Descriptions.get}.
   */
  answerSoap(question: SoapMetadataQuestion): Promise<SoapMetadataAnswer>
}

const SIDE = 'server.serverproxy'
const REST_CODES: ReadonlySet<string> = new Set(['listMethods', 'allowedMethods', 'getOpenAPI'])
const SOAP_CODES: ReadonlySet<string> = new Set(['listMethods', 'allowedMethods', 'getWsdl'])

/**
 * @param options.snapshot The registry of now, asked for each answer.
 * @param options.ownDescriptions OpenAPI descriptions in YAML, by service code, of what this server answers itself.
 */
export function openMetadata(options: {
  readonly snapshot: () => ServiceSnapshot
  readonly fetch: FetchDescription
  readonly ownDescriptions: ReadonlyMap<string, Uint8Array>
}): Metadata {
  const { snapshot, ownDescriptions } = options
  const descriptions = new Descriptions(options.fetch)

  async function openApi(provider: ClientId, query: string | undefined): Promise<RestMetadataAnswer> {
    const service = snapshot().service({ ...provider, serviceCode: serviceCodeIn(query) })
    if (service === undefined) throw fault(SIDE, 'internal_error', 'Service not found')
    const own = ownDescriptions.get(service.id.serviceCode)
    if (own !== undefined) return restAnswer('application/yaml', own)
    const description = descriptionOf(service, 'OPENAPI3')
    if (description === undefined)
      throw fault(SIDE, 'internal_error', `Invalid service type: ${typedId(service.id)} has no OpenAPI description`)
    const { contentType, body } = await descriptions.get(service, description)
    return restAnswer(contentType === '' ? 'text/plain' : contentType, body)
  }

  async function wsdl(provider: ClientId, request: XmlElement): Promise<SoapMetadataAnswer> {
    const code = textIn(request, 'serviceCode')
    if (code === undefined) throw fault(SIDE, 'invalid_request', 'Missing serviceCode in message body')
    const version = textIn(request, 'serviceVersion')
    const id: ServiceId = {
      ...provider,
      serviceCode: code,
      ...(version === undefined ? {} : { serviceVersion: version }),
    }
    const service = snapshot().service(id)
    if (service === undefined)
      throw fault(SIDE, 'unknown_service', `Could not find wsdl URL for service ${typedId(id)}`)
    const description = descriptionOf(service, 'WSDL')
    if (description === undefined)
      throw fault(SIDE, 'service_type', 'Service is a REST service and does not have a WSDL')
    const { body } = await descriptions.get(service, description)
    const echoed = textXml('serviceCode', code) + (version === undefined ? '' : textXml('serviceVersion', version))
    return {
      body: Buffer.from(`<xroad:getWsdlResponse ${NAMESPACES}>${echoed}</xroad:getWsdlResponse>`),
      attachments: [
        {
          contentType: 'text/xml',
          headers: [
            ['content-transfer-encoding', 'binary'],
            ['content-id', `<wsdl=${crypto.randomUUID()}@x-road.eu>`],
          ],
          content: streamOf(body),
        },
      ],
    }
  }

  return {
    isRest: ({ method, service }) => method === 'GET' && REST_CODES.has(service.serviceCode),
    async answerRest(question) {
      const provider = clientOf(question.service)
      const code = question.service.serviceCode
      if (code === 'getOpenAPI') return await openApi(provider, question.query)
      const asking = code === 'allowedMethods' ? question : undefined
      return restAnswer('application/json', restMethods(snapshot(), provider, asking))
    },
    isSoap: ({ serviceCode }) => SOAP_CODES.has(serviceCode),
    async answerSoap(question) {
      const provider = clientOf(question.service)
      const code = question.service.serviceCode
      if (code === 'getWsdl') return await wsdl(provider, question.request)
      const asking = code === 'allowedMethods' ? question : undefined
      const name = asking === undefined ? 'listMethodsResponse' : 'allowedMethodsResponse'
      return { body: soapMethods(snapshot(), provider, asking, name), attachments: [] }
    },
  }
}

function descriptionOf({ type, description }: LocalService, wanted: LocalService['type']): string | undefined {
  return type === wanted ? description : undefined
}

/** In any case of letters, the last one (wire-client §4.3). */
function serviceCodeIn(query: string | undefined): string {
  let code = ''
  for (const [name, value] of new URLSearchParams(query ?? '')) if (name.toLowerCase() === 'servicecode') code = value
  if (code === '') throw fault(SIDE, 'invalid_request', 'Missing serviceCode in the query')
  return code
}

/** Twice is no answer to "which one". */
function textIn(request: XmlElement, local: string): string | undefined {
  const [element, another] = childElements(request, XROAD, local)
  if (another !== undefined) throw fault(SIDE, 'invalid_request', `There is more than one ${local} in the message body`)
  const text = element === undefined ? '' : textOf(element)
  if (text.length > MAX_ID_LENGTH)
    throw fault(SIDE, 'invalid_request', `The ${local} is over ${MAX_ID_LENGTH} characters`)
  return text.trim() === '' ? undefined : text
}

function restAnswer(contentType: string, body: Uint8Array): RestMetadataAnswer {
  const rawHeaders = ['content-type', contentType]
  return { status: 200, reason: 'OK', rawHeaders, body: streamOf(body), hasBody: true }
}

function streamOf(body: Uint8Array): Readable {
  return Readable.from([body], { objectMode: false })
}
