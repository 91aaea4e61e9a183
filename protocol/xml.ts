// Reads XML that a stranger sent: faults, SOAP, signatures, hash chains. Plain documents are read by a reader of our own (xml-plain.ts),
// everything else by saxes (xml-saxes.ts), to the same tree; both keep values after XML normalisation and no comments.
import { decodeUtf8Xml, type XmlText } from './xml-encoding.ts'
import { readPlainXml } from './xml-plain.ts'
import { readWithSaxes, refused } from './xml-saxes.ts'
import type { Opaque, XmlElement, XmlLimits } from './xml-tree.ts'

const DEFAULTS: Required<XmlLimits> = { maxBytes: 4 << 20, maxDepth: 64, maxNodes: 200_000, maxAttributes: 64 }

/**
 * Parses one document in UTF-8 and returns its document element.
 *
 * @throws ProtocolError `invalid_xml`: not well-formed, a prefix without declaration, DOCTYPE, an encoding other than
 * UTF-8, an XML version other than 1.0, or more than `limits` allows.
 */
export function readXml(bytes: Uint8Array, limits: XmlLimits = {}): XmlElement {
  const maxBytes = limits.maxBytes ?? DEFAULTS.maxBytes
  if (bytes.length > maxBytes) throw refused(`document over ${maxBytes} bytes`)
  return readXmlText(decodeUtf8Xml(bytes), limits)
}

/**
 * Parses one document whose text is known, and of which not everything need be kept.
 *
 * @throws ProtocolError `invalid_xml` as {@link readXml}, or an encoding that the document does not declare.
 */
export function readXmlText(document: XmlText, limits: XmlLimits = {}, opaque?: Opaque): XmlElement {
  const bounds = { ...DEFAULTS, ...limits }
  const { text, encoding } = document
  const plain = encoding === 'UTF-8' ? readPlainXml(text, bounds, opaque) : undefined
  return plain ?? readWithSaxes(text, bounds, encoding, opaque)
}

const TEXT_SPECIAL = /[&<>\r]/g
const ATTRIBUTE_SPECIAL = /[&<"\t\n\r]/g
const NOT_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu
const REFERENCES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
}

/** Character data as Canonical XML writes it (C14N 1.0 §2.3), of text that came from a parser: it holds only characters of XML. */
export function canonicalText(text: string): string {
  return text.replace(TEXT_SPECIAL, reference)
}

/** The inside of a double-quoted attribute value as Canonical XML writes it, of text that came from a parser. */
export function canonicalAttribute(text: string): string {
  return text.replace(ATTRIBUTE_SPECIAL, reference)
}

/** Any text as character data. What XML cannot carry becomes U+FFFD. */
export function escapeText(text: string): string {
  return canonicalText(text.replace(NOT_XML, '\uFFFD'))
}

/** Any text inside a double-quoted attribute value. What XML cannot carry becomes U+FFFD. */
export function escapeAttribute(text: string): string {
  return canonicalAttribute(text.replace(NOT_XML, '\uFFFD'))
}

function reference(character: string): string {
  return REFERENCES[character] ?? character
}
