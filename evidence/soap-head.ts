// The parties of a SOAP message (PR-MESS §2.2), read without building a tree: a logged message may be large, and only its header is of interest.
import { SaxesParser, type SaxesTagNS } from 'saxes'
import type { ClientId } from '#protocol'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'
const MAX_DEPTH = 512
const MAX_PART = 1024

export interface SoapHead {
  readonly client: ClientId | undefined
  /** The client that the service belongs to. */
  readonly provider: ClientId | undefined
  /** Local name of the first element in the body; a response's ends with `Response`. */
  readonly content: string
}

/** Throws Error when it is not well-formed, not SOAP 1.1, or names a party twice. */
export function readSoapHead(message: Uint8Array): SoapHead {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(message)
  const reader = new Reader()
  const parser = new SaxesParser({ xmlns: true, position: false })
  parser.on('doctype', () => {
    throw new Error('a DOCTYPE in a SOAP message')
  })
  parser.on('opentag', (tag) => reader.open(tag))
  parser.on('closetag', () => reader.close())
  parser.on('text', (data) => reader.text(data))
  parser.on('cdata', (data) => reader.text(data))
  parser.write(text)
  const { encoding } = parser.xmlDecl
  if (encoding !== undefined && !/^utf-8$/i.test(encoding))
    throw new Error('a SOAP message in another encoding than UTF-8')
  parser.close()
  return reader.head()
}

type Party = 'client' | 'service'

/** Follows the document by depth: 0 Envelope, 1 Header and Body, 2 their children, 3 the parts of an identifier. */
class Reader {
  #depth = 0
  #section: 'Header' | 'Body' | undefined
  readonly #sections = new Set<string>()
  #content: string | undefined
  #party: Map<string, string> | undefined
  #part: string | undefined
  readonly #parties = new Map<Party, Map<string, string>>()

  open({ uri, local }: SaxesTagNS): void {
    if (this.#depth === 0 && (uri !== SOAP || local !== 'Envelope')) throw new Error(`${local} is no SOAP envelope`)
    if (this.#depth === 1) this.#openSection(uri, local)
    else if (this.#depth === 2 && this.#section === 'Body') this.#content ??= local
    else if (this.#depth === 2 && this.#section === 'Header' && uri === XROAD) this.#openParty(local)
    else if (this.#depth === 3 && this.#party !== undefined && uri === IDENTIFIERS) this.#openPart(this.#party, local)
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw new Error('a SOAP message nested too deeply')
  }

  #openSection(uri: string, local: string): void {
    if (uri !== SOAP || (local !== 'Header' && local !== 'Body')) return
    if (this.#sections.has(local)) throw new Error(`two SOAP ${local} elements`)
    this.#sections.add(local)
    this.#section = local
  }

  #openParty(local: string): void {
    if (local !== 'client' && local !== 'service') return
    if (this.#parties.has(local)) throw new Error(`two ${local} elements`)
    this.#party = new Map()
    this.#parties.set(local, this.#party)
  }

  #openPart(party: Map<string, string>, local: string): void {
    if (party.has(local)) throw new Error(`an identifier with two of ${local}`)
    party.set(local, '')
    this.#part = local
  }

  text(data: string): void {
    if (this.#part === undefined || this.#party === undefined) return
    const value = (this.#party.get(this.#part) ?? '') + data
    if (value.length > MAX_PART) throw new Error('an identifier that is too long')
    this.#party.set(this.#part, value)
  }

  close(): void {
    this.#depth -= 1
    if (this.#depth <= 3) this.#part = undefined
    if (this.#depth <= 2) this.#party = undefined
    if (this.#depth <= 1) this.#section = undefined
  }

  head(): SoapHead {
    if (this.#content === undefined) throw new Error('a SOAP message without content')
    return { client: this.#client('client'), provider: this.#client('service'), content: this.#content }
  }

  #client(party: Party): ClientId | undefined {
    const parts = this.#parties.get(party)
    if (parts === undefined) return undefined
    const instance = parts.get('xRoadInstance')
    const memberClass = parts.get('memberClass')
    const memberCode = parts.get('memberCode')
    const subsystemCode = parts.get('subsystemCode')
    if (!instance || !memberClass || !memberCode) throw new Error(`an incomplete identifier of the ${party}`)
    return { instance, memberClass, memberCode, ...(subsystemCode ? { subsystemCode } : {}) }
  }
}
