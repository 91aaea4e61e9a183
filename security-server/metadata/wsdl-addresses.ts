// A WSDL without the addresses of its service: consumers call a security server, and where the service really is concerns nobody
// (PR-META §4, wire-client §4.2).
import { descendants } from '#protocol'
import { readDescriptionXml } from '../services/index.ts'

/** What X-Road writes in their place. */
const PLACEHOLDER = 'http://example.org/xroad-endpoint'
/** The reference hides those of SOAP 1.1 alone; the others tell the same. */
const BINDINGS: ReadonlySet<string> = new Set([
  'http://schemas.xmlsoap.org/wsdl/soap/',
  'http://schemas.xmlsoap.org/wsdl/soap12/',
  'http://schemas.xmlsoap.org/wsdl/http/',
])

/**
 * Replaces the addresses where they stand; every other byte stays as it is, comments included.
 *
 * @throws ServicesError `invalid_description`
 */
export function hideAddresses(bytes: Uint8Array): Uint8Array {
  const root = readDescriptionXml(bytes)
  const text = new TextDecoder().decode(bytes)
  let hidden = ''
  let copied = 0
  for (const { start, end, local, namespace } of descendants(root)) {
    if (local !== 'address' || !BINDINGS.has(namespace)) continue
    const element = text.slice(start, end)
    const location = LOCATION.exec(element)
    if (location === null) continue
    const [whole = '', before = ''] = location
    hidden += `${text.slice(copied, start + before.length)}"${PLACEHOLDER}"`
    copied = start + whole.length
  }
  return Buffer.from(hidden + text.slice(copied))
}

/** From the start of an element to behind the value of its unprefixed `location`; the element is known to be well-formed. */
const LOCATION =
  /^(<[^\s/>]+(?:\s+(?!location[\s=])[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s+location\s*=\s*)(?:"[^"]*"|'[^']*')/
