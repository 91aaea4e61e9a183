// A strict DER reader over slices of the input: one byte string, one meaning. Definite minimal lengths, low tag numbers, bounded depth,
// nothing trailing (X.690 §10). BER's liberties are refused: they let two encodings mean one value, which is a forger's tool.
import { TrustError } from './error.ts'

const MAX_DEPTH = 24
const MAX_BYTES = 16 * 1024 * 1024
const MAX_CHILDREN = 100_000

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nul: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

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
    this.expect(tags.oid, 'object identifier')
    const { content } = this
    if (content.length === 0 || content.length > 64) throw malformed('object identifier of no reasonable length')
    const arcs: bigint[] = []
    let value = 0n
    let start = true
    for (const byte of content) {
      if (start && byte === 0x80) throw malformed('object identifier arc with leading zeros')
      value = (value << 7n) | BigInt(byte & 0x7f)
      start = (byte & 0x80) === 0
      if (start) {
        arcs.push(value)
        value = 0n
      }
    }
    if (!start) throw malformed('object identifier is cut off')
    const [first = 0n, ...rest] = arcs
    const root = first < 40n ? 0n : first < 80n ? 1n : 2n
    return [root, first - root * 40n, ...rest].join('.')
  }

  /** INTEGER or ENUMERATED. */
  integer(): bigint {
    const content = this.#integerOctets()
    const magnitude = BigInt(`0x${hex(content)}`)
    return (content[0] ?? 0) >= 0x80 ? magnitude - (1n << BigInt(content.length * 8)) : magnitude
  }

  /** The octets of a positive INTEGER, most significant first, without the leading zero that says it is positive. */
  unsigned(): Uint8Array {
    const content = this.#integerOctets()
    const [first = 0] = content
    if (first >= 0x80 || (first === 0 && content.length === 1)) throw malformed('integer is not positive')
    return first === 0 ? content.subarray(1) : content
  }

  #integerOctets(): Uint8Array {
    if (this.tag !== tags.enumerated && (this.tag & 0x80) === 0) this.expect(tags.integer, 'integer')
    const { content } = this
    if (content.length === 0 || content.length > 4096) throw malformed('integer of no reasonable length')
    const first = content[0] ?? 0
    const second = content[1] ?? 0
    if (content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
      throw malformed('integer is not minimal')
    return content
  }

  boolean(): boolean {
    this.expect(tags.boolean, 'boolean')
    const [value] = this.content
    if (this.content.length !== 1 || (value !== 0 && value !== 0xff)) throw malformed('boolean is neither 00 nor FF')
    return value === 0xff
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
    this.expect(tags.bitString, 'bit string')
    const [unused = 8, ...octets] = this.content
    if (unused > 7 || (octets.length === 0 && unused !== 0)) throw malformed('bit string with impossible unused bits')
    const bits = octets.flatMap((octet) => Array.from({ length: 8 }, (_, index) => ((octet >> (7 - index)) & 1) === 1))
    if (bits.slice(bits.length - unused).some(Boolean)) throw malformed('unused bits of a bit string are set')
    return bits.slice(0, bits.length - unused)
  }

  /** Any character string. */
  text(): string {
    const { content } = this
    switch (this.tag) {
      case tags.utf8String:
        return decodeUtf8(content)
      case tags.printableString:
      case tags.ia5String:
      case tags.numericString:
      case tags.visibleString:
        if (content.some((byte) => byte > 0x7f)) throw malformed('a character string of ASCII holds other octets')
        return latin1(content)
      case tags.t61String:
        return latin1(content)
      case tags.bmpString:
        return decodeBmp(content)
      default:
        throw malformed(`tag 0x${this.tag.toString(16)} is not a character string`)
    }
  }

  /** UTCTime or GeneralizedTime in UTC, with `Z`; GeneralizedTime may have a fraction (RFC 5280 §4.1.2.5, RFC 3161 §2.4.2). */
  time(): Date {
    const text = latin1(this.content)
    const utc = this.tag === tags.utcTime ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text) : null
    const generalized =
      this.tag === tags.generalizedTime ? /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\.\d*[1-9])?Z$/.exec(text) : null
    const match = utc ?? generalized
    if (match === null) throw malformed(`'${text.slice(0, 32)}' is not a time in UTC`)
    const [, y = '', month = '', day = '', hour = '', minute = '', second = '', fraction = ''] = match
    const year = utc === null ? Number(y) : Number(y) + (Number(y) < 50 ? 2000 : 1900)
    const time = Date.UTC(year, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
    const date = new Date(time + Math.floor(Number(`0${fraction}`) * 1000))
    // Date.UTC rolls 31 February over and takes the year 50 for 1950; a time that does not come back the same never was one.
    const back = new Date(time)
    if (
      back.getUTCFullYear() !== year ||
      back.getUTCMonth() + 1 !== Number(month) ||
      back.getUTCDate() !== Number(day) ||
      back.getUTCHours() !== Number(hour) ||
      Number(minute) > 59 ||
      Number(second) > 59
    )
      throw malformed(`'${text}' is not a time`)
    return date
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

const TEXTS: ReadonlySet<number> = new Set([
  tags.utf8String,
  tags.numericString,
  tags.printableString,
  tags.t61String,
  tags.ia5String,
  tags.visibleString,
  tags.bmpString,
])

/** Whether `text()` can be asked. */
export function isText(value: Der): boolean {
  return TEXTS.has(value.tag)
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

function malformed(message: string): TrustError {
  return new TrustError('malformed_der', `Malformed DER: ${message}`)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new TrustError('malformed_der', 'Malformed DER: a UTF8String is not UTF-8', { cause: error })
  }
}

function decodeBmp(bytes: Uint8Array): string {
  if (bytes.length % 2 !== 0) throw malformed('a BMPString of odd length')
  let text = ''
  for (let index = 0; index < bytes.length; index += 2)
    text += String.fromCharCode(((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0))
  return text
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
