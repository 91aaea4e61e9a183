// Hostile inputs made of valid ones: a few changes each, so that they get past the first check. fast-check shrinks them to the fewest.
import fc from 'fast-check'

/** Nothing grows beyond it. */
const MAX_BYTES = 128 * 1024
const ODD_BYTES = [
  0x00, 0x01, 0x0a, 0x0d, 0x20, 0x22, 0x2f, 0x30, 0x3c, 0x7f, 0x80, 0x81, 0x84, 0xa0, 0xc0, 0xed, 0xfe, 0xff,
]

/** What is done, where, for how long, and with what. */
type Change = readonly [kind: number, at: number, length: number, what: number]

const change: fc.Arbitrary<Change> = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat())
/** Often one alone: what is wrong twice is mostly refused for the first. */
const changes: fc.Arbitrary<readonly Change[]> = fc.oneof(
  fc.tuple(change),
  fc.array(change, { minLength: 1, maxLength: 6 }),
)

/** The seeds with bits turned, octets replaced, runs cut out, repeated, moved and spliced in from other seeds, and with `tokens` inside. */
export function mutated(
  seeds: readonly Uint8Array[],
  tokens: readonly (string | Uint8Array)[] = [],
): fc.Arbitrary<Buffer> {
  const insertions = tokens.map((token) => Buffer.from(token as string))
  return fc.tuple(fc.nat(seeds.length - 1), changes).map(([index, list]) => {
    let bytes = Buffer.from(seeds[index] as Uint8Array)
    for (const change of list) bytes = changeBytes(bytes, change, seeds, insertions)
    return bytes.subarray(0, MAX_BYTES)
  })
}

function changeBytes(
  bytes: Buffer<ArrayBuffer>,
  [kind, at, length, what]: Change,
  seeds: readonly Uint8Array[],
  tokens: readonly Buffer[],
): Buffer<ArrayBuffer> {
  const from = at % (bytes.length + 1)
  // Mostly short runs, now and then long ones.
  const run = length % (what % 4 === 0 ? bytes.length + 1 : 17)
  const to = Math.min(bytes.length, from + run)
  const replace = (...by: readonly Uint8Array[]) => Buffer.concat([bytes.subarray(0, from), ...by, bytes.subarray(to)])
  switch (kind % (tokens.length === 0 ? 8 : 11)) {
    case 0: {
      const copy = Buffer.from(bytes)
      if (from < copy.length) copy[from] = (copy[from] ?? 0) ^ (1 << (what % 8))
      return copy
    }
    case 1:
      return Buffer.concat([
        bytes.subarray(0, from),
        Buffer.of(ODD_BYTES[what % ODD_BYTES.length] ?? 0),
        bytes.subarray(from + (length % 2)),
      ])
    case 2:
      return replace()
    case 3:
      return bytes.subarray(0, from) as Buffer<ArrayBuffer>
    case 4: {
      const piece = bytes.subarray(from, to)
      const times = piece.length === 0 ? 0 : Math.min(what % 3 === 0 ? 2000 : 3, Math.ceil(MAX_BYTES / piece.length))
      return replace(piece, ...new Array<Uint8Array>(times).fill(piece))
    }
    case 5: {
      const other = seeds[what % seeds.length] as Uint8Array
      const start = length % (other.length + 1)
      return replace(other.subarray(start, start + ((what >>> 8) % (other.length + 1))))
    }
    case 6: {
      const start = what % (bytes.length + 1)
      return replace(bytes.subarray(start, start + run))
    }
    case 7:
      return replace(Buffer.alloc(run, what))
    default:
      return kind % 2 === 0
        ? replace(tokens[what % tokens.length] as Buffer)
        : insert(bytes, from, tokens[what % tokens.length] as Buffer)
  }
}

function insert(bytes: Buffer, at: number, token: Buffer): Buffer<ArrayBuffer> {
  return Buffer.concat([bytes.subarray(0, at), token, bytes.subarray(at)])
}

