// Replaces strings inside JSON where they stand (RFC 8259): every other byte stays, and nothing is built. JSON.parse would make some hundred megabytes of
// ten, which no limit on a thread stops: it ends the whole process.

const MAX_DEPTH = 200
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/**
 * @param replace What stands in place of a string; asked for each value that is one. Names of the path are keys; elements of arrays are `[]`.
 * @throws Error: not JSON, or over 200 levels deep.
 */
export function replaceStrings(text: string, replace: (path: readonly string[], value: string) => string): string {
  return new Walk(text, replace).run()
}

class Walk {
  readonly #text: string
  readonly #replace: (path: readonly string[], value: string) => string
  readonly #path: string[] = []
  #at = 0
  #written = ''
  #copied = 0

  constructor(text: string, replace: (path: readonly string[], value: string) => string) {
    this.#text = text
    this.#replace = replace
  }

  run(): string {
    this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#broken()
    return this.#written + this.#text.slice(this.#copied)
  }

  #value(): void {
    this.#space()
    const first = this.#text[this.#at]
    if (first === '{') this.#items('}', () => this.#key())
    else if (first === '[') this.#items(']', () => '[]')
    else if (first === '"') this.#replaceString()
    else this.#take(LITERAL)
  }

  #key(): string {
    this.#space()
    const key = JSON.parse(this.#string()) as string
    this.#space()
    this.#expect(':')
    return key
  }

  #items(end: string, name: () => string): void {
    if (this.#path.length >= MAX_DEPTH) throw new Error(`it is over ${MAX_DEPTH} levels deep`)
    this.#at++
    this.#space()
    let more = this.#text[this.#at] !== end
    while (more) {
      this.#path.push(name())
      this.#value()
      this.#path.pop()
      this.#space()
      more = this.#text[this.#at] === ','
      if (more) this.#at++
    }
    this.#expect(end)
  }

  #replaceString(): void {
    const start = this.#at
    const value = JSON.parse(this.#string()) as string
    const wanted = this.#replace(this.#path, value)
    if (wanted === value) return
    this.#written += this.#text.slice(this.#copied, start) + JSON.stringify(wanted)
    this.#copied = this.#at
  }

  /** The next string as written. */
  #string(): string {
    const start = this.#at
    this.#expect('"')
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === 0x22) break
      if (code === 0x5c) this.#take(ESCAPE)
      else if (code >= 0x20) this.#at++
      else throw this.#broken()
    }
    this.#at++
    return this.#text.slice(start, this.#at)
  }

  #space(): void {
    this.#take(SPACE)
  }

  #take(pattern: RegExp): void {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) throw this.#broken()
    this.#at = pattern.lastIndex
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw this.#broken()
    this.#at++
  }

  #broken(): Error {
    return new Error(`it is not JSON at character ${this.#at}`)
  }
}
