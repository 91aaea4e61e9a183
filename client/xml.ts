// XML as SOAP has it: elements, attributes, text. One pass, bounded, no DOCTYPE and so no entities but the five; enough to read
// an envelope and to check what a caller wants to put into one.

export interface XmlElement {
  readonly name: string
  readonly local: string
  readonly namespace: string
  readonly attributes: readonly XmlAttribute[]
  readonly children: (XmlElement | string)[]
  /** The namespaces that are in force here. */
  readonly scope: Scope
  /** Where it begins, where its name ends, and where it ends in the text. */
  readonly start: number
  readonly nameEnd: number
  end: number
}

export interface XmlAttribute {
  readonly name: string
  readonly local: string
  readonly namespace: string
  readonly value: string
}

/**
 * Prefix → namespace; the default one under ''. Where an element declares some, its scope refers to the one around it: copies would
 * let a document of declarations cost the square of its length.
 */
class Scope {
  readonly #own: ReadonlyMap<string, string>
  readonly #around: Scope | undefined

  constructor(own: ReadonlyMap<string, string>, around?: Scope) {
    this.#own = own
    this.#around = around
  }

  get(prefix: string): string | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#around) {
      const namespace = scope.#own.get(prefix)
      if (namespace !== undefined) return namespace
    }
    return undefined
  }

  /** All of them, outermost first. */
  all(): ReadonlyMap<string, string> {
    const scopes: Scope[] = []
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#around) scopes.push(scope)
    return new Map(scopes.reverse().flatMap((scope) => [...scope.#own]))
  }
}

/** Not well-formed, or beyond the bounds. */
export class XmlError extends Error {
  override readonly name = 'XmlError'
}

const MAX_DEPTH = 200
const MAX_ATTRIBUTES = 200
const MAX_ELEMENTS = 500_000

const NAME = '[\\p{L}_][\\p{L}\\p{M}\\p{N}._\\-·]*'
const OPEN = new RegExp(`<((?:${NAME}:)?${NAME})`, 'uy')
/** XML's white space (XML 1.0 §2.3). That of JavaScript has more, as the byte-order mark, which may stand in a name. */
const BLANK = '[ \\t\\r\\n]'
const NO_BLANK = /[^ \t\r\n]/
const ATTRIBUTE = new RegExp(`${BLANK}+((?:${NAME}:)?${NAME})${BLANK}*=${BLANK}*(?:"([^<"]*)"|'([^<']*)')`, 'uy')
const OPEN_END = new RegExp(`${BLANK}*(/?)>`, 'uy')
const CLOSE = new RegExp(`</((?:${NAME}:)?${NAME})${BLANK}*>`, 'uy')
const DECLARATION = new RegExp(`<\\?xml${BLANK}[^?<>]*\\?>`, 'uy')
// Characters that no XML document has (XML §2.2).
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

const XML = 'http://www.w3.org/XML/1998/namespace'
const XMLNS = 'http://www.w3.org/2000/xmlns/'
const OUTERMOST = new Scope(new Map([['xml', XML]]))

/** The root of a document. Throws XmlError. */
export function readXml(text: string): XmlElement {
  if (FORBIDDEN.test(text)) throw new XmlError('it has characters that XML does not know')
  let at = 0
  let count = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at = pattern.lastIndex
    return found
  }
  /** What stands between two marks; undefined when the first is not here. */
  const between = (opening: string, closing: string): string | undefined => {
    if (!text.startsWith(opening, at)) return undefined
    const end = text.indexOf(closing, at + opening.length)
    if (end < 0) throw new XmlError(`${opening} has no end`)
    const inner = text.slice(at + opening.length, end)
    at = end + closing.length
    return inner
  }
  const path: XmlElement[] = []
  let root: XmlElement | undefined
  let scope = OUTERMOST

  take(DECLARATION)
  while (at < text.length) {
    const parent = path.at(-1)
    const mark = text.indexOf('<', at)
    const plain = text.slice(at, mark < 0 ? text.length : mark)
    if (plain !== '') {
      at += plain.length
      if (parent) parent.children.push(references(plain))
      else if (NO_BLANK.test(plain)) throw new XmlError('it has text outside of its root element')
      continue
    }
    const comment = between('<!--', '-->')
    if (comment !== undefined) {
      if (comment.includes('--') || comment.endsWith('-')) throw new XmlError('a comment has -- in it')
      continue
    }
    const instruction = between('<?', '?>')
    if (instruction !== undefined) {
      if (/^xml(?:[ \t\r\n]|$)/i.test(instruction)) throw new XmlError('an XML declaration stands inside')
      continue
    }
    const closing = take(CLOSE)
    if (closing) {
      if (!parent || parent.name !== closing[1]) throw new XmlError(`</${closing[1]}> closes nothing`)
      parent.end = at
      path.pop()
      scope = path.at(-1)?.scope ?? OUTERMOST
      continue
    }
    const literal = parent && between('<![CDATA[', ']]>')
    if (literal !== undefined) {
      parent?.children.push(lines(literal))
      continue
    }
    const start = at
    const opening = take(OPEN)
    if (!opening || (root && !parent)) throw new XmlError(`'${text.slice(at, at + 20)}' cannot stand there`)
    count += 1
    if (path.length >= MAX_DEPTH || count > MAX_ELEMENTS) throw new XmlError('it is too deep or has too many elements')
    const nameEnd = at
    const written: [name: string, value: string][] = []
    for (let found = take(ATTRIBUTE); found; found = take(ATTRIBUTE)) {
      written.push([found[1] ?? '', references((found[2] ?? found[3] ?? '').replace(/\r\n|[\t\n\r]/g, ' '))])
      if (written.length > MAX_ATTRIBUTES) throw new XmlError('an element has too many attributes')
    }
    const ending = take(OPEN_END)
    if (!ending) throw new XmlError(`the tag of ${opening[1]} is broken`)
    scope = declared(scope, written)
    const element: XmlElement = {
      ...named(opening[1] ?? '', scope, scope.get('') ?? ''),
      attributes: attributesOf(written, scope),
      children: [],
      scope,
      start,
      nameEnd,
      end: at,
    }
    parent?.children.push(element)
    root ??= element
    if (ending[1] === '') path.push(element)
    else scope = parent?.scope ?? OUTERMOST
  }
  if (!root || path.length > 0) throw new XmlError('it ends too early')
  return root
}

function declared(scope: Scope, written: readonly [string, string][]): Scope {
  const declarations = written.filter(([name]) => name === 'xmlns' || name.startsWith('xmlns:'))
  if (declarations.length === 0) return scope
  const own = new Map<string, string>()
  for (const [name, value] of declarations) {
    const prefix = name.slice('xmlns:'.length)
    if (value === XMLNS || prefix === 'xmlns' || (prefix === 'xml') !== (value === XML) || (prefix && value === ''))
      throw new XmlError(`${name} cannot be declared so`)
    own.set(prefix, value)
  }
  return new Scope(own, scope)
}

function named(name: string, scope: Scope, unprefixed: string) {
  const colon = name.indexOf(':')
  if (colon < 0) return { name, local: name, namespace: unprefixed }
  const namespace = scope.get(name.slice(0, colon))
  if (namespace === undefined) throw new XmlError(`the prefix of ${name} is not declared`)
  return { name, local: name.slice(colon + 1), namespace }
}

function attributesOf(written: readonly [string, string][], scope: Scope): XmlAttribute[] {
  const names = new Set<string>()
  return written.map(([name, value]) => {
    const declaration = name === 'xmlns' || name.startsWith('xmlns:')
    const attribute = declaration
      ? { name, local: name, namespace: XMLNS, value }
      : { ...named(name, scope, ''), value }
    const full = `${attribute.namespace} ${attribute.local}`
    if (names.has(full)) throw new XmlError(`the attribute ${name} is repeated`)
    names.add(full)
    return attribute
  })
}

const FIVE: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

function references(text: string): string {
  if (text.includes(']]>')) throw new XmlError(']]> stands in text')
  return lines(text).replace(/&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(\w+));|&/g, (whole, decimal, hex, name) => {
    const code = decimal ? Number.parseInt(decimal, 10) : hex ? Number.parseInt(hex, 16) : undefined
    const character = code === undefined ? FIVE.get(name) : code <= 0x10ffff ? String.fromCodePoint(code) : undefined
    if (character === undefined || FORBIDDEN.test(character)) throw new XmlError(`${whole} means nothing`)
    return character
  })
}

