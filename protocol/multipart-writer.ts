// Multipart messages, written part by part (wire-message §2.4).
import { ProtocolError } from './error.ts'
import type { HeaderList } from './multipart.ts'
import { MAX_HEADER_LINE } from './multipart-parser.ts'

/** Each call returns the bytes to send next. */
export interface MultipartWriter {
  /** A whole part, with the delimiter before it. */
  part(type: string, body: Uint8Array, headers?: HeaderList): Uint8Array
  /** Delimiter and headers of a part whose body follows as it is. */
  open(type: string, headers?: HeaderList): Uint8Array
  /** The same with header lines as they were read, each with CRLF. */
  forward(lines: string): Uint8Array
  /** The closing delimiter. */
  end(): Uint8Array
}

/** A transport message between two security servers. */
export interface TransportWriter extends MultipartWriter {
  /** Content-Type of the whole message. */
  readonly contentType: string
  /** Delimiter and headers of the next attachment, in the nested multipart of all of them, which any other part ends. */
  attachment(lines: string): Uint8Array
}

const BREAK = /[\r\n]/

/**
 * @param boundary From {@link randomBoundary}: so long and random that no body contains it.
 * @param nested Stands in a part of another message; then a line break is before the first delimiter too.
 * @throws ProtocolError `mime_parsing_failed` for a header that no reader would take.
 */
export function multipartWriter(boundary: string, nested = false): MultipartWriter {
  let started = nested
  const delimiter = (): string => {
    const lineBreak = started ? '\r\n' : ''
    started = true
    return `${lineBreak}--${boundary}`
  }
  const open = (type: string, headers: HeaderList = []): Buffer => {
    let head = ''
    for (const [name, value] of [['content-type', type] as const, ...headers])
      head += checkLine(`${name}: ${value}`, '\r\n')
    return Buffer.from(`${delimiter()}\r\n${head}\r\n`, 'latin1')
  }
  return {
    open,
    part: (type, body, headers) => Buffer.concat([open(type, headers), body]),
    forward: (lines) => {
      for (const line of lines.split('\r\n')) checkLine(line)
      return Buffer.from(`${delimiter()}\r\n${lines}\r\n`, 'latin1')
    },
    end: () => Buffer.from(`${delimiter()}--\r\n`, 'latin1'),
  }
}

function checkLine(line: string, lineBreak = ''): string {
  if (BREAK.test(line) || line.length > MAX_HEADER_LINE)
    throw new ProtocolError(
      'mime_parsing_failed',
      `The header ${line.slice(0, line.indexOf(':')).slice(0, 100)} of a part is too long or has a line break`,
    )
  return line + lineBreak
}

/**
 * @param boundary From {@link randomBoundary}.
 * @throws ProtocolError as {@link multipartWriter}.
 */
export function transportWriter(boundary: string): TransportWriter {
  const outer = multipartWriter(boundary)
  let inner: MultipartWriter | undefined
  /** Ends the attachments before anything else. */
  const after = (bytes: Uint8Array): Uint8Array => {
    if (inner === undefined) return bytes
    const ended = Buffer.concat([inner.end(), bytes])
    inner = undefined
    return ended
  }
  return {
    contentType: mixed(boundary),
    open: (type, headers) => after(outer.open(type, headers)),
    part: (type, body, headers) => after(outer.part(type, body, headers)),
    forward: (lines) => after(outer.forward(lines)),
    attachment: (lines) => {
      if (inner !== undefined) return inner.forward(lines)
      const nested = randomBoundary('xatt')
      const opening = outer.open(mixed(nested))
      inner = multipartWriter(nested, true)
      return Buffer.concat([opening, inner.forward(lines)])
    },
    end: () => after(outer.end()),
  }
}

function mixed(boundary: string): string {
  return `multipart/mixed; charset=UTF-8; boundary=${boundary}`
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const RANDOM_LETTERS = 30

/** Random bytes are had in blocks: a call for a few costs as much as one for many. Each is used once. */
const BLOCK = new Uint8Array(4096)
let used = BLOCK.length

/** `xtop` for the message, `xatt` for its attachments, and 30 random letters (wire-message §2.4). */
export function randomBoundary(prefix: 'xtop' | 'xatt'): string {
  let boundary: string = prefix
  while (boundary.length < prefix.length + RANDOM_LETTERS) {
    if (used === BLOCK.length) {
      crypto.getRandomValues(BLOCK)
      used = 0
    }
    // Six bits, those above 51 thrown away: every letter is equally likely.
    boundary += LETTERS[(BLOCK[used++] ?? 0) & 63] ?? ''
  }
  return boundary
}
