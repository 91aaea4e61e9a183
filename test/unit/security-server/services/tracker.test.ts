// The data tracker in server.yaml: where persons stand in requests, who may ask on their behalf; kept over a restart, refused with all its faults.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Log } from '#host'
import { parseClientId, parseServerId } from '#protocol'
import {
  OWN_CODES,
  openServices,
  type ServiceRegistry,
  ServicesError,
} from '../../../../security-server/services/index.ts'
import { placeIn } from '../../../stores.ts'
import { LAND_WSDL } from './land-wsdl.ts'

const SERVER = parseServerId('DEMO/GOV/1/interior')
const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} }
const REGISTER = 'DEMO/GOV/1/register'
const PORTAL = 'DEMO/GOV/2/portal'

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'saadik-services-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function open(directory: string): Promise<ServiceRegistry> {
  const fetchText = async () => LAND_WSDL
  return openServices({ place: placeIn(directory, 'services'), server: SERVER, fetchText, log: SILENT })
}

const OFF = {}
const PERSON = { person: [{ path: 'GET /persons/{person}/**' }, { query: 'code' }, { json: '/persons/*/code' }] }
const document = (tracker: object | undefined, rules: object = PERSON, soap: object = { xml: 'owner/code' }) => ({
  clients: [
    {
      id: REGISTER,
      connection: 'HTTP',
      services: [
        { code: 'persons', url: 'http://127.0.0.1:9001', ...(rules === OFF ? {} : { tracker: rules }) },
        {
          wsdl: 'http://127.0.0.1:9001/land.wsdl',
          tls: 'system',
          tracker: { person: [soap] },
          operations: [{ code: 'findParcel', tracker: { person: [{ xml: 'code' }], showUser: true } }],
        },
      ],
      ...(tracker === undefined ? {} : { tracker }),
    },
  ],
})

const serviceOf = (registry: ServiceRegistry, serviceCode: string, serviceVersion?: string) =>
  registry
    .snapshot()
    .service({ ...parseClientId(REGISTER), serviceCode, ...(serviceVersion ? { serviceVersion } : {}) })

test('rules of services, and the service that answers persons, are there and stay', async (t) => {
  const directory = scratch(t)
  const rules = {
    ...PERSON,
    code: '^(?:EE)?([0-9]{11})$',
    secret: [{ client: 'DEMO/GOV/9' }, { basis: 'investigation' }],
  }
  const registry = await open(directory)
  const access = [{ subject: PORTAL, endpoints: ['GET /persons/*/uses'] }]
  const { changes } = await registry.apply(document({ access }, rules))
  assert.ok(changes.includes(`service ${REGISTER}/persons: data tracker on`))
  assert.ok(changes.includes(`service ${REGISTER}/${OWN_CODES.tracker} added`))
  const check = (asked: ServiceRegistry) => {
    assert.deepEqual(serviceOf(asked, 'persons')?.tracker, {
      person: rules.person,
      basis: ['Saadik-Legal-Basis', 'X-Road-Issue'],
      showUser: false,
      secret: [{ client: parseClientId('DEMO/GOV/9') }, { basis: 'investigation' }],
      code: rules.code,
    })
    const soap = asked
      .snapshot()
      .services(parseClientId(REGISTER))
      .filter(({ type }) => type === 'WSDL')
    for (const { id, tracker } of soap)
      assert.deepEqual(
        [tracker?.person, tracker?.showUser],
        id.serviceCode === 'findParcel' ? [[{ xml: 'code' }], true] : [[{ xml: 'owner/code' }], false],
      )
    const ask = (client: string, servicePath: string) =>
      asked.snapshot().authorise({
        service: { ...parseClientId(REGISTER), serviceCode: OWN_CODES.tracker },
        client: parseClientId(client),
        method: 'GET',
        servicePath,
        inGlobalGroup: () => false,
      })
    assert.equal(ask(PORTAL, '/persons/EE1/uses').service.id.serviceCode, OWN_CODES.tracker)
    assert.throws(() => ask(PORTAL, '/statistics'), /not allowed/)
    assert.throws(() => ask('DEMO/GOV/3/other', '/persons/EE1/uses'), /not allowed/)
  }
  check(registry)
  await registry.close()
  const again = await open(directory)
  t.after(() => again.close())
  check(again)
  assert.deepEqual((await again.apply(document({ access }, rules))).changes, [])
  assert.deepEqual((await again.apply(document({ access }, { ...rules, showUser: true }))).changes, [
    `service ${REGISTER}/persons: data tracker changed`,
  ])
  assert.deepEqual((await again.apply(document({ access }, OFF))).changes, [
    `service ${REGISTER}/persons: data tracker off`,
  ])
})

test('a tracker that nobody could ask, and places that are none, are faults', async (t) => {
  const registry = await open(scratch(t))
  t.after(() => registry.close())
  const faults = async (wanted: object): Promise<string[]> => {
    try {
      await registry.apply(wanted)
      return []
    } catch (error) {
      assert.ok(error instanceof ServicesError)
      return error.message
        .split('\n')
        .map((line) => line.split(': ')[0] ?? '')
        .sort()
    }
  }
  assert.deepEqual(await faults(document(undefined)), [
    'clients[0].services[0].tracker',
    'clients[0].services[1].operations[0].tracker',
    'clients[0].services[1].tracker',
  ])
  const places = [
    {},
    { path: '/a/{person}', query: 'b' },
    { path: 'a/{person}' },
    { path: '/a/b' },
    { path: '/{person}/{person}' },
    { path: '/**/{person}' },
    { json: 'a' },
    { json: '/a~2' },
    { xml: 'a/b' },
  ]
  const at = (index: number, name: string) => `clients[0].services[0].tracker.person[${index}]${name}`
  assert.deepEqual(await faults(document({}, { person: places, code: '(', secret: [{}, { client: 'x' }] })), [
    'clients[0].services[0].tracker.code',
    at(0, ''),
    at(1, ''),
    at(2, '.path'),
    at(3, '.path'),
    at(4, '.path'),
    at(5, '.path'),
    at(6, '.json'),
    at(7, '.json'),
    at(8, '.xml'),
    'clients[0].services[0].tracker.secret[0]',
    'clients[0].services[0].tracker.secret[1].client',
  ])
  assert.deepEqual(await faults(document({}, PERSON, { query: 'code' })), [
    'clients[0].services[1].tracker.person[0].query',
  ])
  const member = { clients: [{ id: 'DEMO/GOV/1', tracker: { access: [{ localGroup: 'nobody' }] } }] }
  assert.deepEqual(await faults(member), ['clients[0].tracker', 'clients[0].tracker.access[0].localGroup'])
})
