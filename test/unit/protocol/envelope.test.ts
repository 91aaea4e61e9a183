// The order of parts between security servers (wire-message §2.6), and what our writer makes of them.
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  collect,
  type HeaderList,
  mimeTypes,
  ProtocolError,
  randomBoundary,
  readTransport,
  type TransportPart,
  transportHeaders,
  transportWriter,
  writeSoapFault,
  XRoadFault,
} from '#protocol'
import { pieces } from './http-message.ts'
import { soapMessage } from './soap-message.ts'

type Spec = readonly [type: string, body: string, headers?: HeaderList]

const OCSP: Spec = [mimeTypes.ocspResponse, 'ocsp']
const REQUEST: Spec = [mimeTypes.restRequest, 'request']
const RESPONSE: Spec = [mimeTypes.restResponse, 'response']
const BODY: Spec = [mimeTypes.restBody, 'body']
const RESULT: Spec = [mimeTypes.chainResult, 'result']
const CHAIN: Spec = [mimeTypes.chain, 'chain']
const SIGNATURE: Spec = [mimeTypes.signature, 'signature']
const SOAP: Spec = ['text/xml; charset=UTF-8', soapMessage().toString()]
const XOP: Spec = ['application/xop+xml; type="text/xml"', SOAP[1]]
const FAULT_XML = Buffer.from(writeSoapFault(new XRoadFault('server.serverproxy.access_denied', 'No'))).toString()
const FAULT: Spec = [mimeTypes.fault, FAULT_XML]
const ATTACHMENTS: Spec = [
  'multipart/mixed; charset=UTF-8; boundary=xatt',
  '\r\n--xatt\r\ncontent-type: a/b\r\nContent-ID: <1>\r\n\r\none\r\n--xatt\r\ncontent-type: c/d\r\n\r\ntwo\r\n--xatt--\r\n',
]

function message(...parts: readonly Spec[]): { bytes: Buffer; contentType: string } {
  const writer = transportWriter('xtop')
  const chunks = parts.map(([type, body, headers]) => writer.part(type, Buffer.from(body), headers))
  return { bytes: Buffer.concat([...chunks, writer.end()]), contentType: writer.contentType }
}

async function kinds(role: 'request' | 'response', ...parts: readonly Spec[]): Promise<string> {
  const { bytes, contentType } = message(...parts)
  const read: string[] = []
  for await (const part of readTransport(pieces(bytes, 100), contentType, role)) read.push(await shown(part))
  return read.join(' ')
}

async function shown(part: TransportPart): Promise<string> {
  if (part.kind === 'attachment') return `attachment${part.number}=${Buffer.from(await collect(part.body, 100))}`
  if (part.kind === 'rest-body') return `rest-body=${Buffer.from(await collect(part.body, 100))}`
  return part.kind
}

async function refused(code: string, role: 'request' | 'response', ...parts: readonly Spec[]): Promise<void> {
  await assert.rejects(kinds(role, ...parts), (error) => {
    assert.ok(error instanceof ProtocolError, String(error))
    assert.equal(error.code, code, error.message)
    return true
  })
}

test('messages in the order of the protocol', async () => {
  assert.equal(
    await kinds('request', OCSP, OCSP, REQUEST, BODY, RESULT, CHAIN, SIGNATURE),
    'ocsp ocsp rest-request rest-body=body chain-result chain signature',
  )
  assert.equal(await kinds('request', REQUEST, SIGNATURE), 'rest-request signature')
  assert.equal(
    await kinds('response', RESPONSE, BODY, RESULT, CHAIN, SIGNATURE),
    'rest-response rest-body=body chain-result chain signature',
  )
  assert.equal(
    await kinds('request', OCSP, SOAP, ATTACHMENTS, RESULT, CHAIN, SIGNATURE),
    'ocsp soap attachment1=one attachment2=two chain-result chain signature',
  )
  assert.equal(await kinds('response', XOP, SIGNATURE), 'soap signature')
  // That something is missing is for the caller to say, with a code of its own.
  assert.equal(await kinds('request', OCSP), 'ocsp')
  assert.equal(await kinds('request', REQUEST), 'rest-request')
  assert.equal(await kinds('request'), '')
})

test('unknown and misplaced parts are errors, not ignored', async () => {
  const unknown: Spec = ['application/json', '{}']
  for (const parts of [
    [unknown],
    [REQUEST, unknown],
    [REQUEST, OCSP, SIGNATURE],
    [BODY, REQUEST],
    [SIGNATURE],
    [REQUEST, BODY, BODY],
    [REQUEST, RESULT, BODY],
    [REQUEST, CHAIN, RESULT, SIGNATURE],
    [REQUEST, REQUEST],
    [REQUEST, ATTACHMENTS],
    [SOAP, BODY],
    [RESPONSE],
    [SOAP, ATTACHMENTS, ATTACHMENTS],
    [['multipart/mixed', 'x'] as Spec],
    [SOAP, ['multipart/mixed', 'x'] as Spec],
  ] as readonly (readonly Spec[])[]) {
    await refused('invalid_content_type', 'request', ...parts)
  }
  await refused('invalid_content_type', 'response', REQUEST)
  await refused('invalid_message', 'request', REQUEST, SIGNATURE, SIGNATURE)
  await refused('invalid_message', 'request', REQUEST, SIGNATURE, unknown)
  await refused('invalid_message', 'response', RESPONSE, SIGNATURE, FAULT)
})

