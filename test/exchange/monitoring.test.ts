// What two real servers tell of the exchanges between them: records, health, the machine, /metrics, traces (wire-client §6, docs/monitoring.md).
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { SecurityServerStatus } from '#security-server/contract'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { freshAddress } from '../federation/process.ts'
import { envelope, multipart, partsOf } from '../federation/soap.ts'
import type { StateServer } from '../federation/state.ts'
import { until } from '../federation/traces.ts'
import { askStore } from '../stores.ts'

const OWNER = 'TEST/GOV/1111'
const RELATED = 'multipart/related; type="text/xml"; start="<root>"; boundary=isB'
const SOAP_PART = 'Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <root>'
const ATTACHMENT = 'x'.repeat(1000)

type Row = Record<string, string | number | boolean | undefined>
interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
}

const metricsAt = { provider: freshAddress(), consumer: freshAddress() }
const spans: Span[] = []
let collector: Server
let pair: Pair
before(async () => {
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString())
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans)
    response.end('{}')
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  const config = (host: string) => ({
    monitoring: {
      operational: { storeIntervalSeconds: 0.2 },
      prometheus: { host, port: 9464 },
      traces: { collector: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` },
    },
  })
  pair = await startPair({
    providerConfig: config(metricsAt.provider),
    consumerConfig: config(metricsAt.consumer),
    services: (url) => [
      { code: 'items', openapi: `${url}/openapi.json`, url, timeoutSeconds: 5, access: [{ subject: CLIENT }] },
      { code: 'base', url, access: [{ subject: CLIENT, endpoints: ['GET /status/*'] }] },
      { wsdl: `${url}/soap.wsdl`, access: [{ subject: CLIENT }] },
    ],
  })
})
after(async () => {
  await pair?.stop()
  collector?.close()
})

function post(server: StateServer, body: string | Buffer<ArrayBuffer>, type = 'text/xml'): Promise<Response> {
  return fetch(server.client, { method: 'POST', body, headers: { 'Content-Type': type } })
}

function rest(path: string, id: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${pair.consumer.client}/r1/TEST/GOV/1111/registry${path}`, {
    headers: { 'X-Road-Client': CLIENT, 'X-Road-Id': id, ...headers },
  })
}

async function recordsOf(server: StateServer, messageId: string, count: number) {
  const read = () => stored(server, `SELECT * FROM operational_data WHERE "messageId" = '${messageId}'`)
  await until(async () => (await read()).length >= count)
  return await read()
}

function stored(server: StateServer, sql: string) {
  return askStore(server.place('operational-data'), sql)
}

/** The one record that a server has under a message id, without what is absent. */
async function recordOf(server: StateServer, messageId: string): Promise<Row> {
  const [row, ...others] = await recordsOf(server, messageId, 1)
  assert.equal(others.length, 0)
  return Object.fromEntries(Object.entries(row ?? {}).filter(([, value]) => value !== null)) as Row
}

function assertTimes(row: Row, order: readonly string[]): void {
  order.forEach((name, index) => {
    assert.equal(typeof row[name], 'number', name)
    const before = order[index - 1]
    if (before !== undefined) assert.ok(Number(row[before]) <= Number(row[name]), `${before} ≤ ${name}`)
  })
}

const TIMES = ['requestInTs', 'requestOutTs', 'responseInTs', 'responseOutTs']

test('REST: both servers have a record, the same where they must be', async () => {
  const answer = await rest('/items/items/7?x=1', 'mon-rest', {
    'X-Road-UserId': 'EE1',
    'X-Road-Issue': 'case 9',
    'X-Road-Represented-Party': 'COM/55%205',
  })
  assert.equal(answer.status, 200)
  const requestId = answer.headers.get('x-road-request-id')
  const [consumer, provider] = [await recordOf(pair.consumer, 'mon-rest'), await recordOf(pair.provider, 'mon-rest')]
  for (const row of [consumer, provider]) {
    assertTimes(row, TIMES)
    assert.equal(row['xRequestId'], requestId)
    assert.equal(row['clientSubsystemCode'], 'office')
    assert.equal(row['serviceSubsystemCode'], 'registry')
    assert.equal(row['serviceCode'], 'items')
    assert.equal(row['restMethod'], 'GET')
    assert.equal(row['messageUserId'], 'EE1')
    assert.equal(row['messageIssue'], 'case 9')
    assert.equal(row['representedPartyClass'], 'COM')
    assert.equal(row['representedPartyCode'], '55 5')
    assert.equal(row['messageProtocolVersion'], '1')
    assert.equal(row['clientSecurityServerAddress'], pair.consumer.address)
    assert.equal(row['serviceSecurityServerAddress'], pair.provider.address)
    assert.equal(row['succeeded'], 1)
    assert.equal(row['statusCode'], 200)
    assert.equal(row['faultCode'], undefined)
    assert.equal(row['requestAttachmentCount'], 0)
    assert.equal(row['requestMimeSize'], undefined)
  }
  for (const size of ['requestSize', 'responseSize']) {
    assert.ok(Number(consumer[size]) > 50)
    assert.equal(consumer[size], provider[size])
  }
  assert.equal(consumer['securityServerType'], 'Client')
  assert.equal(consumer['serviceType'], 'REST')
  assert.equal(consumer['restPath'], undefined)
  assert.equal(provider['securityServerType'], 'Producer')
  assert.equal(provider['serviceType'], 'OPENAPI3')
  assert.equal(provider['restPath'], '/items/*')
})

test('REST: an error of the service is no success and no fault; a refusal has its code on both sides', async () => {
  assert.equal((await rest('/base/status/404', 'mon-404')).status, 404)
  assert.equal((await rest('/nothing/x', 'mon-refused')).status, 500)
  for (const server of [pair.consumer, pair.provider]) {
    const ill = await recordOf(server, 'mon-404')
    assert.deepEqual([ill['succeeded'], ill['statusCode'], ill['faultCode']], [0, 404, undefined])
    const refused = await recordOf(server, 'mon-refused')
    assert.deepEqual(
      [refused['succeeded'], refused['statusCode'], refused['faultCode']],
      [0, undefined, 'server.serverproxy.unknown_service'],
    )
    assert.equal(refused['serviceCode'], 'nothing')
    assertTimes(refused, ['requestInTs', 'responseOutTs'])
  }
})

test('a refusal at the consumer has a record there alone', async () => {
  const answer = await rest('/items/items/1', 'mon-stranger', { 'X-Road-Client': 'TEST/GOV/2222/other' })
  assert.equal(answer.headers.get('x-road-error'), 'server.clientproxy.unknown_member')
  const row = await recordOf(pair.consumer, 'mon-stranger')
  assert.equal(row['faultCode'], 'server.clientproxy.unknown_member')
  assert.equal(row['clientSubsystemCode'], 'other')
  assert.equal(row['requestOutTs'], undefined)
})

test('SOAP: sizes of the envelope, and of it with its attachments', async () => {
  const request = envelope('echo', 'mon-soap')
  const body = multipart('isB', [
    [SOAP_PART, request],
    ['Content-Type: a/b', ATTACHMENT],
  ])
  assert.equal((await post(pair.consumer, body as Buffer<ArrayBuffer>, RELATED)).status, 200)
  for (const server of [pair.consumer, pair.provider]) {
    const row = await recordOf(server, 'mon-soap')
    assertTimes(row, TIMES)
    assert.equal(row['serviceType'], 'WSDL')
    assert.equal(row['messageProtocolVersion'], '4.0')
    assert.equal(row['succeeded'], 1)
    assert.equal(row['statusCode'], undefined)
    assert.equal(row['requestSize'], request.length)
    assert.equal(row['requestMimeSize'], request.length + ATTACHMENT.length)
    assert.equal(row['requestAttachmentCount'], 1)
    assert.equal(row['responseAttachmentCount'], 1)
    assert.equal(Number(row['responseMimeSize']) - Number(row['responseSize']), ATTACHMENT.length)
    assert.match(String(row['xRequestId']), /^[0-9a-f-]{36}$/)
  }
})

test("SOAP: a service's own fault, and a refusal", async () => {
  assert.match(await (await post(pair.consumer, envelope('fault', 'mon-fault'))).text(), /Server\.Parcel/)
  await post(pair.consumer, envelope('nothing', 'mon-soap-refused'))
  for (const server of [pair.consumer, pair.provider]) {
    const row = await recordOf(server, 'mon-fault')
    assert.equal(row['succeeded'], 0)
    assert.match(String(row['faultCode']), /Server\.Parcel$/)
    assert.equal(row['faultString'], 'no <such> parcel')
    assert.equal((await recordOf(server, 'mon-soap-refused'))['faultCode'], 'server.serverproxy.unknown_service')
  }
})

test('metadata is recorded on both sides, with the times of the exchange; what a server answers alone is not', async () => {
  await fetch(`${pair.consumer.client}/listClients`)
  await rest('/listMethods', 'mon-meta')
  const row = await recordOf(pair.provider, 'mon-meta')
  assert.equal(row['requestOutTs'], row['requestInTs'])
  assert.equal(row['responseInTs'], row['responseOutTs'])
  assert.equal(row['succeeded'], 1)
  await recordOf(pair.consumer, 'mon-meta')
  assert.deepEqual(await stored(pair.consumer, 'SELECT id FROM operational_data WHERE "messageId" IS NULL'), [])
})

const member = (code: string) =>
  `<i:xRoadInstance>TEST</i:xRoadInstance><i:memberClass>GOV</i:memberClass><i:memberCode>${code}</i:memberCode>`

/** A question to a monitoring service of the provider's server. */
function question(code: string, id: string, content = '', how: { owner?: boolean } = {}): string {
  const schema = code === 'getSecurityServerMetrics' ? 'monitoring' : 'op-monitoring.xsd'
  const header = `<x:securityServer i:objectType="SERVER">${member('1111')}<i:serverCode>P</i:serverCode></x:securityServer>`
  const message = envelope(code, id, { body: content, header })
    .replace('<i:subsystemCode>registry</i:subsystemCode>', '')
    .replace('"urn:t"', `"http://x-road.eu/xsd/${schema}"`)
  if (how.owner !== true) return message
  return message.replace(/<x:client.*<\/x:client>/, `<x:client i:objectType="MEMBER">${member('1111')}</x:client>`)
}

const WINDOW = `<b:searchCriteria><b:recordsFrom>0</b:recordsFrom><b:recordsTo>9999999999</b:recordsTo></b:searchCriteria>`

/** The records of the provider's server, as they are told to whoever asks from `server`. */
async function operationalData(server: StateServer, id: string, how: { owner?: boolean } = {}): Promise<Row[]> {
  const answer = await post(server, question('getSecurityServerOperationalData', id, WINDOW, how))
  const type = answer.headers.get('content-type') ?? ''
  const bytes = Buffer.from(await answer.arrayBuffer())
  assert.match(type, /^multipart\/related/, bytes.toString())
  const [, attachment] = partsOf(type, bytes)
  assert.match(attachment?.[0] ?? '', /content-id: <operational-monitoring-data\.json\.gz>/)
  return JSON.parse(gunzipSync(Buffer.from(attachment?.[1] ?? '', 'latin1')).toString()).records
}

test('getSecurityServerOperationalData: a client sees its own, the owner and the monitoring client see all', async () => {
  const { provider, consumer, state } = pair
  const { clients } = await provider.control.get<{ clients: { id: string }[] }>('/services')
  assert.deepEqual(
    clients.map(({ id }) => id),
    [`${OWNER}/registry`],
  )
  await withOwner()
  assert.match(
    await (await post(provider, question('getSecurityServerHealthData', 'mon-of-owner', '', { owner: true }))).text(),
    /getSecurityServerHealthDataResponse/,
  )
  // It was on both sides of that one.
  await recordsOf(provider, 'mon-of-owner', 2)
  // Records of the last minute are not told: these become older than they are.
  await stored(provider, 'UPDATE operational_data SET "monitoringDataTs" = "monitoringDataTs" - 100')

  const own = await operationalData(consumer, 'mon-ask-1')
  assert.ok(own.some(({ messageId }) => messageId === 'mon-rest'))
  assert.ok(
    own.every((row) => row['securityServerInternalIp'] === undefined && row['clientSubsystemCode'] === 'office'),
  )
  const all = await operationalData(provider, 'mon-ask-2', { owner: true })
  assert.ok(all.some(({ messageId }) => messageId === 'mon-of-owner'))
  assert.ok(all.every((row) => row['securityServerInternalIp'] !== undefined))
  assert.ok(all.length > own.length)

  await state.applyFederation((federation) => {
    federation['settings'].monitoringClient = 'GOV/2222/office'
  })
  await until(async () => (await operationalData(consumer, 'mon-ask-3')).length === all.length)
  const malformed = await post(
    consumer,
    question('getSecurityServerOperationalData', 'mon-ask-4', '<b:searchCriteria/>'),
  )
  assert.match(await malformed.text(), /<faultcode>server\.serverproxy\.opmonitor\.client\.invalid_request</)
})

/** The owner's member becomes a client of its own server, and may ask there. */
async function withOwner(): Promise<void> {
  await pair.provider.control.post('/apply', {
    clients: [
      { id: OWNER, connection: 'HTTP' },
      {
        id: `${OWNER}/registry`,
        connection: 'HTTP',
        services: [{ code: 'items', url: pair.service.url, access: [{ subject: CLIENT }] }],
      },
    ],
  })
}

test('getSecurityServerHealthData: any client learns of the services', async () => {
  const text = await (await post(pair.consumer, question('getSecurityServerHealthData', 'mon-health'))).text()
  assert.match(text, /<om:getSecurityServerHealthDataResponse/)
  assert.match(text, /<id:serviceCode>items<\/id:serviceCode>.*?<om:successfulRequestCount>1</s)
  assert.doesNotMatch(text, /<id:serviceCode>nothing</)
})

test('getSecurityServerMetrics: the owner and the monitoring client are told, others refused', async () => {
  const told = await (await post(pair.consumer, question('getSecurityServerMetrics', 'mon-metrics'))).text()
  assert.match(told, /<m:name>SERVER:TEST\/GOV\/1111\/P</)
  assert.match(told, /AUTH_OR_SIGN/)
  const row = await recordOf(pair.provider, 'mon-metrics')
  assert.equal(row['requestOutTs'], row['requestInTs'])
  await pair.state.applyFederation((federation) => {
    delete federation['settings'].monitoringClient
  })
  await until(async () => {
    const refused = await (await post(pair.consumer, question('getSecurityServerMetrics', 'mon-metrics-2'))).text()
    return refused.includes('<faultcode>server.serverproxy.access_denied<')
  })
  const owner = question(
    'getSecurityServerMetrics',
    'mon-metrics-3',
    '<b:outputSpec><b:outputField>Certificates</b:outputField></b:outputSpec>',
    { owner: true },
  )
  assert.match(await (await post(pair.provider, owner)).text(), /<m:name>certificates|<m:name>Certificates/)
})

test('/metrics: what happened on each side, by what it was', async () => {
  const { listening } = await pair.provider.control.get<SecurityServerStatus>('/status')
  assert.equal(listening.metrics, 9464)
  const scrape = async (host: string) => (await fetch(`http://${host}:9464/metrics`)).text()
  const [provider, consumer] = [await scrape(metricsAt.provider), await scrape(metricsAt.consumer)]
  assert.match(consumer, /^saadik_exchanges_total\{side="consumer",outcome="ok"[^}]*\} [1-9]/m)
  assert.match(consumer, /outcome="fault",where="clientproxy",fault="unknown_member"\} 1$/m)
  assert.match(provider, /outcome="fault",where="serverproxy",fault="unknown_service"\} 2$/m)
  assert.match(provider, /^saadik_signer_unlocked 1$/m)
  assert.match(provider, /^saadik_message_log_records [1-9]/m)
  assert.match(provider, /^saadik_certificate_usable\{use="authentication",[^}]*\} 1$/m)
})

test('traces: the spans of both servers are one trace, the provider below the consumer', async () => {
  const answer = await rest('/items/items/1', 'mon-trace')
  const trace = answer.headers.get('x-road-request-id')?.replaceAll('-', '')
  const ours = () => spans.filter(({ traceId }) => traceId === trace)
  await until(
    async () => ours().some(({ name }) => name === 'provider') && ours().some(({ name }) => name === 'consumer'),
  )
  const root = ours().find(({ name }) => name === 'consumer')
  const below = ours().find(({ name }) => name === 'provider')
  assert.equal(below?.parentSpanId, root?.spanId)
  const stages = (of: Span | undefined) =>
    ours()
      .filter(({ parentSpanId, name }) => parentSpanId === of?.spanId && name !== 'provider')
      .map(({ name }) => name)
  assert.deepEqual(stages(root), ['identify', 'locate', 'connect', 'send', 'receive', 'deliver'])
  assert.deepEqual(stages(below), ['read', 'accept', 'call', 'reply'])
})
