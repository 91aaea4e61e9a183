// How a fault is written and read: as a SOAP fault between security servers and to SOAP clients (wire-message §2.2,
// wire-client §2.9), as JSON or XML to REST clients (wire-client §3.7).
import { ProtocolError } from './error.ts'
import { currentCode, legacyCode, XRoadFault } from './faults.ts'
import { SOAP } from './soap/names.ts'
import { escapeText, readXml } from './xml.ts'
import { childElement, isElement, textOf, type XmlElement } from './xml-tree.ts'

/** A fault is a few hundred bytes; whoever sends more wants something else. */
const MAX_FAULT_BYTES = 1 << 20
const MAX_CODE_LENGTH = 255
const MAX_TEXT_LENGTH = 10_000

/** The SOAP fault, byte for byte as the reference lays it out. `legacy` spells the code as servers up to 7.7 do. */
export function writeSoapFault(fault: XRoadFault, spelling: 'current' | 'legacy' = 'current'): Uint8Array {
  const code = spelling === 'legacy' ? legacyCode(fault.code) : fault.code
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}"><SOAP-ENV:Body><SOAP-ENV:Fault>` +
      `<faultcode>${escapeText(code)}</faultcode><faultstring>${escapeText(fault.message)}</faultstring><faultactor></faultactor>` +
      `<detail><faultDetail xmlns="">${escapeText(fault.detail)}</faultDetail></detail>` +
      '</SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>',
  )
}

/**
 * Reads a SOAP fault in either code spelling; undefined when the document is an envelope without a fault. The result is
 * marked as received; its code is in the current spelling, visible ASCII and bounded, so that it can stand in a header.
 *
 * @throws ProtocolError `invalid_soap`: not a SOAP 1.1 envelope, or a fault without a code.
 */
export function readSoapFault(xml: Uint8Array): XRoadFault | undefined {
  const body = childElement(readEnvelope(xml), SOAP, 'Body')
  const fault = body === undefined ? undefined : childElement(body, SOAP, 'Fault')
  return fault === undefined ? undefined : faultOf(fault)
}

/** The fault that a `Fault` element tells of, as {@link readSoapFault}. Throws ProtocolError `invalid_soap` when it has no code. */
export function faultOf(fault: XmlElement): XRoadFault {
  const code = textOfChild(fault, 'faultcode')?.trim()
  if (code === undefined || code === '') throw new ProtocolError('invalid_soap', 'The SOAP fault has no code')
  const message = textOfChild(fault, 'faultstring') ?? ''
  const detail = childNamed(fault, 'detail')
  const id = detail === undefined ? undefined : (textOfChild(detail, 'faultDetail') ?? textOf(detail)).trim()
  // The current spelling may be longer than the older one.
  return new XRoadFault(headerSafe(currentCode(headerSafe(code))), bounded(message), {
    received: true,
    ...(id === undefined || id === '' ? {} : { detail: bounded(id) }),
  })
}

function readEnvelope(xml: Uint8Array): XmlElement {
  let root: XmlElement
  try {
    root = readXml(xml, { maxBytes: MAX_FAULT_BYTES })
  } catch (cause) {
    throw new ProtocolError('invalid_soap', 'Not a SOAP message: the XML cannot be read', { cause })
  }
  if (root.local === 'Envelope' && root.namespace === SOAP) return root
  throw new ProtocolError('invalid_soap', 'Not a SOAP 1.1 envelope')
}

/** Children of a fault are matched by local name only (wire-client §2.9). */
function childNamed(element: XmlElement, local: string): XmlElement | undefined {
  return element.children.find((node): node is XmlElement => isElement(node) && node.local === local)
}

function textOfChild(element: XmlElement, local: string): string | undefined {
  const child = childNamed(element, local)
  return child === undefined ? undefined : textOf(child)
}

function headerSafe(code: string): string {
  return code.slice(0, MAX_CODE_LENGTH).replace(/[^\u0021-\u007E]/g, '?')
}

function bounded(text: string): string {
  return text.slice(0, MAX_TEXT_LENGTH).toWellFormed()
}

/**
 * The error as a REST client gets it: status 500 for `server.*`, else 400; XML when one of the Accept values asks for it
 * before anything else that counts, JSON otherwise. Parameters and q values do not count, as in the reference.
 *
 * @param accept Values of the Accept header, each possibly a list.
 */
export function renderRestError(
  fault: XRoadFault,
  accept: readonly string[],
): { status: number; contentType: string; body: Uint8Array } {
  const status = fault.code.startsWith('server.') ? 500 : 400
  const { code: type, message, detail } = fault
  const xmlType = acceptedXml(accept)
  if (xmlType === undefined) {
    return { status, contentType: 'application/json', body: Buffer.from(JSON.stringify({ type, message, detail })) }
  }
  const text =
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>' +
    `<error><type>${escapeText(type)}</type><message>${escapeText(message)}</message><detail>${escapeText(detail)}</detail></error>`
  return { status, contentType: `${xmlType};charset=utf-8`, body: Buffer.from(text) }
}

function acceptedXml(accept: readonly string[]): string | undefined {
  for (const range of accept.join(',').split(',')) {
    const type = range.split(';', 1)[0]?.trim().toLowerCase()
    if (type === 'text/xml' || type === 'application/xml') return type
    if (type === 'text/*') return 'text/xml'
  }
  return undefined
}
