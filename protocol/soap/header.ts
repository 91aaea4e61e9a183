// The header of a SOAP message (PR-MESS §2.2, wire-client §2.2): who asks whom for what. Values are not trimmed, and comments in them do not
// part them. Elements that nobody here knows, such as the security token's, stay in the message and mean nothing.
import { ProtocolError } from '../error.ts'
import { type ClientId, checkPart, MAX_ID_LENGTH, type ServerId, type ServiceId } from '../identifier.ts'
import { attributeOf, isElement, type XmlElement } from '../xml-tree.ts'
import { IDENTIFIERS, REPRESENTATION, XROAD } from './names.ts'

/** On whose behalf the client asks (PR-THIRDPARTY §2). */
export interface RepresentedParty {
  readonly partyClass?: string
  readonly partyCode?: string
}

export interface SoapHeader {
  readonly client: ClientId
  readonly service: ServiceId
  /** May be empty. */
  readonly id: string
  readonly userId?: string
  readonly issue?: string
  readonly protocolVersion: string
  /** Which of the provider's security servers is meant (PR-TARGETSS §2). */
  readonly securityServer?: ServerId
  readonly representedParty?: RepresentedParty
  /** Base64, as written; of a response. In a request it says nothing. */
  readonly requestHash?: string
}

type Fields = { -readonly [K in keyof SoapHeader]?: SoapHeader[K] }
type Field = (fields: Fields, element: XmlElement) => void

const XROAD_FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['client', (fields, element) => (fields.client = clientIn(partsIn(element, CLIENT)))],
  ['service', (fields, element) => (fields.service = serviceIn(partsIn(element, SERVICE)))],
  ['securityServer', (fields, element) => (fields.securityServer = serverIn(partsIn(element, SERVER)))],
  ['id', (fields, element) => (fields.id = messageIdIn(element))],
  ['userId', (fields, element) => (fields.userId = textIn(element))],
  ['issue', (fields, element) => (fields.issue = textIn(element))],
  ['protocolVersion', (fields, element) => (fields.protocolVersion = versionIn(element))],
  ['requestHash', (fields, element) => (fields.requestHash = textIn(element))],
])

/**
 * Reads the header's fields, in the order of the document; that something is missing is told when all of it was read, in the reference's order.
 *
 * @throws ProtocolError `missing_header`, `missing_header_field`, `duplicate_header_field`, `invalid_protocol_version`, `invalid_xml` (a wrong
 * objectType, an element where a text is due), `invalid_identifier`.
 */
export function readSoapHeader(header: XmlElement | undefined): SoapHeader {
  if (header === undefined) throw new ProtocolError('missing_header', 'Malformed SOAP message: it has no header')
  const fields = readFields(header)
  const { client, service, id, protocolVersion } = fields
  if (protocolVersion === undefined) throw missing('protocolVersion')
  if (client === undefined) throw missing('client')
  if (id === undefined) throw missing('id')
  if (service === undefined) throw missing('service')
  return { ...fields, client, service, id, protocolVersion }
}

/**
 * Who asks whom, and the message id where there is one: of old messages, whose protocol had less in its header.
 *
 * @throws ProtocolError as {@link readSoapHeader}, of client and service.
 */
export function readSoapParties(
  header: XmlElement | undefined,
): Pick<SoapHeader, 'client' | 'service'> & { readonly id?: string } {
  if (header === undefined) throw new ProtocolError('missing_header', 'Malformed SOAP message: it has no header')
  const { client, service } = readFields(header, PARTIES)
  if (client === undefined) throw missing('client')
  if (service === undefined) throw missing('service')
  const [id, ...more] = header.children.filter(
    (child) => isElement(child) && child.namespace === XROAD && child.local === 'id',
  ) as XmlElement[]
  return { client, service, ...(id !== undefined && more.length === 0 ? { id: textIn(id) } : {}) }
}

const PARTIES: ReadonlySet<string> = new Set(['client', 'service'])

function readFields(header: XmlElement, only?: ReadonlySet<string>): Fields {
  const fields: Fields = {}
  const seen = new Set<string>()
  for (const element of header.children) {
    if (!isElement(element) || only?.has(element.local) === false) continue
    const read =
      element.namespace === XROAD ? XROAD_FIELDS.get(element.local) : isParty(element) ? readParty : undefined
    if (read === undefined) continue
    if (seen.has(element.local)) throw repeated(element)
    seen.add(element.local)
    read(fields, element)
  }
  return fields
}

function messageIdIn(element: XmlElement): string {
  const id = textIn(element)
  if (id.length <= MAX_ID_LENGTH) return id
  throw new ProtocolError('invalid_identifier', `The message id has over ${MAX_ID_LENGTH} characters`)
}

