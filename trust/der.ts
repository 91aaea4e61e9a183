// A strict DER reader over slices of the input: one byte string, one meaning. Definite minimal lengths, low tag numbers, bounded depth,
// nothing trailing (X.690 §10). BER's liberties are refused: they let two encodings mean one value, which is a forger's tool.
import {
  boolean,
  characters,
  integer,
  isTextTag,
  malformed,
  minimalInteger,
  namedBits,
  objectIdentifier,
  positive,
  tags,
  time,
} from './der-values.ts'

export { tags } from './der-values.ts'

const MAX_DEPTH = 24
const MAX_BYTES = 16 * 1024 * 1024
const MAX_CHILDREN = 100_000

/** One value. `raw` is the whole encoding, `content` what follows tag and length; both are views, never copies. */
export class Der {
  readonly tag: number
  readonly raw: Uint8Array
  readonly content: Uint8Array
  readonly #depth: number
  #children: readonly Der[] | undefined

  constructor(tag: number, raw: Uint8Array, content: Uint8Array, depth: number) {
    this.tag = tag
    this.raw = raw
    this.content = content
    this.#depth = depth
  }

  /** Throws unless the tag is this one. Returns itself, for chaining. */
  expect(tag: number, what = 'value'): this {
    if (this.tag !== tag) throw malformed(`${what}: tag 0x${this.tag.toString(16)} where 0x${tag.toString(16)} is due`)
    return this
  }

  /** The values inside a constructed one. */
  children(): readonly Der[] {
    if (this.#children === undefined) {
      if ((this.tag & 0x20) === 0) throw malformed('a primitive value has no children')
      if (this.#depth >= MAX_DEPTH) throw malformed(`nested deeper than ${MAX_DEPTH}`)
      this.#children = readAll(this.content, this.#depth + 1)
    }
    return this.#children
  }

  /** The n-th child, which must exist. */
  child(index: number, what = 'value'): Der {
    const child = this.children()[index]
    if (child === undefined) throw malformed(`${what} is missing`)
    return child
  }

  /** A constructed value of this tag and as many parts as are due: what a SEQUENCE without optional ends must have. */
  parts(tag: number, least: number, most: number, what: string): readonly Der[] {
    const parts = this.expect(tag, what).children()
    if (parts.length < least || parts.length > most)
      throw malformed(`${what}: ${parts.length} parts where ${least === most ? least : `${least} to ${most}`} are due`)
    return parts
  }

  /** What an explicit tag holds: one value and nothing beside it. */
  only(tag: number, what: string): Der {
    this.parts(tag, 1, 1, what)
    return this.child(0, what)
  }

  /** The child with a context tag, if any. */
  tagged(number: number): Der | undefined {
    return this.children().find((child) => (child.tag & 0xc0) === 0x80 && (child.tag & 0x1f) === number)
  }

  /** OBJECT IDENTIFIER as dotted text. */
  oid(): string {
    return objectIdentifier(this.expect(tags.oid, 'object identifier').content)
  }

  /** INTEGER or ENUMERATED. */
  integer(): bigint {
    return integer(this.#integerOctets())
  }

  /** The octets of a positive INTEGER, most significant first, without the leading zero that says it is positive. */
  unsigned(): Uint8Array {
    return positive(this.#integerOctets())
  }

  #integerOctets(): Uint8Array {
    if (this.tag !== tags.enumerated && (this.tag & 0x80) === 0) this.expect(tags.integer, 'integer')
    return minimalInteger(this.content)
  }

  boolean(): boolean {
    return boolean(this.expect(tags.boolean, 'boolean').content)
  }

  octets(): Uint8Array {
    return this.expect(tags.octetString, 'octet string').content
  }

  /** BIT STRING of whole octets: a signature or a key. */
  bits(): Uint8Array {
    this.expect(tags.bitString, 'bit string')
    if (this.content.length === 0 || this.content[0] !== 0)
      throw malformed('bit string with unused bits where none are due')
    return this.content.subarray(1)
  }

  /** BIT STRING of named bits, first bit first. */
  namedBits(): readonly boolean[] {
    return namedBits(this.expect(tags.bitString, 'bit string').content)
  }

  /** Any character string. */
  text(): string {
    return characters(this.tag, this.content)
  }

  /** UTCTime or GeneralizedTime in UTC, with `Z`; GeneralizedTime may have a fraction (RFC 5280 §4.1.2.5, RFC 3161 §2.4.2). */
  time(): Date {
    return time(this.tag, this.content)
  }
}

/** The OPTIONAL end of a SEQUENCE: each tag at most once and in this order, nothing else. By tag. */
export function optionalFields(
  fields: readonly Der[],
  order: readonly number[],
  what: string,
): ReadonlyMap<number, Der> {
  const found = new Map<number, Der>()
  let last = -1
  for (const field of fields) {
    const place = order.indexOf(field.tag)
    if (place <= last) throw malformed(`${what}: tag 0x${field.tag.toString(16)} does not belong there`)
    last = place
    found.set(field.tag, field)
  }
  return found
}

/** Whether `text()` can be asked. */
export function isText(value: Der): boolean {
  return isTextTag(value.tag)
}

/** Exactly one value; anything after it is refused. Attacker-controlled input is welcome. */
export function readDer(bytes: Uint8Array): Der {
  if (bytes.length > MAX_BYTES) throw malformed(`longer than ${MAX_BYTES} octets`)
  const { value, end } = readOne(bytes, 0, 0)
  if (end !== bytes.length) throw malformed(`${bytes.length - end} octets after the value`)
  return value
}

function readAll(bytes: Uint8Array, depth: number): readonly Der[] {
  const values: Der[] = []
  for (let at = 0; at < bytes.length; ) {
    if (values.length >= MAX_CHILDREN) throw malformed(`more than ${MAX_CHILDREN} values`)
    const { value, end } = readOne(bytes, at, depth)
    values.push(value)
    at = end
  }
  return values
}

function readOne(bytes: Uint8Array, at: number, depth: number): { value: Der; end: number } {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined) throw malformed('cut off')
  if ((tag & 0x1f) === 0x1f) throw malformed('high tag numbers are not used here')
  let length = first
  let start = at + 2
  if (first >= 0x80) {
    const octets = first & 0x7f
    if (octets === 0) throw malformed('indefinite length')
    if (octets > 4) throw malformed('length of more than four octets')
    length = 0
    for (let index = 0; index < octets; index += 1) {
      const octet = bytes[start + index]
      if (octet === undefined) throw malformed('cut off in its length')
      length = length * 256 + octet
    }
    if (length < 0x80 || length < 256 ** (octets - 1)) throw malformed('length is not minimal')
    start += octets
  }
  const end = start + length
  if (end > bytes.length) throw malformed('its length goes beyond the input')
  return { value: new Der(tag, bytes.subarray(at, end), bytes.subarray(start, end), depth), end }
}
