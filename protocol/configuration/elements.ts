// What all configuration documents have in common (wire-conf §3): root in X-Road's namespace, local elements without one,
// simple values as XML Schema writes them. The order of elements is not enforced and unknown elements are passed over: a
// document is signed by its authority before it is read, and a later version may say more than this one knows. What must be
// there must be there, though, and what may be there once is refused twice.
import { type Certificate, decodeBase64, parseCertificate, TrustError } from '#trust'
import { ProtocolError } from '../error.ts'
import { readXml } from '../xml.ts'
import { attributeOf, childElements, isElement, type XmlElement } from '../xml-tree.ts'

export const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
export const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'

/** A country of 100 000 subsystems stays below these. */
const LIMITS = { maxBytes: 32 << 20, maxDepth: 16, maxNodes: 4_000_000, maxAttributes: 32 }

export function malformed(message: string, cause?: unknown): ProtocolError {
  return new ProtocolError('malformed_configuration', message, cause === undefined ? {} : { cause })
}

/** The document element, which must have this name in X-Road's namespace. */
export function readDocument(xml: Uint8Array, local: string): XmlElement {
  let root: XmlElement
  try {
    root = readXml(xml, LIMITS)
  } catch (cause) {
    throw malformed(`the ${local} document cannot be read: ${(cause as Error).message}`, cause)
  }
  if (root.namespace !== XROAD || root.local !== local)
    throw malformed(`the document is {${root.namespace}}${root.local}, not {${XROAD}}${local}`)
  return root
}

export function many(element: XmlElement, local: string, namespace = ''): readonly XmlElement[] {
  return childElements(element, namespace, local)
}

export function maybe(element: XmlElement, local: string, namespace = ''): XmlElement | undefined {
  const [first, second] = childElements(element, namespace, local)
  if (second !== undefined) throw malformed(`<${element.local}> has more than one <${local}>`)
  return first
}

export function one(element: XmlElement, local: string, namespace = ''): XmlElement {
  const found = maybe(element, local, namespace)
  if (found === undefined) throw malformed(`<${element.local}> has no <${local}>`)
  return found
}

/** xs:string: white space counts. */
export function text(element: XmlElement): string {
  let value = ''
  for (const node of element.children) {
    if (typeof node === 'string') value += node
    else if (isElement(node)) throw malformed(`<${element.local}> should have text only`)
  }
  return value
}

export function textOfOne(element: XmlElement, local: string): string {
  const value = text(one(element, local))
  if (value.trim() === '') throw malformed(`<${local}> of <${element.local}> is empty`)
  return value
}

export function textOfMaybe(element: XmlElement, local: string): string | undefined {
  const found = maybe(element, local)
  return found === undefined ? undefined : text(found)
}

/** xs:integer within a range that means something. */
export function integer(element: XmlElement, min: number, max: number): number {
  const value = text(element).trim()
  const number = /^[+-]?\d{1,15}$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= min && number <= max)) throw malformed(`<${element.local}> is not a number from ${min} to ${max}`)
  return number
}

/** xs:boolean. */
export function boolean(element: XmlElement): boolean {
  const value = text(element).trim()
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw malformed(`<${element.local}> is neither true nor false`)
}

/** xs:dateTime; one without a time zone counts as UTC. */
export function dateTime(element: XmlElement): Date {
  const value = text(element).trim()
  const [, day, zone] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)?$/.exec(value) ?? []
  const date = new Date(day === undefined ? Number.NaN : `${day}${zone ?? 'Z'}`)
  if (Number.isNaN(date.getTime())) throw malformed(`<${element.local}> is not a date and time`)
  return date
}

/** xs:base64Binary. */
export function bytes(element: XmlElement): Uint8Array {
  const value = decodeBase64(text(element), { whitespace: true })
  if (value === undefined) throw malformed(`<${element.local}> is not base64`)
  return value
}

/** A certificate that must be readable: DER, or PEM text (wire-conf §3.4). */
export function certificate(element: XmlElement): Certificate {
  const value = bytes(element)
  try {
    return parseCertificate(value)
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw malformed(`the certificate in <${element.local}> cannot be read: ${cause.message}`, cause)
  }
}

/**
 * Collects what could not be read and was left out. One certificate with an algorithm that nobody accepts any more must
 * not take a whole country's configuration with it; what is left out is not believed, so this fails closed.
 */
export class Omissions {
  readonly found: string[] = []

  certificate(element: XmlElement, whose: string): Certificate | undefined {
    try {
      return certificate(element)
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause
      this.found.push(`${whose}: ${cause.message}`)
      return undefined
    }
  }

  certificates(elements: readonly XmlElement[], whose: string): readonly Certificate[] {
    return elements.map((element) => this.certificate(element, whose)).filter((found) => found !== undefined)
  }
}

/** One of the words that the schema allows; undefined for one that it does not. */
export function word<W extends string>(value: string | undefined, words: readonly W[]): W | undefined {
  return words.find((known) => known === value?.trim())
}

export { attributeOf, type XmlElement }
