// GET /metrics: what is counted, how it is written, and that nobody outside can make it grow.
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { FAULTS } from '../../../../protocol/index.ts'
import { serverState } from '../../../../security-server/monitoring/index.ts'
import { faultFamily } from '../../../../security-server/monitoring/prometheus/fault-family.ts'
import { Histogram, renderMetrics } from '../../../../security-server/monitoring/prometheus/text.ts'
import { opened, START } from './opened.ts'

test('exchanges by side, outcome and fault; how long; how large', async (t) => {
  const { monitoring } = opened(t, {}, { operational: { queueRecords: 0 } })
  const run = (side: 'Client' | 'Producer', ms: number, outcome: Parameters<typeof monitoring.finish>[1]) => {
    const exchange = monitoring.begin(side)
    exchange.requestSize = 100
    exchange.responseSize = 1000
    exchange.responseMimeSize = 5000
    exchange.responseOutTs = exchange.requestInTs + ms
    monitoring.finish(exchange, outcome)
  }
  const denied = { code: 'server.serverproxy.access_denied', message: 'no' }
  run('Client', 7, { succeeded: true })
  run('Client', 7, { succeeded: true })
  run('Client', 300, { succeeded: false, fault: denied })
  run('Producer', 70_000, { succeeded: false })
  const lines = (await monitoring.metrics()).split('\n')
  for (const line of [
    '# TYPE saadik_exchanges_total counter',
    'saadik_exchanges_total{side="consumer",outcome="ok",where="",fault=""} 2',
    'saadik_exchanges_total{side="consumer",outcome="fault",where="serverproxy",fault="access_denied"} 1',
    'saadik_exchanges_total{side="provider",outcome="error",where="",fault=""} 1',
    'saadik_exchange_duration_seconds_bucket{side="consumer",le="0.005"} 0',
    'saadik_exchange_duration_seconds_bucket{side="consumer",le="0.01"} 2',
    'saadik_exchange_duration_seconds_bucket{side="consumer",le="0.5"} 3',
    'saadik_exchange_duration_seconds_count{side="consumer"} 3',
    'saadik_exchange_duration_seconds_bucket{side="provider",le="60"} 0',
    'saadik_exchange_duration_seconds_bucket{side="provider",le="+Inf"} 1',
    'saadik_exchange_bytes_total{side="consumer",direction="request"} 300',
    'saadik_exchange_bytes_total{side="consumer",direction="response"} 15000',
  ])
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`)
})

test('the state of the server', async (t) => {
  const at = (seconds: number) => new Date((START + seconds) * 1000)
  const { monitoring } = opened(t, {
    state: async () => ({
      messageLog: { records: 12, untimestamped: 3, lastTimestamp: at(-30), failingSince: at(-20) },
      transparency: {
        leaves: 13,
        signedLeaves: 12,
        witnessedLeaves: 11,
        unsealedSince: at(-7),
        witnesses: [{ name: 'witness/w', cosigns: false }],
        fault: true,
      },
      certificates: [
        { use: 'message', sha256: 'ab'.repeat(32), notAfter: at(86_400 * 10), usable: true, usableUntil: at(600) },
        { use: 'authentication', sha256: 'cd'.repeat(32), notAfter: at(-86_400), usable: false },
      ],
      configurationExpiresAt: at(-5),
      signer: { reachable: true, unlocked: false },
    }),
  })
  const lines = (await monitoring.metrics()).split('\n')
  for (const line of [
    'saadik_message_log_records 12',
    'saadik_message_log_untimestamped 3',
    'saadik_timestamp_age_seconds 30',
    'saadik_timestamping_failing_seconds 20',
    'saadik_transparency_leaves 13',
    'saadik_transparency_signed_leaves 12',
    'saadik_transparency_witnessed_leaves 11',
    'saadik_transparency_unsealed_seconds 7',
    'saadik_transparency_witness_cosigns{witness="witness/w"} 0',
    'saadik_transparency_fault 1',
    'saadik_certificate_expiry_days{use="message",sha256="abababababab"} 10',
    'saadik_certificate_expiry_days{use="authentication",sha256="cdcdcdcdcdcd"} -1',
    'saadik_certificate_usable{use="authentication",sha256="cdcdcdcdcdcd"} 0',
    'saadik_ocsp_fresh_seconds{use="message",sha256="abababababab"} 600',
    'saadik_configuration_expiry_seconds -5',
    'saadik_signer_reachable 1',
    'saadik_signer_unlocked 0',
    'saadik_operational_records_dropped_total 0',
  ])
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`)
  assert.ok(!lines.some((line) => line.startsWith('saadik_configuration_age_seconds')), 'what is not known is not told')
})

