// getSecurityServerHealthData: what each service did over the last period (wire-client §6.3).
import assert from 'node:assert/strict'
import test from 'node:test'
import { XRoadFault } from '../../../../protocol/index.ts'
import { Running } from '../../../../security-server/monitoring/health/running.ts'
import type { Monitoring } from '../../../../security-server/monitoring/index.ts'
import {
  CALLER,
  element,
  fieldOf,
  opened,
  PERSONS,
  PROVIDER,
  SERVER,
  START,
  STRANGER,
  schemaVerdict,
  text,
} from './opened.ts'

const NAMESPACES = 'xmlns:o="http://x-road.eu/xsd/op-monitoring.xsd" xmlns:i="http://x-road.eu/xsd/identifiers"'

const ask = (monitoring: Monitoring, inner = '') =>
  monitoring.answer(
    'getSecurityServerHealthData',
    element(`<o:getSecurityServerHealthData ${NAMESPACES}>${inner}</o:getSecurityServerHealthData>`),
    { client: STRANGER },
  )

const filter = (subsystem: string) =>
  `<o:filterCriteria><o:client i:objectType="SUBSYSTEM"><i:xRoadInstance>DEMO</i:xRoadInstance><i:memberClass>GOV</i:memberClass><i:memberCode>1</i:memberCode><i:subsystemCode>${subsystem}</i:subsystemCode></o:client></o:filterCriteria>`

function exchanged(
  monitoring: Monitoring,
  facts: { ms?: number; size?: number; succeeded?: boolean; code?: string; side?: 'Client' | 'Producer' },
): void {
  const { ms = 10, size = 100, succeeded = true, code = 'persons', side = 'Producer' } = facts
  const exchange = monitoring.begin(side)
  exchange.client = CALLER
  exchange.service = { ...PERSONS, serviceCode: code }
  exchange.serviceType = 'REST'
  exchange.requestSize = size
  exchange.responseSize = size * 2
  exchange.responseOutTs = exchange.requestInTs + ms
  monitoring.finish(exchange, { succeeded })
}

test('a server that did nothing says since when', async (t) => {
  const { monitoring } = opened(t)
  const answer = await ask(monitoring)
  assert.equal(fieldOf(answer, 'monitoringStartupTimestamp'), String(START * 1000))
  assert.equal(fieldOf(answer, 'statisticsPeriodSeconds'), '600')
  assert.match(text(answer), /<om:servicesEvents><\/om:servicesEvents>/)
  assert.equal(schemaVerdict(t, 'op-monitoring.xsd', answer) ?? 'valid', 'valid')
  assert.deepEqual(answer.attachments, [])
})

test('counts, times and spreads of one service', async (t) => {
  const { monitoring } = opened(t)
  for (const ms of [10, 20, 60]) exchanged(monitoring, { ms, size: ms * 10 })
  exchanged(monitoring, { ms: 5000, succeeded: false })
  exchanged(monitoring, { side: 'Client' })
  const answer = await ask(monitoring)
  assert.equal(schemaVerdict(t, 'op-monitoring.xsd', answer) ?? 'valid', 'valid')
  const expected = {
    serviceCode: 'persons',
    serviceType: 'REST',
    lastSuccessfulRequestTimestamp: String(START * 1000 + 60),
    lastUnsuccessfulRequestTimestamp: String(START * 1000 + 5000),
    successfulRequestCount: '3',
    unsuccessfulRequestCount: '1',
    requestMinDuration: '10',
    requestAverageDuration: '30',
    requestMaxDuration: '60',
    requestMinSize: '100',
    requestAverageSize: '300',
    requestMaxSize: '600',
    responseMinSize: '200',
    responseAverageSize: '600',
    responseMaxSize: '1200',
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(fieldOf(answer, name), value, name)
  // The spread of a sample: √((20² + 10² + 30²) / 2).
  assert.equal(Number(fieldOf(answer, 'requestDurationStdDev')).toFixed(6), Math.sqrt(700).toFixed(6))
})

test('the period slides; the last times stay', async (t) => {
  const { monitoring, time } = opened(t)
  exchanged(monitoring, {})
  time.seconds += 500
  exchanged(monitoring, {})
  assert.equal(fieldOf(await ask(monitoring), 'successfulRequestCount'), '2')
  time.seconds += 200
  assert.equal(fieldOf(await ask(monitoring), 'successfulRequestCount'), '1')
  time.seconds += 600
  const later = await ask(monitoring)
  assert.equal(fieldOf(later, 'successfulRequestCount'), '0')
  assert.equal(fieldOf(later, 'requestMinDuration'), undefined)
  assert.equal(fieldOf(later, 'lastSuccessfulRequestTimestamp'), String((START + 500) * 1000 + 10))
  assert.equal(schemaVerdict(t, 'op-monitoring.xsd', later) ?? 'valid', 'valid')
})

test('one provider’s services when one is named, and names that somebody invented never', async (t) => {
  const known = new Set(['persons', 'retired', 'with<mark>'])
  const { monitoring } = opened(t, { knows: ({ serviceCode }) => known.has(serviceCode) })
  for (const code of [...known, 'invented']) exchanged(monitoring, { code })
  known.delete('retired')
  const codes = async (inner?: string) =>
    [...text(await ask(monitoring, inner)).matchAll(/<id:serviceCode>([^<]*)</g)].map(([, code]) => code)
  assert.deepEqual(await codes(), ['persons', 'with&lt;mark&gt;'])
  assert.deepEqual(await codes(filter('register')), ['persons', 'with&lt;mark&gt;'])
  assert.deepEqual(await codes(filter('other')), [])
  await assert.rejects(
    ask(monitoring, '<o:client/>'),
    (error) => error instanceof XRoadFault && error.code === 'server.serverproxy.opmonitor.client.invalid_request',
  )
})

test('merged pieces are what the whole is', () => {
  const values = Array.from({ length: 200 }, (_, n) => 1e9 + ((n * 7919) % 1000))
  const whole = new Running()
  const pieces = [new Running(), new Running(), new Running(), new Running()]
  for (const [index, value] of values.entries()) {
    whole.add(value)
    pieces[index % 3]?.add(value)
  }
  const merged = new Running()
  for (const piece of pieces) merged.merge(piece)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
  for (const one of [whole, merged]) {
    assert.equal(one.count, 200)
    assert.ok(Math.abs(one.mean - mean) < 1e-3)
    assert.ok(Math.abs(one.deviation - deviation) < 1e-6)
    assert.deepEqual([one.min, one.max], [Math.min(...values), Math.max(...values)])
  }
})

test('monitoring services are asked of the member that owns the server', (t) => {
  const { monitoring } = opened(t)
  const { serverCode: _, ...owner } = SERVER
  const of = (serviceCode: string, more: object = {}) => monitoring.serviceOf({ ...owner, serviceCode, ...more })
  assert.equal(of('getSecurityServerHealthData'), 'getSecurityServerHealthData')
  assert.equal(of('getSecurityServerHealthData', { serviceVersion: 'v1' }), 'getSecurityServerHealthData')
  assert.equal(of('getSecurityServerMetrics'), 'getSecurityServerMetrics')
  assert.equal(of('getSecurityServerMetrics', { serviceVersion: 'v1' }), undefined)
  assert.equal(of('getSecurityServerHealthData', { memberCode: '2' }), undefined)
  assert.equal(of('getSecurityServerHealthData', { subsystemCode: PROVIDER.subsystemCode }), undefined)
  assert.equal(of('toString'), undefined)
})
