// What SOAP messages are refused for, and with which code: by the consumer's server, by the provider's, and for what the service answered
// (wire-client §2.10, §7.2; the reference's own test suite, wire-client §11.1).
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { readSoapFault } from '#protocol'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { logged } from '../federation/process.ts'
import { envelope, multipart, type Operation } from '../federation/soap.ts'
import { counted, recordsOf } from '../federation/traces.ts'
import { needsVectors, vector, vectorPath } from '../vectors.ts'

const PROVIDER = 'server.serverproxy'
const CONSUMER = 'server.clientproxy'

let pair: Pair
before(async () => {
  pair = await startPair({
    services: (url) => [
      {
        wsdl: `${url}/soap.wsdl`,
        timeoutSeconds: 2,
        access: [{ subject: CLIENT }],
        operations: [
          { code: 'plainText', url: 'http://127.0.0.1:1/soap' },
          { code: 'mtom', url: 'http://no-such-host.invalid/soap' },
          { code: 'big', url: `${url}/never` },
        ],
      },
      { code: 'items', url, access: [{ subject: CLIENT }] },
    ],
  })
})
after(() => pair?.stop())

interface Refusal {
  readonly code: string
  readonly detail: string
}

async function refusal(
  body: string | Buffer | undefined,
  type: string | undefined,
  more: RequestInit = {},
): Promise<Refusal> {
  const headers = {
    ...(type === undefined ? {} : { 'Content-Type': type }),
    ...(more.headers as Record<string, string>),
  }
  const answer = await fetch(pair.consumer.client, {
    method: 'POST',
    ...(body === undefined ? {} : { body: new Blob([new Uint8Array(Buffer.from(body))]) }),
    ...more,
    headers,
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'text/xml;charset=utf-8')
  assert.equal(answer.headers.get('soapaction'), '')
  const fault = readSoapFault(bytes)
  assert.ok(fault, bytes.toString())
  return fault
}

test('only POST is SOAP', async () => {
  assert.equal((await refusal(undefined, undefined, { method: 'GET' })).code, 'client.invalid_http_method')
})

const XML = 'text/xml'
const good = envelope('echo', 'refused')

for (const [what, code, body, type, headers] of [
  ['an unquoted SOAPAction', 'client.invalid_soap_action', good, XML, { SOAPAction: 'urn:x' }],
  ['another content type', 'client.invalid_content_type', good, 'application/json', {}],
  ['no content type', 'client.invalid_content_type', good, undefined, {}],
  ['a multipart without boundary', 'client.invalid_content_type', good, 'multipart/related', {}],
  ['a multipart without parts', 'client.missing_soap', '', 'multipart/related; boundary=x', {}],
  ['a charset that does not exist', 'client.io_error', good, 'text/xml; charset=no-such', {}],
  ['nothing', 'client.invalid_soap', '', XML, {}],
  ['no XML', 'client.invalid_soap', 'hello', XML, {}],
  ['a DOCTYPE', 'client.invalid_soap', good.replace('<S:Envelope', '<!DOCTYPE a><S:Envelope'), XML, {}],
  ['no header', 'client.missing_header', good.replace(/<S:Header>.*<\/S:Header>/s, ''), XML, {}],
  ['no id', 'client.missing_header_field', good.replace(/<x:id>.*<\/x:id>/, ''), XML, {}],
  ['two ids', 'client.duplicate_header_field', good.replace('<x:id>', '<x:id>1</x:id><x:id>'), XML, {}],
  ['another protocol', 'client.invalid_protocol_version', good.replace('>4.0<', '>3.1<'), XML, {}],
  ['no objectType', 'client.invalid_xml', good.replace(' i:objectType="SERVICE"', ''), XML, {}],
  ['another service in the body', 'client.inconsistent_headers', good.replaceAll('b:echo', 'b:ohce'), XML, {}],
  ['a client of others', `${CONSUMER}.unknown_member`, good.replace('>office<', '>elsewhere<'), XML, {}],
  ['a provider that is nowhere', `${CONSUMER}.unknown_member`, good.replace('>registry<', '>nowhere<'), XML, {}],
  ['an unknown service', `${PROVIDER}.unknown_service`, envelope('unknown', 'refused'), XML, {}],
  ['a REST service', `${PROVIDER}.service_type`, envelope('items', 'refused'), XML, {}],
] as const)
  test(`${what}: ${code}`, async () => {
    const { code: told, detail } = await refusal(body, type, { headers })
    assert.equal(told, code)
    const side = code.startsWith(PROVIDER) ? pair.provider : pair.consumer
    assert.ok(await logged(detail, side.process), 'the id of the fault is in the log')
  })

test('a part that breaks behind the message ends the exchange with the client as its cause', async () => {
  const whole = multipart('isB', [
    ['Content-Type: text/xml', envelope('echo', 'broken-part')],
    ['Content-Type: a/b', 'x'.repeat(200_000)],
  ])
  const cut = whole.subarray(0, whole.length - 100)
  assert.equal((await refusal(cut, 'multipart/related; boundary=isB')).code, 'client.io_error')
  const untyped = multipart('isB', [
    ['Content-Type: text/xml', envelope('echo', 'broken-part')],
    ['X: y', 'x'],
  ])
  assert.equal((await refusal(untyped, 'multipart/related; boundary=isB')).code, 'client.invalid_content_type')
  assert.equal(await recordsOf(pair.consumer, 'broken-part'), '', 'nothing but a whole message is logged')
})

/** What the service does, what is told of it, and what remains: its request, in both logs. */
const ANSWERS: readonly (readonly [Operation, string])[] = [
  ['status502', 'http_error'],
  ['noType', 'invalid_content_type'],
  ['plainText', 'network_error'],
  ['mtom', 'unknown_host'],
  ['big', 'io_error'],
  ['gzipped', 'invalid_soap'],
  ['garbage', 'io_error'],
  ['cut', 'io_error'],
  ['cutAttachment', 'io_error'],
  ['emptyMultipart', 'invalid_message'],
  ['noHeader', 'missing_header'],
  ['doctype', 'invalid_soap'],
]
for (const [operation, code] of ANSWERS)
  test(`a service that answers ${operation}: service_failed.${code}`, async () => {
    const full = `${PROVIDER}.service_failed.${code}`
    const before = await counted(pair.provider, `provider.${full}`)
    assert.equal((await refusal(envelope(operation, `answer-${operation}`), XML)).code, full)
    assert.equal(await counted(pair.provider, `provider.${full}`), before + 1)
    for (const server of [pair.consumer, pair.provider])
      assert.equal(await recordsOf(server, `answer-${operation}`), 'request')
  })

test('an answer with other headers is refused by the consumer', async () => {
  const { code } = await refusal(envelope('otherId', 'answer-otherId'), XML)
  assert.equal(code, `${CONSUMER}.service_failed.inconsistent_response`)
})

/** Requests of the reference's test suite, as they are: of a member that is not ours, unless they are refused before. */
const VECTORS: readonly (readonly [name: string, code: string, type?: string])[] = [
  ['empty', 'client.invalid_soap'],
  ['fault', 'client.code'],
  ['inconsistent-headers', 'client.inconsistent_headers'],
  ['malformed-body1', 'client.invalid_body'],
  ['missing-body', 'client.missing_body'],
  ['missing-protocolVersion', 'client.missing_header_field'],
  ['wrong-protocolVersion', 'client.invalid_protocol_version'],
  ['no-soap', 'client.invalid_soap', 'multipart/related; boundary=jetty771207119h3h10dty'],
  ['simple', `${CONSUMER}.unknown_member`],
  ['simple-rpc', `${CONSUMER}.unknown_member`],
  ['simple-representedparty', `${CONSUMER}.unknown_member`],
  ['getstate', `${CONSUMER}.unknown_member`],
  ['request-suffix', `${CONSUMER}.unknown_member`],
  ['missing-org', `${CONSUMER}.unknown_member`],
  ['attachm', `${CONSUMER}.unknown_member`, 'multipart/related; boundary=jetty771207119h3h10dty'],
  ['attachm2-utf8bom-inside', `${CONSUMER}.unknown_member`, 'multipart/related; boundary=jetty771207119h3h10dty'],
  // No part begins with the boundary that its Content-Type names.
  ['faulty-multipart', 'client.missing_soap', 'multipart/related; boundary=jetty771207119h3h10dty'],
  ['cdata', `${CONSUMER}.unknown_member`],
  ['attachm-mtom', `${CONSUMER}.unknown_member`, 'multipart/related; boundary=jetty771207119h3h10dty'],
]
for (const [name, code, type = XML] of VECTORS)
  test(`${name}.query of the reference: ${code}`, async (t) => {
    if (!needsVectors(t)) return
    assert.equal((await refusal(vector('messages', `${name}.query`), type)).code, code)
  })

test('no request of the reference is left out', (t) => {
  if (!needsVectors(t)) return
  const requests = readdirSync(vectorPath('messages')).filter((file) => file.endsWith('.query'))
  assert.deepEqual(VECTORS.map(([name]) => `${name}.query`).sort(), requests.sort())
})