test('every line is one that Prometheus reads', async (t) => {
  const { monitoring } = opened(t)
  monitoring.finish(monitoring.begin('Client'), { succeeded: true })
  const number = String.raw`-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)`
  const sample = new RegExp(String.raw`^[a-z_]+(?:\{[a-z0-9_]+="[^"]*"(?:,[a-z0-9_]+="[^"]*")*\})? \+?${number}$`)
  for (const line of (await monitoring.metrics()).trimEnd().split('\n'))
    assert.match(line, line.startsWith('#') ? /^# (?:HELP|TYPE) [a-z_]+ .+$/ : sample)
})

test('labels are escaped', () => {
  const samples = [{ labels: { a: 'x"\\\n' }, value: Number.POSITIVE_INFINITY }]
  assert.equal(
    renderMetrics([
      { name: 'n', help: 'h', type: 'gauge', samples },
      { name: 'empty', help: '', type: 'gauge', samples: [] },
    ]),
    '# HELP n h\n# TYPE n gauge\nn{a="x\\"\\\\\\n"} +Inf\n',
  )
})

test('a bound belongs to its bucket', () => {
  const histogram = new Histogram([1, 2])
  for (const value of [0, 1, 1.5, 2, 3]) histogram.observe(value)
  assert.deepEqual([...histogram.counts], [2, 2, 1])
  assert.equal(histogram.sum, 7.5)
})

test('codes that others make up are one series', () => {
  const families = new Set<string>()
  for (let n = 0; n < 1000; n++)
    for (const code of [
      `x${n}`,
      `server.serverproxy.x${n}`,
      `Server.ServerProxy.X${n}`,
      `client.x.${n}`,
      `soap:Server${n}`,
    ]) {
      const { where, fault } = faultFamily(code)
      families.add(`${where} ${fault}`)
    }
  assert.deepEqual([...families].sort(), ['client other', 'service other', 'serverproxy other'].sort())
  const known = (code: string) => Object.values(faultFamily(code)).join(' ')
  assert.equal(known('server.serverproxy.access_denied'), 'serverproxy access_denied')
  assert.equal(known('Server.ServerProxy.AccessDenied'), 'serverproxy access_denied')
  assert.equal(known('server.clientproxy.service_failed.network_error'), 'clientproxy network_error')
  assert.equal(
    known('server.clientproxy.signature_verification.invalid_signature_value'),
    'clientproxy signature_verification',
  )
  assert.equal(
    known('server.clientproxy.logging_failed.mlog.no_timestamping_provider_found'),
    'clientproxy logging_failed',
  )
  assert.equal(known('server.clientproxy.constructor'), 'clientproxy other')
  for (const code of Object.keys(FAULTS))
    if (code !== 'service_failed') assert.equal(faultFamily(`server.clientproxy.${code}`).fault, code)
})

test('the port answers /metrics to GET and nothing else', async (t) => {
  let fails = false
  const { monitoring, lines } = opened(t, {
    state: async () => {
      if (fails) throw new Error('no state')
      return {
        messageLog: { records: 0, untimestamped: 0 },
        transparency: { leaves: 0, signedLeaves: 0, witnesses: [], fault: false },
        certificates: [],
        signer: { reachable: false, unlocked: false },
      }
    },
  })
  const server = monitoring.metricsServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const scraped = await fetch(`${url}/metrics?x=1`)
  assert.equal(scraped.status, 200)
  assert.equal(scraped.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.match(await scraped.text(), /saadik_signer_reachable 0\n/)
  assert.equal((await fetch(`${url}/`)).status, 404)
  assert.equal((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status, 405)
  fails = true
  const failed = await fetch(`${url}/metrics`)
  assert.deepEqual([failed.status, await failed.text()], [503, ''])
  assert.ok(lines.some(({ message }) => message === 'metrics could not be read'))
})

test('what the parts of a server say of themselves', async () => {
  const parts = {
    messageLog: {
      status: () => ({ records: 5, removedTo: 0, untimestamped: 2, lastTimestamp: '2026-01-01T00:00:00.000Z' }),
    },
    keyring: {
      states: () => [
        {
          key: 'k',
          use: 'message' as const,
          subject: 'CN=x',
          serialNumber: '1',
          sha256: 'ab'.repeat(32),
          notAfter: '2027-01-01T00:00:00.000Z',
          usable: false,
        },
      ],
    },
    configuration: { current: () => undefined, status: () => ({ lastSuccess: '2026-01-02T00:00:00.000Z' }) },
    transparency: {
      status: () => ({
        origin: 'message-log/x',
        keys: [],
        leaves: 5,
        signedLeaves: 4,
        sealedRecords: 4,
        unsealedSince: '2026-01-03T00:00:00.000Z',
        quorum: 1,
        witnesses: [{ name: 'witness/w', key: 'witness/w+…', url: 'http://w', size: 4 }],
      }),
    },
    signer: { status: async () => ({ version: '1', unlocked: true, keys: 1 }) },
  }
  const state = {
    messageLog: { records: 5, untimestamped: 2, lastTimestamp: new Date('2026-01-01') },
    transparency: {
      leaves: 5,
      signedLeaves: 4,
      unsealedSince: new Date('2026-01-03'),
      witnesses: [{ name: 'witness/w', cosigns: true }],
      fault: false,
    },
    certificates: [{ use: 'message', sha256: 'ab'.repeat(32), notAfter: new Date('2027-01-01'), usable: false }],
    configurationFetchedAt: new Date('2026-01-02'),
    signer: { reachable: true, unlocked: true },
  }
  assert.deepEqual(await serverState(parts), state)
  const gone = { status: () => Promise.reject(new Error('gone')) }
  assert.deepEqual((await serverState({ ...parts, signer: gone })).signer, { reachable: false, unlocked: false })
})