/** Texts cut into pieces (tags, lines, parameters) that are dropped, doubled, exchanged and replaced by those of other seeds. */
export function shuffled(
  seeds: readonly string[],
  cut: (text: string) => readonly string[],
  tokens: readonly string[] = [],
): fc.Arbitrary<string> {
  const pieces = seeds.map(cut)
  return fc.tuple(fc.nat(seeds.length - 1), changes).map(([index, list]) => {
    const own = [...(pieces[index] as readonly string[])]
    for (const [kind, at, length, what] of list) {
      const from = at % Math.max(1, own.length)
      const other = pieces[length % pieces.length] as readonly string[]
      const foreign = other[what % Math.max(1, other.length)] ?? ''
      const token = tokens[what % Math.max(1, tokens.length)] ?? ''
      const piece = own[from] ?? ''
      const inside = length % (piece.length + 1)
      switch (kind % 6) {
        case 0:
          own.splice(from, 1 + (length % 3))
          break
        case 1:
          own.splice(from, 0, ...own.slice(from, from + 1 + (length % 5)))
          break
        case 2:
          ;[own[from], own[what % Math.max(1, own.length)]] = [own[what % Math.max(1, own.length)] ?? '', piece]
          break
        case 3:
          own.splice(from, length % 2, foreign)
          break
        case 4:
          own.splice(from, 0, token)
          break
        case 5:
          own[from] = piece.slice(0, inside) + token + piece.slice(inside + (what % 3))
          break
      }
    }
    return own.join('').slice(0, MAX_BYTES)
  })
}

/** Tags and texts of an XML document. */
export const byTag = (xml: string): readonly string[] => xml.split(/(?=<)|(?<=>)/)
/** Lines with their ends. */
export const byLine = (text: string): readonly string[] => text.split(/(?<=\n)/)

/** How a stream is cut into chunks: any sizes, one octet at a time too. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 }),
  fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 8 }),
)

/** The bytes in chunks of these sizes, over and over; each in memory of its own, so that nothing is found behind its end. */
export async function* chunked(bytes: Uint8Array, sizes: readonly number[], most = 2000): AsyncGenerator<Uint8Array> {
  // Long inputs in larger pieces: the campaign is about the bytes, not about the patience of the machine.
  const least = Math.ceil(bytes.length / most)
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = Math.max(least, sizes[index % sizes.length] ?? 1)
    yield Uint8Array.prototype.slice.call(bytes, at, at + size)
    at += size
  }
}

/** What XML parsers have stumbled over. */
export const XML_TOKENS: readonly string[] = [
  ...[
    '<!DOCTYPE a [<!ENTITY x "y">]>',
    '&x;',
    '&#0;',
    '&#xD800;',
    '&#x110000;',
    '&#13;',
    '&amp;',
    '&lt',
    '&',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
  ],
  ...[
    '<?xml version="1.0"?>',
    '<?xml version="1.1"?>',
    '<?p ',
    '?>',
    '<?p?>',
    '<a',
    '/>',
    '</',
    '>',
    '<',
    '=""',
    '"',
    "'",
    ' ',
    '\t',
    '\r',
    '\r\n',
    '\n',
  ],
  ...[
    ' xmlns=""',
    ' xmlns="urn:x"',
    ' xmlns:a="urn:x"',
    ' xmlns:a=""',
    ' xmlns:xml="urn:x"',
    ' xmlns:xmlns="urn:x"',
    ' xml:lang="et"',
    ' xmlns=" urn:x "',
  ],
  ...[
    ' Id="a"',
    ' id="x"',
    'a:',
    ':',
    '<a:b/>',
    '<a/>',
    '\u0000',
    '\uFFFE',
    '\uFEFF',
    '\u{1F600}',
    '\u0085',
    '\u2028',
    'é',
    '__proto__',
    'constructor',
    'toString',
  ],
]

/** XML with octets or with tags changed. */
export const changedXml = (seeds: readonly Buffer[], tokens: readonly string[]) =>
  fc.oneof(mutated(seeds, tokens), shuffled(seeds.map(String), byTag, tokens).map(Buffer.from))
