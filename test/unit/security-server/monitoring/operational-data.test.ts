// getSecurityServerOperationalData: what is recorded, who sees it, how it is paged (wire-client §6.1, §6.2).
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type ClientId, XRoadFault } from '../../../../protocol/index.ts'
import type { Asker, Monitoring, Outcome } from '../../../../security-server/monitoring/index.ts'
import { engine, placeIn, unusablePlace } from '../../../stores.ts'
import { scratch } from '../../host/scratch.ts'
import {
  CALLER,
  element,
  fieldOf,
  OWNER,
  opened,
  PERSONS,
  PROVIDER,
  recordsOf,
  SERVER,
  START,
  STRANGER,
  schemaVerdict,
  WATCHER,
} from './opened.ts'

const NAMESPACES = 'xmlns:o="http://x-road.eu/xsd/op-monitoring.xsd" xmlns:i="http://x-road.eu/xsd/identifiers"'

function request(criteria: string, spec = ''): string {
  return `<o:getSecurityServerOperationalData ${NAMESPACES}><o:searchCriteria>${criteria}</o:searchCriteria>${spec}</o:getSecurityServerOperationalData>`
}

const between = (from: number | string, to: number | string, more = '') =>
  `<o:recordsFrom>${from}</o:recordsFrom><o:recordsTo>${to}</o:recordsTo>${more}`

const fields = (...names: string[]) =>
  `<o:outputSpec>${names.map((name) => `<o:outputField>${name}</o:outputField>`).join('')}</o:outputSpec>`

const clientElement = ({ instance, memberClass, memberCode, subsystemCode }: ClientId) =>
  `<o:client i:objectType="${subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM'}"><i:xRoadInstance>${instance}</i:xRoadInstance><i:memberClass>${memberClass}</i:memberClass><i:memberCode>${memberCode}</i:memberCode>${subsystemCode === undefined ? '' : `<i:subsystemCode>${subsystemCode}</i:subsystemCode>`}</o:client>`

const owner: Asker = { client: OWNER, securityServer: SERVER }

function ask(monitoring: Monitoring, xml: string, asker: Asker = owner) {
  return monitoring.answer('getSecurityServerOperationalData', element(xml), asker)
}

function exchanged(monitoring: Monitoring, from: ClientId, messageId: string, outcome: Outcome = { succeeded: true }) {
  const exchange = monitoring.begin('Producer')
  exchange.client = from
  exchange.service = PERSONS
  exchange.messageId = messageId
  monitoring.finish(exchange, outcome)
}

/** Everything that was told is in the store. */
async function stored(monitoring: Monitoring): Promise<void> {
  for (;;) {
    const waiting = /^saadik_operational_records_waiting (\d+)$/m.exec(await monitoring.metrics())?.[1]
    if (waiting === '0') break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  // The store answers in order: an answer says that what was asked before is done.
  await ask(monitoring, request(between(0, 1)))
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof XRoadFault, String(error))
  return error.code
}

