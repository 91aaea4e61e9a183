// A WSDL in server.yaml: its operations become services, rights go by code, refreshing tells what changed.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Log, openStore } from '#host'
import { parseClientId, parseServerId, type ServiceId, XRoadFault } from '#protocol'
import { openServices, type ServiceRegistry, ServicesError } from '../../../../security-server/services/index.ts'
import { MIGRATIONS } from '../../../../security-server/services/migrations.ts'
import { placeIn } from '../../../stores.ts'
import { LAND_WSDL } from './land-wsdl.ts'

const SERVER = parseServerId('DEMO/GOV/1/interior')
const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} }
const LAND = 'DEMO/GOV/1/land'
const CUSTOMS = 'DEMO/GOV/2/client'
const EMBASSY = 'DEMO/GOV/3/embassy'
const WSDL_URL = 'http://10.0.0.7/land.wsdl?full'

async function open(t: TestContext, wsdl: () => string, directory = scratch(t)): Promise<ServiceRegistry> {
  const fetchText = async (url: string) => {
    if (url !== WSDL_URL) throw new Error(`${url} answered with HTTP status 404`)
    return wsdl()
  }
  const registry = await openServices({ place: placeIn(directory, 'services'), server: SERVER, fetchText, log: SILENT })
  t.after(() => registry.close())
  return registry
}

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'saadik-services-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const DOCUMENT = {
  clients: [
    {
      id: LAND,
      localGroups: [{ code: 'friends', members: [EMBASSY] }],
      services: [
        {
          wsdl: WSDL_URL,
          timeoutSeconds: 30,
          tls: 'system',
          access: [{ subject: CUSTOMS }],
          operations: [
            { code: 'findParcel', access: [{ localGroup: 'friends' }] },
            { code: 'findParcel', version: 'v2', url: 'https://10.0.0.8/land2', timeoutSeconds: 5 },
          ],
        },
        { code: 'maps', url: 'http://10.0.0.7/maps', access: [{ subject: CUSTOMS, endpoints: ['GET /tiles/*'] }] },
      ],
    },
  ],
}

function id(code: string, serviceVersion?: string): ServiceId {
  return { ...parseClientId(LAND), serviceCode: code, ...(serviceVersion === undefined ? {} : { serviceVersion }) }
}

function soap(registry: ServiceRegistry, client: string, service: ServiceId): string {
  try {
    return registry.snapshot().authoriseSoap({ service, client: parseClientId(client), inGlobalGroup: () => false }).url
  } catch (error) {
    assert.ok(error instanceof XRoadFault)
    return error.code.replace('server.serverproxy.', '')
  }
}

test('operations are services of their own, with versions, and with what the document says of them', async (t) => {
  const registry = await open(t, () => LAND_WSDL)
  await registry.apply(DOCUMENT)
  const services = registry.snapshot().services(parseClientId(LAND))
  assert.deepEqual(
    services.map(({ id: { serviceCode, serviceVersion }, type, url, timeoutSeconds, tls, title, description }) => [
      ...[serviceCode, serviceVersion, type, url, timeoutSeconds, tls, title, description],
    ]),
    [
      ['findParcel', 'v1', 'WSDL', 'http://10.0.0.7:8080/land?tenant=1&v=1', 30, 'none', 'Find a parcel', WSDL_URL],
      ['listOwners', undefined, 'WSDL', 'http://10.0.0.7:8080/land?tenant=1&v=1', 30, 'none', undefined, WSDL_URL],
      ['findParcel', 'v2', 'WSDL', 'https://10.0.0.8/land2', 5, 'system', 'Find a parcel', WSDL_URL],
      ['onlyIn12', undefined, 'WSDL', 'http://12.internal/land', 30, 'none', undefined, WSDL_URL],
      ['maps', undefined, 'REST', 'http://10.0.0.7/maps', 60, 'none', undefined, undefined],
    ],
  )
})

