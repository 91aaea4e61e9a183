// DER as it is written: each function gives the whole encoding of one value.
import { tags } from './der.ts'

function encode(tag: number, content: Uint8Array): Buffer {
  const { length } = content
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x10000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]
  if (length >= 0x1000000) throw new TypeError('a DER value of 16 MiB or more is not written here')
  const out = Buffer.allocUnsafe(head.length + length)
  out.set(head, 0)
  out.set(content, head.length)
  return out
}

function integerContent(value: bigint): Buffer {
  let digits = (value < 0n ? -value : value).toString(16)
  if (digits.length % 2 === 1) digits = `0${digits}`
  const bytes = Buffer.from(digits, 'hex')
  if (value >= 0n) return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
  const width = BigInt(bytes.length * 8)
  const wide = -value > 1n << (width - 1n) ? width + 8n : width
  return Buffer.from(((1n << wide) + value).toString(16).padStart(Number(wide) / 4, '0'), 'hex')
}

/** Arcs may be of any size: a UUID arc under 2.25 has 128 bits (ITU-T X.667). Throws TypeError for what is no object identifier. */
function oidContent(text: string): Buffer {
  if (!/^(?:[01]\.[1-3]?\d|2\.(?:0|[1-9]\d*))(?:\.(?:0|[1-9]\d*))*$/.test(text))
    throw new TypeError(`'${text}' is not an object identifier`)
  const [first = 0n, second = 0n, ...rest] = text.split('.').map(BigInt)
  const bytes: number[] = []
  for (const arc of [first * 40n + second, ...rest]) {
    const group = [Number(arc & 0x7fn)]
    for (let left = arc >> 7n; left > 0n; left >>= 7n) group.unshift(Number(left & 0x7fn) | 0x80)
    bytes.push(...group)
  }
  return Buffer.from(bytes)
}

const encodedOids = new Map<string, Buffer>()

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function clock(date: Date): string {
  return (
    digits(date.getUTCMonth() + 1, 2) +
    digits(date.getUTCDate(), 2) +
    digits(date.getUTCHours(), 2) +
    digits(date.getUTCMinutes(), 2) +
    digits(date.getUTCSeconds(), 2)
  )
}

export const write = {
  sequence: (...parts: readonly Uint8Array[]): Uint8Array => encode(tags.sequence, Buffer.concat(parts)),
  /** SET OF: DER sorts the encodings (X.690 §11.6). */
  set: (...parts: readonly Uint8Array[]): Uint8Array =>
    encode(tags.set, Buffer.concat([...parts].sort(Buffer.compare))),
  oid(text: string): Uint8Array {
    let bytes = encodedOids.get(text)
    if (bytes === undefined) {
      bytes = encode(tags.oid, oidContent(text))
      if (encodedOids.size < 1000) encodedOids.set(text, bytes)
    }
    return bytes
  },
  integer: (value: bigint | number): Uint8Array => encode(tags.integer, integerContent(BigInt(value))),
  /** A non-negative integer given as big-endian octets. */
  unsigned(bytes: Uint8Array): Uint8Array {
    const start = bytes.findIndex((octet) => octet !== 0)
    const digits = start < 0 ? Buffer.of(0) : bytes.subarray(start)
    return encode(tags.integer, (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits)
  },
  octets: (bytes: Uint8Array): Uint8Array => encode(tags.octetString, bytes),
  bits: (bytes: Uint8Array, unused = 0): Uint8Array =>
    encode(tags.bitString, Buffer.concat([Buffer.of(unused), bytes])),
  /** Named bits without trailing zeros (X.690 §11.2.2). */
  namedBits(bits: readonly boolean[]): Uint8Array {
    const last = bits.lastIndexOf(true) + 1
    const bytes = Buffer.alloc(Math.ceil(last / 8))
    bits.slice(0, last).forEach((bit, index) => {
      if (bit) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (0x80 >> (index & 7))
    })
    return write.bits(bytes, bytes.length * 8 - last)
  },
  utf8: (text: string): Uint8Array => encode(tags.utf8String, Buffer.from(text, 'utf8')),
  printable: (text: string): Uint8Array => encode(tags.printableString, Buffer.from(text, 'latin1')),
  ia5: (text: string): Uint8Array => encode(tags.ia5String, Buffer.from(text, 'latin1')),
  nul: (): Uint8Array => Buffer.of(tags.nul, 0),
  boolean: (value: boolean): Uint8Array => Buffer.of(tags.boolean, 1, value ? 0xff : 0),
  enumerated: (value: number): Uint8Array => encode(tags.enumerated, integerContent(BigInt(value))),
  /** UTCTime until 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
  validity: (date: Date): Uint8Array =>
    date.getUTCFullYear() < 2050
      ? encode(tags.utcTime, Buffer.from(`${digits(date.getUTCFullYear() % 100, 2)}${clock(date)}Z`))
      : write.generalizedTime(date),
  /** Whole seconds unless `fraction` asks for milliseconds; DER has no trailing zeros in a fraction (X.690 §11.7). */
  generalizedTime(date: Date, fraction = false): Uint8Array {
    const millis =
      fraction && date.getUTCMilliseconds() > 0 ? `.${digits(date.getUTCMilliseconds(), 3).replace(/0+$/, '')}` : ''
    return encode(tags.generalizedTime, Buffer.from(`${digits(date.getUTCFullYear(), 4)}${clock(date)}${millis}Z`))
  },
  /** A context tag: explicit when `constructed` and the content is a whole value, else implicit. */
  tagged: (number: number, constructed: boolean, content: Uint8Array): Uint8Array =>
    encode((constructed ? 0xa0 : 0x80) | number, content),
}