test('a record has what the stages told, the path only as its pattern', async (t) => {
  const { monitoring, time, directory } = opened(t)
  const exchange = monitoring.begin('Producer')
  Object.assign(exchange, {
    client: CALLER,
    service: PERSONS,
    serviceType: 'OPENAPI3',
    restMethod: 'GET',
    servicePath: '/persons/37001010021/photo',
    endpoints: [
      { method: '*', path: '/persons/**' },
      { method: 'GET', path: '/persons/*/photo' },
    ],
    requestOutTs: exchange.requestInTs + 3,
    responseInTs: exchange.requestInTs + 8,
    responseOutTs: exchange.requestInTs + 9,
    messageId: 'a-message',
    messageUserId: 'EE1234',
    messageProtocolVersion: '1',
    clientSecurityServerAddress: 'ss2.example',
    serviceSecurityServerAddress: 'ss1.example',
    requestSize: 400,
    responseSize: 3000,
    requestAttachmentCount: 0,
    responseAttachmentCount: 0,
    statusCode: 200,
    requestId: 'd1bc2b22-79b8-4b5e-a41b-b6a2d41e0e5b',
  })
  monitoring.finish(exchange, { succeeded: true })
  monitoring.finish(exchange, { succeeded: false })
  await stored(monitoring)
  time.seconds += 100
  const answer = await ask(monitoring, request(between(START, START + 10)))
  assert.equal(fieldOf(answer, 'recordsCount'), '1')
  assert.equal(fieldOf(answer, 'records'), 'cid:operational-monitoring-data.json.gz')
  assert.equal(fieldOf(answer, 'nextRecordsFrom'), undefined)
  assert.equal(schemaVerdict(t, 'op-monitoring.xsd', answer) ?? 'valid', 'valid')
  const [attachment] = answer.attachments
  assert.equal(attachment?.contentType, 'application/gzip')
  assert.deepEqual(attachment?.headers, [
    ['content-transfer-encoding', 'binary'],
    ['content-id', '<operational-monitoring-data.json.gz>'],
  ])
  const [record, ...others] = await recordsOf(answer)
  assert.deepEqual(others, [])
  const { securityServerInternalIp, ...rest } = record ?? {}
  assert.match(String(securityServerInternalIp), /^[\d.]+$|:/)
  assert.deepEqual(rest, {
    monitoringDataTs: START,
    securityServerType: 'Producer',
    requestInTs: START * 1000,
    requestOutTs: START * 1000 + 3,
    responseInTs: START * 1000 + 8,
    responseOutTs: START * 1000 + 9,
    clientXRoadInstance: 'DEMO',
    clientMemberClass: 'COM',
    clientMemberCode: '2',
    clientSubsystemCode: 'shop',
    serviceXRoadInstance: 'DEMO',
    serviceMemberClass: 'GOV',
    serviceMemberCode: '1',
    serviceSubsystemCode: 'register',
    serviceCode: 'persons',
    restMethod: 'GET',
    restPath: '/persons/*/photo',
    xRoadVersion: '7.8.0',
    messageId: 'a-message',
    messageUserId: 'EE1234',
    messageProtocolVersion: '1',
    clientSecurityServerAddress: 'ss2.example',
    serviceSecurityServerAddress: 'ss1.example',
    requestSize: 400,
    responseSize: 3000,
    requestAttachmentCount: 0,
    responseAttachmentCount: 0,
    succeeded: true,
    xRequestId: 'd1bc2b22-79b8-4b5e-a41b-b6a2d41e0e5b',
    statusCode: 200,
    serviceType: 'OPENAPI3',
  })
  if (engine === 'sqlite') assert.equal(statSync(join(directory, 'operational-data.sqlite')).mode & 0o777, 0o600)
})

test('no path is kept that fits no described endpoint, can be read in two ways, or is the client’s', async (t) => {
  const { monitoring, time } = opened(t)
  const paths: [side: 'Producer' | 'Client', path: string][] = [
    ['Producer', '/secret/37001010021'],
    ['Producer', '/persons/%2e%2e/37001010021'],
    ['Client', '/persons/37001010021'],
  ]
  for (const [side, path] of paths) {
    const exchange = monitoring.begin(side)
    exchange.restMethod = 'GET'
    exchange.servicePath = path
    exchange.endpoints = [{ method: '*', path: '/persons/*' }]
    monitoring.finish(exchange, { succeeded: true })
  }
  await stored(monitoring)
  time.seconds += 100
  const records = await recordsOf(await ask(monitoring, request(between(START, START))))
  assert.equal(records.length, 3)
  assert.ok(!JSON.stringify(records).includes('37001010021'))
  assert.deepEqual(
    records.filter((record) => 'restPath' in record),
    [],
  )
})

test('what others wrote is cut to X-Road’s columns', async (t) => {
  const { monitoring, time } = opened(t)
  exchanged(monitoring, CALLER, 'x'.repeat(400), {
    succeeded: false,
    fault: { code: `server.${'y'.repeat(300)}`, message: 'z'.repeat(5000) },
  })
  await stored(monitoring)
  time.seconds += 100
  const [record] = await recordsOf(await ask(monitoring, request(between(START, START))))
  assert.equal(String(record?.['messageId']).length, 255)
  assert.equal(String(record?.['faultCode']).length, 255)
  assert.equal(String(record?.['faultString']).length, 2048)
  assert.equal(record?.['succeeded'], false)
})

