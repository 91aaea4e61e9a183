// listMethods, allowedMethods and getOpenAPI by REST: X-Road's shapes, descriptions without the service's hosts, and what is refused.
import assert from 'node:assert/strict'
import test from 'node:test'
import type { ServiceId } from '#protocol'
import { asked, CUSTOMS, EMBASSY, OPENAPI_JSON, OPENAPI_YAML, offered, PROVIDER, text } from './offered.ts'

const NAME = {
  xroad_instance: 'DEMO',
  member_class: 'GOV',
  member_code: '1',
  subsystem_code: 'land',
}
const persons = {
  object_type: 'SERVICE',
  service_type: 'OPENAPI',
  ...NAME,
  service_code: 'persons',
  endpoint_list: [
    { method: 'GET', path: '/persons' },
    { method: 'GET', path: '/persons/*' },
    { method: 'PUT', path: '/persons/*' },
  ],
}
const yaml = {
  object_type: 'SERVICE',
  service_type: 'OPENAPI',
  ...NAME,
  service_code: 'yaml',
  endpoint_list: [{ method: 'GET', path: '/x' }],
}
const maps = {
  object_type: 'SERVICE',
  service_type: 'REST',
  ...NAME,
  service_code: 'maps',
  endpoint_list: [{ method: 'GET', path: '/tiles/**' }],
}

test('which requests are for metadata', async (t) => {
  const { metadata } = await offered(t)
  const service = (serviceCode: string): ServiceId => ({ ...PROVIDER, serviceCode })
  for (const code of ['listMethods', 'allowedMethods', 'getOpenAPI']) {
    assert.ok(metadata.isRest({ method: 'GET', service: service(code) }))
    assert.ok(!metadata.isRest({ method: 'POST', service: service(code) }), 'other methods call a service')
  }
  for (const code of ['getWsdl', 'listClients', 'persons', 'listmethods'])
    assert.ok(!metadata.isRest({ method: 'GET', service: service(code) }))
})

test('listMethods lists every REST service of the provider, and nothing of the request is echoed', async (t) => {
  const { metadata } = await offered(t)
  const answer = await metadata.answerRest(asked('listMethods'))
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.rawHeaders, ['content-type', 'application/json'])
  assert.equal(await text(answer.body), JSON.stringify({ service: [persons, yaml, maps] }))
  const nobody = await metadata.answerRest({
    ...asked('listMethods'),
    service: { ...CUSTOMS, serviceCode: 'listMethods' },
  })
  assert.equal(await text(nobody.body), '{"service":[]}')
})

test('allowedMethods lists what the client has some right to, with the endpoints that it may call', async (t) => {
  const { metadata } = await offered(t)
  const allowed = async (client: typeof CUSTOMS, groups: readonly string[]) => {
    const question = { ...asked('allowedMethods'), client, inGlobalGroup: (group: string) => groups.includes(group) }
    return JSON.parse(await text((await metadata.answerRest(question)).body)) as unknown
  }
  assert.deepEqual(await allowed(CUSTOMS, []), { service: [yaml, maps] })
  assert.deepEqual(await allowed(CUSTOMS, ['all']), { service: [persons, yaml, maps] })
  assert.deepEqual(await allowed(EMBASSY, []), {
    service: [{ ...persons, endpoint_list: [{ method: 'GET', path: '/persons/*' }] }],
  })
  assert.deepEqual(await allowed(PROVIDER, []), { service: [] })
})

test('getOpenAPI passes JSON on without the hosts of its servers', async (t) => {
  const { metadata, documents } = await offered(t)
  const exact = OPENAPI_JSON.replace(
    '"type":"integer"',
    '"type":"integer","maximum":9223372036854775807,"multipleOf":1.0',
  )
  documents.set('/openapi.json', { text: exact, type: 'application/json;charset=utf-8' })
  const answer = await metadata.answerRest(asked('getOpenAPI', 'servicecode=nobody&SERVICECODE=persons'))
  assert.deepEqual(answer.rawHeaders, ['content-type', 'application/json;charset=utf-8'])
  assert.equal(
    await text(answer.body),
    exact
      .replace('https://10.0.0.7:8443/api/v1?x=1', '/api/v1')
      .replace('"url":"https://10.0.0.7"', '"url":""')
      .replace('http://operation.internal/o', '/o')
      .replace('//path.internal/p', '/p'),
  )
})

