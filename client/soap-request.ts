// A SOAP message of protocol 4.0 as it goes out: header from identifiers, a document/literal body, attachments behind it
// (PR-MESS §2, wire-client §2).
import { type Body, encode, type Payload, payloadOf, pieces } from './body.ts'
import { type ClientId, representedParty, type ServerId, type ServiceId, serverId } from './identifier.ts'
import type { MessageOptions } from './message.ts'
import { escapeXml, XmlError } from './xml.ts'
import { rootOf, writeXml, type XmlInput } from './xml-value.ts'

export const NAMESPACES = {
  soap: 'http://schemas.xmlsoap.org/soap/envelope/',
  xroad: 'http://x-road.eu/xsd/xroad.xsd',
  id: 'http://x-road.eu/xsd/identifiers',
  party: 'http://x-road.eu/xsd/representation.xsd',
} as const

/** A file beside the message (SOAP with Attachments). */
export interface OutgoingAttachment {
  readonly content: Body
  /** What the body may name as `cid:…`; made up when absent. */
  readonly id?: string
  /** `application/octet-stream` when absent. */
  readonly type?: string
}

export interface SoapRequest extends MessageOptions {
  /**
   * The one element of the body, whose name begins with the service code: as XML, or as an object (`@name` is an attribute, an array
   * repeats): `{ 'r:findPerson': { '@xmlns:r': 'urn:register', code: '38203190108' } }`.
   */
  readonly body: string | { readonly [name: string]: XmlInput }
  readonly attachments?: readonly OutgoingAttachment[]
  /** A URI, without quotes, if the service asks for one. */
  readonly soapAction?: string
}

/** The envelope. Throws TypeError for a body that X-Road would not take. */
export function envelopeOf(
  client: ClientId,
  service: ServiceId,
  request: SoapRequest & { readonly id: string },
): string {
  const { userId, issue, representedParty: party, securityServer } = request
  const header = [
    identifier('client', client),
    identifier('service', service),
    ...(securityServer === undefined ? [] : [identifier('securityServer', serverId(securityServer))]),
    text('xroad:id', request.id),
    ...(userId === undefined ? [] : [text('xroad:userId', userId)]),
    ...(issue === undefined ? [] : [text('xroad:issue', issue)]),
    ...(party === undefined ? [] : [represented(party)]),
    text('xroad:protocolVersion', '4.0'),
  ]
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="${NAMESPACES.soap}" xmlns:xroad="${NAMESPACES.xroad}" xmlns:id="${NAMESPACES.id}">` +
    `<soap:Header>${header.join('')}</soap:Header><soap:Body>${bodyOf(request.body, service.serviceCode)}</soap:Body></soap:Envelope>`
  )
}

/** Read before it is sent, so that a mistake is told where it was made. */
function bodyOf(body: SoapRequest['body'], serviceCode: string): string {
  let found: ReturnType<typeof rootOf>
  try {
    found = rootOf(typeof body === 'string' ? body : writeXml(body))
  } catch (cause) {
    if (cause instanceof XmlError)
      throw new TypeError(`the body is not one element of XML: ${cause.message}`, { cause })
    throw cause
  }
  if (!found.root.local.startsWith(serviceCode))
    throw new TypeError(
      `the body's element is ${found.root.local}; its name must begin with the service code ${serviceCode} (wire-client §2.3)`,
    )
  return found.xml
}

const PARTS = [
  ['instance', 'xRoadInstance'],
  ['memberClass', 'memberClass'],
  ['memberCode', 'memberCode'],
  ['subsystemCode', 'subsystemCode'],
  ['serverCode', 'serverCode'],
  ['serviceCode', 'serviceCode'],
  ['serviceVersion', 'serviceVersion'],
] as const

function identifier(element: string, id: ClientId | ServiceId | ServerId): string {
  const fields: Partial<Record<(typeof PARTS)[number][0], string>> = id
  const type = fields.serviceCode
    ? 'SERVICE'
    : fields.serverCode
      ? 'SERVER'
      : fields.subsystemCode
        ? 'SUBSYSTEM'
        : 'MEMBER'
  const parts = PARTS.map(([field, name]) => (fields[field] === undefined ? '' : text(`id:${name}`, fields[field])))
  return `<xroad:${element} id:objectType="${type}">${parts.join('')}</xroad:${element}>`
}

function represented(given: NonNullable<MessageOptions['representedParty']>): string {
  const { partyClass, partyCode } = representedParty(given)
  const parts = `${partyClass === undefined ? '' : text('party:partyClass', partyClass)}${text('party:partyCode', partyCode)}`
  return `<party:representedParty xmlns:party="${NAMESPACES.party}">${parts}</party:representedParty>`
}

function text(name: string, value: string): string {
  return `<${name}>${escapeXml(value)}</${name}>`
}

/** The message as HTTP carries it: the envelope alone, or as the first of several parts. */
export function httpMessage(
  envelope: string,
  attachments: readonly OutgoingAttachment[],
): { type: string; payload: Payload } {
  if (attachments.length === 0) return { type: 'text/xml; charset=UTF-8', payload: encode(envelope) }
  const boundary = `saadik-${crypto.randomUUID()}`
  const parts = attachments.map(partOf)
  return {
    type: `multipart/related; type="text/xml"; start="<envelope>"; boundary="${boundary}"`,
    payload: multipart(boundary, envelope, parts),
  }
}

function partOf({ content, id, type }: OutgoingAttachment): { head: string; payload: Payload } {
  const contentId = id ?? `${crypto.randomUUID()}@saadik`
  const { payload, contentType } = payloadOf(content)
  const mediaType = type ?? contentType ?? 'application/octet-stream'
  for (const value of [contentId, mediaType])
    if (!/^[\x20-\x7e]+$/.test(value) || /[<>]/.test(value))
      throw new TypeError(`'${value}' cannot stand in the head of an attachment`)
  return {
    head: `Content-Type: ${mediaType}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <${contentId}>\r\n\r\n`,
    payload,
  }
}

async function* multipart(
  boundary: string,
  envelope: string,
  parts: readonly { head: string; payload: Payload }[],
): AsyncGenerator<Uint8Array> {
  yield encode(
    `--${boundary}\r\nContent-Type: text/xml; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\nContent-ID: <envelope>\r\n\r\n${envelope}\r\n`,
  )
  for (const { head, payload } of parts) {
    yield encode(`--${boundary}\r\n${head}`)
    yield* pieces(payload)
    yield encode('\r\n')
  }
  yield encode(`--${boundary}--\r\n`)
}
