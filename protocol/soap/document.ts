// A SOAP 1.1 envelope taken apart (SOAP 1.1 §4): its header, and of its body only the names. What is inside the body's element is checked to be
// XML and then forgotten, however large it is; a fault is kept.
import { ProtocolError } from '../error.ts'
import { readXmlText } from '../xml.ts'
import { decodeXml, type XmlText } from '../xml-encoding.ts'
import { isElement, type XmlElement } from '../xml-tree.ts'
import { SOAP } from './names.ts'

/**
 * What is kept is the header. The body may be as deep as bindings of objects make it; attributes are compared with one another, hence their
 * bound. The reference has none of these limits.
 */
const LIMITS = { maxBytes: 64 << 20, maxDepth: 512, maxNodes: 20_000, maxAttributes: 128 }

export interface SoapDocument extends XmlText {
  readonly root: XmlElement
  readonly header: XmlElement | undefined
  readonly body: XmlElement | undefined
}

/**
 * @throws ProtocolError `invalid_soap`: not XML, XML with a DOCTYPE, in another encoding, beyond the limits, or no SOAP 1.1 envelope; two
 * headers. `invalid_body`: two bodies.
 */
export function readSoapDocument(bytes: Uint8Array): SoapDocument {
  const { document, root } = read(bytes)
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

function read(bytes: Uint8Array): { document: XmlText; root: XmlElement } {
  try {
    const document = decodeXml(bytes)
    return { document, root: readXmlText(document, LIMITS, isContent) }
  } catch (cause) {
    if (!(cause instanceof ProtocolError) || cause.code !== 'invalid_xml') throw cause
    throw new ProtocolError('invalid_soap', `Malformed SOAP message: ${cause.message}`, { cause })
  }
}

/** Whether an element is what the body carries. */
function isContent({ namespace, local, parent }: XmlElement): boolean {
  if (parent?.parent === undefined || parent.parent.parent !== undefined) return false
  return parent.local === 'Body' && parent.namespace === SOAP && !(local === 'Fault' && namespace === SOAP)
}
