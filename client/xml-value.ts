// XML as plain values and back, by the convention that people know: `@name` is an attribute, `#text` the text beside one, an array
// repeats its element.
import { elements, escapeXml, readXml, textOf, type XmlElement } from './xml.ts'

/** What an element holds: its text, nothing (`xsi:nil`), or its attributes and children. */
export type XmlValue = string | null | { readonly [name: string]: XmlValue | readonly XmlValue[] }

/** What may be written: also numbers and booleans; undefined is left out. */
export type XmlInput =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly XmlInput[]
  | { readonly [name: string]: XmlInput }

const XSI = 'http://www.w3.org/2001/XMLSchema-instance'
const XMLNS = 'http://www.w3.org/2000/xmlns/'
const NAME = /^(?:[\p{L}_][\p{L}\p{M}\p{N}._\-·]*:)?[\p{L}_][\p{L}\p{M}\p{N}._\-·]*$/u

/** Names without their prefixes; an element that comes several times becomes an array. */
export function plainValue(element: XmlElement): XmlValue {
  const attributes = element.attributes.filter(({ namespace }) => namespace !== XMLNS && namespace !== XSI)
  const children = elements(element)
  if (children.length === 0 && attributes.length === 0) {
    const nil = element.attributes.find(({ local, namespace }) => local === 'nil' && namespace === XSI)?.value
    return nil === 'true' || nil === '1' ? null : textOf(element)
  }
  const members = new Map<string, XmlValue | XmlValue[]>(attributes.map(({ local, value }) => [`@${local}`, value]))
  for (const child of children) {
    const before = members.get(child.local)
    const value = plainValue(child)
    if (before === undefined) members.set(child.local, value)
    else if (Array.isArray(before)) before.push(value)
    else members.set(child.local, [before as XmlValue, value])
  }
  if (children.length === 0) members.set('#text', textOf(element))
  return Object.fromEntries(members)
}

/** Writes `{ 'p:find': { '@xmlns:p': 'urn:x', code: 7 } }`. Throws TypeError for names that XML does not have. */
export function writeXml(input: { readonly [name: string]: XmlInput }): string {
  return Object.entries(input)
    .map(([name, value]) => writeElement(name, value))
    .join('')
}

function writeElement(name: string, value: XmlInput): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map((each) => writeElement(name, each)).join('')
  if (!NAME.test(name)) throw new TypeError(`'${name}' cannot be the name of an element`)
  if (value === null) return `<${name} xmlns:xsi="${XSI}" xsi:nil="true"/>`
  if (typeof value !== 'object') return `<${name}>${escapeXml(String(value))}</${name}>`
  let attributes = ''
  let content = ''
  for (const [key, each] of Object.entries(value)) {
    if (key === '#text') content += escapeXml(String(each))
    else if (!key.startsWith('@')) content += writeElement(key, each)
    else if (each !== undefined) {
      if (!NAME.test(key.slice(1))) throw new TypeError(`'${key}' cannot be the name of an attribute`)
      attributes += ` ${key.slice(1)}="${escapeXml(String(each))}"`
    }
  }
  return content === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${content}</${name}>`
}

/** The root element of XML that a caller wrote, without what stands around it. Throws XmlError. */
export function rootOf(xml: string): { root: XmlElement; xml: string } {
  const root = readXml(xml)
  return { root, xml: xml.slice(root.start, root.end) }
}
