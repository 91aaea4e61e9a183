// Multipart messages, read part by part while they arrive (RFC 2046 §5.1); a part that nobody reads is passed over.
import { AnswerError } from './error.ts'

export interface Part {
  readonly headers: Headers
  /** Must be read before the next part is asked for; the rest of it is lost then. */
  readonly body: AsyncIterable<Uint8Array>
}

const MAX_HEADER_BYTES = 16 * 1024
/** X-Road writes no preamble; a line or two of one is harmless. */
const MAX_PREAMBLE_BYTES = 16 * 1024

export async function* readMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<Part, void, void> {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  const input = new Input(source)
  try {
    await input.until(delimiter, MAX_PREAMBLE_BYTES)
    while (!(await lastDelimiter(input))) {
      const headers = headersOf(await input.until(Buffer.from('\r\n\r\n'), MAX_HEADER_BYTES))
      const state = { complete: false }
      yield { headers, body: input.pieces(delimiter, state) }
      if (!state.complete) for await (const _ of input.pieces(delimiter, state));
    }
    await input.end()
  } finally {
    await input.release()
  }
}

/** What stands after a delimiter: `--` at the end, else nothing but blanks, then the headers. */
async function lastDelimiter(input: Input): Promise<boolean> {
  const two = await input.peek(2)
  if (two === '--') return true
  const line = (await input.until(Buffer.from('\r\n'), 1024)).toString('latin1')
  if (line.trim() !== '') throw new AnswerError('A delimiter of the multipart answer is followed by something else')
  // Headers begin after the line end; a part may also have none.
  input.putBack('\r\n')
  return false
}

function headersOf(block: Buffer): Headers {
  const headers = new Headers()
  const text = block.toString('latin1').replace(/\r\n[ \t]+/g, ' ')
  for (const line of text.split('\r\n').filter(Boolean)) {
    const colon = line.indexOf(':')
    try {
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
    } catch (cause) {
      throw new AnswerError('A part of the multipart answer has a broken header', { cause })
    }
  }
  return headers
}

/** The bytes that have arrived and are not used yet. The first delimiter may stand at the very beginning, without a line end before it. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>
  #waiting: Buffer = Buffer.from('\r\n')

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next()
    if (done) throw new AnswerError('The multipart answer ends before its last delimiter')
    this.#waiting = this.#waiting.length === 0 ? Buffer.from(value) : Buffer.concat([this.#waiting, value])
  }

  /** What stands before a mark; the mark is used up. */
  async until(mark: Buffer, limit: number): Promise<Buffer> {
    for (;;) {
      const at = this.#waiting.indexOf(mark)
      if (at >= 0 && at <= limit) {
        const before = this.#waiting.subarray(0, at)
        this.#waiting = this.#waiting.subarray(at + mark.length)
        return before
      }
      if (this.#waiting.length > limit + mark.length)
        throw new AnswerError('The multipart answer is not as MIME has it')
      await this.#more()
    }
  }

  /** The same in pieces, of any length. */
  async *pieces(mark: Buffer, state: { complete: boolean }): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const at = this.#waiting.indexOf(mark)
      const sure = at >= 0 ? at : this.#waiting.length - mark.length + 1
      if (sure > 0) {
        const piece = this.#waiting.subarray(0, sure)
        this.#waiting = this.#waiting.subarray(sure)
        yield piece
      }
      if (at >= 0) {
        this.#waiting = this.#waiting.subarray(mark.length)
        state.complete = true
        return
      }
      await this.#more()
    }
  }

  async peek(length: number): Promise<string> {
    while (this.#waiting.length < length) await this.#more()
    return this.#waiting.toString('latin1', 0, length)
  }

  putBack(text: string): void {
    this.#waiting = Buffer.concat([Buffer.from(text, 'latin1'), this.#waiting])
  }

  /** Reads what is left, so that the connection can be used again. */
  async end(): Promise<void> {
    while (!(await this.#source.next()).done);
  }

  /** Gives up what has not arrived. */
  async release(): Promise<void> {
    await this.#source.return?.()
  }
}
