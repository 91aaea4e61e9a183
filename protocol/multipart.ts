// Multipart messages, read as they arrive. What has come already is handed on without waiting: a small message is one chunk.
import { ProtocolError } from './error.ts'
import { contentTypeIn, mediaType } from './media-type.ts'
import { type Found, type MultipartLimits, MultipartParser, type PartHead } from './multipart-parser.ts'

export type { HeaderList } from './multipart-parser.ts'

export interface MimePart extends PartHead {
  /** Value of Content-Type as written; `text/plain` when the part has none (RFC 2045 §5.2). */
  readonly contentType: string
  /** Lower-case type without parameters. */
  readonly mediaType: string
  /** To be read before the next part is asked for; what is left unread is skipped. */
  readonly body: AsyncIterable<Uint8Array>
}

/** The parts of a message in order. */
export class MultipartReader {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #parser: MultipartParser
  #body: Body | undefined
  #complete = false

  /** @throws ProtocolError `invalid_content_type` for a boundary that is none. */
  constructor(source: AsyncIterable<Uint8Array>, boundary: string, limits: MultipartLimits = {}) {
    this.#parser = new MultipartParser(boundary, limits)
    this.#source = source[Symbol.asyncIterator]()
  }

  /**
   * The next part; undefined when the message and its source have ended. What was not read of the part before is skipped.
   *
   * @throws ProtocolError as {@link MultipartParser.next}. Errors of the source pass through.
   */
  async next(): Promise<MimePart | undefined> {
    this.#body?.close()
    for (;;) {
      const found = this.#parser.next() ?? (await this.later())
      if (found === 'message ends') {
        this.#complete = true
        return undefined
      }
      if (typeof found === 'string' || Buffer.isBuffer(found)) continue
      const { headers, lines } = found
      const contentType = contentTypeIn(headers) ?? 'text/plain'
      this.#body = new Body(this)
      return { headers, lines, contentType, mediaType: mediaType(contentType).type, body: this.#body }
    }
  }

  /** What has come already; undefined when it must be waited for. */
  now(): Found | undefined {
    return this.#parser.next()
  }

  async later(): Promise<Found> {
    for (;;) {
      const { done, value } = await this.#source.next()
      if (done) this.#parser.end()
      else if (value.length > 0) this.#parser.feed(value)
      const found = this.#parser.next()
      if (found !== undefined) return found
    }
  }

  /** Ends the source, unless it was read to its end. */
  async close(): Promise<void> {
    if (!this.#complete) await this.#source.return?.()
  }
}

/** The parts in order, as {@link MultipartReader}; ends the source when it is left early. */
export async function* readMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits = {},
): AsyncGenerator<MimePart> {
  const reader = new MultipartReader(source, boundary, limits)
  try {
    for (let part = await reader.next(); part !== undefined; part = await reader.next()) yield part
  } finally {
    await reader.close()
  }
}

/** The body of one part. */
class Body implements AsyncIterableIterator<Uint8Array> {
  readonly #reader: MultipartReader
  #open = true

  constructor(reader: MultipartReader) {
    this.#reader = reader
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.#open ? this.#take(this.#reader.now() ?? (await this.#reader.later())) : undefined
    return chunk === undefined ? { done: true, value: undefined } : { done: false, value: chunk }
  }

  /** From then on the body is at its end. */
  close(): void {
    this.#open = false
  }

  /** All of it in one piece. */
  async whole(maxBytes: number): Promise<Uint8Array> {
    const gathered = new Gathered(maxBytes)
    while (this.#open) {
      const chunk = this.#take(this.#reader.now() ?? (await this.#reader.later()))
      if (chunk !== undefined) gathered.add(chunk)
    }
    return gathered.bytes()
  }

  #take(found: Found): Buffer | undefined {
    if (Buffer.isBuffer(found)) return found
    this.#open = false
    return undefined
  }
}

/** Reads a body that must be small. Throws ProtocolError `invalid_message` when it is over `maxBytes`. */
export async function collect(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  if (body instanceof Body) return await body.whole(maxBytes)
  const gathered = new Gathered(maxBytes)
  for await (const chunk of body) gathered.add(chunk)
  return gathered.bytes()
}

/** One chunk as it came, or all in a buffer that grows: however small the pieces are, they cost no more than their bytes. */
class Gathered {
  readonly #maxBytes: number
  #buffer: Uint8Array = Buffer.alloc(0)
  #own = false
  #size = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(chunk: Uint8Array): void {
    const before = this.#size
    this.#size += chunk.length
    if (this.#size > this.#maxBytes)
      throw new ProtocolError('invalid_message', `A part of the message is over ${this.#maxBytes} bytes`)
    if (before === 0) {
      this.#buffer = chunk
      this.#own = false
      return
    }
    if (!this.#own || this.#size > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(4096, 2 * this.#size)))
      grown.set(this.#buffer.subarray(0, before))
      this.#buffer = grown
      this.#own = true
    }
    this.#buffer.set(chunk, before)
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size)
  }
}
