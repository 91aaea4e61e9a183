// SOAP answers: envelope or fault, and the attachments behind it (wire-client §2.4–2.9).
import { AnswerError, ServiceFault, XRoadError } from './error.ts'
import type { ClientId, RepresentedParty, ServiceId } from './identifier.ts'
import { NAMESPACES } from './soap-request.ts'
import { elements, readXml, textOf, type XmlElement, xmlOf } from './xml.ts'
import { plainValue, type XmlValue } from './xml-value.ts'

/** The X-Road fields of an answer's header; the security server has compared them with the request's. */
export interface SoapHeader {
  readonly client: ClientId
  readonly service: ServiceId
  readonly id: string
  readonly userId?: string
  readonly issue?: string
  readonly representedParty?: RepresentedParty
  readonly protocolVersion: string
  /** Of the request, in base64; the security server has verified it. */
  readonly requestHash?: { readonly algorithm: string; readonly value: string }
}

export interface Envelope<Value = XmlValue> {
  readonly header: SoapHeader
  /** The element in the body as a plain value: names without prefixes, text as strings, repeated elements as arrays. */
  readonly value: Value
  /** The same element as XML that stands alone. */
  readonly bodyXml: string
  /** The whole envelope as it came. */
  readonly xml: string
}

/** Throws XRoadError or ServiceFault for a fault, AnswerError for what is no SOAP message. */
export function readEnvelope(xml: string, status: number): Envelope {
  const { envelope, body } = outline(xml, status)
  const fault = faultIn(xml, body, status)
  if (fault) throw fault
  const [header] = elements(envelope, NAMESPACES.soap, 'Header')
  const [content] = elements(body)
  if (!header || !content) throw new AnswerError('The SOAP answer has no header or no body', { status })
  return { header: headerOf(header), value: plainValue(content), bodyXml: xmlOf(xml, content), xml }
}

/** The fault in a SOAP answer, undefined when there is none. */
export function faultOf(xml: string, status: number): XRoadError | ServiceFault | undefined {
  return faultIn(xml, outline(xml, status).body, status)
}

function outline(xml: string, status: number): { envelope: XmlElement; body: XmlElement } {
  let envelope: XmlElement
  try {
    envelope = readXml(xml)
  } catch (cause) {
    throw new AnswerError(`The SOAP answer cannot be read: ${(cause as Error).message}`, { status, cause })
  }
  const [body] = elements(envelope, NAMESPACES.soap, 'Body')
  if (envelope.local !== 'Envelope' || envelope.namespace !== NAMESPACES.soap || !body)
    throw new AnswerError('The answer is XML, but no SOAP 1.1 envelope', { status })
  return { envelope, body }
}

const XROAD_CODE = /^(?:client|server\.(?:clientproxy|serverproxy))(?:\.\w+)+$/i

/**
 * A security server's fault has a code that names a side, and the id of its cause in `faultDetail`; every other fault is the service's.
 * A service can imitate one: faults are not signed (wire-client §2.9).
 */
function faultIn(xml: string, body: XmlElement, status: number): XRoadError | ServiceFault | undefined {
  const [fault] = elements(body, NAMESPACES.soap, 'Fault')
  if (!fault) return undefined
  // Children are found by their local name, as X-Road finds them.
  const child = (parent: XmlElement | undefined, local: string) => parent && elements(parent, undefined, local)[0]
  const text = (local: string) => textOf(child(fault, local) ?? fault).trim()
  const detail = child(fault, 'detail')
  const id = child(detail, 'faultDetail')
  const code = child(fault, 'faultcode') ? text('faultcode') : ''
  const words = child(fault, 'faultstring') ? text('faultstring') : ''
  if (id && XROAD_CODE.test(code)) return new XRoadError({ code, text: words, detail: textOf(id).trim(), status })
  const actor = child(fault, 'faultactor') ? text('faultactor') : ''
  return new ServiceFault({
    code,
    text: words,
    actor: actor || undefined,
    detailXml: detail && xmlOf(xml, detail),
    xml,
  })
}

function headerOf(header: XmlElement): SoapHeader {
  const field = (local: string, namespace: string = NAMESPACES.xroad) => elements(header, namespace, local)[0]
  const needed = (local: string): XmlElement => {
    const element = field(local)
    if (!element) throw new AnswerError(`The header of the SOAP answer has no ${local}`)
    return element
  }
  const [userId, issue, party, hash] = [
    field('userId'),
    field('issue'),
    field('representedParty', NAMESPACES.party),
    field('requestHash'),
  ]
  const partOf = (parent: XmlElement, local: string) => elements(parent, NAMESPACES.party, local).map(textOf)[0]
  const partyClass = party && partOf(party, 'partyClass')
  return {
    client: readId(needed('client')),
    service: readService(needed('service')),
    id: textOf(needed('id')),
    ...(userId && { userId: textOf(userId) }),
    ...(issue && { issue: textOf(issue) }),
    ...(party && {
      representedParty: {
        ...(partyClass !== undefined && { partyClass }),
        partyCode: partOf(party, 'partyCode') ?? '',
      },
    }),
    protocolVersion: textOf(needed('protocolVersion')),
    ...(hash && {
      requestHash: {
        algorithm: hash.attributes.find(({ name }) => name === 'algorithmId')?.value ?? '',
        value: textOf(hash).trim(),
      },
    }),
  }
}

function readId(element: XmlElement): ClientId {
  const part = (local: string) => elements(element, NAMESPACES.id, local).map(textOf)[0]
  const subsystemCode = part('subsystemCode')
  return {
    instance: part('xRoadInstance') ?? '',
    memberClass: part('memberClass') ?? '',
    memberCode: part('memberCode') ?? '',
    ...(subsystemCode !== undefined && { subsystemCode }),
  }
}

/** A service identifier in XML, as headers and listMethods have it. */
export function readService(element: XmlElement): ServiceId {
  const part = (local: string) => elements(element, NAMESPACES.id, local).map(textOf)[0]
  const serviceVersion = part('serviceVersion')
  return {
    ...readId(element),
    serviceCode: part('serviceCode') ?? '',
    ...(serviceVersion !== undefined && { serviceVersion }),
  }
}
