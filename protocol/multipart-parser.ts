// Multipart messages taken apart (RFC 2046 §5.1, wire-message §2.4 and §2.6), without waiting: who feeds it decides when. Bodies are
// views of the chunks that came; one indexOf per chunk looks for the delimiter. Nothing is decoded: transfer encodings stay as they are.
import { ProtocolError } from './error.ts'

export type HeaderList = readonly (readonly [name: string, value: string])[]

export interface PartHead {
  readonly headers: HeaderList
  /** The header lines as they came, folded ones folded, in Latin-1, each with CRLF. */
  readonly lines: string
}

/** A part begins, bytes of its body (never empty), the part ends, the message and its source end. */
export type Found = PartHead | Buffer | 'part ends' | 'message ends'

export interface MultipartLimits {
  readonly maxParts?: number
}

/** A header line, read or written, without its line break: the reference's reader counts CRLF and wants less than 1000 bytes (wire-message §2.6). */
export const MAX_HEADER_LINE = 997
const MAX_HEADERS = 1000
/** All header lines of one part together; also what may stand before the first delimiter and after the last one. */
const MAX_BLOCK = 64 * 1024
const MAX_PARTS = 10_000

const MAX_BOUNDARY = 200

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const DASH = 0x2d
const EMPTY = Buffer.alloc(0)

/**
 * Fed with chunks, asked for what they hold. Unlike the reference's reader this one demands the closing delimiter and the end of
 * the source behind it, so that a cut stream is never taken for a whole one.
 */
export class MultipartParser {
  /** LF, two dashes and the boundary; a CR before it belongs to it too. */
  readonly #delimiter: Buffer
  readonly #maxParts: number
  /** What has arrived and is not yet handed on. */
  #buffer: Buffer = EMPTY
  #ended = false
  #inside: 'preamble' | 'delimiter' | 'headers' | 'body' | 'epilogue' = 'preamble'
  /** At the beginning of the message or of a body, a delimiter needs no line break before it. */
  #atLineStart = true
  /** Length of the delimiter that was found at the beginning of the buffer. */
  #found = 0
  /** Bytes of preamble or epilogue so far. */
  #skipped = 0
  #parts = 0
  #headers: [name: string, value: string][] = []
  #lines = ''

  /** @throws ProtocolError `invalid_content_type` for a boundary that is none. */
  constructor(boundary: string, limits: MultipartLimits = {}) {
    if (boundary === '' || boundary.length > MAX_BOUNDARY)
      throw new ProtocolError('invalid_content_type', 'The boundary is empty or too long')
    this.#delimiter = Buffer.from(`\n--${boundary}`, 'latin1')
    this.#maxParts = limits.maxParts ?? MAX_PARTS
  }

  /** The next chunk. Copies only when something of the last one was held back. */
  feed(bytes: Uint8Array): void {
    const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
  }

  /** The source has ended. */
  end(): void {
    this.#ended = true
  }

  /**
   * What comes next; undefined when that needs more bytes, or the end of the source, to be known.
   *
   * @throws ProtocolError `io_error` when the source ended early, `mime_parsing_failed` for broken delimiters and headers and for
   * anything beyond the limits.
   */
  next(): Found | undefined {
    const found = this.#next()
    if (found === undefined && this.#ended) throw cut()
    return found
  }

  #next(): Found | undefined {
    for (;;) {
      switch (this.#inside) {
        case 'preamble': {
          const chunk = this.#chunk()
          if (chunk === undefined) return undefined
          if (chunk !== AT_DELIMITER) this.#skip(chunk.length, 'no delimiter')
          else this.#inside = 'delimiter'
          break
        }
        case 'delimiter':
          if (!this.#passDelimiter()) return undefined
          break
        case 'headers':
          return this.#readHead()
        case 'body': {
          const chunk = this.#chunk()
          if (chunk !== AT_DELIMITER) return chunk
          this.#inside = 'delimiter'
          return 'part ends'
        }
        case 'epilogue':
          this.#skip(this.#buffer.length, 'too much after the closing delimiter')
          this.#buffer = EMPTY
          // Its own end is known to be sound only when it is reached (chunked framing, TLS).
          return this.#ended ? 'message ends' : undefined
      }
    }
  }

  #skip(bytes: number, what: string): void {
    this.#skipped += bytes
    if (this.#skipped > MAX_BLOCK) throw broken(what)
  }

  /**
   * The next bytes of a body, or that it ends here. Only what may be the beginning of a delimiter is held back until more has come.
   */
  #chunk(): Buffer | typeof AT_DELIMITER | undefined {
    if (this.#atLineStart) {
      const opening = this.#openingHere()
      if (opening === undefined) return undefined
      this.#atLineStart = false
      if (opening) return AT_DELIMITER
    }
    const end = this.#delimiterAt()
    if (end === 0) return AT_DELIMITER
    const length = end > 0 ? end : this.#safeLength()
    if (length === 0) return undefined
    const chunk = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return chunk
  }