/** XML §2.11. */
function lines(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
}

/** Child elements, of one name or of all. */
export function elements({ children }: XmlElement, namespace?: string, local?: string): XmlElement[] {
  return children.filter(
    (child): child is XmlElement =>
      typeof child !== 'string' &&
      (local === undefined || child.local === local) &&
      (namespace === undefined || child.namespace === namespace),
  )
}

/** All text below an element. */
export function textOf({ children }: XmlElement): string {
  return children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('')
}

/** An element cut out of its document, with the namespaces that its surroundings declare. */
export function xmlOf(text: string, { attributes, scope, start, nameEnd, end }: XmlElement): string {
  const own = new Set(attributes.map(({ name }) => name))
  const inherited = [...scope.all()]
    .map(([prefix, namespace]) => [prefix === '' ? 'xmlns' : `xmlns:${prefix}`, namespace] as const)
    .filter(([name]) => name !== 'xmlns:xml' && !own.has(name))
  const declarations = inherited.map(([name, namespace]) => ` ${name}="${escapeXml(namespace)}"`).join('')
  return text.slice(start, nameEnd) + declarations + text.slice(nameEnd, end)
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
])

/** Text as it may stand between tags and between double quotes. Throws TypeError for what XML cannot carry. */
export function escapeXml(text: string): string {
  if (FORBIDDEN.test(text)) throw new TypeError('the text has characters that XML cannot carry')
  return text.replace(/[&<>"\t\n\r]/g, (character) => ESCAPES.get(character) ?? `&#${character.charCodeAt(0)};`)
}