test('a fault may stand in the place of the message or of the signature', async () => {
  assert.equal(await kinds('response', FAULT), 'fault')
  assert.equal(await kinds('response', RESPONSE, FAULT), 'rest-response fault')
  assert.equal(await kinds('response', RESPONSE, BODY, FAULT), 'rest-response rest-body=body fault')
  assert.equal(
    await kinds('response', RESPONSE, BODY, RESULT, CHAIN, FAULT),
    'rest-response rest-body=body chain-result chain fault',
  )
  assert.equal(await kinds('request', REQUEST, FAULT), 'rest-request fault')
  assert.equal(await kinds('response', FAULT, SIGNATURE), 'fault')
  await refused('invalid_message', 'response', RESPONSE, SOAP)
  await refused('invalid_soap', 'response', RESPONSE, [mimeTypes.fault, '<'])
})

test('a bare fault is read for responses only', async () => {
  const read = async (body: string, role: 'request' | 'response', contentType = 'text/xml;charset=utf-8') => {
    for await (const part of readTransport(pieces(Buffer.from(body), 10), contentType, role)) return part
    return undefined
  }
  const part = await read(FAULT_XML, 'response')
  assert.ok(part?.kind === 'fault')
  assert.equal(part.fault.code, 'server.serverproxy.access_denied')
  assert.equal(Buffer.from(part.bytes).toString(), FAULT_XML)
  await assert.rejects(read(FAULT_XML, 'request'), { code: 'invalid_content_type' })
  await assert.rejects(read(SOAP[1], 'response'), { code: 'invalid_message' })
  await assert.rejects(read('', 'response'), { code: 'invalid_soap' })
  await assert.rejects(read('<html/>', 'response'), { code: 'invalid_soap' })
  for (const type of ['', 'text/html', 'multipart/mixed', 'multipart/related; boundary=xtop', 'application/xop+xml']) {
    await assert.rejects(read(FAULT_XML, 'response', type), { code: 'invalid_content_type' }, type)
  }
})

test('parts that are held in memory are bounded', async () => {
  const large = (type: string, size: number): Spec => [type, 'x'.repeat(size)]
  await refused('invalid_message', 'request', large(mimeTypes.ocspResponse, 70_000))
  await refused('invalid_message', 'request', ...Array<Spec>(17).fill(OCSP))
  await refused('invalid_message', 'request', large(mimeTypes.restRequest, 300_000))
  await refused('invalid_message', 'request', REQUEST, large(mimeTypes.signature, 3_000_000))
  await refused('invalid_message', 'request', REQUEST, large(mimeTypes.chain, 3_000_000))
})

test('the writer lays parts out byte by byte as the reference does (wire-message §2.4)', () => {
  const writer = transportWriter('xtopB')
  const bytes = Buffer.concat([
    writer.part('application/ocsp-response', Buffer.from([0, 255])),
    writer.open('text/xml; charset=UTF-8', [['Content-ID', '<root>']]),
    Buffer.from('body'),
    writer.end(),
  ])
  assert.equal(
    bytes.toString('latin1'),
    '--xtopB\r\ncontent-type: application/ocsp-response\r\n\r\n\u0000ÿ\r\n--xtopB\r\ncontent-type: text/xml; charset=UTF-8\r\nContent-ID: <root>\r\n\r\nbody\r\n--xtopB--\r\n',
  )
  assert.equal(writer.contentType, 'multipart/mixed; charset=UTF-8; boundary=xtopB')
})

test('the writer makes no header that the reference could not read', () => {
  const line = (length: number) => transportWriter('x').open('a/b', [['n', 'v'.repeat(length - 'n: '.length)]])
  assert.ok(line(997))
  assert.throws(() => line(998), { code: 'mime_parsing_failed' })
  for (const value of ['a\r\nb: c', 'a\nb', 'a\rb'])
    assert.throws(() => transportWriter('x').open(value), { code: 'mime_parsing_failed' })
})

test('boundaries are long, random and made of letters', () => {
  const seen = new Set(Array.from({ length: 1000 }, () => randomBoundary('xtop')))
  assert.equal(seen.size, 1000)
  for (const boundary of seen) assert.match(boundary, /^xtop[A-Za-z]{30}$/)
  assert.match(randomBoundary('xatt'), /^xatt[A-Za-z]{30}$/)
})

test('names of transport headers are lower case, as the reference looks for them', () => {
  for (const name of Object.values(transportHeaders)) assert.equal(name, name.toLowerCase())
})
