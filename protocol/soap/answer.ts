// The answer to a SOAP request: the request's hash that the provider's security server writes into it, and whether it belongs to the request
// (PR-MESS §2.2, wire-client §2.6–2.7, wire-message §3.6).
import { encodeBase64 } from '#trust'
import { fault } from '../faults.ts'
import { sameId } from '../identifier.ts'
import { canonicalAttribute } from '../xml.ts'
import { byteOffset, encodeXml } from '../xml-encoding.ts'
import { isElement, type XmlElement } from '../xml-tree.ts'
import { readSoapDocument, type SoapDocument } from './document.ts'
import type { RepresentedParty } from './header.ts'
import { checkSoapType, interpretSoap, type SoapMessage, type SoapRead } from './message.ts'
import { XROAD } from './names.ts'

const SHA512 = 'http://www.w3.org/2001/04/xmlenc#sha512'

/**
 * What the answer to a SOAP request carries.
 *
 * @param messageDigest SHA-512 of the request's bytes, attachments not included.
 */
export function soapRequestHash(messageDigest: Uint8Array): string {
  return encodeBase64(messageDigest)
}

/**
 * Reads what a service answered, as `readSoap` does, and puts the request's hash into its header; what is returned has the bytes to be hashed,
 * signed, sent and logged. Faults stay as they are.
 *
 * `requestHash` comes behind `id`, with its prefix and attributes, after a copy of the first white space in the header; what the service said
 * in its place goes. Not one other byte changes, where the reference writes the whole message anew: XML declaration (always UTF-8, whatever
 * the bytes are) and a last line break added, byte-order mark and processing instructions lost, empty elements expanded.
 *
 * @throws ProtocolError as `readSoap`.
 */
export function readSoapAnswer(bytes: Uint8Array, contentType: string, requestHash: string): SoapRead {
  checkSoapType(contentType)
  const document = readSoapDocument(bytes)
  const read = interpretSoap(document, contentType)
  if (read.kind === 'fault') return read
  return { kind: 'soap', message: { ...read.message, bytes: withRequestHash(document, requestHash), requestHash } }
}

/**
 * What is asked of the security server itself: the element in the body, with everything in it.
 *
 * @throws ProtocolError `invalid_soap`: more than 20,000 elements and texts.
 */
export function soapQuestion(request: SoapMessage): XmlElement {
  const asked = readSoapDocument(request.bytes, true).body?.children.find(isElement)
  if (asked === undefined) throw new TypeError('a SOAP message without content was not refused')
  return asked
}

/**
 * The answer of the security server itself (wire-client §4.2): envelope and header of the request as they are, its hash, and `content` in the
 * place of the element in its body.
 *
 * @param requestHash Of the request.
 * @param content One element with all its declarations, named after the service code.
 * @throws ProtocolError as `readSoap`, when the content is not that.
 */
export function answerSoap(request: SoapMessage, requestHash: string, content: string): SoapMessage {
  const document = readSoapDocument(request.bytes)
  const asked = document.body?.children.find(isElement)
  if (asked === undefined) throw new TypeError('a SOAP message without content was not refused')
  const { bytes } = request
  const [from, to] = [byteOffset(document, asked.start), byteOffset(document, asked.end)]
  const answer = Buffer.concat([bytes.subarray(0, from), encodeXml(content, document.encoding), bytes.subarray(to)])
  const read = readSoapAnswer(answer, 'text/xml; charset=UTF-8', requestHash)
  if (read.kind === 'fault') throw new TypeError('a fault is no answer of this kind')
  return read.message
}

function withRequestHash(document: SoapDocument, requestHash: string): Uint8Array {
  const { bytes, encoding, header } = document
  const id = headerField(header, 'id')
  if (header === undefined || id === undefined) throw new TypeError('a SOAP message without id was not refused')
  const written = encodeXml(`${firstSpace(header, id) ?? ''}${hashElement(id, requestHash)}`, encoding)
  const insertAt = byteOffset(document, id.end)
  const stale = headerField(header, 'requestHash')
  if (stale === undefined) return Buffer.concat([bytes.subarray(0, insertAt), written, bytes.subarray(insertAt)])
  const [from, to] = [byteOffset(document, stale.start), byteOffset(document, stale.end)]
  return from < insertAt
    ? Buffer.concat([bytes.subarray(0, from), bytes.subarray(to, insertAt), written, bytes.subarray(insertAt)])
    : Buffer.concat([bytes.subarray(0, insertAt), written, bytes.subarray(insertAt, from), bytes.subarray(to)])
}

function headerField(header: XmlElement | undefined, local: string): XmlElement | undefined {
  return header?.children.find(
    (node): node is XmlElement => isElement(node) && node.namespace === XROAD && node.local === local,
  )
}

function hashElement({ prefix, attributes }: XmlElement, requestHash: string): string {
  const name = prefix === '' ? 'requestHash' : `${prefix}:requestHash`
  let tag = `<${name}`
  for (const attribute of attributes)
    if (attribute.name !== 'algorithmId') tag += ` ${attribute.name}="${canonicalAttribute(attribute.value)}"`
  return `${tag} algorithmId="${SHA512}">${requestHash}</${name}>`
}

/** The first text of nothing but white space in the header, up to the id. */
function firstSpace(element: XmlElement, id: XmlElement): string | undefined {
  for (const node of element.children) {
    if (node === id) return undefined
    if (typeof node === 'string') {
      if (node.trim() === '') return node
    } else if (isElement(node)) {
      const found = firstSpace(node, id)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/**
 * Whether a verified answer belongs to this request (wire-message §6.2 rows 9 and 9').
 *
 * @param requestHash Of the request that was sent.
 * @throws XRoadFault `server.clientproxy.service_failed.inconsistent_response` when a header differs,
 * `server.clientproxy.inconsistent_response` when the request's hash is missing or another's.
 */
export function checkSoapConsistency(request: SoapMessage, answer: SoapMessage, requestHash: string): void {
  const differs = [
    ['client', sameId(request.client, answer.client)],
    ['service', sameId(request.service, answer.service)],
    ['userId', request.userId === answer.userId],
    ['representedParty', sameParty(request.representedParty, answer.representedParty)],
    ['issue', request.issue === answer.issue],
    ['id', request.id === answer.id],
  ].flatMap(([name, same]) => (same ? [] : [name]))
  if (differs.length > 0)
    throw fault(
      'server.clientproxy.service_failed',
      'inconsistent_response',
      `The response does not belong to the request: ${differs.join(', ')} differ`,
    )
  if (answer.requestHash !== requestHash)
    throw fault(
      'server.clientproxy',
      'inconsistent_response',
      answer.requestHash === undefined
        ? 'The response has no hash of the request'
        : 'The response has the hash of another request',
    )
}

function sameParty(a: RepresentedParty | undefined, b: RepresentedParty | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.partyClass === b.partyClass && a.partyCode === b.partyCode
}
