// Canonical XML 1.0 of an element in its document, inclusive and exclusive, without comments (W3C xml-c14n, xml-exc-c14n).
// libxml2 judges it in the tests: whole documents through xmllint, elements in their context through xmlsec1.
import { canonicalAttribute, canonicalText, isElement, XMLNS, type XmlAttribute, type XmlElement } from '#protocol'

const XML = 'http://www.w3.org/XML/1998/namespace'

export const C14N_INCLUSIVE = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315'
export const C14N_EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#'

export type C14nMode =
  | { readonly kind: 'inclusive' }
  /** `inclusivePrefixes`: PrefixList of InclusiveNamespaces, with `#default` for the default namespace. */
  | { readonly kind: 'exclusive'; readonly inclusivePrefixes?: readonly string[] }

/** The octets that are hashed or signed for the element as the apex of a document subset. */
export function canonicalize(apex: XmlElement, mode: C14nMode): Uint8Array {
  const writer = mode.kind === 'inclusive' ? new Inclusive() : new Exclusive(mode.inclusivePrefixes ?? [])
  return Buffer.from(writer.write(apex), 'utf8')
}

/** Prefix → URI; '' is the default namespace, and its URI is '' where it is undeclared. */
type Namespaces = ReadonlyMap<string, string>
type Declaration = readonly [prefix: string, uri: string]

const NO_NAMESPACES: Namespaces = new Map()
const NO_DECLARATIONS: readonly Declaration[] = []
const NO_ATTRIBUTES: readonly XmlAttribute[] = []

/** Writes a subtree; the two kinds differ in which declarations an element gets. */
abstract class Writer {
  #text = ''

  write(apex: XmlElement): string {
    this.#element(apex, inScope(apex), NO_NAMESPACES, true)
    return this.#text
  }

  /**
   * What must be declared on this element because the output above it does not say so already.
   *
   * @param declares Whether the element (or, for the apex, one above it) declares anything itself.
   */
  protected abstract declarations(
    element: XmlElement,
    scope: Namespaces,
    rendered: Namespaces,
    declares: boolean,
  ): readonly Declaration[]

  /** Attributes of the apex that come from elements above it. */
  protected abstract inherited(apex: XmlElement): readonly XmlAttribute[]

  #element(element: XmlElement, scope: Namespaces, rendered: Namespaces, isApex: boolean): void {
    const outer = isApex ? undefined : scope
    const inner = isApex ? scope : extend(scope, element)
    const fresh = this.declarations(element, inner, rendered, inner !== outer)
    this.#text += `<${element.name}`
    for (const [prefix, uri] of inOrder(fresh, byPrefix))
      this.#text += `${prefix === '' ? ' xmlns="' : ` xmlns:${prefix}="`}${canonicalAttribute(uri)}"`
    for (const { name, value } of attributes(element, isApex ? this.inherited(element) : NO_ATTRIBUTES))
      this.#text += ` ${name}="${canonicalAttribute(value)}"`
    this.#text += '>'
    const below = fresh.length === 0 ? rendered : new Map([...rendered, ...fresh])
    for (const child of element.children) {
      if (typeof child === 'string') this.#text += canonicalText(child)
      else if (isElement(child)) this.#element(child, inner, below, false)
      else this.#text += `<?${child.target}${child.data === '' ? '' : ' '}${child.data.replaceAll('\r', '&#xD;')}?>`
    }
    this.#text += `</${element.name}>`
  }
}

class Inclusive extends Writer {
  protected declarations(
    _: XmlElement,
    scope: Namespaces,
    rendered: Namespaces,
    declares: boolean,
  ): readonly Declaration[] {
    if (!declares) return NO_DECLARATIONS
    // xmlns="" is written only to undo a default namespace that is in the output (C14N 1.0 §2.3).
    return [...scope].filter(([prefix, uri]) => (rendered.get(prefix) ?? '') !== uri)
  }

