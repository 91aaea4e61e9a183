// The registry as the server uses it: a document applied, asked, applied again, and read back after a restart.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Log } from '#host'
import { parseClientId, parseServerId, type ServiceId, XRoadFault } from '#protocol'
import {
  openServices,
  type ServiceRegistry,
  type ServiceSnapshot,
  ServicesError,
} from '../../../../security-server/services/index.ts'
import { placeIn } from '../../../stores.ts'

const SERVER = parseServerId('DEMO/GOV/1/interior')
const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} }
const REGISTER = 'DEMO/GOV/1/register'
const CUSTOMS = 'DEMO/GOV/2/client'
const EMBASSY = 'DEMO/GOV/3/embassy'

const OPENAPI = `
openapi: 3.0.3
info: { title: Persons, version: 1.0.0 }
servers:
  - url: /api/{version}
    variables: { version: { default: v1 } }
paths:
  /persons: { get: { responses: {} }, post: { responses: {} } }
  /persons/{code}: { parameters: [], get: { responses: {} } }
  /persons/{code}/photo.{kind}{size}: { get: { responses: {} } }
  x-internal: true
`

const fetched: string[] = []
async function fetchText(url: string): Promise<string> {
  fetched.push(url)
  if (url.includes('down')) throw new Error(`${url}: connection refused`)
  return OPENAPI
}

