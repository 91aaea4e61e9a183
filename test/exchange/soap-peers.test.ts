// SOAP messages of another security server that are not in order, as consumer and as provider: each with its code, and nothing logged
// (wire-message §6.1–6.2, §6.4).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type MessagePart, signMessage } from '#evidence'
import { mimeTypes, randomBoundary, readSoapFault, transportWriter } from '#protocol'
import { digest } from '#trust'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { httpAnswer, ROGUE_CLIENT, type Rogue, type RogueMessage, startRogue } from '../federation/rogue.ts'
import { envelope } from '../federation/soap.ts'
import { leaves, until } from '../federation/traces.ts'

const CONSUMER = 'server.clientproxy'
const PROVIDER = 'server.serverproxy'
const SOAP = 'text/xml; charset=UTF-8'

let pair: Pair
let rogue: Rogue

before(async () => {
  const config = { configuration: { intervalSeconds: 1 } }
  pair = await startPair({
    services: (url) => [
      { wsdl: `${url}/soap.wsdl`, access: [{ subject: CLIENT }, { subject: ROGUE_CLIENT }] },
      { code: 'items', url, access: [{ subject: CLIENT }] },
    ],
    providerConfig: config,
    consumerConfig: config,
  })
  rogue = await startRogue(pair.state)
  await until(async () => (await send(await request('known'))) === undefined)
  await until(async () => (await asked('known', (message) => message)) === undefined)
})
after(async () => {
  await rogue?.stop()
  await pair?.stop()
})

/** What is said, and what of it is signed. */
interface Message {
  readonly soap: string
  readonly attachments: readonly string[]
  /** Header lines of each attachment's part. */
  readonly lines?: string
  /** Instead of what is sent. */
  readonly signed?: { readonly soap?: string; readonly attachments?: readonly string[] }
  readonly without?: 'soap' | 'signature' | 'ocsp' | 'everything'
}

/** The transport message of the rogue's server. */
async function written(message: Message, role: 'request' | 'response'): Promise<RogueMessage> {
  const { soap, attachments, lines = 'content-type: a/b\r\n', signed = {}, without } = message
  const writer = transportWriter(randomBoundary('xtop'))
  const pieces: Uint8Array[] = []
  if (role === 'request' && without !== 'ocsp')
    pieces.push(writer.part(mimeTypes.ocspResponse, await rogue.ocsp(rogue.authCertificate)))
  if (without !== 'soap' && without !== 'everything') pieces.push(writer.part(SOAP, Buffer.from(soap)))
  for (const text of attachments) pieces.push(writer.attachment(lines), Buffer.from(text))
  const bytes = Buffer.from(signed.soap ?? soap)
  const parts: MessagePart[] = [{ name: '/message.xml', digest: digest('SHA-512', bytes), bytes }]
  for (const text of signed.attachments ?? attachments)
    parts.push({ name: `/attachment${parts.length}`, digest: digest('SHA-512', Buffer.from(text)) })
  const { xml, chain, chainResult } = await signMessage(parts, rogue.signer, new Date())
  if (chainResult !== undefined) pieces.push(writer.part(mimeTypes.chainResult, chainResult))
  if (chain !== undefined) pieces.push(writer.part(mimeTypes.chain, chain))
  if (without !== 'signature') pieces.push(writer.part(mimeTypes.signature, xml))
  if (without === 'everything') pieces.splice(role === 'request' ? 1 : 0)
  pieces.push(writer.end())
  return { contentType: writer.contentType, body: Buffer.concat(pieces) }
}

const fromRogue = (text: string) => text.replace('>2222<', '>6666<').replace('>office<', '>rogue<')
const toRogue = (text: string) => text.replace('>1111<', '>6666<').replace('>registry<', '>rogue<')

async function request(id: string, message: Partial<Message> = {}): Promise<RogueMessage> {
  return await written({ soap: fromRogue(envelope('echo', id)), attachments: [], ...message }, 'request')
}

/** The fault code that our provider has for it. */
async function send(message: RogueMessage, headers: RogueMessage['headers'] = {}): Promise<string | undefined> {
  const { body } = await rogue.post(pair.provider.address, {
    ...message,
    headers: { 'x-road-message-type': undefined, 'x-original-soapaction': '""', ...headers },
  })
  const xml = /<\?xml[^>]*><SOAP-ENV:Envelope[\s\S]*<faultcode>[\s\S]*Envelope>/.exec(body)?.[0]
  return xml === undefined ? undefined : readSoapFault(Buffer.from(xml))?.code
}

test('what is in order is taken, with attachments that share one signature', async () => {
  assert.equal(await send(await request('fine', { attachments: ['one', '', 'three'] })), undefined)
})

/** Header lines of 990 bytes; each may be, four of them may be of an attachment, but not of a thousand and more. */
const longLines = (lines: number) => `x: ${'y'.repeat(985)}\r\n`.repeat(lines)
const MANY = Array.from({ length: 1_100 }, () => 'a')

