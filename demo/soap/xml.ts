// XML as an information system reads it: a small tree with namespaces, read by saxes within bounds, without DOCTYPE; and its way back.
import { SaxesParser } from 'saxes'
import { refused, SoapFault } from './fault.ts'

const MAX_DEPTH = 20
const MAX_ELEMENTS = 500
const MAX_ATTRIBUTES = 20

export interface XmlElement {
  readonly namespace: string
  readonly local: string
  readonly attributes: readonly { readonly namespace: string; readonly local: string; readonly value: string }[]
  readonly children: readonly XmlElement[]
  /** All character data that stands in it directly. */
  readonly text: string
}

type Growing = XmlElement & { readonly children: XmlElement[]; text: string }

/** @throws SoapFault `invalid_message` */
export function readXml(text: string): XmlElement {
  const open: Growing[] = []
  let root: XmlElement | undefined
  let elements = 0
  const parser = new SaxesParser({ xmlns: true, position: false, defaultXMLVersion: '1.0', forceXMLVersion: true })
  parser.on('doctype', () => {
    throw refused('a DOCTYPE is not read')
  })
  parser.on('xmldecl', ({ version = '1.0', encoding = 'utf-8' }) => {
    if (version !== '1.0' || encoding.toLowerCase() !== 'utf-8') throw refused('only XML 1.0 in UTF-8 is read')
  })
  parser.on('opentag', (tag) => {
    const attributes = Object.values(tag.attributes)
    if (++elements > MAX_ELEMENTS || open.length >= MAX_DEPTH || attributes.length > MAX_ATTRIBUTES)
      throw refused('the message has more elements, depth or attributes than any of this service has')
    const element: Growing = {
      namespace: tag.uri,
      local: tag.local,
      attributes: attributes.map(({ uri, local, value }) => ({ namespace: uri, local, value })),
      children: [],
      text: '',
    }
    open.at(-1)?.children.push(element)
    root ??= element
    open.push(element)
  })
  const add = (data: string) => {
    const element = open.at(-1)
    if (element) element.text += data
  }
  parser.on('text', add)
  parser.on('cdata', add)
  parser.on('closetag', () => void open.pop())
  // Without a handler for errors saxes throws at the first.
  try {
    parser.write(text).close()
  } catch (cause) {
    if (cause instanceof SoapFault) throw cause
    throw refused('the message is not well-formed XML', { cause })
  }
  if (!root) throw refused('the message has no XML')
  return root
}

/** What an answer says: text, or elements by their names; an array repeats its element, undefined is left out. */
export type Content = string | number | { readonly [name: string]: Content | readonly Content[] | Xml | undefined }

/** XML that is written as it stands. */
export class Xml {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** Elements without a namespace, as the schemas of the demo want them. */
export function writeXml(content: Content): string {
  if (typeof content !== 'object') return escapeXml(String(content))
  return Object.entries(content)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => [name, each] as const))
    .map(([name, value]: readonly [string, Content | Xml | undefined]) =>
      value === undefined ? '' : `<${name}>${value instanceof Xml ? value.text : writeXml(value)}</${name}>`,
    )
    .join('')
}

export function escapeXml(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' }
  return text.replace(/[&<>"\r]/g, (character) => names[character] ?? '')
}
