// What information systems got from a real X-Road security server, read by our client.
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { ServiceFault, XRoadError } from '#client'
import { needsVectors, vector } from '../../vectors.ts'
import { replay } from './replay.ts'

const recorded = (t: TestContext, name: string) =>
  replay(t, vector('recorded', 'exchanges', 'rsa', `${name}.is-response.bin`))

const SOAP = 'TEST/COM/1111/SVC/attach/v1'
const request = { body: '<t:attach xmlns:t="urn:t"><t:x>x</t:x></t:attach>' }

test('a SOAP answer', async (t) => {
  if (!needsVectors(t)) return
  const { xroad } = await recorded(t, 'soap-optional-headers')
  const answer = await xroad.soap('TEST/COM/1111/SVC/echo/v1').call({ body: { echo: 'x' } })
  assert.equal(answer.header.id, 'rsa-soap-optional-headers')
  assert.equal(answer.header.service.serviceVersion, 'v1')
  assert.equal(answer.header.client.subsystemCode, 'CLI')
  assert.ok(answer.header.issue)
  assert.match(answer.header.requestHash?.algorithm ?? '', /sha512$/)
  assert.match(answer.bodyXml, /^<t:echoResponse/)
  for await (const _ of answer.attachments) assert.fail('no attachments')
})

test('a SOAP answer with two attachments, one of them base64', async (t) => {
  if (!needsVectors(t)) return
  const { xroad, seen } = await recorded(t, 'soap-attachment-both')
  const answer = await xroad.soap(SOAP).call(request)
  assert.deepEqual(answer.value, { x: 'päivää & hello' })
  const got: [string | undefined, string | null, Buffer][] = []
  for await (const attachment of answer.attachments)
    got.push([attachment.id, attachment.headers.get('content-type'), Buffer.from(await attachment.arrayBuffer())])
  assert.deepEqual(
    got.map(([id, type]) => [id, type]),
    [
      ['att-r1', 'application/octet-stream'],
      ['att-r2', 'text/plain; charset=UTF-8'],
    ],
  )
  assert.equal(got[1]?.[2].toString(), 'hello back')
  assert.ok((got[0]?.[2].length ?? 0) > 4)
  assert.equal(seen[0]?.headers['soapaction'], '""')
})

test('attachments may be passed over, in part or altogether', async (t) => {
  if (!needsVectors(t)) return
  const { xroad } = await recorded(t, 'soap-attachment-both')
  const ids: (string | undefined)[] = []
  for await (const { id } of (await xroad.soap(SOAP).call(request)).attachments) ids.push(id)
  assert.deepEqual(ids, ['att-r1', 'att-r2'])
  for await (const _ of (await xroad.soap(SOAP).call(request)).attachments) break
})

test('faults of security servers and of services are told apart', async (t) => {
  if (!needsVectors(t)) return
  for (const [name, code, side, reason] of [
    ['fault-soap-access-denied', 'server.serverproxy.access_denied', 'provider', 'access_denied'],
    ['fault-soap-unknown-service', 'server.serverproxy.unknown_service', 'provider', 'unknown_service'],
    ['fault-soap-service-down', 'server.serverproxy.service_failed.network_error', 'provider', 'network_error'],
  ] as const) {
    const { xroad } = await recorded(t, name)
    await assert.rejects(xroad.soap(SOAP).call(request), (error) => {
      assert.ok(error instanceof XRoadError)
      assert.deepEqual([error.code, error.side, error.reason, error.status], [code, side, reason, 200])
      assert.match(error.detail ?? '', /^[0-9a-f-]{36}$/)
      return true
    })
  }
  const { xroad } = await recorded(t, 'soap-service-fault')
  await assert.rejects(xroad.soap(SOAP).call(request), (error) => {
    assert.ok(error instanceof ServiceFault)
    assert.equal(error.code, 'SOAP-ENV:Server')
    assert.equal(error.text, 'no such record & nothing else')
    return true
  })
})

test('REST answers and errors', async (t) => {
  if (!needsVectors(t)) return
  const ok = await recorded(t, 'rest-get')
  const one = await ok.xroad.service('TEST/COM/1111/SVC/restapi').get('/items/1')
  assert.ok(one.ok)
  assert.equal((one.data as { text: string }).text, 'päivää')
  assert.deepEqual(one.response.headers.getSetCookie(), ['a=1; Path=/', 'b=2; Path=/'])

  const missing = await recorded(t, 'rest-get-404')
  assert.equal((await missing.xroad.service('TEST/COM/1111/SVC/restapi').fetch('/x')).status, 404)
  const gone = await recorded(t, 'rest-delete-204')
  assert.equal((await gone.xroad.service('TEST/COM/1111/SVC/restapi').delete('/x')).status, 204)
  const head = await recorded(t, 'rest-head')
  assert.equal((await head.xroad.service('TEST/COM/1111/SVC/restapi').fetch('/x', { method: 'HEAD' })).status, 200)

  for (const [name, code] of [
    ['fault-rest-access-denied', 'server.serverproxy.access_denied'],
    ['fault-rest-service-down', 'server.serverproxy.network_error'],
    ['fault-rest-unknown-service', 'server.serverproxy.unknown_service'],
    ['fault-client-unknown-provider', 'server.clientproxy.unknown_member'],
  ] as const) {
    const { xroad } = await recorded(t, name)
    await assert.rejects(xroad.service('TEST/COM/1111/SVC/nosuch').fetch('/x'), (error) => {
      assert.ok(error instanceof XRoadError)
      assert.equal(error.code, code)
      assert.equal(error.header, code)
      assert.match(error.detail ?? '', /^[0-9a-f-]{36}$/)
      assert.ok(error.text.length > 10)
      return true
    })
  }
})
