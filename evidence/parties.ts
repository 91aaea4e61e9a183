// Who must have signed a logged message: the client if it is a request, the provider if it is a response (wire-message §10.2).
import {
  attributeOf,
  type ClientId,
  childElement,
  childElements,
  clientOf,
  parseRestRequest,
  parseRestResponse,
  readXml,
  textOf,
  type XmlElement,
} from '#protocol'
import { EvidenceError } from './error.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'

export interface Parties {
  readonly protocol: 'REST' | 'SOAP'
  readonly direction: 'request' | 'response'
  readonly signer: ClientId
}

/** SOAP by its first octets, else a REST head; a digit begins a response. Throws EvidenceError `asic_message_not_found` when it is neither. */
export function partiesOf(message: Uint8Array): Parties {
  const start = Buffer.from(message.subarray(0, 256))
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
  try {
    if (start.startsWith('<')) return soapParties(message)
    if (/^[1-9]/.test(start))
      return { protocol: 'REST', direction: 'response', signer: clientOf(parseRestResponse(message).service) }
    return { protocol: 'REST', direction: 'request', signer: parseRestRequest(message).client }
  } catch (cause) {
    throw new EvidenceError(
      'asic_message_not_found',
      `The message is neither SOAP nor REST: ${(cause as Error).message}`,
      { cause },
    )
  }
}

function soapParties(message: Uint8Array): Parties {
  const envelope = readXml(message, { maxBytes: 64 << 20, maxDepth: 256, maxNodes: 5_000_000 })
  const header = childElement(envelope, SOAP, 'Header')
  const body = childElement(envelope, SOAP, 'Body')
  const content = body === undefined ? undefined : childElements(body)[0]
  if (header === undefined || content === undefined) throw new Error('a SOAP message without header or body')
  const isResponse = content.local.endsWith('Response')
  const element = childElement(header, XROAD, isResponse ? 'service' : 'client')
  if (element === undefined) throw new Error(`a SOAP message without ${isResponse ? 'service' : 'client'}`)
  return { protocol: 'SOAP', direction: isResponse ? 'response' : 'request', signer: readClient(element) }
}

function readClient(element: XmlElement): ClientId {
  const part = (local: string) => {
    const found = childElement(element, IDENTIFIERS, local)
    return found === undefined ? undefined : textOf(found)
  }
  const instance = part('xRoadInstance')
  const memberClass = part('memberClass')
  const memberCode = part('memberCode')
  const subsystemCode = part('subsystemCode')
  if (!instance || !memberClass || !memberCode || attributeOf(element, 'objectType', IDENTIFIERS) === undefined)
    throw new Error('an incomplete identifier')
  return { instance, memberClass, memberCode, ...(subsystemCode ? { subsystemCode } : {}) }
}