  /** xml:lang and its kind come down from ancestors that are not in the subset, the nearest one first (C14N 1.0 §2.4). */
  protected inherited(apex: XmlElement): readonly XmlAttribute[] {
    const found: XmlAttribute[] = []
    const seen = new Set(apex.attributes.filter(isXml).map(({ local }) => local))
    for (let at = apex.parent; at !== undefined; at = at.parent)
      for (const attribute of at.attributes) {
        if (!isXml(attribute) || seen.has(attribute.local)) continue
        seen.add(attribute.local)
        found.push(attribute)
      }
    return found
  }
}

class Exclusive extends Writer {
  readonly #inclusive: readonly string[]

  constructor(inclusivePrefixes: readonly string[]) {
    super()
    this.#inclusive = inclusivePrefixes.map((prefix) => (prefix === '#default' ? '' : prefix))
  }

  /** Prefixes that the element visibly utilises, its own and those of its attributes, and those that are treated inclusively. */
  protected declarations(element: XmlElement, scope: Namespaces, rendered: Namespaces): readonly Declaration[] {
    const fresh: Declaration[] = []
    const need = (prefix: string) => {
      const uri = scope.get(prefix) ?? ''
      if (prefix === 'xml' || (rendered.get(prefix) ?? '') === uri || fresh.some(([known]) => known === prefix)) return
      fresh.push([prefix, uri])
    }
    need(element.prefix)
    for (const { namespace, prefix } of element.attributes) if (namespace !== XMLNS && prefix !== '') need(prefix)
    for (const prefix of this.#inclusive) if (scope.has(prefix)) need(prefix)
    return fresh
  }

  protected inherited(): readonly XmlAttribute[] {
    return NO_ATTRIBUTES
  }
}

/** Everything declared on the element or above it; the nearest wins. */
function inScope(element: XmlElement): Namespaces {
  const scope = new Map<string, string>()
  for (let at: XmlElement | undefined = element; at !== undefined; at = at.parent)
    for (const [prefix, uri] of declared(at)) if (!scope.has(prefix)) scope.set(prefix, uri)
  return scope
}

function extend(scope: Namespaces, element: XmlElement): Namespaces {
  const own = declared(element)
  return own.length === 0 ? scope : new Map([...scope, ...own])
}

function declared(element: XmlElement): readonly Declaration[] {
  let found: Declaration[] | undefined
  // The prefix `xml` is bound without being declared, and may be declared all the same.
  for (const { namespace, prefix, local, value } of element.attributes)
    if (namespace === XMLNS && (prefix === '' || local !== 'xml')) {
      found ??= []
      found.push([prefix === '' ? '' : local, value])
    }
  return found ?? NO_DECLARATIONS
}

function attributes(element: XmlElement, inherited: readonly XmlAttribute[]): readonly XmlAttribute[] {
  const own = element.attributes
  if (own.length === 0 && inherited.length === 0) return own
  return inOrder([...own.filter(({ namespace }) => namespace !== XMLNS), ...inherited], byNamespaceThenName)
}

function isXml(attribute: XmlAttribute): boolean {
  return attribute.namespace === XML
}

function inOrder<T>(items: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  return items.length < 2 ? items : items.toSorted(compare)
}

function byPrefix([a]: Declaration, [b]: Declaration): number {
  return compareCodePoints(a, b)
}

/** Attributes without a namespace come first: '' is less than every URI. */
function byNamespaceThenName(a: XmlAttribute, b: XmlAttribute): number {
  return compareCodePoints(a.namespace, b.namespace) || compareCodePoints(a.local, b.local)
}

const SURROGATE = /[\uD800-\uDFFF]/

/** Order of UCS code points (C14N 1.0 §2.2). It differs from that of UTF-16 units only where one is beyond the BMP. */
function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0
  if (SURROGATE.test(a) || SURROGATE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : 1
}
