// What is kept of a message whose body is not logged (wire-message §9.2): the reference's own reduced forms, byte for byte, so that whoever
// reads its logs can read ours. Nobody has signed them; the digest of the original is what remains provable.
import type { ClientId, ServerId, ServiceId } from './identifier.ts'
import type { SoapMessage } from './soap/message.ts'
import { IDENTIFIERS, REPRESENTATION, SOAP, XROAD } from './soap/names.ts'

/**
 * A REST head without what the information systems have said: of a request the method and the path up to the service, of an answer status
 * and reason; of both the lines `x-road-…`, as they are.
 */
export function reducedRest(head: Uint8Array): Uint8Array {
  // Latin-1 gives every byte back as it was.
  const [first = '', second = '', ...headers] = Buffer.from(head).toString('latin1').split('\r\n')
  const kept = headers.filter((line) => /^x-road-/i.test(line))
  const lines = [first, /^[1-9]/.test(first) ? second : servicePath(second), ...kept]
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1')
}

/** `/r1/INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE`, without path and query of the service. */
function servicePath(target: string): string {
  const [path = ''] = target.split('?', 1)
  return path.split('/').slice(0, 7).join('/')
}

/**
 * A SOAP message with the X-Road headers of the original, no others, and an empty element in its body, named after the service: an answer's
 * ends with `Response`.
 */
export function reducedSoap(message: SoapMessage): Uint8Array {
  const { client, service, securityServer, userId, representedParty, issue, id, requestHash, protocolVersion } = message
  const party = [
    field('ns4', 'partyClass', representedParty?.partyClass),
    field('ns4', 'partyCode', representedParty?.partyCode),
  ]
  const header = [
    identifier('client', client.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM', client),
    identifier('service', 'SERVICE', service),
    securityServer === undefined ? '' : identifier('securityServer', 'SERVER', securityServer),
    field('xroad', 'userId', userId),
    representedParty === undefined ? '' : `<ns4:representedParty>${party.join('')}</ns4:representedParty>`,
    field('xroad', 'issue', issue),
    field('xroad', 'id', id),
    requestHash === undefined
      ? ''
      : `<xroad:requestHash algorithmId="${SHA512}">${escaped(requestHash)}</xroad:requestHash>`,
    field('xroad', 'protocolVersion', protocolVersion),
  ].join('')
  const wrapper = `xroad:${service.serviceCode}${message.direction === 'response' ? 'Response' : ''}`
  return Buffer.from(
    `<?xml version="1.0" encoding="utf-8" ?><SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}" xmlns:id="${IDENTIFIERS}" xmlns:xroad="${XROAD}">` +
      `<SOAP-ENV:Header xmlns:ns4="${REPRESENTATION}">${header}</SOAP-ENV:Header>` +
      `<SOAP-ENV:Body><${wrapper}/></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
  )
}

const SHA512 = 'http://www.w3.org/2001/04/xmlenc#sha512'

const PARTS = [
  ['xRoadInstance', 'instance'],
  ['memberClass', 'memberClass'],
  ['memberCode', 'memberCode'],
  ['subsystemCode', 'subsystemCode'],
  ['serviceCode', 'serviceCode'],
  ['serviceVersion', 'serviceVersion'],
  ['serverCode', 'serverCode'],
] as const

function identifier(element: string, type: string, id: ClientId | ServiceId | ServerId): string {
  const values: Partial<Record<(typeof PARTS)[number][1], string>> = id
  const parts = PARTS.map(([name, key]) => field('id', name, values[key])).join('')
  return `<xroad:${element} id:objectType="${type}">${parts}</xroad:${element}>`
}

/** An absent field is no element, an empty one an empty element. */
function field(prefix: string, name: string, value: string | undefined): string {
  if (value === undefined) return ''
  return value === '' ? `<${prefix}:${name}/>` : `<${prefix}:${name}>${escaped(value)}</${prefix}:${name}>`
}

/** As Java's serialiser writes text: also what XML would take as it is, from DEL to U+009F and beyond U+FFFF. */
function escaped(text: string): string {
  return text.replaceAll(/[&<>\r\u007f-\u009f]|[\u{10000}-\u{10ffff}]/gu, (found) => {
    const named = ENTITIES[found]
    return named ?? `&#${found.codePointAt(0)};`
  })
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
