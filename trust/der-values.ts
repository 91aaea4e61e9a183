// What the content octets of primitive values say (X.690 §8, §10, §11): numbers, identifiers, text, times. The reader of the structure around
// them is der.ts.
import { TrustError } from './error.ts'

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

export function malformed(message: string): TrustError {
  return new TrustError('malformed_der', `Malformed DER: ${message}`)
}

/** The content of an OBJECT IDENTIFIER as dotted text. */
export function objectIdentifier(content: Uint8Array): string {
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

/** The content of an INTEGER, refused unless it is minimal. */
export function minimalInteger(content: Uint8Array): Uint8Array {
  if (content.length === 0 || content.length > 4096) throw malformed('integer of no reasonable length')
  const first = content[0] ?? 0
  const second = content[1] ?? 0
  if (content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw malformed('integer is not minimal')
  return content
}

/** A minimal INTEGER's value. */
export function integer(content: Uint8Array): bigint {
  const magnitude = BigInt(`0x${hex(content)}`)
  return (content[0] ?? 0) >= 0x80 ? magnitude - (1n << BigInt(content.length * 8)) : magnitude
}

/** A minimal INTEGER's octets without the leading zero that says it is positive; others are refused. */
export function positive(content: Uint8Array): Uint8Array {
  const [first = 0] = content
  if (first >= 0x80 || (first === 0 && content.length === 1)) throw malformed('integer is not positive')
  return first === 0 ? content.subarray(1) : content
}

export function boolean(content: Uint8Array): boolean {
  const [value] = content
  if (content.length !== 1 || (value !== 0 && value !== 0xff)) throw malformed('boolean is neither 00 nor FF')
  return value === 0xff
}

/** The named bits of a BIT STRING, first bit first. */
export function namedBits(content: Uint8Array): readonly boolean[] {
  const [unused = 8, ...octets] = content
  if (unused > 7 || (octets.length === 0 && unused !== 0)) throw malformed('bit string with impossible unused bits')
  const bits = octets.flatMap((octet) => Array.from({ length: 8 }, (_, index) => ((octet >> (7 - index)) & 1) === 1))
  if (bits.slice(bits.length - unused).some(Boolean)) throw malformed('unused bits of a bit string are set')
  return bits.slice(0, bits.length - unused)
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

export function isTextTag(tag: number): boolean {
  return TEXTS.has(tag)
}

/** Any character string. */
export function characters(tag: number, content: Uint8Array): string {
  switch (tag) {
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
      throw malformed(`tag 0x${tag.toString(16)} is not a character string`)
  }
}

/** UTCTime or GeneralizedTime in UTC. */
export function time(tag: number, content: Uint8Array): Date {
  const text = latin1(content)
  const utc = tag === tags.utcTime ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text) : null
  const generalized =
    tag === tags.generalizedTime ? /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\.\d*[1-9])?Z$/.exec(text) : null
  const match = utc ?? generalized
  if (match === null) throw malformed(`'${text.slice(0, 32)}' is not a time in UTC`)
  const [, y = '', month = '', day = '', hour = '', minute = '', second = '', fraction = ''] = match
  const year = utc === null ? Number(y) : Number(y) + (Number(y) < 50 ? 2000 : 1900)
  const instant = Date.UTC(year, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  const date = new Date(instant + Math.floor(Number(`0${fraction}`) * 1000))
  // Date.UTC rolls 31 February over and takes the year 50 for 1950; a time that does not come back the same never was one.
  const back = new Date(instant)
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
