// Messages that arrive in pieces: whatever the pieces, the same parts or the same refusal.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  mimeTypes,
  ProtocolError,
  readMultipart,
  readTransport,
  type TransportPart,
  transportWriter,
  writeSoapFault,
  XRoadFault,
} from '#protocol'
import { collect, REST_REQUEST, REST_RESPONSE, SOAP_REQUEST } from '../unit/evidence/messages.ts'
import { property } from './campaign.ts'
import { byLine, chunked, cuts, mutated, shuffled } from './mutate.ts'
import { recordedTransports, type Transport } from './seeds.ts'

const BOUNDARY = 'xtopABCDEFGHIJKLMNOPQRSTUVWXYZabcd'
const NEAR = [
  BOUNDARY,
  `--${BOUNDARY}`,
  `\r\n--${BOUNDARY}`,
  `\n--${BOUNDARY}`,
  `\r\n--${BOUNDARY}--`,
  `\r\n--${BOUNDARY}\r\n\r\n`,
  `--${BOUNDARY}x`,
  `\r\n--${BOUNDARY.slice(0, 20)}`,
]
const TOKENS = [
  ...NEAR,
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '--',
  '-',
  ':',
  'content-type: ',
  'Content-Type: multipart/mixed; boundary=a\r\n',
  ' folded',
  '\t',
  '\u0000',
  'a: b\r\n',
  'a'.repeat(1100),
  ...Object.values(mimeTypes),
]

/** What a reader made of it, as text that can be compared: parts and their bodies, or the refusal's code after how many parts. */
async function parts(source: AsyncIterable<Uint8Array>, boundary: string): Promise<string> {
  const seen: string[] = []
  try {
    for await (const { headers, body } of readMultipart(source, boundary, { maxParts: 50 })) {
      seen.push(JSON.stringify(headers))
      seen.push((await collect(body)).toString('latin1'))
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return [...seen, error.code].join('\n')
  }
  return [...seen, 'whole'].join('\n')
}

const boundaries = fc.oneof(
  fc.constantFrom(BOUNDARY, 'a', '-', '--', 'a b'),
  fc.string({ unit: fc.constantFrom(..."ab-_ '"), minLength: 1, maxLength: 8 }).map((text) => `${text}x`),
)
const fields = fc.array(
  fc.tuple(
    fc.string({ unit: fc.constantFrom(...'aB-1'), minLength: 1, maxLength: 8 }),
    fc.string({ unit: fc.constantFrom('a', ' ', ':', 'é', '"', '-'), maxLength: 12 }).map((text) => `x${text}x`),
  ),
  { maxLength: 4 },
)
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .array(fc.constantFrom('\r', '\n', '-', '--', 'a', '\r\n--', '\r\n'), { maxLength: 20 })
    .map((list) => Buffer.from(list.join(''))),
)

property(
  'multipart: what is written is read, in any pieces',
  300,
  fc.tuple(boundaries, fc.array(fc.tuple(fields, body), { maxLength: 4 }), cuts),
  async ([boundary, list, sizes]) => {
    const writer = transportWriter(boundary)
    // A boundary that a body contains would be a mistake of the writer, which takes random ones.
    if (list.some(([, bytes]) => Buffer.from(bytes).includes(`--${boundary}`)) || list.length === 0) return false
    const bytes = Buffer.concat([
      ...list.map(([headers, content]) => writer.part('a/b', content, headers)),
      writer.end(),
    ])
    const expected = list.flatMap(([headers, content]) => [
      JSON.stringify([['content-type', 'a/b'], ...headers]),
      Buffer.from(content).toString('latin1'),
    ])
    assert.equal(await parts(chunked(bytes, sizes), boundary), [...expected, 'whole'].join('\n'))
    return true
  },
)

const written = (() => {
  const writer = transportWriter(BOUNDARY)
  return Buffer.concat([
    writer.part(mimeTypes.restRequest, REST_REQUEST),
    writer.part(mimeTypes.restBody, Buffer.from('{"a":1}\r\n-')),
    writer.part(mimeTypes.signature, Buffer.from('<a/>')),
    writer.end(),
  ])
})()
property(
  'multipart of strangers: pieces change nothing',
  { short: 300, long: 20_000 },
  fc.tuple(
    fc.oneof(
      mutated([written], TOKENS),
      shuffled([written.toString('latin1')], byLine, TOKENS).map((text) => Buffer.from(text, 'latin1')),
    ),
    cuts,
  ),
  async ([bytes, sizes]) => {
    const whole = await parts(chunked(bytes, [bytes.length || 1]), BOUNDARY)
    assert.equal(await parts(chunked(bytes, sizes), BOUNDARY), whole)
    return whole.endsWith('whole')
  },
)

