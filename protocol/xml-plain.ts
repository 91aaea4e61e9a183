// Plain XML read in one pass: elements, attributes, text and the predefined and numeric references, with ASCII names. Signatures and
// hash chains are such documents, and mostly long text, which is skipped rather than walked. Whatever this reader is not certain of — a
// comment, a carriage return, a malformed tag, a bound that is exceeded — it declines, and saxes gives the verdict (xml-saxes.ts). So it
// never refuses; a differential test holds that what it accepts is what saxes accepts, as the same tree.
import { hasUnplain, type QualifiedName, readName, resolveReferences } from './xml-characters.ts'
import { declare, OUTERMOST, resolve, type Scope } from './xml-scope.ts'
import { type Opaque, XMLNS, type XmlAttribute, type XmlElement, type XmlLimits, type XmlNode } from './xml-tree.ts'

const DECLARATION = /^<\?xml version="1\.0"(?: encoding="(?:UTF|utf)-8")?(?: standalone="(?:yes|no)")? ?\?>/

const TAB = 0x09
const LF = 0x0a
const SPACE = 0x20
const SLASH = 0x2f
const LESS = 0x3c
const EQUALS = 0x3d
const GREATER = 0x3e

/** The document element; undefined when the document is not plain or not well-formed. */
export function readPlainXml(text: string, bounds: Required<XmlLimits>, opaque?: Opaque): XmlElement | undefined {
  if (hasUnplain(text) || text.includes(']]>')) return undefined
  return new PlainReader(text, bounds, opaque).read()
}

/** Whether no two attributes have the same name. Few are compared, for many that would take too long. */
function allDifferent(found: readonly XmlAttribute[]): boolean {
  if (found.length > FEW)
    return new Set(found.map(({ local, namespace }) => `${local} ${namespace}`)).size === found.length
  for (let index = 1; index < found.length; index++)
    for (let other = 0; other < index; other++)
      if (found[other]?.local === found[index]?.local && found[other]?.namespace === found[index]?.namespace)
        return false
  return true
}

const FEW = 8

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Growing = XmlElement & { readonly children: XmlNode[]; end: number }

/** Of every element without any; never written to. */
const NO_ATTRIBUTES: Mutable<XmlAttribute>[] = []

/** Every method answers undefined or false to decline. */
class PlainReader {
  readonly #text: string
  readonly #bounds: Required<XmlLimits>
  readonly #opaque: Opaque | undefined
  #at = 0
  #nodes = 0
  /** Open elements of which nothing inside is kept. */
  #hidden = 0
  #scope = OUTERMOST
  /** The next `&` at or after the place where it was last looked for. */
  #ampersand = -1

  constructor(text: string, bounds: Required<XmlLimits>, opaque: Opaque | undefined) {
    this.#text = text
    this.#bounds = bounds
    this.#opaque = opaque
  }