async function open(
  t: TestContext,
  directory = mkdtempSync(join(tmpdir(), 'saadik-services-')),
): Promise<ServiceRegistry & { directory: string }> {
  const registry = await openServices({ place: placeIn(directory, 'services'), server: SERVER, fetchText, log: SILENT })
  t.after(async () => {
    await registry.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { ...registry, directory }
}

const DOCUMENT = {
  clients: [
    {
      id: REGISTER,
      connection: 'HTTP',
      localGroups: [{ code: 'friends', description: 'Friends', members: [EMBASSY] }],
      services: [
        {
          code: 'persons',
          openapi: 'http://127.0.0.21:9001/openapi.yaml',
          access: [
            { subject: CUSTOMS },
            { localGroup: 'friends', endpoints: ['GET /persons/*', 'get /persons/*/photo*'] },
          ],
        },
        { code: 'files', url: 'http://127.0.0.21:9001/files', timeoutSeconds: 5, access: [{ globalGroup: 'all' }] },
        {
          code: 'off',
          url: 'http://127.0.0.21:9001',
          disabled: { notice: 'Back on Monday' },
          access: [{ subject: CUSTOMS }],
        },
      ],
    },
    { id: 'DEMO/GOV/1', connection: 'HTTPS NOAUTH' },
  ],
}

function ask(
  snapshot: ServiceSnapshot,
  code: string,
  client: string,
  target: string,
  groups: readonly string[] = [],
): string {
  const [method = '', servicePath = ''] = target.split(' ')
  const service: ServiceId = { ...parseClientId(REGISTER), serviceCode: code }
  try {
    const { endpoint } = snapshot.authorise({
      service,
      client: parseClientId(client),
      method,
      servicePath,
      inGlobalGroup: (group) => groups.includes(group),
    })
    return endpoint === undefined ? 'everything' : `${endpoint.method} ${endpoint.path}`
  } catch (error) {
    assert.ok(error instanceof XRoadFault)
    return error.code
  }
}

test('an applied document decides who may call what', async (t) => {
  const registry = await open(t)
  await registry.apply(DOCUMENT)
  const snapshot = registry.snapshot()
  const denied = 'server.serverproxy.access_denied'
  assert.equal(ask(snapshot, 'persons', CUSTOMS, 'DELETE /anything/at/all'), 'everything')
  assert.equal(ask(snapshot, 'persons', EMBASSY, 'GET /persons/1'), 'GET /persons/*')
  assert.equal(ask(snapshot, 'persons', EMBASSY, 'GET /persons/1/photo.png'), 'GET /persons/*/photo*')
  assert.equal(ask(snapshot, 'persons', EMBASSY, 'PUT /persons/1'), denied)
  assert.equal(ask(snapshot, 'persons', EMBASSY, 'GET /persons/1/'), denied)
  assert.equal(ask(snapshot, 'persons', EMBASSY, 'GET /persons'), denied)
  assert.equal(ask(snapshot, 'persons', 'DEMO/GOV/2/other', 'GET /persons/1'), denied)
  // A member's right is not its subsystem's, nor the reverse.
  assert.equal(ask(snapshot, 'persons', 'DEMO/GOV/2', 'GET /persons/1'), denied)
  assert.equal(ask(snapshot, 'files', EMBASSY, 'GET /x'), denied)
  assert.equal(ask(snapshot, 'files', EMBASSY, 'GET /x', ['all']), 'everything')
  assert.equal(ask(snapshot, 'nothing', CUSTOMS, 'GET /'), 'server.serverproxy.unknown_service')
  assert.equal(ask(snapshot, 'off', EMBASSY, 'GET /'), denied, 'a stranger does not learn that the service is off')
  assert.equal(ask(snapshot, 'off', CUSTOMS, 'GET /'), 'server.serverproxy.service_disabled')
  assert.throws(
    () =>
      snapshot.authorise({
        service: { ...parseClientId(REGISTER), serviceCode: 'off' },
        client: parseClientId(CUSTOMS),
        method: 'GET',
        servicePath: '',
        inGlobalGroup: () => false,
      }),
    /Back on Monday/,
  )
})

test('paths that two readers may understand differently are refused whatever the right', async (t) => {
  const registry = await open(t)
  await registry.apply(DOCUMENT)
  for (const path of [
    '/persons/../admin',
    '/..',
    '/.',
    '/a/%2e%2E/b',
    '/a%2Fb',
    '/a%3Fb',
    '/a%23b',
    '/a%5Cb',
    '/a%00',
    '/a%252e',
    '/..;x/b',
    '/%C3%28',
  ]) {
    for (const client of [CUSTOMS, EMBASSY]) {
      assert.equal(ask(registry.snapshot(), 'persons', client, `GET ${path}`), 'server.serverproxy.access_denied', path)
    }
  }
  for (const path of ['', '/', '/a..b', '/v1..2', '/a%20b', '/%C3%B6', '/a;v=1']) {
    assert.equal(ask(registry.snapshot(), 'persons', CUSTOMS, `GET ${path}`), 'everything', path)
  }
})

test('the snapshot shows clients and services, with endpoints and address from the description', async (t) => {
  const registry = await open(t)
  await registry.apply(DOCUMENT)
  const snapshot = registry.snapshot()
  assert.deepEqual(
    snapshot.clients.map(({ connection }) => connection),
    ['HTTP', 'HTTPS NOAUTH'],
  )
  const [persons, files, off] = snapshot.services(parseClientId(REGISTER))
  assert.equal(persons?.type, 'OPENAPI3')
  assert.equal(persons?.url, 'http://127.0.0.21:9001/api/v1')
  assert.deepEqual(
    persons?.endpoints.map(({ method, path }) => `${method} ${path}`),
    ['GET /persons', 'POST /persons', 'GET /persons/*', 'GET /persons/*/photo.*'],
  )
  assert.equal(files?.timeoutSeconds, 5)
  assert.equal(persons?.timeoutSeconds, 60)
  assert.deepEqual(off?.disabled, { notice: 'Back on Monday' })
  assert.equal(
    snapshot.service({ ...parseClientId(REGISTER), serviceCode: 'persons', serviceVersion: 'v1' }),
    undefined,
  )
  assert.equal(snapshot.client(parseClientId(CUSTOMS)), undefined)
  assert.deepEqual(snapshot.services(parseClientId(CUSTOMS)), [])
})

test('applying reports what changed, and nothing the second time', async (t) => {
  const registry = await open(t)
  assert.ok((await registry.apply(DOCUMENT)).changes.includes(`service ${REGISTER}/persons added`))
  assert.deepEqual((await registry.apply(structuredClone(DOCUMENT))).changes, [])
  const changed = structuredClone(DOCUMENT)
  const [first] = changed.clients
  assert.ok(first?.services?.[1] && first.localGroups?.[0] && first.services[2])
  first.connection = 'HTTPS'
  first.services[1].timeoutSeconds = 6
  first.localGroups[0].members = []
  first.services[2].access = [{ subject: EMBASSY }]
  delete (first.services[2] as { disabled?: unknown }).disabled
  changed.clients.pop()
  assert.deepEqual((await registry.apply(changed)).changes, [
    'client DEMO/GOV/1 removed',
    `client ${REGISTER}: connection HTTP → HTTPS`,
    `client ${REGISTER}: local group friends: ${EMBASSY} removed`,
    `service ${REGISTER}/files: timeoutSeconds 5 → 6`,
    `service ${REGISTER}/off: enabled`,
    `service ${REGISTER}/off: access withdrawn from ${CUSTOMS}`,
    `service ${REGISTER}/off: access granted to ${EMBASSY}`,
  ])
  assert.equal(ask(registry.snapshot(), 'persons', EMBASSY, 'GET /persons/1'), 'server.serverproxy.access_denied')
})

test('a taken snapshot does not change under its reader', async (t) => {
  const registry = await open(t)
  await registry.apply(DOCUMENT)
  const before = registry.snapshot()
  await registry.apply({ clients: [] })
  assert.equal(ask(before, 'persons', CUSTOMS, 'GET /'), 'everything')
  assert.equal(ask(registry.snapshot(), 'persons', CUSTOMS, 'GET /'), 'server.serverproxy.unknown_service')
})

test('the registry survives a restart without fetching anything', async (t) => {
  const { directory, ...registry } = await open(t)
  await registry.apply(DOCUMENT)
  const count = fetched.length
  await registry.close()
  const again = await openServices({ place: placeIn(directory, 'services'), server: SERVER, fetchText, log: SILENT })
  t.after(() => again.close())
  assert.equal(fetched.length, count)
  assert.deepEqual(
    again.snapshot().services(parseClientId(REGISTER)),
    registry.snapshot().services(parseClientId(REGISTER)),
  )
  assert.equal(ask(again.snapshot(), 'persons', EMBASSY, 'GET /persons/1'), 'GET /persons/*')
  assert.deepEqual((await again.apply(DOCUMENT)).changes, [])
})

test('all faults of a document are told at once, and nothing changes', async (t) => {
  const registry = await open(t)
  await registry.apply(DOCUMENT)
  const bad = {
    clients: [
      { id: 'DEMO/GOV/1', services: [{ code: 'x', url: 'http://h' }] },
      { id: 'OTHER/GOV/1/sub', tlsCertificates: ['nonsense'] },
      {
        id: REGISTER,
        localGroups: [{ code: 'g', members: ['DEMO/GOV/2'] }],
        services: [
          { code: 'listMethods', url: 'http://h' },
          { code: 'a/b', url: 'ftp://h' },
          { code: 'c', url: 'http://user:secret@h/' },
          { code: 'd', url: 'http://h/?q=1' },
          { code: 'd', url: 'https://h/' },
          { code: 'e', openapi: 'http://down/openapi.yaml' },
          { code: 'f' },
          { code: 'h', url: 'http://h', tls: 'system' },
          {
            code: 'i',
            url: 'http://h',
            access: [
              {},
              { subject: CUSTOMS, globalGroup: 'g' },
              { localGroup: 'nobody' },
              { subject: 'DEMO/GOV/2' },
              { subject: CUSTOMS, endpoints: ['FETCH /x', 'GET x'] },
            ],
          },
        ],
      },
      { id: REGISTER },
    ],
  }
  await assert.rejects(registry.apply(bad), (error) => {
    assert.ok(error instanceof ServicesError)
    assert.equal(error.code, 'invalid_services')
    const paths = error.message.split('\n').map((line) => line.split(': ')[0])
    assert.deepEqual(paths.toSorted(), [
      'clients[0].services',
      'clients[1].id',
      'clients[1].tlsCertificates[0]',
      'clients[2].localGroups[0].members[0]',
      'clients[2].services[0].code',
      'clients[2].services[1].code',
      'clients[2].services[1].url',
      'clients[2].services[2].url',
      'clients[2].services[3].url',
      'clients[2].services[4].code',
      'clients[2].services[4].tls',
      'clients[2].services[5].openapi',
      'clients[2].services[6]',
      'clients[2].services[7].tls',
      'clients[2].services[8].access[0]',
      'clients[2].services[8].access[1]',
      'clients[2].services[8].access[2].localGroup',
      'clients[2].services[8].access[3].subject',
      'clients[2].services[8].access[4].endpoints[0]',
      'clients[2].services[8].access[4].endpoints[1]',
      'clients[3].id',
    ])
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
  await assert.rejects(registry.apply({ clients: [{ id: REGISTER, servises: [] }], more: 1 }), (error) => {
    assert.deepEqual((error as Error).message.split('\n').toSorted(), [
      'clients[0].servises: unknown key',
      'more: unknown key',
    ])
    return true
  })
  for (const nothing of [undefined, null, 'text', []]) await assert.rejects(registry.apply(nothing), ServicesError)
  assert.equal(ask(registry.snapshot(), 'persons', CUSTOMS, 'GET /'), 'everything')
})
