// getSecurityServerMetrics: who may ask, what is told of the machine (wire-client §6.4).
import assert from 'node:assert/strict'
import test from 'node:test'
import { type ClientId, XRoadFault } from '../../../../protocol/index.ts'
import { metricElement } from '../../../../security-server/monitoring/environment/metric-set.ts'
import { SlidingValues } from '../../../../security-server/monitoring/environment/sliding.ts'
import type { MonitoredCertificate, Monitoring } from '../../../../security-server/monitoring/index.ts'
import { hasTool } from '../../../tools.ts'
import { CALLER, element, OWNER, opened, schemaVerdict, text, WATCHER } from './opened.ts'

const request = (...names: string[]) =>
  element(
    `<m:getSecurityServerMetrics xmlns:m="http://x-road.eu/xsd/monitoring"><m:outputSpec>${names.map((name) => `<m:outputField>${name}</m:outputField>`).join('')}</m:outputSpec></m:getSecurityServerMetrics>`,
  )

const ask = async (monitoring: Monitoring, client: ClientId, ...names: string[]) =>
  await monitoring.answer('getSecurityServerMetrics', request(...names), { client })

/** Names of the metrics in systemMetrics itself. */
function namesIn(xml: string): string[] {
  const found: string[] = []
  const depth = { now: 0 }
  for (const [tag] of xml.matchAll(/<m:metricSet>|<\/m:metricSet>|<m:name>[^<]*/g)) {
    if (tag === '<m:metricSet>') depth.now++
    else if (tag === '</m:metricSet>') depth.now--
    const own = /<m:name>(.*)/.exec(tag)?.[1]
    if (own !== undefined && (depth.now === 2 || (depth.now === 3 && xml.includes(`<m:metricSet><m:name>${own}<`))))
      found.push(own)
  }
  return found
}

const certificate: MonitoredCertificate = {
  certificate: {
    sha256: 'ab'.repeat(32),
    notBefore: new Date('2026-01-02T03:04:05Z'),
    notAfter: new Date('2027-01-02T03:04:05Z'),
  },
  type: 'AUTH_OR_SIGN',
  active: true,
}

test('the owner and the monitoring client are answered, nobody else', async (t) => {
  const { monitoring } = opened(t)
  for (const client of [OWNER, WATCHER])
    assert.match(text(await ask(monitoring, client, 'OperatingSystem')), /proxyVersion/)
  for (const client of [CALLER, { ...OWNER, subsystemCode: 'sub' }])
    await assert.rejects(
      ask(monitoring, client),
      (error) => error instanceof XRoadFault && error.code === 'server.serverproxy.access_denied',
    )
})

test('everything that this machine can tell, as X-Road’s schema wants it', async (t) => {
  const { monitoring } = opened(t, { certificates: () => [certificate] })
  const answer = await ask(monitoring, OWNER)
  assert.equal(schemaVerdict(t, 'monitoring.xsd', answer) ?? 'valid', 'valid')
  const xml = text(answer)
  assert.match(
    xml,
    /^<m:getSecurityServerMetricsResponse xmlns:m="http:\/\/x-road.eu\/xsd\/monitoring"><m:metricSet><m:name>SERVER:DEMO\/GOV\/1\/ss1<\/m:name><m:stringMetric><m:name>proxyVersion<\/m:name><m:value>7.8.0</,
  )
  assert.match(xml, /<m:numericMetric><m:name>TotalPhysicalMemory<\/m:name><m:value>\d+</)
  assert.match(xml, /<m:numericMetric><m:name>DiskSpaceTotal_\/<\/m:name>/)
  assert.match(xml, /<m:histogramMetric><m:name>FreePhysicalMemory<\/m:name><m:updated>2026-/)
  if (process.platform === 'linux') assert.match(xml, /<m:name>OpenFileDescriptorCount</)
  if (hasTool('ps')) {
    assert.ok(xml.includes(`<m:metricSet><m:name>${process.pid}</m:name><m:numericMetric><m:name>processId`))
    assert.match(xml, /<m:name>Xroad Processes</)
  }
})

test('certificates are named by their hash', async (t) => {
  const { monitoring } = opened(t, { certificates: () => [certificate] })
  const xml = text(await ask(monitoring, OWNER, 'Certificates'))
  const hash = Array.from({ length: 32 }, () => 'AB').join(':')
  assert.ok(
    xml.includes(
      `<m:metricSet><m:name>Certificates</m:name><m:metricSet><m:name>certificate-${hash}</m:name><m:stringMetric><m:name>sha1Hash</m:name><m:value>${hash}</m:value></m:stringMetric><m:stringMetric><m:name>notBefore</m:name><m:value>2026-01-02T03:04:05Z</m:value></m:stringMetric><m:stringMetric><m:name>notAfter</m:name><m:value>2027-01-02T03:04:05Z</m:value></m:stringMetric><m:stringMetric><m:name>certificateType</m:name><m:value>AUTH_OR_SIGN</m:value></m:stringMetric><m:stringMetric><m:name>active</m:name><m:value>true</m:value></m:stringMetric></m:metricSet></m:metricSet>`,
    ),
  )
})

test('named metrics only, by their exact names', async (t) => {
  const { monitoring } = opened(t)
  const names = async (...asked: string[]) => namesIn(text(await ask(monitoring, OWNER, ...asked)))
  assert.deepEqual(await names('TotalPhysicalMemory', 'OperatingSystem'), [
    'systemMetrics',
    'OperatingSystem',
    'TotalPhysicalMemory',
  ])
  assert.deepEqual(await names('totalphysicalmemory', 'Nothing'), ['systemMetrics'])
})

test('a request in another namespace asks for everything, as the reference takes it', async (t) => {
  const { monitoring } = opened(t)
  const xml = element(
    '<p:getSecurityServerMetrics xmlns:p="http://test/producer"><p:request/></p:getSecurityServerMetrics>',
  )
  const answer = await monitoring.answer('getSecurityServerMetrics', xml, { client: OWNER })
  assert.match(text(answer), /TotalPhysicalMemory/)
})

test('a limited set shows others the system and the certificates only', async (t) => {
  const { monitoring } = opened(t, { certificates: () => [certificate] }, { environment: { limitRemoteDataSet: true } })
  const names = async (client: ClientId) => namesIn(text(await ask(monitoring, client))).slice(0, 5)
  assert.deepEqual(await names(WATCHER), ['systemMetrics', 'Certificates', 'OperatingSystem'].slice(0, 3))
  assert.ok((await names(OWNER)).length > 3)
})

test('what looks like a number is one', () => {
  const kind = (value: string) => /^<m:(\w+)>/.exec(metricElement({ name: 'x', value }))?.[1]
  for (const value of ['0', '12', '-3', '1.5', '0.0']) assert.equal(kind(value), 'numericMetric', value)
  for (const value of ['', '007', '1e5', '0x1F', '1.', '.5', 'NaN', '1 2', '+1'])
    assert.equal(kind(value), 'stringMetric', value)
})

test('the window holds the newest values', () => {
  const values = new SlidingValues(3)
  assert.equal(values.metric('x'), undefined)
  for (const value of [100, 1, 4, 2]) values.add(value, new Date(value))
  const { updated, deviation: _, ...rest } = { deviation: 0, ...(values.metric('x') ?? assert.fail()) }
  assert.deepEqual(updated, new Date(2))
  assert.equal(rest.stddev.toFixed(4), '1.5275')
  assert.deepEqual(
    { ...rest, stddev: 0, mean: rest.mean.toFixed(4) },
    { name: 'x', min: 1, max: 4, mean: '2.3333', median: 2, stddev: 0 },
  )
})