test('a service exists by code and version, rights go by code', async (t) => {
  const registry = await open(t, () => LAND_WSDL)
  await registry.apply(DOCUMENT)
  for (const client of [CUSTOMS, EMBASSY]) {
    assert.equal(soap(registry, client, id('findParcel', 'v1')), 'http://10.0.0.7:8080/land?tenant=1&v=1')
    assert.equal(soap(registry, client, id('findParcel', 'v2')), 'https://10.0.0.8/land2')
    assert.equal(soap(registry, client, id('findParcel')), 'unknown_service')
    assert.equal(soap(registry, client, id('findParcel', 'v3')), 'unknown_service')
  }
  assert.equal(soap(registry, EMBASSY, id('listOwners')), 'access_denied')
  assert.equal(soap(registry, 'DEMO/GOV/2', id('listOwners')), 'access_denied')
  assert.equal(soap(registry, CUSTOMS, id('maps')), 'service_type')
  assert.throws(
    () =>
      registry.snapshot().authorise({
        service: id('listOwners'),
        client: parseClientId(CUSTOMS),
        method: 'GET',
        servicePath: '',
        inGlobalGroup: () => false,
      }),
    { code: 'server.serverproxy.service_type' },
  )
})

test('a disabled description disables all its operations', async (t) => {
  const registry = await open(t, () => LAND_WSDL)
  await registry.apply({
    clients: [
      {
        id: LAND,
        services: [
          { wsdl: WSDL_URL, tls: 'system', disabled: { notice: 'Moving house' }, access: [{ subject: CUSTOMS }] },
        ],
      },
    ],
  })
  assert.equal(soap(registry, CUSTOMS, id('findParcel', 'v1')), 'service_disabled')
  assert.equal(soap(registry, EMBASSY, id('findParcel', 'v1')), 'access_denied')
})

test('refreshing a description tells what came, went and changed; settings and rights stay', async (t) => {
  let wsdl = LAND_WSDL
  const registry = await open(t, () => wsdl)
  await registry.apply(DOCUMENT)
  assert.deepEqual((await registry.apply(DOCUMENT)).changes, [])
  wsdl = LAND_WSDL.replace('<w:operation name="onlyIn12"/>', '')
    .replace('<w:operation name="listOwners"><soap', '<w:operation name="listDebts"><soap')
    .replaceAll('http://10.0.0.7:8080/land?tenant=1&amp;v=1', 'http://10.0.0.9/land')
    .replace('http://12.internal/land', 'http://10.0.0.9/old')
  assert.deepEqual((await registry.apply(DOCUMENT)).changes, [
    `service ${LAND}/onlyIn12 removed`,
    `service ${LAND}/findParcel/v1: url http://10.0.0.7:8080/land?tenant=1&v=1 → http://10.0.0.9/land`,
    `service ${LAND}/listDebts added`,
    `service ${LAND}/listDebts: access granted to ${CUSTOMS}`,
    `service ${LAND}/listOwners: url http://10.0.0.7:8080/land?tenant=1&v=1 → http://10.0.0.9/old`,
  ])
  assert.equal(soap(registry, EMBASSY, id('findParcel', 'v1')), 'http://10.0.0.9/land')
  wsdl = '<html/>'
  await assert.rejects(registry.apply(DOCUMENT), ServicesError)
  assert.equal(soap(registry, CUSTOMS, id('listDebts')), 'http://10.0.0.9/land', 'a broken description changes nothing')
})

test('what a client may call is listed with the endpoints that its rights cover', async (t) => {
  const registry = await open(t, () => LAND_WSDL)
  await registry.apply(DOCUMENT)
  const allowed = (client: string) =>
    registry
      .snapshot()
      .allowed(parseClientId(LAND), { client: parseClientId(client), inGlobalGroup: () => false })
      .map(({ service, endpoints }) => [service.id.serviceCode, ...endpoints.map(({ path }) => path)].join(' '))
  assert.deepEqual(allowed(CUSTOMS), ['findParcel', 'listOwners', 'findParcel', 'onlyIn12', 'maps /tiles/*'])
  assert.deepEqual(allowed(EMBASSY), ['findParcel', 'findParcel'])
  assert.deepEqual(allowed('DEMO/GOV/2'), [])
})

