// A SOAP 1.1 envelope taken apart (SOAP 1.1 §4): its header, and of its body only the names. What is inside the body's element is checked to be
// XML and then forgotten, however large it is; a fault is kept.
import { ProtocolError } from '../error.ts'
import { readXmlText } from '../xml.ts'
import { decodeXml, type XmlText } from '../xml-encoding.ts'
import { isElement, type XmlElement } from '../xml-tree.ts'
import { SOAP } from './names.ts'

/** What is kept is the header. The reference has none of these limits. */
const LIMITS = { maxBytes: 64 << 20, maxDepth: 128, maxNodes: 20_000, maxAttributes: 128 }
/** Tags, comments, sections and references of a message: these take the time, not its bytes. A table of 50,000 rows and ten columns is within. */
const MAX_MARKUP = 1_200_000
const LESS = 0x3c
const AMPERSAND = 0x26

export interface SoapDocument extends XmlText {
  readonly root: XmlElement
  readonly header: XmlElement | undefined
  readonly body: XmlElement | undefined
}

/**
 * @param keep Whether what is inside the body's element is kept too; the limits are for all that is kept.
 * @throws ProtocolError `invalid_soap`: not XML, XML with a DOCTYPE, in another encoding, beyond the limits, or no SOAP 1.1 envelope; two
 * headers. `invalid_body`: two bodies.
 */
export function readSoapDocument(bytes: Uint8Array, keep = false): SoapDocument {
  const { document, root } = read(bytes, keep)
  if (root.local !== 'Envelope' || root.namespace !== SOAP)
    throw new ProtocolError('invalid_soap', 'Malformed SOAP message: it is not a SOAP 1.1 envelope')
  let header: XmlElement | undefined
  let body: XmlElement | undefined
  for (const child of root.children) {
    if (!isElement(child) || child.namespace !== SOAP) continue
    // The reference takes the last body; whoever takes the first reads another message.
    if (child.local === 'Body') {
      if (body !== undefined) throw new ProtocolError('invalid_body', 'Malformed SOAP message: it has two bodies')
      body = child
    } else if (child.local === 'Header') {
      if (header !== undefined) throw new ProtocolError('invalid_soap', 'Malformed SOAP message: it has two headers')
      header = child
    }
  }
  return { ...document, root, header, body }
}

function read(bytes: Uint8Array, keep: boolean): { document: XmlText; root: XmlElement } {
  checkMarkup(bytes)
  try {
    const document = decodeXml(bytes)
    return { document, root: readXmlText(document, LIMITS, keep ? undefined : isContent) }
  } catch (cause) {
    if (!(cause instanceof ProtocolError) || cause.code !== 'invalid_xml') throw cause
    throw new ProtocolError('invalid_soap', `Malformed SOAP message: ${cause.message}`, { cause })
  }
}

function checkMarkup(bytes: Uint8Array): void {
  if (bytes.length <= MAX_MARKUP) return
  let found = 0
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === LESS || bytes[at] === AMPERSAND) found++
  if (found > MAX_MARKUP)
    throw new ProtocolError('invalid_soap', `Malformed SOAP message: it has over ${MAX_MARKUP} tags and references`)
}

/** Whether an element is what the body carries. */
function isContent({ namespace, local, parent }: XmlElement): boolean {
  if (parent?.parent === undefined || parent.parent.parent !== undefined) return false
  return parent.local === 'Body' && parent.namespace === SOAP && !(local === 'Fault' && namespace === SOAP)
}
