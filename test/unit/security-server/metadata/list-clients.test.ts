// listClients: XML and JSON as X-Road writes them, of the own instance and of federated ones.
import assert from 'node:assert/strict'
import test from 'node:test'
import { childElements, type Member, readXml, textOf } from '#protocol'
import { listClients, type Registered } from '../../../../security-server/metadata/index.ts'
import { schemaFaults } from './schema.ts'

const OWN: readonly Member[] = [
  {
    memberClass: 'GOV',
    memberCode: '1',
    name: 'Interior & <Population>',
    subsystems: [{ code: 'register', name: 'Register' }, { code: 'client' }],
  },
  { memberClass: 'COM', memberCode: '2', name: 'Example Ltd', subsystems: [] },
]
const FEDERATED: readonly Member[] = [{ memberClass: 'GOV', memberCode: '9', name: 'Naaber', subsystems: [] }]
const REGISTERED: Registered = {
  instance: 'DEMO',
  members: (instance) =>
    new Map([
      ['DEMO', OWN],
      ['NAABER', FEDERATED],
    ]).get(instance),
}

function ask(target: string, accept?: string) {
  const { status, contentType, body } = listClients({ target, accept }, REGISTERED)
  assert.equal(status, 200)
  return { contentType, body, text: Buffer.from(body).toString('utf8') }
}

test('JSON: members, each followed by its subsystems, with what they are called', () => {
  const { contentType, text } = ask('/listClients', 'application/json')
  assert.equal(contentType, 'application/json; charset=utf-8')
  const member = { xroad_instance: 'DEMO', member_class: 'GOV', member_code: '1' }
  const name = 'Interior & <Population>'
  assert.equal(
    text,
    JSON.stringify({
      member: [
        { id: { object_type: 'MEMBER', ...member }, name },
        { id: { object_type: 'SUBSYSTEM', ...member, subsystem_code: 'register' }, name, subsystem_name: 'Register' },
        { id: { object_type: 'SUBSYSTEM', ...member, subsystem_code: 'client' }, name },
        {
          id: { object_type: 'MEMBER', xroad_instance: 'DEMO', member_class: 'COM', member_code: '2' },
          name: 'Example Ltd',
        },
      ],
    }),
  )
})

test("XML: the same, under X-Road's schema", (t) => {
  const { contentType, body } = ask('/listClients')
  assert.equal(contentType, 'text/xml; charset=UTF-8')
  assert.equal(schemaFaults(t, body), '')
  const root = readXml(body)
  assert.equal(root.local, 'clientList')
  assert.equal(root.namespace, 'http://x-road.eu/xsd/xroad.xsd')
  assert.deepEqual(
    childElements(root).map((member) => childElements(member).map((each) => [each.local, textOf(each)].join(' '))),
    [
      ['id DEMOGOV1', 'name Interior & <Population>'],
      ['id DEMOGOV1register', 'name Interior & <Population>', 'subsystemName Register'],
      ['id DEMOGOV1client', 'name Interior & <Population>'],
      ['id DEMOCOM2', 'name Example Ltd'],
    ],
  )
})

test('JSON is for those who name it, whatever their preference', () => {
  const json = [
    'application/json',
    'text/xml;q=1, application/json;q=0.1',
    'APPLICATION/JSON; charset=x',
    'nonsense, application/json',
  ]
  for (const accept of json) assert.match(ask('/listClients', accept).contentType, /json/, accept)
  const xml = [undefined, '', '*/*', 'application/*', 'text/html', 'application/jsonx', 'application/json/x']
  for (const accept of xml) assert.match(ask('/listClients', accept).contentType, /xml/, String(accept))
})

test('another instance is named by a parameter; one that is not known is a fault', () => {
  for (const target of ['/listClients?', '/listClients?xRoadInstance=', '/listClients?xRoadInstance=%20&a=b'])
    assert.match(ask(target, 'application/json').text, /DEMO/)
  assert.match(ask('/listClients?xRoadInstance=NAABER').text, /Naaber/)
  assert.match(ask('/listClients?xRoadInstance=DEMO&xRoadInstance=NAABER').text, /Example/, 'the first one counts')
  for (const instance of ['OTHER', 'demo', '__proto__', '%00'])
    assert.throws(() => ask(`/listClients?xRoadInstance=${instance}`), { code: 'server.clientproxy.internal_error' })
})