test('the registry reads back what it stored, and what was stored before there were versions', async (t) => {
  const directory = scratch(t)
  const registry = await open(t, () => LAND_WSDL, directory)
  await registry.apply(DOCUMENT)
  await registry.close()
  const again = await open(t, () => LAND_WSDL, directory)
  assert.deepEqual(again.snapshot().services(parseClientId(LAND)), registry.snapshot().services(parseClientId(LAND)))
  assert.deepEqual((await again.apply(DOCUMENT)).changes, [])

  const old = scratch(t)
  const store = openStore<Record<string, Record<string, unknown>>>(placeIn(old, 'services'), MIGRATIONS.slice(0, 1))
  const insert = (table: string, values: Record<string, unknown>) => store.db.insertInto(table).values(values).execute()
  await insert('client', { id: LAND, connection: 'HTTP' })
  const described = { type: 'REST', url: 'http://10.0.0.7/maps', timeout_seconds: 7, tls: 'none' }
  await insert('service', { client: LAND, code: 'maps', ...described })
  await insert('endpoint', { client: LAND, service: 'maps', method: 'GET', path: '/tiles/*' })
  await insert('access_right', { client: LAND, service: 'maps', subject_kind: 'client', subject: CUSTOMS })
  await store.close()
  const migrated = (await open(t, () => LAND_WSDL, old)).snapshot()
  const question = { service: id('maps'), client: parseClientId(CUSTOMS), method: 'GET', servicePath: '/x' }
  assert.equal(migrated.authorise({ ...question, inGlobalGroup: () => false }).service.timeoutSeconds, 7)
})

test('faults of a WSDL entry are told with their places', async (t) => {
  const registry = await open(t, () => LAND_WSDL)
  const services = [
    { wsdl: WSDL_URL, code: 'x', openapi: 'http://10.0.0.7/openapi.json', tls: 'system' },
    { wsdl: 'http://10.0.0.7/gone.wsdl' },
    { wsdl: 'file:///etc/passwd' },
    {
      wsdl: WSDL_URL,
      access: [{ subject: CUSTOMS, endpoints: ['GET /x'] }],
      operations: [
        { code: 'nothing' },
        { code: 'findParcel', version: 'v9' },
        { code: 'findParcel', version: 'v1', access: [{ subject: CUSTOMS }] },
        { code: 'listOwners', url: 'ftp://10.0.0.7/', tls: 'system' },
        { code: 'listOwners' },
      ],
    },
    { code: 'onlyIn12', url: 'http://10.0.0.7/', operations: [] },
    { url: 'http://10.0.0.7/' },
  ]
  await assert.rejects(registry.apply({ clients: [{ id: LAND, services }] }), (error) => {
    const paths = (error as Error).message
      .split('\n')
      .map((line) => line.split(': ')[0]?.replace('clients[0].services', ''))
    assert.deepEqual(paths.toSorted(), [
      '[0].code',
      '[0].openapi',
      '[0].wsdl',
      '[1].wsdl',
      '[2].wsdl',
      '[3].access[0].endpoints',
      '[3].operations[0]',
      '[3].operations[1]',
      '[3].operations[2].access',
      '[3].operations[3].url',
      '[3].operations[4]',
      '[3].tls',
      '[3].wsdl',
      '[3].wsdl',
      '[4].operations',
      '[5].code',
    ])
    return true
  })
})

test('names that identifiers must not have are refused in a WSDL too', async (t) => {
  const registry = await open(t, () =>
    LAND_WSDL.replace('<xroad:version> v1 ', '<xroad:version>v/1').replace('name="onlyIn12"', 'name="getWsdl"'),
  )
  await assert.rejects(registry.apply(DOCUMENT), (error) => {
    assert.match((error as Error).message, /services\[0\]\.wsdl: .*v\/1/)
    assert.match((error as Error).message, /services\[0\]\.wsdl: getWsdl is reserved/)
    return true
  })
})