/** Any 4.x: what comes behind the dot has no meaning yet (wire-client §2.2). */
function versionIn(element: XmlElement): string {
  const version = textIn(element)
  if (version.startsWith('4.')) return version
  throw new ProtocolError('invalid_protocol_version', `The protocol version must be 4.x, not '${version.slice(0, 20)}'`)
}

function isParty(element: XmlElement): boolean {
  return element.namespace === REPRESENTATION && element.local === 'representedParty'
}

function readParty(fields: Fields, element: XmlElement): void {
  const parts = childValues(element, REPRESENTATION, PARTY)
  const [partyClass, partyCode] = [parts.get('partyClass'), parts.get('partyCode')]
  fields.representedParty = {
    ...(partyClass === undefined ? {} : { partyClass }),
    ...(partyCode === undefined ? {} : { partyCode }),
  }
}

interface IdShape {
  readonly types: readonly string[]
  readonly parts: ReadonlySet<string>
}

const MEMBER_PARTS = ['xRoadInstance', 'memberClass', 'memberCode']
const CLIENT: IdShape = { types: ['MEMBER', 'SUBSYSTEM'], parts: new Set([...MEMBER_PARTS, 'subsystemCode']) }
const SERVICE: IdShape = {
  types: ['SERVICE'],
  parts: new Set([...MEMBER_PARTS, 'subsystemCode', 'serviceCode', 'serviceVersion']),
}
const SERVER: IdShape = { types: ['SERVER'], parts: new Set([...MEMBER_PARTS, 'serverCode']) }
const PARTY: ReadonlySet<string> = new Set(['partyClass', 'partyCode'])

/** The parts of an identifier; which of them are there decides what it identifies, not its objectType (wire-client §2.2). */
function partsIn(element: XmlElement, { types, parts }: IdShape): ReadonlyMap<string, string> {
  const type = attributeOf(element, 'objectType', IDENTIFIERS)
  if (type === undefined || !types.includes(type)) {
    const found = type === undefined ? 'has no objectType' : `has the objectType '${type.slice(0, 40)}'`
    throw new ProtocolError(
      'invalid_xml',
      `The SOAP header ${element.local} ${found}; it must be ${types.join(' or ')}`,
    )
  }
  const values = childValues(element, IDENTIFIERS, parts)
  for (const value of values.values()) checkPart(value)
  return values
}

/** Texts of the children with those names; others are passed over. */
function childValues(element: XmlElement, namespace: string, names: ReadonlySet<string>): Map<string, string> {
  const values = new Map<string, string>()
  for (const child of element.children) {
    if (!isElement(child) || child.namespace !== namespace || !names.has(child.local)) continue
    if (values.has(child.local)) throw repeated(child)
    values.set(child.local, textIn(child))
  }
  return values
}

function clientIn(parts: ReadonlyMap<string, string>): ClientId {
  const subsystemCode = parts.get('subsystemCode')
  return { ...memberIn(parts), ...(subsystemCode === undefined ? {} : { subsystemCode }) }
}

function serviceIn(parts: ReadonlyMap<string, string>): ServiceId {
  const serviceVersion = parts.get('serviceVersion')
  return {
    ...clientIn(parts),
    serviceCode: required(parts, 'serviceCode'),
    ...(serviceVersion === undefined ? {} : { serviceVersion }),
  }
}

function serverIn(parts: ReadonlyMap<string, string>): ServerId {
  return { ...memberIn(parts), serverCode: required(parts, 'serverCode') }
}

function memberIn(parts: ReadonlyMap<string, string>): ClientId {
  return {
    instance: required(parts, 'xRoadInstance'),
    memberClass: required(parts, 'memberClass'),
    memberCode: required(parts, 'memberCode'),
  }
}

function required(parts: ReadonlyMap<string, string>, name: string): string {
  const value = parts.get(name)
  if (value !== undefined) return value
  throw new ProtocolError('invalid_identifier', `Invalid identifier: it has no ${name}`)
}

/** The text of an element that has nothing else: readers disagree about the value of one that has. */
function textIn(element: XmlElement): string {
  let value = ''
  for (const child of element.children) {
    if (typeof child !== 'string')
      throw new ProtocolError('invalid_xml', `The SOAP header ${element.local} must have text only`)
    value += child
  }
  return value
}

function repeated({ local }: XmlElement): ProtocolError {
  return new ProtocolError('duplicate_header_field', `The SOAP header has ${local} twice`)
}

function missing(name: string): ProtocolError {
  return new ProtocolError('missing_header_field', `The SOAP header must have ${name}`)
}