for (const [what, id, code, message, headers] of [
  ['nothing', 'p-none', 'missing_soap', { without: 'everything' }, {}],
  ['a signature only', 'p-only', 'service_failed.invalid_content_type', { without: 'soap' }, {}],
  ['no signature', 'p-unsigned', 'missing_signature', { without: 'signature' }, {}],
  ['no OCSP answer', 'p-ocsp', 'service_failed.ssl_authentication_failed', { without: 'ocsp' }, {}],
  ['a wrong SOAPAction', 'p-action', 'invalid_soap_action', {}, { 'x-original-soapaction': 'x y' }],
  ['no hash algorithm', 'p-hash', 'internal_error', {}, { 'x-hash-algorithm': undefined }],
  ['no XML', 'p-xml', 'service_failed.invalid_soap', { soap: 'hello' }, {}],
  ['a REST type', 'p-rest', 'service_failed.invalid_content_type', {}, { 'x-road-message-type': 'REST' }],
  [
    'another client',
    'p-client',
    'service_failed.ssl_authentication_failed',
    { soap: envelope('echo', 'p-client') },
    {},
  ],
  ['long headers', 'p-long', 'service_failed.mime_parsing_failed', { attachments: ['a'], lines: longLines(5) }, {}],
  ['many headers', 'p-many', 'service_failed.mime_parsing_failed', { attachments: MANY, lines: longLines(4) }, {}],
] as const)
  test(`to the provider, ${what}: ${code}`, async () => {
    const full = `${PROVIDER}.${code}`
    await leaves(pair, id, { counts: [`provider.${full}`] }, async () =>
      assert.equal(await send(await request(id, message), headers), full),
    )
  })

for (const [what, id, message] of [
  ['another message', 'p-s1', { signed: { soap: 'other' } }],
  ['another attachment', 'p-s2', { attachments: ['one', 'two'], signed: { attachments: ['one', 'other'] } }],
  ['attachments in another order', 'p-s3', { attachments: ['one', 'two'], signed: { attachments: ['two', 'one'] } }],
  ['an attachment less', 'p-s4', { attachments: ['one', 'two'], signed: { attachments: ['one'] } }],
  ['an attachment more', 'p-s5', { attachments: ['one'], signed: { attachments: ['one', 'two'] } }],
] as const)
  test(`to the provider, a signature over ${what}`, async () => {
    await leaves(pair, id, { counts: [] }, async () =>
      assert.match((await send(await request(id, message))) ?? '', /^server\.serverproxy\.signature_verification\./),
    )
  })

/** The fault code that our consumer has for an answer of the rogue's; undefined when it delivers one. */
async function asked(id: string, bend: (message: Message) => Message): Promise<string | undefined> {
  const question = toRogue(envelope('echo', id))
  const hash = Buffer.from(digest('SHA-512', Buffer.from(question))).toString('base64')
  const soap = question
    .replaceAll('b:echo', 'b:echoResponse')
    .replace(
      '</x:id>',
      `</x:id><x:requestHash algorithmId="http://www.w3.org/2001/04/xmlenc#sha512">${hash}</x:requestHash>`,
    )
  const close = await rogue.serve(async () => httpAnswer(await written(bend({ soap, attachments: [] }), 'response')))
  try {
    const answer = await fetch(pair.consumer.client, {
      method: 'POST',
      body: question,
      headers: { 'Content-Type': SOAP },
    })
    const text = await answer.text()
    return text.includes('<faultcode>') ? readSoapFault(Buffer.from(text))?.code : undefined
  } finally {
    await close()
  }
}

for (const [what, id, code, bend] of [
  [
    'a signature only',
    'c-only',
    `${CONSUMER}.service_failed.invalid_content_type`,
    (message: Message) => ({ ...message, without: 'soap' as const }),
  ],
  [
    'no signature',
    'c-unsigned',
    `${CONSUMER}.missing_signature`,
    (message: Message) => ({ ...message, without: 'signature' as const }),
  ],
  ['no XML', 'c-xml', `${CONSUMER}.service_failed.invalid_soap`, (message: Message) => ({ ...message, soap: 'hello' })],
  [
    'another id',
    'c-id',
    `${CONSUMER}.service_failed.inconsistent_response`,
    (message: Message) => ({ ...message, soap: message.soap.replace('>c-id<', '>c-other<') }),
  ],
  [
    'no hash of the request',
    'c-nohash',
    `${CONSUMER}.inconsistent_response`,
    (message: Message) => ({ ...message, soap: message.soap.replace(/<x:requestHash.*<\/x:requestHash>/, '') }),
  ],
  [
    "another request's hash",
    'c-hash',
    `${CONSUMER}.inconsistent_response`,
    (message: Message) => ({ ...message, soap: message.soap.replace(/#sha512">..../, '#sha512">AAAA') }),
  ],
  [
    'a signature over another attachment',
    'c-attachment',
    `${CONSUMER}.signature_verification.`,
    (message: Message) => ({ ...message, attachments: ['one'], signed: { attachments: ['other'] } }),
  ],
] as const)
  test(`from the provider, ${what}: ${code}`, async () => {
    await leaves(pair, id, { counts: [], consumer: 'request' }, async () => {
      const told = (await asked(id, bend)) ?? ''
      assert.ok(code.endsWith('.') ? told.startsWith(code) : told === code, told)
    })
  })