test('getOpenAPI passes YAML on with every byte but the hosts', async (t) => {
  const { metadata, documents } = await offered(t)
  const answer = await metadata.answerRest(asked('getOpenAPI', 'serviceCode=yaml'))
  assert.deepEqual(answer.rawHeaders, ['content-type', 'text/plain'])
  const hidden = OPENAPI_YAML.replace('http://10.0.0.7:8080/v2', '"/v2"')
    .replace('|\n            http://block.internal/b', '"/b"')
    .replace("'http://quoted.internal'", '""')
  assert.equal(await text(answer.body), hidden)
  // JSON is YAML: what is called YAML may be either.
  documents.set('/openapi.yaml', {
    text: '{"openapi": "3.0.0", "servers": [{"url": "http://h/x"}]}',
    type: 'application/x-yaml',
  })
  const again = await metadata.answerRest(asked('getOpenAPI', 'serviceCode=yaml'))
  assert.deepEqual(again.rawHeaders, ['content-type', 'application/x-yaml'])
  assert.equal(await text(again.body), '{"openapi": "3.0.0", "servers": [{"url": "/x"}]}')
})

test('a description is fetched for everybody who asks later, and once for those who ask together', async (t) => {
  const { metadata, fetched } = await offered(t)
  const before = fetched.length
  const ask = async () => await text((await metadata.answerRest(asked('getOpenAPI', 'serviceCode=persons'))).body)
  const together = await Promise.all([ask(), ask(), ask()])
  assert.equal(new Set(together).size, 1)
  assert.equal(fetched.length, before + 1)
  await ask()
  assert.equal(fetched.length, before + 2)
})

test('what getOpenAPI refuses', async (t) => {
  const { metadata, documents, url, stop } = await offered(t)
  const refused = async (query: string | undefined, code: string, message: RegExp) =>
    await assert.rejects(metadata.answerRest(asked('getOpenAPI', query)), (error) => {
      assert.equal((error as { code: string }).code, `server.serverproxy.${code}`)
      assert.match((error as Error).message, message)
      assert.ok(!(error as Error).message.includes(url), 'addresses are not told')
      return true
    })
  for (const query of [undefined, '', 'service=persons', 'serviceCode='])
    await refused(query, 'invalid_request', /serviceCode/)
  await refused('serviceCode=nothing', 'internal_error', /not found/)
  await refused('serviceCode=maps', 'internal_error', /service type/)
  await refused('serviceCode=onlyIn12', 'internal_error', /service type/)
  const descriptions: readonly (string | Uint8Array)[] = [
    OPENAPI_JSON.replace('3.0.3', '2.0'),
    OPENAPI_JSON.replace('"openapi"', '"swagger"'),
    OPENAPI_JSON.slice(0, -1),
    'null',
    '{"openapi": "3.0.0",}',
    '{"openapi": "3.0.0"} x',
    '{"openapi": "3.0.0", "a": 01}',
    '{"openapi": "3.0.0", "a": "\\x"}',
    '{"openapi": "3.0.0", "a": "\n"}',
    '{"openapi": 3.0}',
    '',
    Buffer.from(OPENAPI_JSON.replace('Persons', 'Persöns'), 'latin1'),
    `${'['.repeat(200_000)}`,
  ]
  for (const description of descriptions) {
    documents.set('/openapi.json', { text: description, type: 'application/json' })
    await refused('serviceCode=persons', 'internal_error', /cannot be passed on/)
    await refused('serviceCode=persons', 'internal_error', /cannot be passed on/)
  }
  documents.set('/openapi.yaml', { text: 'openapi: 3.0.0\nservers: [\n' })
  await refused('serviceCode=yaml', 'internal_error', /cannot be passed on/)
  documents.set('/openapi.yaml', { text: 'openapi: 2\n' })
  await refused('serviceCode=yaml', 'internal_error', /cannot be passed on/)
  documents.set('/openapi.json', { text: Buffer.alloc(10 * 1024 * 1024 + 1) })
  await refused('serviceCode=persons', 'io_error', /could not be fetched/)
  documents.delete('/openapi.json')
  await refused('serviceCode=persons', 'internal_error', /HTTP status 404/)
  await stop()
  await refused('serviceCode=persons', 'network_error', /could not be fetched/)
})

test('descriptions made to take time and memory do not', async (t) => {
  const { metadata, documents } = await offered(t)
  const ask = async (code: string) =>
    (await text((await metadata.answerRest(asked('getOpenAPI', `serviceCode=${code}`))).body)).length
  const many = `{"openapi":"3.0.0","x":[${'{},'.repeat(3_400_000)}0]}`
  documents.set('/openapi.json', { text: many, type: 'application/json' })
  assert.equal(await ask('persons'), many.length)
  documents.set('/openapi.yaml', { text: `openapi: 3.0.0\n${'#'.repeat(2 * 1024 * 1024)}` })
  await assert.rejects(ask('yaml'), /YAML over/)
  // Keys are not compared with each other, aliases not followed.
  const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: *a\n`).join('')
  const bomb = `openapi: 3.0.0\na: &a [1, 2]\n${keys}`
  documents.set('/openapi.yaml', { text: bomb })
  assert.equal(await ask('yaml'), bomb.length)
})
