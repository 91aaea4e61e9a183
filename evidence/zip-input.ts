// The octets of a ZIP file, taken in exact amounts from a source that gives them as it likes.
import { EvidenceError } from './error.ts'

/** Throws EvidenceError `asic_malformed_zip` when the source ends early. */
export class ZipInput {
  /** Octets taken so far. */
  offset = 0
  readonly #iterator: AsyncIterator<Uint8Array>
  #kept: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]()
  }

  /** Exactly that many. */
  async take(count: number): Promise<Buffer> {
    if (count <= this.#kept.length) return this.#next(count)
    const pieces: Buffer[] = []
    for await (const piece of this.chunks(count)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  /** Exactly that many, in pieces. */
  async *chunks(count: number): AsyncGenerator<Buffer> {
    for (let missing = count; missing > 0; ) {
      const piece = await this.some(missing)
      if (piece === undefined) throw malformedZip('it is cut off')
      missing -= piece.length
      yield piece
    }
  }

  /** At least one octet and at most `limit`; undefined at the end. */
  async some(limit: number): Promise<Buffer | undefined> {
    while (this.#kept.length === 0) {
      const next = await this.#iterator.next()
      if (next.done) return undefined
      this.#kept = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length)
    }
    return this.#next(Math.min(limit, this.#kept.length))
  }

  #next(count: number): Buffer {
    const piece = this.#kept.subarray(0, count)
    this.#kept = this.#kept.subarray(count)
    this.offset += count
    return piece
  }

  /** Gives back the last octets of what was taken last. */
  putBack(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.offset -= bytes.length
    this.#kept = this.#kept.length === 0 ? bytes : Buffer.concat([bytes, this.#kept])
  }

  async atEnd(): Promise<boolean> {
    return (await this.some(1)) === undefined
  }

  /** Lets the source close what it holds open. */
  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

export function malformedZip(why: string, cause?: unknown): EvidenceError {
  return new EvidenceError(
    'asic_malformed_zip',
    `The ZIP file is malformed: ${why}`,
    cause === undefined ? {} : { cause },
  )
}
