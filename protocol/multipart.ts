// Multipart messages, read as they arrive (RFC 2046 §5.1, wire-message §2.4 and §2.6). Bodies are handed on as views of the
// chunks that came; one indexOf per chunk looks for the delimiter. Nothing is decoded: transfer encodings stay as they are.
import { ProtocolError } from './error.ts'
import { contentTypeIn, mediaType } from './media-type.ts'

export type HeaderList = readonly (readonly [name: string, value: string])[]

export interface MimePart {
  readonly headers: HeaderList
  /** The header lines as they came, folded ones folded, in Latin-1, each with CRLF. */
  readonly lines: string
  /** Value of Content-Type as written; `text/plain` when the part has none (RFC 2045 §5.2). */
  readonly contentType: string
  /** Lower-case type without parameters. */
  readonly mediaType: string
  /** To be read before the next part is asked for; what is left unread is skipped. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface MultipartLimits {
  readonly maxParts?: number
}

/** A header line, without its line break. The reference's reader takes no longer ones (wire-message §2.6). */
const MAX_LINE = 1000
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
 * Reads the parts in order. Unlike the reference's reader this one demands the closing delimiter and reads the source to
 * its end, so that a cut stream is never taken for a whole one.
 *
 * @throws ProtocolError `io_error` when the source ends early, `mime_parsing_failed` for broken delimiters and headers and
 * for anything beyond the limits. Errors of the source pass through.
 */
export async function* readMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits = {},
): AsyncGenerator<MimePart> {
  if (boundary === '' || boundary.length > MAX_BOUNDARY)
    throw new ProtocolError('invalid_content_type', 'The boundary is empty or too long')
  const iterator = source[Symbol.asyncIterator]()
  const window = new Window(iterator, boundary)
  const maxParts = limits.maxParts ?? MAX_PARTS
  let complete = false
  try {
    let open = await window.skipPreamble()
    for (let parts = 1; open; parts++) {
      if (parts > maxParts) throw broken('too many parts')
      const { headers, lines } = await window.readHeaders()
      const contentType = contentTypeIn(headers) ?? 'text/plain'
      const body = new Body(window)
      yield { headers, lines, contentType, mediaType: mediaType(contentType).type, body }
      await body.finish()
      open = await window.passDelimiter()
    }
    await window.skipEpilogue()
    complete = true
  } finally {
    if (!complete) await iterator.return?.()
  }
}