  /** Whether the buffer begins with a delimiter that needs no line break. */
  #openingHere(): boolean | undefined {
    const opening = this.#delimiter.subarray(1)
    const seen = Math.min(this.#buffer.length, opening.length)
    if (opening.compare(this.#buffer, 0, seen, 0, seen) !== 0) return false
    if (this.#buffer.length <= opening.length) return undefined
    if (!endsDelimiter(this.#buffer[opening.length])) return false
    this.#found = opening.length
    return true
  }

  /** Index where the line break of the delimiter begins; -1 when none is in the buffer whole. */
  #delimiterAt(): number {
    const { length } = this.#delimiter
    for (let at = this.#buffer.indexOf(this.#delimiter); at >= 0; at = this.#buffer.indexOf(this.#delimiter, at + 1)) {
      const next = this.#buffer[at + length]
      if (next === undefined) return -1
      if (!endsDelimiter(next)) continue
      const afterCr = at > 0 && this.#buffer[at - 1] === CR
      this.#found = afterCr ? length + 1 : length
      return afterCr ? at - 1 : at
    }
    return -1
  }

  /** How many bytes surely do not belong to a delimiter. */
  #safeLength(): number {
    const { length } = this.#buffer
    const from = Math.max(0, length - this.#delimiter.length)
    for (let at = this.#buffer.indexOf(LF, from); at >= 0; at = this.#buffer.indexOf(LF, at + 1)) {
      if (!this.#delimiter.subarray(0, length - at).equals(this.#buffer.subarray(at))) continue
      return at > 0 && this.#buffer[at - 1] === CR ? at - 1 : at
    }
    return this.#buffer[length - 1] === CR ? length - 1 : length
  }

  /** Passes the delimiter at the beginning of the buffer: a part or the epilogue follows. False when more is needed. */
  #passDelimiter(): boolean {
    this.#buffer = this.#buffer.subarray(this.#found)
    this.#found = 0
    if (this.#buffer.length < 2 && !this.#ended) return false
    if (this.#buffer[0] === DASH && this.#buffer[1] === DASH) {
      this.#buffer = this.#buffer.subarray(2)
      this.#skipped = 0
      this.#inside = 'epilogue'
      return true
    }
    const line = this.#line()
    if (line === undefined) return false
    if (line.trim() !== '') throw broken('text after a delimiter')
    if (++this.#parts > this.#maxParts) throw broken('too many parts')
    this.#headers = []
    this.#lines = ''
    this.#inside = 'headers'
    return true
  }

  /** The header lines of a part, up to the empty line; folded ones unfolded, one leading white space dropped. */
  #readHead(): PartHead | undefined {
    const headers = this.#headers
    for (;;) {
      const line = this.#line()
      if (line === undefined) return undefined
      if (line === '') break
      this.#lines += `${line}\r\n`
      if (this.#lines.length > MAX_BLOCK || headers.length >= MAX_HEADERS) throw broken('too many headers')
      const last = headers.at(-1)
      if (line.startsWith(' ') || line.startsWith('\t')) {
        if (last === undefined) throw broken('a header begins with white space')
        last[1] += checkValue(line)
        continue
      }
      const match = HEADER.exec(line)
      if (match === null) throw broken('a header line is malformed')
      headers.push([match[1] ?? '', checkValue(match[2] ?? '')])
    }
    this.#atLineStart = true
    this.#inside = 'body'
    return { headers, lines: this.#lines }
  }

  /** One line without its line break; undefined when it is not there whole. */
  #line(): string | undefined {
    const at = this.#buffer.indexOf(LF)
    const end = at > 0 && this.#buffer[at - 1] === CR ? at - 1 : at
    if (end > MAX_HEADER_LINE || (at < 0 && this.#buffer.length > MAX_HEADER_LINE + 1))
      throw broken('a header line is too long')
    if (at < 0) return undefined
    const line = this.#buffer.toString('latin1', 0, end)
    this.#buffer = this.#buffer.subarray(at + 1)
    return line
  }
}

const AT_DELIMITER = Symbol('at a delimiter')

/** What may follow a boundary: white space, or the dash of the closing delimiter (wire-message §2.6). */
function endsDelimiter(byte: number | undefined): boolean {
  return byte === CR || byte === LF || byte === DASH || byte === SPACE || byte === TAB
}

/** RFC 9110 §5.6.2 token, then the value. */
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]?(.*)$/
const CONTROL = /[^\t\u0020-\u007E\u0080-\u00FF]/

function checkValue(value: string): string {
  if (CONTROL.test(value)) throw broken('a header has a control character')
  return value
}

function broken(what: string): ProtocolError {
  return new ProtocolError('mime_parsing_failed', `The multipart message is broken: ${what}`)
}

function cut(): ProtocolError {
  return new ProtocolError('io_error', 'The multipart message ended before its closing delimiter')
}
