// XML read by saxes, which checks well-formedness and namespaces and has the last word on every document. This file adds bounds, refuses
// what X-Road documents never need (DOCTYPE, other encodings, XML 1.1) and drops comments, as the reference does (wire-message §4.3).
import { SaxesParser, type SaxesTagNS, type XMLDecl } from 'saxes'
import { ProtocolError } from './error.ts'
import { mayDeclare, type XmlEncoding } from './xml-encoding.ts'
import { type Opaque, XMLNS, type XmlAttribute, type XmlElement, type XmlLimits, type XmlNode } from './xml-tree.ts'

/**
 * @param encoding What `text` was decoded from.
 * @throws ProtocolError `invalid_xml`
 */
export function readWithSaxes(
  text: string,
  bounds: Required<XmlLimits>,
  encoding: XmlEncoding = 'UTF-8',
  opaque?: Opaque,
): XmlElement {
  const builder = new TreeBuilder(bounds, opaque)
  try {
    // Without an error handler saxes throws at the first fault.
    const parser = new SaxesParser({ xmlns: true, position: false, defaultXMLVersion: '1.0', forceXMLVersion: true })
    // The parser stands behind the tag. No attribute value has a `<`, so the last one begins it.
    parser.on('opentag', (tag) => builder.open(tag, text.lastIndexOf('<', parser.position - 1)))
    parser.on('closetag', () => builder.close(parser.position))
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
    checkDeclaration(parser.xmlDecl, encoding)
    parser.close()
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw refused('not well-formed', cause)
  }
  if (builder.root === undefined) throw refused('no document element')
  return builder.root
}

function checkDeclaration({ version, encoding: declared }: XMLDecl, encoding: XmlEncoding): void {
  if (version !== undefined && version !== '1.0') throw refused('only XML 1.0 is read')
  if (declared !== undefined && !mayDeclare(encoding, declared)) throw refused(`it is ${encoding} and says otherwise`)
}

export function refused(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('invalid_xml', `XML refused: ${what}`, cause === undefined ? {} : { cause })
}

type Growing = XmlElement & { readonly attributes: XmlAttribute[]; readonly children: XmlNode[]; end: number }

/** Builds the tree and counts what it builds. */
class TreeBuilder {
  root: XmlElement | undefined
  readonly #limits: Required<XmlLimits>
  readonly #opaque: Opaque | undefined
  #current: Growing | undefined
  #depth = 0
  #nodes = 0
  /** Open elements of which nothing inside is kept. */
  #hidden = 0

  constructor(limits: Required<XmlLimits>, opaque: Opaque | undefined) {
    this.#limits = limits
    this.#opaque = opaque
  }

  open(tag: SaxesTagNS, start: number): void {
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
    const parent = this.#current
    const element: Growing = {
      ...{ name, prefix, local, namespace: uri, attributes, children: [], parent },
      ...{ start, end: start },
    }
    if (parent === undefined) this.root = element
    else if (this.#hidden === 0) parent.children.push(element)
    this.#current = element
    if (this.#hidden > 0 || this.#opaque?.(element) === true) this.#hidden++
  }

  close(end: number): void {
    if (this.#current !== undefined) this.#current.end = end
    if (this.#hidden > 0) this.#hidden--
    this.#depth--
    this.#current = this.#current?.parent as Growing | undefined
  }

  text(data: string): void {
    const children = this.#current?.children
    // White space around the document element, or inside of what is not kept.
    if (children === undefined || data === '' || this.#hidden > 0) return
    const last = children.at(-1)
    if (typeof last === 'string') {
      children[children.length - 1] = last + data
      return
    }
    this.#count()
    children.push(data)
  }

  instruction(target: string, data: string): void {
    if (this.#current === undefined || this.#hidden > 0) return
    this.#count()
    this.#current.children.push({ target, data })
  }

  #count(): void {
    if (this.#hidden === 0 && ++this.#nodes > this.#limits.maxNodes) throw refused('too many nodes')
  }
}
