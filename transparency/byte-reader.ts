// Octets of a stream by count, whatever pieces they come in. It holds what was asked for and the rest of one piece.

export class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  #held: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#pieces = source[Symbol.asyncIterator]()
  }

  /** The next `count` octets; undefined where the stream ends before, and then for ever. */
  async read(count: number): Promise<Buffer | undefined> {
    if (this.#held.length < count) {
      const pieces: Uint8Array[] = [this.#held]
      for (let length = this.#held.length; length < count; ) {
        const { done, value } = await this.#pieces.next()
        if (done === true) return undefined
        pieces.push(value)
        length += value.length
      }
      // Joined once for a question that needs more pieces, never for one that the last piece answers.
      this.#held = Buffer.concat(pieces)
    }
    const asked = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(count)
    return asked
  }

  /** Whether nothing more comes. */
  async ended(): Promise<boolean> {
    return (await this.read(1)) === undefined
  }
}
