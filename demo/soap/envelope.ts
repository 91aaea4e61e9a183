// The SOAP message protocol of X-Road as its services see it (PR-MESS §2): what is asked, by whom, and the answer under the same header.
import { refused, type SoapFault } from './fault.ts'
import { readMediaType, readParts } from './multipart.ts'
import { type Content, escapeXml, readXml, writeXml, type XmlElement } from './xml.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'
const PARTY = 'http://x-road.eu/xsd/representation.xsd'

/** Namespaces of the header, by the prefixes that they get in an answer. */
const PREFIXES: Readonly<Record<string, string>> = { [XROAD]: 'xroad', [IDENTIFIERS]: 'id', [PARTY]: 'party' }

export interface Asked {
  readonly header: readonly XmlElement[]
  readonly namespace: string
  readonly operation: string
  readonly fields: readonly XmlElement[]
}

/**
 * A request as it came. What is attached to it stays unread: it is evidence in the logs of both sides, and of no use to the registers.
 *
 * @throws SoapFault `invalid_message`
 */
export function readRequest(body: Buffer, contentType: string): Asked {
  const media = readMediaType(contentType)
  if (media?.type === 'multipart/related') {
    const [root] = readParts(body, media.parameters.get('boundary') ?? '')
    if (!root) throw refused('the multipart has no parts')
    return readEnvelope(root.bytes, root.contentType)
  }
  return readEnvelope(body, contentType)
}

function readEnvelope(bytes: Buffer, contentType: string): Asked {
  const media = readMediaType(contentType)
  if (media?.type !== 'text/xml' && media?.type !== 'application/xop+xml')
    throw refused('a SOAP 1.1 message is text/xml, or the first part of multipart/related')
  const envelope = readXml(utf8(bytes, media.parameters.get('charset')))
  if (envelope.namespace !== SOAP || envelope.local !== 'Envelope') throw refused('this is no SOAP 1.1 envelope')
  const part = (local: string) => envelope.children.filter((each) => each.namespace === SOAP && each.local === local)
  const [header, ...headers] = part('Header')
  const [content, ...contents] = part('Body')
  if (headers.length > 0 || contents.length > 0 || !content) throw refused('an envelope has one header and one body')
  const [asked, ...more] = content.children
  if (!asked || more.length > 0) throw refused('the body has one element, named as the operation')
  return {
    header: header?.children.filter(({ namespace }) => PREFIXES[namespace] !== undefined) ?? [],
    namespace: asked.namespace,
    operation: asked.local,
    fields: asked.children,
  }
}

function utf8(bytes: Buffer, charset = 'utf-8'): string {
  if (charset.toLowerCase() !== 'utf-8') throw refused('messages are in UTF-8')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw refused('the message is not in UTF-8', { cause })
  }
}

/** The text of a header element: `userId`. */
export function headerText(header: readonly XmlElement[], local: string): string | undefined {
  return header.find((each) => each.namespace === XROAD && each.local === local)?.text.trim()
}

/** The answer to a request, under the header of the request: the security server compares them. */
export function writeAnswer({ header, namespace, operation }: Asked, content: Content): string {
  const body = `<r:${operation}Response xmlns:r="${escapeXml(namespace)}">${writeXml(content)}</r:${operation}Response>`
  return envelopeOf(`<soap:Header>${header.map(writeHeader).join('')}</soap:Header>`, body)
}

/** X-Road hands a fault on as it is; it has no header. */
export function writeFault({ code, reason, message }: SoapFault): string {
  const detail = `<detail><reason>${escapeXml(reason)}</reason></detail>`
  const fault = `<faultcode>soap:${code}</faultcode><faultstring>${escapeXml(message)}</faultstring>${detail}`
  return envelopeOf('', `<soap:Fault>${fault}</soap:Fault>`)
}

function envelopeOf(header: string, body: string): string {
  const spaces = Object.entries(PREFIXES).map(([uri, prefix]) => ` xmlns:${prefix}="${uri}"`)
  return `<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="${SOAP}"${spaces.join('')}>${header}<soap:Body>${body}</soap:Body></soap:Envelope>`
}

/** Only what X-Road knows is said again; extensions of others in its elements are dropped. */
function writeHeader({ namespace, local, attributes, children, text }: XmlElement): string {
  const prefix = PREFIXES[namespace]
  if (prefix === undefined) return ''
  const written = attributes
    .filter((each) => each.namespace === '' || each.namespace === IDENTIFIERS)
    .map((each) => ` ${each.namespace === '' ? '' : 'id:'}${each.local}="${escapeXml(each.value)}"`)
  const inside = children.length > 0 ? children.map(writeHeader).join('') : escapeXml(text)
  return `<${prefix}:${local}${written.join('')}>${inside}</${prefix}:${local}>`
}
