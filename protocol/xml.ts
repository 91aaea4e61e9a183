// Reads XML that a stranger sent: faults, SOAP, signatures, hash chains. saxes checks well-formedness and namespaces; this
// file adds bounds, refuses what X-Road documents never need (DOCTYPE, other encodings, XML 1.1) and keeps what a
// canonicaliser needs: prefixes, declarations as attributes, values after XML normalisation, processing instructions.
// Comments are dropped, as the reference drops them (wire-message §4.3).
import { SaxesParser, type SaxesTagNS, type XMLDecl } from 'saxes'
import { ProtocolError } from './error.ts'

export interface XmlAttribute {
  /** Qualified name as written: `Id`, `id:objectType`, `xmlns`, `xmlns:ds`. */
  readonly name: string
  readonly prefix: string
  /** Local name; for the default declaration `xmlns` it is `xmlns`, with an empty prefix. */
  readonly local: string
  /** '' for unprefixed attributes; {@link XMLNS} for namespace declarations. */
  readonly namespace: string
  /** Value after attribute-value normalisation (XML 1.0 §3.3.3), references resolved. */
  readonly value: string
}

export interface XmlElement {
  /** Qualified name as written. */
  readonly name: string
  readonly prefix: string
  readonly local: string
  readonly namespace: string
  /** In document order, namespace declarations included. */
  readonly attributes: readonly XmlAttribute[]
  readonly children: readonly XmlNode[]
  /** Undefined for the document element. Inclusive canonicalisation looks up to the ancestors. */
  readonly parent: XmlElement | undefined
}

export interface XmlInstruction {
  readonly target: string
  readonly data: string
}

/** Text is a plain string: character data and CDATA sections joined where they touch, line ends normalised. */
export type XmlNode = XmlElement | XmlInstruction | string

export interface XmlLimits {
  /** Bytes of the document. */
  readonly maxBytes?: number
  /** Elements inside one another. */
  readonly maxDepth?: number
  /** Elements, texts and instructions together. */
  readonly maxNodes?: number
  /** Attributes of one element, declarations included. */
  readonly maxAttributes?: number
}

export const XMLNS = 'http://www.w3.org/2000/xmlns/'

const DEFAULTS: Required<XmlLimits> = { maxBytes: 4 << 20, maxDepth: 64, maxNodes: 200_000, maxAttributes: 64 }

/**
 * Parses one document in UTF-8 and returns its document element.
 *
 * @throws ProtocolError `invalid_xml`: not well-formed, a prefix without declaration, DOCTYPE, an encoding other than
 * UTF-8, an XML version other than 1.0, or more than `limits` allows.
 */
export function readXml(bytes: Uint8Array, limits: XmlLimits = {}): XmlElement {
  const bounds = { ...DEFAULTS, ...limits }
  if (bytes.length > bounds.maxBytes) throw refused(`document over ${bounds.maxBytes} bytes`)
  const text = decodeUtf8(bytes)
  const builder = new TreeBuilder(bounds)
  try {
    // Without an error handler saxes throws at the first fault.
    const parser = new SaxesParser({ xmlns: true, position: false, defaultXMLVersion: '1.0', forceXMLVersion: true })
    parser.on('opentag', (tag) => builder.open(tag))
    parser.on('closetag', () => builder.close())
    parser.on('text', (data) => builder.text(data))
    // Handlers that most documents do not need are only set for those that do: with more than six of them the engine
    // keeps the parser as a dictionary, and reading a signature takes six times as long.
    if (text.includes('<![CDATA[')) parser.on('cdata', (data) => builder.text(data))
    if (text.includes('<?', 1))
      parser.on('processinginstruction', ({ target, body }) => builder.instruction(target, body))
    if (text.includes('<!DOCTYPE')) {
      parser.on('doctype', () => {
        throw refused('DOCTYPE is not allowed')
      })
    }
    parser.write(text)
    checkDeclaration(parser.xmlDecl)
    parser.close()
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw refused('not well-formed', cause)
  }
  if (builder.root === undefined) throw refused('no document element')
  return builder.root
}

