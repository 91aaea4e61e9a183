// The head of a REST message as text: two lines, then `Name:Value` lines, CRLF after each, UTF-8 (wire-message §3.4).
import { fault, type XRoadFault } from './faults.ts'
import type { HeaderList } from './multipart.ts'

/** Lower-case names of the headers that X-Road reads or writes (PR-REST §4.3). */
export const restHeaders = {
  client: 'x-road-client',
  service: 'x-road-service',
  id: 'x-road-id',
  requestId: 'x-road-request-id',
  requestHash: 'x-road-request-hash',
  securityServer: 'x-road-security-server',
  representedParty: 'x-road-represented-party',
  userId: 'x-road-userid',
  issue: 'x-road-issue',
} as const

/** Belong to one connection or to the transport: never part of a message; a received head with one of them is refused. */
const NOT_TRANSPORTED: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'connection',
  'user-agent',
  'host',
  'content-length',
  'server',
  'expect',
])

/** RFC 9110 §5.1 and §5.5: what can be written as a header again. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\u0020-\u007E\u0080-\u00FF]*$/
const MAX_HEADERS = 1000

export interface Header {
  readonly name: string
  readonly lower: string
  readonly value: string
}

/** Node's flat list as headers, without those that are never transported. Throws what `refuse` makes. */
export function transported(rawHeaders: readonly string[], refuse: (what: string) => XRoadFault): Header[] {
  const headers: Header[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    const value = rawHeaders[index + 1] ?? ''
    const lower = name.toLowerCase()
    if (NOT_TRANSPORTED.has(lower)) continue
    // A line break here would be a header that nobody sent.
    if (!NAME.test(name) || !VALUE.test(value)) throw refuse('a header has a character that it must not have')
    headers.push({ name, lower, value })
  }
  return headers
}

/** The value of the last header of that name (wire-message §3.4). */
export function last(headers: readonly Header[], lower: string): string | undefined {
  return headers.findLast((header) => header.lower === lower)?.value
}

/** Headers as they are shown to the rest of the house. */
export function list(headers: readonly Header[]): HeaderList {
  return headers.map(({ name, value }) => [name, value] as const)
}

/** The bytes that are hashed, signed, sent and logged. */
export function serialize(first: string, second: string, headers: readonly Header[]): Uint8Array {
  let text = `${first}\r\n${second}\r\n`
  for (const { name, value } of headers) text += `${name}:${value}\r\n`
  return Buffer.from(text)
}

export interface HeadLines {
  readonly first: string
  readonly second: string
  readonly headers: readonly Header[]
}

/**
 * Takes a received head apart. Only the canonical layout is read: the reference hashes what it would write itself
 * (wire-message §3.6), so for anything else signature and request hash would speak of different bytes.
 *
 * @throws XRoadFault `<side>.service_failed.internal_error`
 */
export function parseLines(bytes: Uint8Array, side: 'server.clientproxy' | 'server.serverproxy'): HeadLines {
  const text = decode(bytes, side)
  if (!text.endsWith('\r\n')) throw malformed(side, 'the last line is not complete')
  const [first = '', second = '', ...lines] = text.slice(0, -2).split('\r\n')
  if (text.indexOf('\r\n') === text.length - 2) throw malformed(side, 'the second line is missing')
  if (lines.length > MAX_HEADERS) throw malformed(side, 'too many headers')
  const headers = lines.map((line): Header => {
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1)]
    const lower = name.toLowerCase()
    if (!NAME.test(name) || !VALUE.test(value)) throw malformed(side, 'a header line is malformed')
    if (NOT_TRANSPORTED.has(lower)) throw malformed(side, `the header ${lower} must not be in a message`)
    return { name, lower, value }
  })
  return { first, second, headers }
}

/** The fault for a head that cannot be read. */
export function malformed(
  side: 'server.clientproxy' | 'server.serverproxy',
  what: string,
  cause?: unknown,
): XRoadFault {
  return fault(`${side}.service_failed`, 'internal_error', `Invalid REST message: ${what}`, { cause })
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array, side: 'server.clientproxy' | 'server.serverproxy'): string {
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw malformed(side, 'it is not UTF-8', cause)
  }
}