test('owner and monitoring client see everything, others what they took part in, exactly', async (t) => {
  const { monitoring, time } = opened(t)
  exchanged(monitoring, CALLER, 'by-caller')
  exchanged(monitoring, WATCHER, 'by-watcher')
  exchanged(monitoring, PROVIDER, 'by-provider')
  monitoring.finish(monitoring.begin('Producer'), { succeeded: false })
  await stored(monitoring)
  time.seconds += 100
  const seen = async (asker: Asker, more = '') => {
    const answer = await ask(monitoring, request(between(START, START, more)), asker)
    const records = await recordsOf(answer)
    assert.equal(fieldOf(answer, 'recordsCount'), String(records.length))
    return records
  }
  const ids = async (asker: Asker, more = '') => (await seen(asker, more)).map((record) => record['messageId'])
  const all = ['by-caller', 'by-watcher', 'by-provider']
  assert.deepEqual(await ids(owner), [...all, undefined])
  assert.deepEqual(await ids({ client: WATCHER }), [...all, undefined])
  assert.deepEqual(await ids({ client: PROVIDER }), all)
  assert.deepEqual(await ids({ client: CALLER }), ['by-caller'])
  assert.deepEqual(await ids({ client: STRANGER }), [])
  // The owner that does not name the server is one among others; so is one that names another server.
  assert.deepEqual(await ids({ client: OWNER }), [])
  assert.deepEqual(await ids({ client: OWNER, securityServer: { ...SERVER, serverCode: 'ss2' } }), [])
  // The criterion is the provider's, whoever asks.
  assert.deepEqual(await ids(owner, clientElement(PROVIDER)), all)
  assert.deepEqual(await ids(owner, clientElement(CALLER)), [])
  assert.deepEqual(await ids({ client: CALLER }, clientElement(PROVIDER)), ['by-caller'])
  assert.deepEqual(await ids({ client: PROVIDER }, clientElement(PROVIDER)), all)
  assert.deepEqual(await ids({ client: STRANGER }, clientElement(PROVIDER)), [])
  const internal = (records: Record<string, unknown>[]) => records.map((record) => 'securityServerInternalIp' in record)
  assert.deepEqual(internal(await seen({ client: WATCHER })), [true, true, true, true])
  assert.deepEqual(internal(await seen({ client: CALLER })), [false])
})

test('only the fields that were asked for, and never the address for others', async (t) => {
  const { monitoring, time } = opened(t)
  exchanged(monitoring, CALLER, 'one')
  await stored(monitoring)
  time.seconds += 100
  const asked = request(
    between(START, START),
    fields('messageId', 'securityServerInternalIp', 'succeeded', 'statusCode'),
  )
  const [forOwner] = await recordsOf(await ask(monitoring, asked))
  assert.deepEqual(Object.keys(forOwner ?? {}), ['securityServerInternalIp', 'messageId', 'succeeded'])
  const [forCaller] = await recordsOf(await ask(monitoring, asked, { client: CALLER }))
  assert.deepEqual(forCaller, { messageId: 'one', succeeded: true })
})

test('a full answer ends with a whole second and says where to go on', async (t) => {
  const { monitoring, time } = opened(t, {}, { operational: { storeIntervalSeconds: 0.1, maxRecordsInAnswer: 3 } })
  const second = async (...ids: string[]) => {
    for (const id of ids) exchanged(monitoring, id.startsWith('p') ? PROVIDER : CALLER, id)
    await stored(monitoring)
    time.seconds += 1
  }
  await second('a1', 'a2')
  await second('b1', 'p2', 'b3')
  await second('c1')
  time.seconds += 100
  const page = async (from: number, to: number, asker: Asker = owner) => {
    const answer = await ask(monitoring, request(between(from, to)), asker)
    const ids = (await recordsOf(answer)).map((record) => record['messageId'])
    assert.equal(fieldOf(answer, 'recordsCount'), String(ids.length))
    return { ids, next: fieldOf(answer, 'nextRecordsFrom') }
  }
  assert.deepEqual(await page(START, START + 10), { ids: ['a1', 'a2', 'b1', 'p2', 'b3'], next: String(START + 2) })
  assert.deepEqual(await page(START + 2, START + 10), { ids: ['c1'], next: undefined })
  // Full, and nothing left within the window: that is the end.
  assert.deepEqual(await page(START, START + 1), { ids: ['a1', 'a2', 'b1', 'p2', 'b3'], next: undefined })
  // Both roles of one asker are one sequence.
  const both = await page(START, START + 10, { client: PROVIDER })
  assert.deepEqual(both, { ids: ['a1', 'a2', 'b1', 'p2', 'b3'], next: String(START + 2) })
})

test('the last minute is not told yet', async (t) => {
  const { monitoring, time } = opened(t)
  exchanged(monitoring, CALLER, 'early')
  await stored(monitoring)
  time.seconds = START + 61
  exchanged(monitoring, CALLER, 'late')
  await stored(monitoring)
  const answer = await ask(monitoring, request(between(START, '9223372036854775807')))
  assert.deepEqual(
    (await recordsOf(answer)).map((record) => record['messageId']),
    ['early'],
  )
  assert.equal(fieldOf(answer, 'nextRecordsFrom'), String(START + 1))
  const invalid = 'server.serverproxy.opmonitor.client.invalid_request'
  assert.equal(await refusal(ask(monitoring, request(between(START + 1, START + 9)))), invalid)
})

test('many records come whole and in order through several pages', async (t: TestContext) => {
  const { monitoring, time } = opened(t)
  for (let n = 0; n < 2500; n++) exchanged(monitoring, n % 2 === 0 ? CALLER : PROVIDER, String(n))
  await stored(monitoring)
  time.seconds += 100
  for (const asker of [owner, { client: PROVIDER }]) {
    const records = await recordsOf(await ask(monitoring, request(between(START, START)), asker))
    assert.deepEqual(
      records.map((record) => record['messageId']),
      Array.from({ length: 2500 }, (_, n) => String(n)),
    )
  }
})

