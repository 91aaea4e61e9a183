// SOAP messages of strangers, in every encoding that is read: refused in our words or understood, and by an auditor as by a server.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { EvidenceError, partiesOf } from '#evidence'
import {
  checkSoapAction,
  clientOf,
  deliverSoap,
  mediaType,
  ProtocolError,
  readSoap,
  readSoapAnswer,
  readSoapContent,
  type SoapMessage,
  sameId,
} from '#protocol'
import { collect } from '../unit/evidence/messages.ts'
import { soapText } from '../unit/protocol/soap-message.ts'
import { bears, bearsAsync, property } from './campaign.ts'
import { byLine, byTag, chunked, cuts, mutated, shuffled, XML_TOKENS } from './mutate.ts'
import { vectorFiles } from './seeds.ts'

const XML = 'text/xml; charset=UTF-8'
const request = soapText()
const answer = soapText({
  blocks: { requestHash: '<x:requestHash algorithmId="a">old</x:requestHash>' },
  body: '<e:Body><b:findBoatResponse xmlns:b="urn:boats"/></e:Body>',
})
const fault = soapText({
  body: '<e:Body><e:Fault><faultcode>Client.x</faultcode><faultstring>y</faultstring></e:Fault></e:Body>',
})
const envelopes = vectorFiles('messages')
  .map((file) => file.toString())
  .filter((text) => text.startsWith('<') && text.length < 10_000)
const texts = [request, answer, fault, soapText({ space: '', declaration: '' }), ...envelopes]

const TOKENS = [
  ...[
    '<e:Header>',
    '</e:Header>',
    '<e:Header/>',
    '<e:Body>',
    '</e:Body>',
    '<e:Body/>',
    '<e:Fault>',
    '<x:client i:objectType="MEMBER">',
    '<x:id>',
    '</x:id>',
    '<x:id/>',
    '<i:memberCode>1</i:memberCode>',
    '<i:subsystemCode/>',
  ],
  ...[
    ' i:objectType="SERVER"',
    '<x:requestHash>',
    '</x:requestHash>',
    '<x:protocolVersion>4.0</x:protocolVersion>',
    '<r:representedParty>',
    'findBoat',
    'Response',
    ' encodingStyle="x"',
    '<!-- c -->',
    '<?xml version="1.0" encoding="UTF-16"?>',
  ],
  ...[
    '<?xml version="1.0" encoding="ISO-8859-1"?>',
    '<?xml version="1.0" encoding="windows-1252"?>',
    'õ',
    'xmlns:x="urn:other"',
    ...XML_TOKENS,
  ],
]

/** The text in an encoding that its declaration names. */
function encoded(text: string, encoding: number): Buffer {
  const declared = (name: string) => text.replace(/^(<\?xml [^?]*encoding=")[^"]*/, `$1${name}`)
  switch (encoding) {
    case 0:
      return Buffer.from(declared('UTF-16'), 'utf16le').subarray(0)
    case 1:
      return Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(declared('UTF-16'), 'utf16le')])
    case 2:
      return Buffer.concat([Buffer.of(0xfe, 0xff), Buffer.from(declared('UTF-16BE'), 'utf16le').swap16()])
    case 3:
      return Buffer.from(declared('ISO-8859-1'), 'latin1')
    case 4:
      return Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(text)])
    default:
      return Buffer.from(text)
  }
}

const strange = fc.oneof(
  fc.tuple(shuffled(texts, byTag, TOKENS), fc.nat(8)).map(([text, encoding]) => encoded(text, encoding)),
  mutated(
    texts.map((text, index) => encoded(text, index)),
    TOKENS,
  ),
)

/** Who must have signed a message, as its header says. */
const signerOf = ({ direction, client, service }: SoapMessage) =>
  direction === 'response' ? clientOf(service) : client

property('SOAP messages of strangers', { short: 500, long: 60_000 }, strange, (bytes) => {
  const read = bears(() => readSoap(bytes, XML), ProtocolError)
  if (read?.value.kind !== 'soap') return false
  const { message } = read.value
  assert.equal(message.bytes, bytes)
  assert.ok(message.wrapper.startsWith(message.service.serviceCode))
  // An auditor's reader may refuse it, but never see another member in it.
  const parties = bears(() => partiesOf(bytes), EvidenceError)
  if (parties) {
    assert.equal(parties.value.direction, message.direction)
    assert.ok(sameId(parties.value.signer, signerOf(message)), JSON.stringify(parties.value.signer))
  }
  return true
})

