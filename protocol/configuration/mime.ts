// The little of MIME that signed directories use (wire-conf §2.3, §2.4), on the bytes as they came: what was signed is cut out
// of them, never written again. CRLF and LF both end lines; a header may be all that a part has.
import { malformed } from './elements.ts'

/** Header names in lower case. */
export type Headers = ReadonlyMap<string, string>

export interface Part {
  readonly headers: Headers
  /** Up to the line break that belongs to the next delimiter. */
  readonly body: Buffer
}

const MAX_HEADERS = 32
const MAX_HEADER_BYTES = 16_384
const MAX_PARTS = 256
const LF = 0x0a
const CR = 0x0d

/** Splits off the headers; the blank line after them may be missing where no body follows. */
export function readPart(bytes: Buffer): Part {
  const headers = new Map<string, string>()
  let name: string | undefined
  let position = 0
  while (position < bytes.length) {
    const { line, next } = lineAt(bytes, position)
    position = next
    if (line === '') return { headers, body: bytes.subarray(position) }
    if (position > MAX_HEADER_BYTES) throw malformed(`the headers are longer than ${MAX_HEADER_BYTES} bytes`)
    if (/^[ \t]/.test(line)) {
      // Folded over lines (RFC 5322 §2.2.3), as the examples of PR-GCONF are.
      if (name === undefined) throw malformed('the headers begin with a folded line')
      headers.set(name, `${headers.get(name)} ${line.trim()}`)
      continue
    }
    const [, field, value = ''] = /^([!-9;-~]+)[ \t]*:(.*)$/.exec(line) ?? []
    if (field === undefined) throw malformed('a header line has no name')
    name = field.toLowerCase()
    if (headers.has(name)) throw malformed(`the header ${field} is given twice`)
    if (headers.size === MAX_HEADERS) throw malformed(`more than ${MAX_HEADERS} headers`)
    headers.set(name, value.trim())
  }
  return { headers, body: bytes.subarray(bytes.length) }
}

export interface Multipart {
  /** Raw, headers included. */
  readonly parts: readonly Buffer[]
  /** Where the first delimiter begins. */
  readonly start: number
  /** Whether the closing delimiter was there. */
  readonly closed: boolean
}

/** Cuts a multipart body at its delimiter lines (RFC 2046 §5.1.1). What stands before the first and after the last is dropped. */
export function cut(body: Buffer, boundary: string): Multipart {
  const delimiter = `--${boundary}`
  const parts: Buffer[] = []
  let start = -1
  let partStart = -1
  let position = 0
  while (position < body.length) {
    const { line, next } = lineAt(body, position)
    const found = line.startsWith(delimiter) ? line.slice(delimiter.length).trimEnd() : undefined
    if (found === '' || found === '--') {
      if (start < 0) start = position
      if (partStart >= 0) parts.push(body.subarray(partStart, Math.max(partStart, beforeLineBreak(body, position))))
      if (parts.length > MAX_PARTS) throw malformed(`more than ${MAX_PARTS} parts`)
      if (found === '--') return { parts, start, closed: true }
      partStart = next
    }
    position = next
  }
  if (partStart >= 0) parts.push(body.subarray(partStart))
  return { parts, start, closed: false }
}

/** The line at `position` without its end, and where the next one begins. */
function lineAt(bytes: Buffer, position: number): { readonly line: string; readonly next: number } {
  const end = bytes.indexOf(LF, position)
  const stop = end < 0 ? bytes.length : end
  const text = stop > position && bytes[stop - 1] === CR ? stop - 1 : stop
  return { line: bytes.toString('latin1', position, text), next: end < 0 ? bytes.length : end + 1 }
}

/** Where the line before `position` ends, its line break left out: that one belongs to the delimiter. */
function beforeLineBreak(bytes: Buffer, position: number): number {
  const end = position - 1
  return end > 0 && bytes[end - 1] === CR ? end - 1 : end
}

export interface HeaderValue {
  readonly value: string
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

/** `value; name="x"; other='y'; third=z`: quoted either way or not at all (wire-conf §10, 13). */
export function headerValue(header: string): HeaderValue {
  const [value = '', ...rest] = header.split(';').map((piece) => piece.trim())
  const parameters = new Map<string, string>()
  for (const piece of rest) {
    const equals = piece.indexOf('=')
    if (equals < 1) continue
    const name = piece.slice(0, equals).trim().toLowerCase()
    if (parameters.has(name)) throw malformed(`the parameter ${name} is given twice`)
    parameters.set(name, unquoted(piece.slice(equals + 1).trim()))
  }
  return { value, parameters }
}

function unquoted(text: string): string {
  const [first = ''] = text
  const quoted = (first === '"' || first === "'") && text.length >= 2 && text.endsWith(first)
  return quoted ? text.slice(1, -1) : text
}