/** A part as text: bytes as they are, trees without the way up. */
function comparable(value: unknown): string {
  return JSON.stringify(value, (key, each: unknown) => {
    if (key === 'parent') return undefined
    if (each instanceof Map) return [...each]
    return each instanceof Uint8Array ? Buffer.from(each).toString('latin1') : each
  })
}

async function transport(
  { contentType, body: bytes }: Transport,
  role: 'request' | 'response',
  sizes: readonly number[],
): Promise<string> {
  const seen: unknown[] = []
  const told = async (part: TransportPart) => {
    // The id of a fault is made up anew for each reading.
    if (part.kind === 'fault') return [part.kind, part.fault.code, part.fault.message, comparable(part.bytes)]
    const rest = Object.entries(part).filter(([key]) => key !== 'body')
    return [comparable(rest), 'body' in part ? comparable(await collect(part.body)) : 'none']
  }
  try {
    for await (const part of readTransport(chunked(bytes, sizes), contentType, role)) seen.push(await told(part))
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    seen.push(error.code)
  }
  return JSON.stringify(seen)
}

const nested = (() => {
  const outer = transportWriter(BOUNDARY)
  const inner = transportWriter('xattABC')
  const attachments = Buffer.concat([
    inner.part('image/png', Buffer.from([1, 2, 3]), [['Content-Transfer-Encoding', 'binary']]),
    inner.part('text/plain', Buffer.from('x')),
    inner.end(),
  ])
  return Buffer.concat([
    outer.part(mimeTypes.ocspResponse, Buffer.from([0x30, 0])),
    outer.part('text/xml', SOAP_REQUEST),
    outer.part('multipart/mixed; boundary=xattABC', attachments),
    outer.part(mimeTypes.chainResult, Buffer.from('<a/>')),
    outer.part(mimeTypes.chain, Buffer.from('<b/>')),
    outer.part(mimeTypes.signature, Buffer.from('<c/>')),
    outer.end(),
  ])
})()
const responded = (() => {
  const writer = transportWriter(BOUNDARY)
  const fault = writeSoapFault(new XRoadFault('server.serverproxy.x', 'x', { detail: 'x' }))
  return Buffer.concat([
    writer.part(mimeTypes.restResponse, REST_RESPONSE),
    writer.part('text/xml', fault),
    writer.end(),
  ])
})()
const own: Transport[] = [written, nested, responded].map((bytes) => ({
  contentType: `multipart/mixed; boundary=${BOUNDARY}`,
  body: bytes,
}))
const seeds = [...own, ...recordedTransports()]

property(
  'transport messages of strangers: pieces change nothing',
  { short: 150, long: 10_000 },
  fc.nat(seeds.length - 1).chain((index) => {
    const { contentType, body: bytes } = seeds[index] as Transport
    const changed = fc.oneof(
      mutated([bytes, nested], TOKENS),
      shuffled([bytes.toString('latin1')], byLine, TOKENS).map((text) => Buffer.from(text, 'latin1')),
    )
    return fc.tuple(
      fc.record({ contentType: fc.constant(contentType), body: fc.oneof(fc.constant(bytes), changed) }),
      cuts,
      fc.constantFrom('request' as const, 'response' as const),
    )
  }),
  async ([message, sizes, role]) => {
    const whole = await transport(message, role, [message.body.length || 1])
    assert.equal(await transport(message, role, sizes), whole)
    return whole.endsWith(']]')
  },
)

property(
  'content types of strangers',
  200,
  mutated(
    own.map(({ contentType }) => Buffer.from(contentType)),
    ['boundary=', ';', '"', '=', 'boundary=""', 'text/xml'],
  ),
  async (contentType) =>
    (await transport({ contentType: contentType.toString('latin1'), body: written }, 'request', [100])).endsWith(']]'),
)