property(
  'SOAP answers: the hash of the request, and not another octet',
  { short: 400, long: 50_000 },
  strange,
  (bytes) => {
    const original = bears(() => readSoap(bytes, XML), ProtocolError)
    const read = bears(() => readSoapAnswer(bytes, XML, 'bmV3'), ProtocolError)
    assert.equal(read === undefined, original === undefined)
    if (read?.value.kind !== 'soap' || original?.value.kind !== 'soap') return false
    const again = readSoap(read.value.message.bytes, XML)
    assert.equal(again.kind, 'soap')
    if (again.kind !== 'soap') return false
    assert.equal(again.message.requestHash, 'bmV3')
    // The same in everything else, and after the second time as after the first.
    const { bytes: _, requestHash: _old, ...before } = original.value.message
    const { bytes: once, requestHash: _new, ...after } = again.message
    assert.deepEqual(after, before)
    const twice = readSoapAnswer(once, XML, 'bmV3')
    if (twice.kind === 'soap' && original.value.message.requestHash === undefined)
      assert.deepEqual(readSoap(twice.message.bytes, XML), {
        kind: 'soap',
        message: { ...again.message, bytes: twice.message.bytes },
      })
    return true
  },
)

const related = (boundary: string) => `multipart/related; type="text/xml"; start="<a>"; boundary=${boundary}`
const multipart = [
  `--b\r\nContent-Type: text/xml\r\nContent-ID: <a>\r\n\r\n${request}\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\u0001\u0002\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: a/b\r\n\r\nx\r\n--c--\r\n--b--\r\n`,
  `--b\r\nContent-Type: application/xop+xml\r\n\r\n${answer}\r\n--b--`,
].map((text) => Buffer.from(text))
const LINES = [
  '--b\r\n',
  '--b--',
  '\r\n--b\r\n',
  '\r\n',
  'Content-Type: text/xml\r\n',
  'Content-Type: multipart/mixed; boundary=b\r\n',
  'boundary=',
  '--c--',
  ' ',
  ':',
  ...TOKENS.slice(0, 12),
]

async function content(bytes: Buffer, contentType: string, sizes: readonly number[]): Promise<string> {
  const seen: unknown[] = []
  try {
    for await (const part of readSoapContent(chunked(bytes, sizes), contentType)) {
      if (part.kind === 'attachment')
        seen.push([part.number, part.lines, (await collect(part.body)).toString('latin1')])
      else if (part.kind === 'fault') seen.push([part.kind, part.fault.code])
      else seen.push([part.kind, part.lines, Buffer.from(part.message.bytes).toString('latin1')])
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    seen.push(error.code)
  }
  return JSON.stringify(seen)
}

property(
  'SOAP with attachments of strangers: pieces change nothing',
  { short: 120, long: 8_000 },
  fc.tuple(
    fc.oneof(
      mutated(multipart, LINES),
      shuffled(multipart.map(String), byLine, LINES).map((text) => Buffer.from(text)),
    ),
    cuts,
  ),
  async ([bytes, sizes]) => {
    const whole = await content(bytes, related('b'), [bytes.length || 1])
    assert.equal(await content(bytes, related('b'), sizes), whole)
    return whole.endsWith(']]')
  },
)

const contentTypes = mutated(
  [related('b'), XML, 'application/xop+xml'].map((text) => Buffer.from(text)),
  [
    'boundary=',
    'boundary="a b"',
    ';',
    '"',
    '=',
    'charset=',
    'charset=utf-7',
    'charset=x',
    'multipart/related',
    '\\"',
    ' '.repeat(500),
  ],
).map((bytes) => bytes.toString('latin1'))
property('content types of SOAP', 300, contentTypes, async (contentType) => {
  await content(multipart[0] as Buffer, contentType, [1000])
  const taken = await bearsAsync(async () => readSoap(Buffer.from(request), contentType), ProtocolError)
  const { kind, ...read } = readSoap(Buffer.from(request), XML)
  if (kind !== 'soap' || !('message' in read)) return false
  // What is passed on has a boundary of our own, whatever the peer said.
  const delivery = deliverSoap(read.message, contentType, true)
  assert.match(mediaType(delivery.contentType).parameters.get('boundary') ?? '', /^xatt[A-Za-z]{30}$/)
  return taken !== undefined
})

property(
  'SOAPAction',
  200,
  fc.oneof(
    fc.webUrl().map((url) => `"${url}"`),
    mutated([Buffer.from('"urn:a#b"')], ['"', '#', '%', '%41', '\r\n', ' ']).map((bytes) => bytes.toString('latin1')),
  ),
  (value) => {
    const checked = bears(() => checkSoapAction(value), ProtocolError)
    if (checked) assert.doesNotMatch(checked.value, /[\r\n\0]/)
    return checked !== undefined
  },
)