test('requests that are not what the schema says are refused', async (t) => {
  const { monitoring, time } = opened(t)
  time.seconds += 100
  const wrong: Record<string, string> = {
    negative: request(between(-1, 5)),
    reversed: request(between(9, 5)),
    'not a number': request(between('1.5', 5)),
    'beyond 64 bits': request(between(0, '9223372036854775808')),
    'no end': request('<o:recordsFrom>1</o:recordsFrom>'),
    'wrong order': request('<o:recordsTo>2</o:recordsTo><o:recordsFrom>1</o:recordsFrom>'),
    twice: request(between(1, 2, '<o:recordsTo>3</o:recordsTo>')),
    'no criteria': `<o:getSecurityServerOperationalData ${NAMESPACES}/>`,
    'another namespace': '<getSecurityServerOperationalData/>',
    'another element': `<o:getSecurityServerHealthData ${NAMESPACES}/>`,
    'unknown field': request(between(1, 2), fields('password')),
    'a field of objects': request(between(1, 2), fields('constructor')),
    'the id of the row': request(between(1, 2), fields('id')),
    'text between': request(`${between(1, 2)}; drop table`),
    'a service as client': request(between(1, 2, clientElement(PROVIDER).replace('SUBSYSTEM', 'SERVICE'))),
    'a subsystem as member': request(between(1, 2, clientElement(PROVIDER).replace('SUBSYSTEM', 'MEMBER'))),
    'an empty code': request(between(1, 2, clientElement({ ...PROVIDER, memberCode: ' ' }))),
    'element in a number': request(between('<o:x>1</o:x>', 2)),
  }
  for (const [what, xml] of Object.entries(wrong))
    assert.equal(await refusal(ask(monitoring, xml)), 'server.serverproxy.opmonitor.client.invalid_request', what)
})

test('old records end, and the oldest above the number that is kept', async (t) => {
  const { OperationalStore } = await import('../../../../security-server/monitoring/operational/store.ts')
  const { monitoring, time, directory, lines } = opened(t)
  for (let n = 0; n < 6; n++) exchanged(monitoring, CALLER, `old-${n}`)
  await stored(monitoring)
  time.seconds += 8 * 86_400
  for (let n = 0; n < 6; n++) exchanged(monitoring, CALLER, `new-${n}`)
  await stored(monitoring)
  await monitoring.close()
  const note = (message: string, meta: object = {}) => void lines.push({ message, meta })
  const store = new OperationalStore({
    place: placeIn(directory, 'operational-data'),
    keepDays: 7,
    keepRecords: 4,
    clock: { now: () => new Date(time.seconds * 1000) },
    log: { error: note, warn: note, info: note, debug: note },
  })
  await store.clean()
  const pieces: Uint8Array[] = []
  for await (const piece of store.json({ scope: [{}], from: 0, to: time.seconds }, ['messageId'])) pieces.push(piece)
  await store.close()
  assert.deepEqual(JSON.parse(Buffer.concat(pieces).toString()), {
    records: ['new-2', 'new-3', 'new-4', 'new-5'].map((messageId) => ({ messageId })),
  })
  assert.deepEqual(lines.at(-1), { message: 'old operational data ended', meta: { records: 8 } })
})

test('records outlive the process, and what waits at its end is stored', async (t) => {
  const first = opened(t, {}, { operational: { storeIntervalSeconds: 30 } })
  exchanged(first.monitoring, CALLER, 'before')
  await first.monitoring.close()
  const second = opened(t, { place: placeIn(first.directory, 'operational-data') })
  second.time.seconds += 100
  const records = await recordsOf(await ask(second.monitoring, request(between(START, START))))
  assert.deepEqual(
    records.map((record) => record['messageId']),
    ['before'],
  )
})

test('a queue of 0 keeps no records', async (t) => {
  const { monitoring, time } = opened(t, {}, { operational: { queueRecords: 0 } })
  exchanged(monitoring, CALLER, 'unseen')
  time.seconds += 100
  assert.deepEqual(await recordsOf(await ask(monitoring, request(between(0, START + 9)))), [])
})

test('a store that cannot be used makes an answer fail, not an exchange', async (t) => {
  const { monitoring, time, lines } = opened(t, { place: unusablePlace(scratch(t), 'operational-data') })
  exchanged(monitoring, CALLER, 'kept for later')
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(lines[0]?.message, 'operational data could not be stored; tried again')
  time.seconds += 100
  const code = await refusal(ask(monitoring, request(between(0, START))))
  assert.equal(code, 'server.serverproxy.opmonitor.internal_error')
})
