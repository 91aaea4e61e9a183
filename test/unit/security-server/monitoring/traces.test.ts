// Traces: both servers' spans join by the request id alone; a collector that fails costs spans, never messages.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import type { Monitoring } from '../../../../security-server/monitoring/index.ts'
import { isSampled, sideSpanId, traceId } from '../../../../security-server/monitoring/traces/ids.ts'
import type { Span } from '../../../../security-server/monitoring/traces/spans.ts'
import { CALLER, opened, PERSONS } from './opened.ts'

const REQUEST_ID = 'D1bc2b22-79b8-4b5e-a41b-b6a2d41e0e5b'

interface Resource {
  readonly resource: { readonly attributes: readonly { key: string; value: { stringValue?: string } }[] }
  readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly Span[] }[]
}

/** A collector on loopback; `statuses` are its first answers, 200 afterwards. */
async function collector(t: TestContext, statuses: number[] = []) {
  const received: { path: string; type: string; body: { resourceSpans: Resource[] } }[] = []
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const type = request.headers['content-type'] ?? ''
    received.push({ path: request.url ?? '', type, body: JSON.parse(Buffer.concat(pieces).toString()) })
    response.writeHead(statuses.shift() ?? 200, { 'Content-Type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close().closeAllConnections())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

const withTraces = (url: string, more: object = {}) => ({
  operational: { queueRecords: 0 },
  traces: { collector: url, ...more },
})

function exchanged(
  monitoring: Monitoring,
  side: 'Client' | 'Producer',
  requestId = REQUEST_ID,
  succeeded = true,
): void {
  const exchange = monitoring.begin(side)
  exchange.stage('identify')
  exchange.requestId = requestId
  exchange.client = CALLER
  exchange.service = PERSONS
  exchange.servicePath = '/persons/37001010021'
  exchange.messageUserId = 'EE37001010021'
  exchange.statusCode = 200
  exchange.stage('send')
  const fault = succeeded ? undefined : { code: 'server.serverproxy.access_denied', message: 'of 37001010021' }
  monitoring.finish(exchange, { succeeded, fault })
}

test('the spans of two servers are one trace', async (t) => {
  const { url, received } = await collector(t)
  const consumer = opened(t, {}, withTraces(`${url}/`)).monitoring
  const provider = opened(
    t,
    { server: { instance: 'DEMO', memberClass: 'GOV', memberCode: '1', serverCode: 'other' } },
    withTraces(url),
  ).monitoring
  exchanged(consumer, 'Client')
  await consumer.close()
  exchanged(provider, 'Producer', REQUEST_ID, false)
  await provider.close()
  assert.deepEqual(
    received.map(({ path, type }) => [path, type]),
    [
      ['/v1/traces', 'application/json'],
      ['/v1/traces', 'application/json'],
    ],
  )
  const resources = received.flatMap(({ body }) => body.resourceSpans)
  const instance = (resource: Resource | undefined) =>
    resource?.resource.attributes.find(({ key }) => key === 'service.instance.id')?.value.stringValue
  assert.deepEqual(resources.map(instance), ['DEMO/GOV/1/ss1', 'DEMO/GOV/1/other'])
  const [first = [], second = []] = resources.map(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
  const spans = [...first, ...second]
  assert.deepEqual(new Set(spans.map((span) => span.traceId)), new Set(['d1bc2b2279b84b5ea41bb6a2d41e0e5b']))
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, 6)
  for (const span of spans) {
    assert.match(span.spanId, /^[0-9a-f]{16}$/)
    assert.match(span.startTimeUnixNano, /^\d{19}$/)
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano))
  }
  const tree = (list: readonly Span[]) => list.map(({ name, parentSpanId }) => [name, parentSpanId])
  const [root, provided] = [first[0]?.spanId, second[0]?.spanId]
  assert.deepEqual(tree(first), [
    ['consumer', undefined],
    ['identify', root],
    ['send', root],
  ])
  assert.deepEqual(tree(second), [
    ['provider', root],
    ['identify', provided],
    ['send', provided],
  ])
  assert.deepEqual(
    first.map(({ status }) => status.code),
    [1, 1, 1],
  )
  assert.deepEqual(
    second.map(({ status }) => status),
    [
      { code: 2, message: 'server.serverproxy.access_denied' },
      { code: 1 },
      { code: 2, message: 'server.serverproxy.access_denied' },
    ],
  )
  assert.ok(!JSON.stringify(received).includes('37001010021'), 'no path, no user, no text of a fault')
})

test('a collector that is busy gets the spans again, one that refuses does not', async (t) => {
  const busy = await collector(t, [503])
  const one = opened(t, {}, withTraces(busy.url))
  exchanged(one.monitoring, 'Client')
  await one.monitoring.close()
  await one.monitoring.close()
  assert.equal(busy.received.length, 2)
  assert.match(await one.monitoring.metrics(), /^saadik_trace_spans_dropped_total 0$/m)
  const refusing = await collector(t, [400])
  const other = opened(t, {}, withTraces(refusing.url))
  exchanged(other.monitoring, 'Client')
  await other.monitoring.close()
  await other.monitoring.close()
  assert.equal(refusing.received.length, 1)
  assert.match(await other.monitoring.metrics(), /^saadik_trace_spans_dropped_total 1$/m)
})

test('what no collector takes is dropped above its bound and counted', async (t) => {
  const { monitoring, lines } = opened(t, {}, withTraces('http://127.0.0.1:1'))
  for (let n = 0; n < 2500; n++) exchanged(monitoring, 'Client')
  await monitoring.close()
  const dropped = /^saadik_trace_spans_dropped_total (\d+)$/m.exec(await monitoring.metrics())?.[1]
  assert.ok(Number(dropped) >= 300 && Number(dropped) <= 500, String(dropped))
  assert.ok(lines.some(({ message }) => message === 'traces do not reach their collector'))
})

test('without a collector stages are not remembered', (t) => {
  const { monitoring } = opened(t)
  const exchange = monitoring.begin('Client')
  exchange.stage('identify')
  assert.deepEqual(exchange.stages, [])
})

test('ids are made of the request id alone', () => {
  assert.equal(traceId(REQUEST_ID), traceId(REQUEST_ID.toLowerCase()))
  const odd = ['', 'not a uuid', '00000000-0000-0000-0000-000000000000', 'x'.repeat(255), 'ä']
  for (const id of odd) {
    assert.match(traceId(id), /^(?!0+$)[0-9a-f]{32}$/)
    assert.equal(traceId(id), traceId(id))
  }
  assert.equal(new Set(odd.map(traceId)).size, odd.length)
  assert.notEqual(sideSpanId(REQUEST_ID, 'Client'), sideSpanId(REQUEST_ID, 'Producer'))
})

test('the sample is a share, the same everywhere', () => {
  const traces = Array.from({ length: 2000 }, () => traceId(crypto.randomUUID()))
  const share = traces.filter((trace) => isSampled(trace, 0.25)).length
  assert.ok(share > 350 && share < 650, String(share))
  assert.ok(traces.every((trace) => isSampled(trace, 1) && !isSampled(trace, 0)))
})
