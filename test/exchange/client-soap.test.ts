// SOAP and metadata by `saadik/client` against real servers: what comes back is what it says it is.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createClient, ServiceFault, type XRoadClient, XRoadError } from '#client'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { OPERATIONS } from '../federation/soap.ts'

const PROVIDER = 'TEST/GOV/1111/registry'

let pair: Pair
let xroad: XRoadClient
before(async () => {
  pair = await startPair({
    services: (url) => [
      { code: 'items', openapi: `${url}/openapi.json`, access: [{ subject: CLIENT, endpoints: ['GET /items/*'] }] },
      { code: 'closed', url },
      {
        wsdl: `${url}/soap.wsdl`,
        operations: ['echo', 'count', 'three', 'fault'].map((code) => ({ code, access: [{ subject: CLIENT }] })),
      },
    ],
  })
  xroad = createClient({ securityServer: pair.consumer.client, client: CLIENT, userId: 'EE38203190108' })
})
after(() => {
  xroad?.close()
  return pair?.stop()
})

/** The service knows its operations by the prefix. */
const body = (code: string, more: object = {}) => ({ [`b:${code}`]: { '@xmlns:b': 'urn:t', ...more } })

test('a SOAP call: header, value and XML of the answer', async () => {
  const answer = await xroad.soap(`${PROVIDER}/echo`).call<{ type: string; action: string }>({
    id: 'cs-1',
    issue: 'case 9',
    soapAction: 'urn:t#echo',
    body: body('echo'),
  })
  assert.deepEqual(answer.value, { type: 'text/xml; charset=UTF-8', action: '"urn:t#echo"' })
  assert.equal(answer.header.id, 'cs-1')
  assert.equal(answer.header.userId, 'EE38203190108')
  assert.equal(answer.header.issue, 'case 9')
  assert.match(answer.header.requestHash?.value ?? '', /^[A-Za-z0-9+/]{86}==$/)
  assert.match(answer.bodyXml, /^<b:echoResponse/)
})

test('attachments go out and come back, in their order', async () => {
  const bytes = randomBytes(2_000_000)
  const attachments = [
    { id: 'one', type: 'application/pdf', content: bytes },
    { id: 'two', content: new Blob(['second']) },
  ]
  const counted = await xroad
    .soap(`${PROVIDER}/count`)
    .call<{ bytes: string; sha: string }>({ body: body('count'), attachments })
  assert.ok(Number(counted.value.bytes) > bytes.length)
  assert.equal(counted.value.sha, pair.service.seen.at(-1)?.bodySha256)
  const three = await xroad.soap(`${PROVIDER}/three`).call({ body: body('three') })
  const texts: string[] = []
  for await (const attachment of three.attachments) texts.push(Buffer.from(await attachment.arrayBuffer()).toString())
  assert.deepEqual(texts, ['one', '', 'three'])
})

test("a service's fault is a ServiceFault; a refusal is an XRoadError that says whose", async () => {
  const faulted = await xroad
    .soap(`${PROVIDER}/fault`)
    .call({ body: body('fault') })
    .catch((error) => error)
  assert.ok(faulted instanceof ServiceFault, String(faulted))
  assert.match(faulted.code, /Server\.Parcel$/)
  const denied = await xroad
    .soap(`${PROVIDER}/big`)
    .call({ body: body('big') })
    .catch((error) => error)
  assert.ok(denied instanceof XRoadError, String(denied))
  assert.equal(denied.code, 'server.serverproxy.access_denied')
  assert.equal(denied.side, 'provider')
})

test('who there is', async () => {
  const clients = await xroad.listClients()
  assert.deepEqual(
    clients.map(({ id, name }) => [id.memberCode, id.subsystemCode, name]),
    [
      ['1111', undefined, 'Member 1111'],
      ['1111', 'registry', 'Member 1111'],
      ['2222', undefined, 'Member 2222'],
      ['2222', 'office', 'Member 2222'],
    ],
  )
  const unknown = await xroad.listClients('NONE').catch((error) => error)
  assert.ok(unknown instanceof XRoadError, String(unknown))
  assert.equal(unknown.side, 'consumer')
})

test('what a provider offers, by REST and by SOAP, and what of it is allowed', async () => {
  const listed = async (list: ReturnType<XRoadClient['listMethods']>) =>
    (await list).map(({ id, type }) => `${type} ${id.serviceCode}`)
  assert.deepEqual(await listed(xroad.listMethods(PROVIDER)), ['OPENAPI items', 'REST closed'])
  const [allowed, ...others] = await xroad.allowedMethods(PROVIDER)
  assert.deepEqual(others, [])
  assert.deepEqual(allowed?.endpoints, [{ method: 'GET', path: '/items/*' }])
  const soap = await listed(xroad.listMethods(PROVIDER, { protocol: 'soap' }))
  assert.deepEqual(soap.sort(), OPERATIONS.map((code) => `WSDL ${code}`).sort())
  const mine = await listed(xroad.allowedMethods(PROVIDER, { protocol: 'soap' }))
  assert.deepEqual(mine.sort(), ['WSDL count', 'WSDL echo', 'WSDL fault', 'WSDL three'])
})

test('how services are described', async () => {
  const openapi = await xroad.getOpenAPI(`${PROVIDER}/items`)
  assert.equal(openapi.mediaType, 'application/json')
  assert.ok(JSON.parse(openapi.text).paths['/items/{id}'])
  const wsdl = await xroad.getWsdl(`${PROVIDER}/echo`)
  assert.equal(wsdl.mediaType, 'text/xml')
  assert.match(wsdl.text, /location="http:\/\/example\.org\/xroad-endpoint"/)
  for (const [asked, reason] of [
    [xroad.getWsdl(`${PROVIDER}/items`), 'service_type'],
    [xroad.getOpenAPI(`${PROVIDER}/closed`), 'internal_error'],
  ] as const) {
    const refused = await asked.catch((error) => error)
    assert.ok(refused instanceof XRoadError, String(refused))
    assert.equal(refused.reason, reason)
    assert.equal(refused.side, 'provider')
  }
})
