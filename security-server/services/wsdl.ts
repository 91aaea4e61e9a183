// What a WSDL 1.1 description says about its services: operations with versions, addresses, titles (WSDL 1.1 §2; PR-MESS §3).
// Schemas, messages and imports are for clients of the service and are not looked at. Why this reader: docs/decisions/0010-wsdl.md.
import { childElement, childElements, ProtocolError, readXml, textOf, type XmlElement } from '#protocol'
import { ServicesError } from './error.ts'

/** One operation that SOAP over HTTP reaches: a service of X-Road. */
export interface WsdlOperation {
  /** Name of the operation. */
  readonly code: string
  /** `xroad:version` of the binding's operation. */
  readonly version?: string
  /** `soap:address` of the port, as written; may be missing or no address at all. */
  readonly url?: string
  /** `xroad:title`, for people. */
  readonly title?: string
}

const WSDL = 'http://schemas.xmlsoap.org/wsdl/'
const SOAP_11 = 'http://schemas.xmlsoap.org/wsdl/soap/'
const SOAP_12 = 'http://schemas.xmlsoap.org/wsdl/soap12/'
/** The one transport there is, for both versions of SOAP. */
const OVER_HTTP = 'http://schemas.xmlsoap.org/soap/http'

/** As in the reference (wire-client §8); schemas make large descriptions of many small elements. */
const LIMITS = { maxBytes: 10 * 1024 * 1024, maxDepth: 64, maxNodes: 500_000 }
const MAX_OPERATIONS = 1000
const MAX_TITLE = 255

/**
 * Reads a description as XML of a stranger: UTF-8, no DOCTYPE, bounded.
 *
 * @throws ServicesError `invalid_description`
 */
export function readDescriptionXml(bytes: Uint8Array): XmlElement {
  try {
    const root = readXml(bytes, LIMITS)
    if (root.namespace === WSDL && root.local === 'definitions') return root
  } catch (cause) {
    if (cause instanceof ProtocolError) throw refused(cause.message, cause)
    throw cause
  }
  throw refused('the document element is not definitions of WSDL 1.1')
}

/**
 * Every operation of every port with a SOAP binding over HTTP, in the order of the document. Two ports may offer the same
 * operation and version: the first one counts, one of SOAP 1.1 before any of 1.2, because 1.1 is what is spoken.
 *
 * @throws ServicesError `invalid_description`: not WSDL 1.1, nothing to call, a port without its binding (imports are not
 * followed), one operation and version twice in a binding.
 */
export function readWsdl(text: string): readonly WsdlOperation[] {
  const root = readDescriptionXml(Buffer.from(text))
  const bindings = named(root, 'binding')
  const portTypes = named(root, 'portType')
  const titles = new Map<XmlElement | undefined, ReadonlyMap<string, string>>()
  const found = new Map<string, WsdlOperation>()
  const ports = childElements(root, WSDL, 'service').flatMap((service) => childElements(service, WSDL, 'port'))
  for (const soap of [SOAP_11, SOAP_12]) {
    const walked = new Set<XmlElement>()
    for (const port of ports) {
      const binding = referred(bindings, port, 'binding')
      if (binding === undefined) throw refused(`port ${nameOf(port)} names a binding that is not in the document`)
      // Its first port has said everything; to walk it for each would cost the square of the document.
      if (walked.has(binding)) continue
      walked.add(binding)
      if (childElement(binding, soap, 'binding')?.attributes.some(isHttpTransport) !== true) continue
      const url = attribute(childElement(port, soap, 'address'), 'location')
      const portType = referred(portTypes, binding, 'type')
      const named = titles.get(portType) ?? titlesOf(portType)
      titles.set(portType, named)
      for (const [key, operation] of operationsOf(binding, named)) {
        if (!found.has(key)) found.set(key, url === undefined ? operation : { ...operation, url })
        if (found.size > MAX_OPERATIONS) throw refused(`over ${MAX_OPERATIONS} operations`)
      }
    }
  }
  if (found.size === 0) throw refused('it has no operation with a SOAP binding over HTTP')
  return [...found.values()]
}

function operationsOf(binding: XmlElement, titles: ReadonlyMap<string, string>): Map<string, WsdlOperation> {
  const operations = new Map<string, WsdlOperation>()
  for (const element of childElements(binding, WSDL, 'operation')) {
    const code = nameOf(element)
    const version = versionOf(element)
    const title = titles.get(code)
    const key = `${code}/${version ?? ''}`
    if (operations.has(key)) throw refused(`binding ${nameOf(binding)} has operation ${key} twice`)
    operations.set(key, {
      code,
      ...(version === undefined ? {} : { version }),
      ...(title === undefined ? {} : { title }),
    })
  }
  return operations
}

/** In any namespace: it has changed with the product, and the reference looks at the local name alone. */
function versionOf(operation: XmlElement): string | undefined {
  const element = childElements(operation).find(({ namespace, local }) => local === 'version' && namespace !== WSDL)
  const text = element === undefined ? '' : textOf(element).trim()
  return text === '' ? undefined : text
}

function titlesOf(portType: XmlElement | undefined): ReadonlyMap<string, string> {
  const titles = new Map<string, string>()
  if (portType === undefined) return titles
  for (const operation of childElements(portType, WSDL, 'operation')) {
    const documentation = childElement(operation, WSDL, 'documentation')
    const title = documentation && childElements(documentation).find(({ local }) => local === 'title')
    const text = title === undefined ? '' : textOf(title).trim().replace(/\s+/g, ' ')
    if (text !== '') titles.set(nameOf(operation), text.slice(0, MAX_TITLE).toWellFormed())
  }
  return titles
}

function named(root: XmlElement, local: string): ReadonlyMap<string, XmlElement> {
  const elements = new Map<string, XmlElement>()
  for (const element of childElements(root, WSDL, local)) {
    const name = nameOf(element)
    if (elements.has(name)) throw refused(`it has two ${local}s named ${name}`)
    elements.set(name, element)
  }
  return elements
}

/** References are qualified names of this document's own target namespace: the prefix says nothing more. */
function referred(elements: ReadonlyMap<string, XmlElement>, from: XmlElement, name: string): XmlElement | undefined {
  const reference = attribute(from, name)?.trim() ?? ''
  return elements.get(reference.slice(reference.indexOf(':') + 1))
}

function nameOf(element: XmlElement): string {
  const name = attribute(element, 'name')?.trim()
  if (name === undefined || name === '') throw refused(`a ${element.local} has no name`)
  return name
}

function attribute(element: XmlElement | undefined, name: string): string | undefined {
  return element?.attributes.find(({ local, namespace }) => local === name && namespace === '')?.value
}

function isHttpTransport({ local, namespace, value }: XmlElement['attributes'][number]): boolean {
  return local === 'transport' && namespace === '' && value === OVER_HTTP
}

function refused(what: string, cause?: unknown): ServicesError {
  return new ServicesError('invalid_description', `WSDL refused: ${what}`, cause === undefined ? {} : { cause })
}
