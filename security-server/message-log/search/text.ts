// Whether a text stands in what was said: read as UTF-8, whatever the case, as it is written there. What is compressed, or written by escapes,
// is not found.

/** Looks for one text in bytes that come piece by piece. */
export class TextFinder {
  readonly #sought: string
  readonly #decoder = new TextDecoder()
  /** The end of what was read, in which the text may have begun. */
  #held = ''

  constructor(text: string) {
    this.#sought = text.toLowerCase()
  }

  /** Whether it stands in what has come so far. */
  push(bytes: Uint8Array): boolean {
    const text = this.#held + this.#decoder.decode(bytes, { stream: true }).toLowerCase()
    if (text.includes(this.#sought)) return true
    this.#held = text.slice(Math.max(0, text.length - this.#sought.length + 1))
    return false
  }
}

/** Whether it stands in one of these, each by itself. */
export async function findText(
  text: string,
  parts: Iterable<Iterable<Uint8Array> | AsyncIterable<Uint8Array>>,
): Promise<boolean> {
  for (const part of parts) {
    const finder = new TextFinder(text)
    for await (const bytes of part) if (finder.push(bytes)) return true
  }
  return false
}

/** As much of a stream as may be read. */
export async function* upTo(limit: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = limit
  for await (const bytes of source) {
    yield bytes.subarray(0, left)
    left -= bytes.length
    if (left <= 0) return
  }
}