/** Reads a body that must be small. Throws ProtocolError `invalid_message` when it is over `maxBytes`. */
export async function collect(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) throw new ProtocolError('invalid_message', `A part of the message is over ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  const [only] = chunks
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks)
}

/** The body of one part; ends at the delimiter, which stays in the window. */
class Body implements AsyncIterableIterator<Uint8Array> {
  #window: Window | undefined

  constructor(window: Window) {
    this.#window = window
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const value = await this.#window?.bodyChunk()
    return value === undefined ? { done: true, value: undefined } : { done: false, value }
  }

  /** Skips what was not read; from then on the body is at its end. */
  async finish(): Promise<void> {
    while ((await this.#window?.bodyChunk()) !== undefined);
    this.#window = undefined
  }
}

/** What has arrived and is not yet handed on. */
class Window {
  readonly #source: AsyncIterator<Uint8Array>
  /** LF, two dashes and the boundary; a CR before it belongs to it too. */
  readonly #delimiter: Buffer
  #buffer: Buffer = EMPTY
  #ended = false
  /** At the beginning of the message or of a body, a delimiter needs no line break before it. */
  #atLineStart = true
  /** Length of the delimiter that was found at the beginning of the window. */
  #found = 0

  constructor(source: AsyncIterator<Uint8Array>, boundary: string) {
    this.#source = source
    this.#delimiter = Buffer.from(`\n--${boundary}`, 'latin1')
  }

  /** Appends the next chunk; false at the end of the source. Copies only when something was held back. */
  async #more(): Promise<boolean> {
    while (!this.#ended) {
      const { done, value } = await this.#source.next()
      if (done) {
        this.#ended = true
      } else if (value.length > 0) {
        const chunk = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.length)
        this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
        return true
      }
    }
    return false
  }

  /** Skips what stands before the first delimiter, and passes it; false when it closes the message at once. */
  async skipPreamble(): Promise<boolean> {
    let skipped = 0
    for (let chunk = await this.bodyChunk(); chunk !== undefined; chunk = await this.bodyChunk()) {
      skipped += chunk.length
      if (skipped > MAX_BLOCK) throw broken('no delimiter')
    }
    return await this.passDelimiter()
  }

  /**
   * The next bytes of a body, never empty; undefined at the delimiter. Only what may be the beginning of a delimiter is
   * held back until more has come.
   */
  async bodyChunk(): Promise<Buffer | undefined> {
    if (this.#atLineStart && (await this.#startsWithDelimiter())) return undefined
    for (;;) {
      const end = this.#delimiterAt()
      if (end === 0) return undefined
      const length = end > 0 ? end : this.#safeLength()
      if (length > 0) {
        const chunk = this.#buffer.subarray(0, length)
        this.#buffer = this.#buffer.subarray(length)
        return chunk
      }
      if (!(await this.#more())) throw cut()
    }
  }

  async #startsWithDelimiter(): Promise<boolean> {
    const opening = this.#delimiter.subarray(1)
    for (;;) {
      const seen = Math.min(this.#buffer.length, opening.length)
      if (!this.#buffer.subarray(0, seen).equals(opening.subarray(0, seen))) break
      if (this.#buffer.length > opening.length) {
        if (!endsDelimiter(this.#buffer[opening.length])) break
        this.#found = opening.length
        return true
      }
      if (!(await this.#more())) throw cut()
    }
    this.#atLineStart = false
    return false
  }

  /** Index where the line break of the delimiter begins; -1 when none is in the window whole. */
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

  /** Passes the delimiter that `bodyChunk` stopped at; false when it is the closing one. */
  async passDelimiter(): Promise<boolean> {
    this.#buffer = this.#buffer.subarray(this.#found)
    while (this.#buffer.length < 2 && (await this.#more()));
    if (this.#buffer[0] === DASH && this.#buffer[1] === DASH) {
      this.#buffer = this.#buffer.subarray(2)
      return false
    }
    if ((await this.#line()).trim() !== '') throw broken('text after a delimiter')
    return true
  }

  /** One line without its line break. */
  async #line(): Promise<string> {
    for (;;) {
      const at = this.#buffer.subarray(0, MAX_LINE + 2).indexOf(LF)
      if (at >= 0) {
        const end = at > 0 && this.#buffer[at - 1] === CR ? at - 1 : at
        if (end > MAX_LINE) throw broken('a header line is too long')
        const line = this.#buffer.toString('latin1', 0, end)
        this.#buffer = this.#buffer.subarray(at + 1)
        return line
      }
      if (this.#buffer.length > MAX_LINE + 1) throw broken('a header line is too long')
      if (!(await this.#more())) throw cut()
    }
  }

  /** The header lines of a part, up to the empty line; folded ones unfolded, one leading white space dropped. */
  async readHeaders(): Promise<{ headers: HeaderList; lines: string }> {
    const headers: [name: string, value: string][] = []
    let lines = ''
    for (let line = await this.#line(); line !== ''; line = await this.#line()) {
      lines += `${line}\r\n`
      if (lines.length > MAX_BLOCK || headers.length >= MAX_HEADERS) throw broken('too many headers')
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
    return { headers, lines }
  }

  /** Reads the source to its end, so that its own end is known to be sound (chunked framing, TLS). */
  async skipEpilogue(): Promise<void> {
    let size = 0
    do {
      size += this.#buffer.length
      if (size > MAX_BLOCK) throw broken('too much after the closing delimiter')
      this.#buffer = EMPTY
    } while (await this.#more())
  }
}

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
