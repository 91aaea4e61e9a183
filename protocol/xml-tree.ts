// The tree that reading XML gives: what a canonicaliser needs (prefixes, declarations as attributes), and ways to look into it.

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
  /** Where it stands in the text of the document: from the first character of its start tag to behind its end tag. */
  readonly start: number
  readonly end: number
}

export interface XmlInstruction {
  readonly target: string
  readonly data: string
}

/** Text is a plain string: character data and CDATA sections joined where they touch, line ends normalised. */
export type XmlNode = XmlElement | XmlInstruction | string

export const XMLNS = 'http://www.w3.org/2000/xmlns/'

export interface XmlLimits {
  /** Bytes of the document. */
  readonly maxBytes?: number
  /** Elements inside one another. */
  readonly maxDepth?: number
  /** Elements, texts and instructions together, as far as they are kept. */
  readonly maxNodes?: number
  /** Attributes of one element, declarations included. */
  readonly maxAttributes?: number
}

/** Whether what is inside an element is only checked, not kept. The element is known with its attributes and ancestors. */
export type Opaque = (element: XmlElement) => boolean

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
