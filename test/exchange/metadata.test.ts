// Who there is and what they offer, asked through two real servers (PR-META, PR-MREST, wire-client §4); every answer of a provider's server is evidence.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { after, before, test } from 'node:test'
import type { ServiceListing } from '#security-server/contract'
import { assertPassed, entriesOf, evidenceOf, verdictOf } from '../federation/evidence.ts'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { envelope, multipart, OPERATIONS, partsOf } from '../federation/soap.ts'
import { recordsOf } from '../federation/traces.ts'

const PROVIDER = 'TEST/GOV/1111/registry'
const OTHER = 'TEST/GOV/2222/other'

let pair: Pair
before(async () => {
  pair = await startPair({
    services: (url) => [
      { code: 'items', url, access: [{ subject: CLIENT, endpoints: ['GET /items/*'] }] },
      { code: 'described', openapi: `${url}/openapi.json`, access: [{ subject: OTHER }] },
      { code: 'hidden', url, disabled: { notice: 'closed' } },
      {
        wsdl: `${url}/soap.wsdl`,
        access: [{ subject: OTHER }],
        operations: [{ code: 'echo', access: [{ subject: CLIENT }] }],
      },
    ],
  })
})
after(() => pair?.stop())

async function ask(target: string, id: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${pair.consumer.client}/r1/${PROVIDER}/${target}`, {
    headers: { 'X-Road-Client': CLIENT, 'X-Road-Id': id, ...headers },
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

async function askSoap(code: string, id: string, body = '') {
  const message = envelope(code, id, { body }).replaceAll(`b:${code}`, `x:${code}`).replace(' xmlns:b="urn:t"', '')
  const answer = await fetch(pair.consumer.client, {
    method: 'POST',
    body: message,
    headers: { 'Content-Type': 'text/xml' },
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  return { type: answer.headers.get('content-type') ?? '', bytes, text: bytes.toString() }
}

/** Both servers have both messages, signed by whom they must be. */
async function assertEvidence(id: string): Promise<void> {
  for (const [server, member] of [
    [pair.consumer, CLIENT],
    [pair.provider, PROVIDER],
  ] as const)
    for (const leg of ['requestOnly', 'responseOnly'] as const)
      assertPassed(await verdictOf(server, await evidenceOf(server, member, id, leg)))
}

test('listClients: everybody in the instance, as XML and as JSON, for whoever asks', async () => {
  const xml = await fetch(`${pair.consumer.client}/listClients`)
  assert.equal(xml.headers.get('content-type'), 'text/xml; charset=UTF-8')
  assert.match(await xml.text(), /<xroad:member>.*<id:subsystemCode>registry<\/id:subsystemCode>/s)
  const json = await fetch(`${pair.consumer.client}/listClients?xRoadInstance=TEST`, {
    headers: { Accept: 'application/json' },
  })
  assert.equal(json.headers.get('content-type'), 'application/json; charset=utf-8')
  const { member } = (await json.json()) as { member: { id: Record<string, string>; name: string }[] }
  assert.deepEqual(
    member.map(({ id, name }) => [id['object_type'], id['member_code'], id['subsystem_code'], name]),
    [
      ['MEMBER', '1111', undefined, 'Member 1111'],
      ['SUBSYSTEM', '1111', 'registry', 'Member 1111'],
      ['MEMBER', '2222', undefined, 'Member 2222'],
      ['SUBSYSTEM', '2222', 'office', 'Member 2222'],
    ],
  )
})

test('listClients of an instance that nobody knows is a SOAP fault with status 200; other methods are SOAP', async () => {
  const answer = await fetch(`${pair.consumer.client}/listClients?xRoadInstance=NONE`, {
    headers: { Accept: 'application/json' },
  })
  assert.equal(answer.status, 200)
  assert.match(await answer.text(), /<faultcode>server\.clientproxy\.internal_error</)
  const put = await fetch(`${pair.consumer.client}/listClients`, { method: 'PUT' })
  assert.match(await put.text(), /<faultcode>client\.invalid_http_method</)
})

test('listMethods and allowedMethods by REST, with evidence on both sides', async () => {
  const all = await ask('listMethods', 'meta-list', { Authorization: 'secret' })
  assert.equal(all.status, 200)
  assert.equal(all.headers.get('content-type'), 'application/json')
  assert.equal(all.headers.get('x-road-service'), `${PROVIDER}/listMethods`)
  assert.equal(all.headers.get('authorization'), null)
  const codes = (text: string) =>
    (JSON.parse(text) as { service: { service_code: string; endpoint_list: object[] }[] }).service.map(
      ({ service_code }) => service_code,
    )
  assert.deepEqual(codes(all.text), ['items', 'described', 'hidden'])
  const allowed = await ask('allowedMethods', 'meta-allowed')
  assert.deepEqual(JSON.parse(allowed.text), {
    service: [
      {
        object_type: 'SERVICE',
        service_type: 'REST',
        xroad_instance: 'TEST',
        member_class: 'GOV',
        member_code: '1111',
        subsystem_code: 'registry',
        service_code: 'items',
        endpoint_list: [{ method: 'GET', path: '/items/*' }],
      },
    ],
  })
  for (const id of ['meta-list', 'meta-allowed']) await assertEvidence(id)
})

test('getOpenAPI: the description as it is now, without a right to the service', async () => {
  const answer = await ask('getOpenAPI?serviceCode=described', 'meta-openapi')
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.deepEqual(Object.keys(JSON.parse(answer.text).paths), ['/echo', '/items/{id}', '/big/{bytes}'])
  await assertEvidence('meta-openapi')
})

for (const [what, target, code] of [
  ['no serviceCode', 'getOpenAPI', 'invalid_request'],
  ['a service without a description', 'getOpenAPI?serviceCode=items', 'internal_error'],
  ['an unknown service', 'getOpenAPI?serviceCode=none', 'internal_error'],
  ['a metadata service of SOAP', 'getWsdl', 'unknown_service'],
] as const)
  test(`getOpenAPI: ${what}`, async () => {
    const answer = await ask(target, `meta-no-${what.length}`)
    assert.equal(answer.headers.get('x-road-error'), `server.serverproxy.${code}`)
  })

test('a description that cannot be fetched tells no address, and both servers have the request', async () => {
  const id = 'meta-gone'
  await pair.service.stop()
  try {
    const answer = await ask('getOpenAPI?serviceCode=described', id)
    assert.equal(answer.headers.get('x-road-error'), 'server.serverproxy.network_error')
    assert.doesNotMatch(answer.text, /127\./)
  } finally {
    await pair.service.start()
  }
  for (const server of [pair.consumer, pair.provider]) assert.equal(await recordsOf(server, id), 'request')
})

test('with another method it is a service like any other, and nobody has one of that name', async () => {
  const posted = await fetch(`${pair.consumer.client}/r1/${PROVIDER}/listMethods`, {
    method: 'POST',
    headers: { 'X-Road-Client': CLIENT },
  })
  assert.equal(posted.headers.get('x-road-error'), 'server.serverproxy.unknown_service')
})

test('listMethods and allowedMethods by SOAP: operations of the WSDL, with evidence on both sides', async () => {
  const all = await askSoap('listMethods', 'meta-soap-list')
  assert.equal(all.type, 'text/xml; charset=UTF-8')
  assert.match(all.text, /<x:id>meta-soap-list<\/x:id>\s*<x:requestHash/)
  const codes = (text: string) => [...text.matchAll(/<id:serviceCode>(\w+)</g)].map(([, code]) => code)
  assert.deepEqual(codes(all.text).sort(), [...OPERATIONS].sort())
  assert.deepEqual(codes((await askSoap('allowedMethods', 'meta-soap-allowed')).text), ['echo'])
  for (const id of ['meta-soap-list', 'meta-soap-allowed']) await assertEvidence(id)
})

test('getWsdl: an attachment without the address of the service', async () => {
  const answer = await askSoap('getWsdl', 'meta-wsdl', '<x:serviceCode>big</x:serviceCode>')
  assert.match(answer.type, /^multipart\/related; type="text\/xml"; boundary=/, answer.text)
  const [soap, wsdl] = partsOf(answer.type, answer.bytes)
  assert.match(soap?.[1] ?? '', /getWsdlResponse.*<xroad:serviceCode>big</s)
  assert.match(wsdl?.[0] ?? '', /^content-type: text\/xml\r\ncontent-transfer-encoding: binary\r\ncontent-id: <wsdl=/)
  assert.match(wsdl?.[1] ?? '', /location="http:\/\/example\.org\/xroad-endpoint"/)
  assert.doesNotMatch(wsdl?.[1] ?? '', /127\./)
  await assertEvidence('meta-wsdl')
  const entries = await entriesOf(await evidenceOf(pair.provider, PROVIDER, 'meta-wsdl', 'responseOnly'))
  assert.equal(entries.get('attachment1')?.toString(), wsdl?.[1])
})

for (const [what, body, code] of [
  ['no service code', '', 'invalid_request'],
  ['an unknown service', '<x:serviceCode>none</x:serviceCode>', 'unknown_service'],
  ['a REST service', '<x:serviceCode>items</x:serviceCode>', 'service_type'],
] as const)
  test(`getWsdl: ${what}`, async () => {
    const answer = await askSoap('getWsdl', `meta-wsdl-${code}`, body)
    assert.match(answer.text, new RegExp(`<faultcode>server\\.serverproxy\\.${code}<`))
  })

test('who asks may not attach anything: nobody without a right makes a server keep things', async () => {
  const refusal = 'server.serverproxy.service_failed.invalid_content_type'
  const asked = request(`${pair.consumer.client}/r1/${PROVIDER}/listMethods`, {
    headers: { 'X-Road-Client': CLIENT, 'X-Road-Id': 'meta-body', 'Content-Length': 4 },
  })
  asked.end('body')
  const [refused] = (await once(asked, 'response')) as [IncomingMessage]
  refused.resume()
  assert.equal(refused.headers['x-road-error'], refusal)
  const message = envelope('listMethods', 'meta-attached').replaceAll('b:listMethods', 'x:listMethods')
  const answer = await fetch(pair.consumer.client, {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/related; type="text/xml"; boundary=isB' },
    body: multipart('isB', [
      ['Content-Type: text/xml', message],
      ['Content-Type: a/b', 'x'],
    ]) as Buffer<ArrayBuffer>,
  })
  assert.ok((await answer.text()).includes(`<faultcode>${refusal}<`))
  for (const id of ['meta-body', 'meta-attached']) assert.equal(await recordsOf(pair.provider, id), '')
})

test('the control socket lists services with what their descriptions say', async () => {
  const { clients } = await pair.provider.control.get<ServiceListing>('/services')
  const described = clients[0]?.services.find(({ code }) => code === 'described')
  assert.equal(described?.description, `${pair.service.url}/openapi.json`)
  assert.equal(clients[0]?.services.find(({ code }) => code === 'echo')?.type, 'WSDL')
})