function checkDeclaration({ version, encoding }: XMLDecl): void {
  if (version !== undefined && version !== '1.0') throw refused('only XML 1.0 is read')
  if (encoding !== undefined && !/^(?:utf-8|us-ascii)$/i.test(encoding)) throw refused('only UTF-8 is read')
}

/** Whether a node is an element (not text, not a processing instruction). */
export function isElement(node: XmlNode): node is XmlElement {
  return typeof node !== 'string' && 'children' in node
}

/** The child elements, in order; with a name, those of that namespace and local name. */
export function childElements(element: XmlElement, namespace?: string, local?: string): XmlElement[] {
  const found: XmlElement[] = []
  for (const node of element.children) {
    if (!isElement(node)) continue
    if (namespace !== undefined && node.namespace !== namespace) continue
    if (local !== undefined && node.local !== local) continue
    found.push(node)
  }
  return found
}

/** The first child element of that name. */
export function childElement(element: XmlElement, namespace: string, local: string): XmlElement | undefined {
  return childElements(element, namespace, local)[0]
}

/** All text below the element, in document order. */
export function textOf(element: XmlElement): string {
  let text = ''
  for (const node of element.children) {
    if (typeof node === 'string') text += node
    else if (isElement(node)) text += textOf(node)
  }
  return text
}

/** Value of an attribute; `namespace` is '' for an unprefixed one. */
export function attributeOf(element: XmlElement, local: string, namespace = ''): string | undefined {
  for (const attribute of element.attributes) {
    if (attribute.local === local && attribute.namespace === namespace) return attribute.value
  }
  return undefined
}

/** Every element of the tree, itself first, in document order. */
export function* descendants(element: XmlElement): Generator<XmlElement> {
  yield element
  for (const node of element.children) if (isElement(node)) yield* descendants(node)
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

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes) // drops one byte-order mark
  } catch (cause) {
    throw refused('not UTF-8', cause)
  }
}

function refused(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('invalid_xml', `XML refused: ${what}`, cause === undefined ? {} : { cause })
}

type Growing = XmlElement & { readonly attributes: XmlAttribute[]; readonly children: XmlNode[] }

/** Builds the tree and counts what it builds. */
class TreeBuilder {
  root: XmlElement | undefined
  readonly #limits: Required<XmlLimits>
  #current: Growing | undefined
  #depth = 0
  #nodes = 0

  constructor(limits: Required<XmlLimits>) {
    this.#limits = limits
  }

  open(tag: SaxesTagNS): void {
    this.#count()
    if (++this.#depth > this.#limits.maxDepth) throw refused('nested too deeply')
    const written = Object.values(tag.attributes)
    if (written.length > this.#limits.maxAttributes) throw refused('too many attributes')
    const attributes: XmlAttribute[] = []
    for (const { name, prefix, local, uri, value } of written) {
      // saxes trims the name of a namespace, a canonicaliser prints it: one reading only.
      if (uri === XMLNS && value !== value.trim()) throw refused('white space around a namespace name')
      attributes.push({ name, prefix, local, namespace: uri, value })
    }
    const { name, prefix, local, uri } = tag
    const element: Growing = { name, prefix, local, namespace: uri, attributes, children: [], parent: this.#current }
    if (this.#current === undefined) this.root = element
    else this.#current.children.push(element)
    this.#current = element
  }

  close(): void {
    this.#depth--
    this.#current = this.#current?.parent as Growing | undefined
  }

  text(data: string): void {
    const children = this.#current?.children
    if (children === undefined || data === '') return // white space around the document element
    const last = children.at(-1)
    if (typeof last === 'string') {
      children[children.length - 1] = last + data
      return
    }
    this.#count()
    children.push(data)
  }

  instruction(target: string, data: string): void {
    if (this.#current === undefined) return
    this.#count()
    this.#current.children.push({ target, data })
  }

  #count(): void {
    if (++this.#nodes > this.#limits.maxNodes) throw refused('too many nodes')
  }
}