  read(): XmlElement | undefined {
    const text = this.#text
    this.#at = DECLARATION.exec(text)?.[0].length ?? 0
    this.#space()
    let root: XmlElement | undefined
    let current: Growing | undefined
    /** The scope outside each open element. */
    const scopes: Scope[] = []
    do {
      if (text.charCodeAt(this.#at) !== LESS) return undefined
      if (text.charCodeAt(this.#at + 1) === SLASH) {
        if (current === undefined || !this.#close(current.name)) return undefined
        current.end = this.#at
        if (this.#hidden > 0) this.#hidden--
        current = current.parent as Growing | undefined
        this.#scope = scopes.pop() ?? OUTERMOST
      } else {
        const outer = this.#scope
        const element = this.#open(current)
        if (element === undefined || scopes.length >= this.#bounds.maxDepth) return undefined
        root ??= element
        if (this.#hidden === 0) current?.children.push(element)
        if (text.charCodeAt(this.#at) === SLASH) {
          this.#at++
          this.#scope = outer
        } else {
          scopes.push(outer)
          current = element
          if (this.#hidden > 0 || this.#opaque?.(element) === true) this.#hidden++
        }
        if (text.charCodeAt(this.#at++) !== GREATER) return undefined
        element.end = this.#at
      }
      if (current !== undefined && !this.#characters(current.children)) return undefined
    } while (current !== undefined)
    this.#space()
    return this.#at === text.length ? root : undefined
  }

  /** `<name attributes`, up to what ends the tag. */
  #open(parent: Growing | undefined): Growing | undefined {
    const start = this.#at++
    const name = this.#name()
    const attributes = name && this.#attributes()
    if (attributes === undefined || name === undefined || !this.#count()) return undefined
    const namespace = resolve(this.#scope, name.prefix)
    if (namespace === undefined) return undefined
    const { prefix, local } = name
    return { name: name.name, prefix, local, namespace, attributes, children: [], parent, start, end: start }
  }

  /** `</name>`. */
  #close(name: string): boolean {
    if (!this.#text.startsWith(name, this.#at + 2)) return false
    this.#at += 2 + name.length
    this.#space()
    return this.#text.charCodeAt(this.#at++) === GREATER
  }

  #attributes(): XmlAttribute[] | undefined {
    let found = NO_ATTRIBUTES
    for (;;) {
      const before = this.#at
      this.#space()
      const code = this.#text.charCodeAt(this.#at)
      if (code === GREATER || code === SLASH) break
      if (this.#at === before || found.length >= this.#bounds.maxAttributes) return undefined
      const attribute = this.#attribute()
      if (attribute === undefined) return undefined
      if (found.length === 0) found = [attribute]
      else found.push(attribute)
    }
    // Only now are all declarations known.
    return this.#bind(found) ? found : undefined
  }

  /** Namespaces of the attributes; false when one is not declared, or two attributes have the same name. */
  #bind(found: readonly Mutable<XmlAttribute>[]): boolean {
    for (const attribute of found) {
      if (attribute.prefix !== '' && attribute.namespace === '') {
        const namespace = resolve(this.#scope, attribute.prefix)
        if (namespace === undefined) return false
        attribute.namespace = namespace
      }
    }
    return allDifferent(found)
  }

  /** `name="value"`; a declaration comes into scope. */
  #attribute(): Mutable<XmlAttribute> | undefined {
    const text = this.#text
    const name = this.#name()
    if (name === undefined || text.charCodeAt(this.#at) !== EQUALS) return undefined
    const quote = text[this.#at + 1]
    if (quote !== '"' && quote !== "'") return undefined
    const from = this.#at + 2
    const to = text.indexOf(quote, from)
    if (to < 0) return undefined
    this.#at = to + 1
    const raw = text.slice(from, to)
    if (raw.includes('<') || raw.includes('\n') || raw.includes('\t')) return undefined
    const value = raw.includes('&') ? resolveReferences(raw) : raw
    if (value === undefined) return undefined
    const declares = name.prefix === 'xmlns' || name.name === 'xmlns'
    if (declares) {
      const scope = declare(this.#scope, name.prefix === '' ? '' : name.local, value)
      if (scope === undefined) return undefined
      this.#scope = scope
    }
    return { name: name.name, prefix: name.prefix, local: name.local, namespace: declares ? XMLNS : '', value }
  }

  /** Text up to the next tag. */
  #characters(children: XmlNode[]): boolean {
    const from = this.#at
    const to = this.#text.indexOf('<', from)
    if (to === from) return true
    if (to < 0 || !this.#count()) return false
    this.#at = to
    // Looked for once, not in every text: the next one may be far away.
    if (this.#ampersand < from) {
      const next = this.#text.indexOf('&', from)
      this.#ampersand = next < 0 ? this.#text.length : next
    }
    const raw = this.#text.slice(from, to)
    const text = this.#ampersand < to ? resolveReferences(raw) : raw
    if (text === undefined) return false
    if (this.#hidden === 0) children.push(text)
    return true
  }

  /** False when there are too many nodes. */
  #count(): boolean {
    return this.#hidden > 0 || ++this.#nodes <= this.#bounds.maxNodes
  }

  #name(): QualifiedName | undefined {
    const name = readName(this.#text, this.#at)
    if (name !== undefined) this.#at += name.name.length
    return name
  }

  /** White space. Carriage returns were declined before. */
  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== SPACE && code !== LF && code !== TAB) return
      this.#at++
    }
  }
}
