// How messages are logged, by configuration: time-stamped in batches or at once, bodies whole or capped, one time-stamping authority or
// several or none (wire-message §7; issue: Message log).
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { LogListing, SecurityServerStatus } from '#security-server/contract'
import { digest } from '#trust'
import { type Authorities, startAuthorities } from '../federation/authorities.ts'
import { assertPassed, entriesOf, evidenceOf, trustOf, verdictOf } from '../federation/evidence.ts'
import { CLIENT, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import type { StateServer } from '../federation/state.ts'
import { bodiesOf, recordsOf, until } from '../federation/traces.ts'

const BATCH_CLIENT = 'TEST/GOV/3333/desk'
const PROVIDER = 'TEST/GOV/1111/registry'
const CAP = 100_000
const ACCEPTABLE_SECONDS = 3
const FAILED = 'server.clientproxy.logging_failed.timestamping_failed'

let pair: Pair
/** Time-stamps each record before its message goes on. */
let immediate: StateServer
/** In batches, a second apart; refuses when that has failed for long; keeps no long bodies. */
let batch: StateServer
/** Authorities of other people, of whom the state knows the TSA. */
let others: Authorities

before(async () => {
  const common = { configuration: { intervalSeconds: 1 } }
  pair = await startPair({
    central: { intervalSeconds: 1 },
    services: (url) => [{ code: 'items', url, access: [{ subject: CLIENT }, { subject: BATCH_CLIENT }] }],
    // The provider's own time-stamps wait for longer than this test, and it goes on without.
    providerConfig: { ...common, messageLog: { timestampIntervalSeconds: 3600, acceptableFailureSeconds: 0 } },
    consumerConfig: { ...common, messageLog: { timestamping: 'immediate' } },
    more: [
      {
        code: 'B',
        owner: 'GOV/3333',
        subsystems: ['desk'],
        clients: [{ id: BATCH_CLIENT, connection: 'HTTP' }],
        config: {
          ...common,
          messageLog: {
            timestampIntervalSeconds: 1,
            acceptableFailureSeconds: ACCEPTABLE_SECONDS,
            maxLoggedBodyBytes: CAP,
          },
        },
      },
    ],
  })
  ;[immediate, batch] = [pair.consumer, pair.state.server('B')]
  others = await startAuthorities(join(pair.state.directory, 'others'), { ca: { name: 'Yonder' } })
})
after(async () => {
  await others?.stop()
  await pair?.stop()
})

interface Outcome {
  readonly status: number
  readonly code: string | null
  readonly text: string
}

async function call(from: StateServer, id: string, path = '/items/1', init: RequestInit = {}): Promise<Outcome> {
  const headers = { 'X-Road-Client': from === batch ? BATCH_CLIENT : CLIENT, 'X-Road-Id': id }
  const answer = await fetch(`${from.client}${SERVICE_PATH}${path}`, { ...init, headers })
  return { status: answer.status, code: answer.headers.get('x-road-error'), text: await answer.text() }
}

const statusOf = (server: StateServer) => server.control.get<SecurityServerStatus>('/status')

/** Whether each record of the id has its time-stamp. */
async function timestamped(server: StateServer, queryId: string): Promise<readonly boolean[]> {
  const { records } = await server.control.get<LogListing>(`/log?order=oldest&id=${queryId}`)
  return records.map((record) => record.timestamped)
}

async function healthOf(server: StateServer): Promise<number> {
  return (await fetch(server.health)).status
}

/** Who time-stamped the request. */
async function authorityOf(queryId: string): Promise<string> {
  const report = await verdictOf(immediate, await evidenceOf(immediate, CLIENT, queryId, 'requestOnly', false))
  assertPassed(report)
  return report.timestamp?.authority ?? ''
}

test('immediate: whoever has an answer has its time-stamps, also of many at once', async () => {
  assert.equal((await call(immediate, 'at-once')).status, 200)
  assert.deepEqual(await timestamped(immediate, 'at-once'), [true, true])
  assert.deepEqual(await timestamped(pair.provider, 'at-once'), [false, false], "which is the consumer's own setting")
  for (const leg of ['requestOnly', 'responseOnly'] as const) {
    const container = await evidenceOf(immediate, CLIENT, 'at-once', leg, false)
    assertPassed(await verdictOf(immediate, container))
    // Of one message alone: in its signature, with no hash chain beside it (wire-message §7.3).
    const entries = await entriesOf(container)
    assert.ok(!entries.has('META-INF/timestamp.tst'))
    assert.match(`${entries.get('META-INF/signatures.xml')}`, /EncapsulatedTimeStamp/)
  }
  const ids = Array.from({ length: 16 }, (_, index) => `together-${index}`)
  const outcomes = await Promise.all(ids.map((id) => call(immediate, id)))
  assert.deepEqual([...new Set(outcomes.map(({ status }) => status))], [200])
  for (const id of ids) {
    assert.deepEqual(await timestamped(immediate, id), [true, true])
    assertPassed(await verdictOf(immediate, await evidenceOf(immediate, CLIENT, id, 'requestOnly', false)))
  }
  assert.equal((await statusOf(immediate)).messageLog.untimestamped, 0)
})

test('immediate: without a time-stamp nothing goes out, and the record stays for the next one', async () => {
  await pair.state.authorities.stopTsa()
  const seen = pair.service.seen.length
  const refused = await call(immediate, 'unstamped')
  assert.deepEqual([refused.status, refused.code], [500, FAILED])
  assert.match(refused.text, /No time-stamping authority gave a time-stamp: Test TSA/)
  assert.equal(pair.service.seen.length, seen, 'the service was not called')
  assert.equal(await recordsOf(pair.provider, 'unstamped'), '')
  await pair.state.authorities.startTsa()
  assert.equal((await call(immediate, 'stamped again')).status, 200)
  assertPassed(await verdictOf(immediate, await evidenceOf(immediate, CLIENT, 'unstamped', 'requestOnly')))
})

test('a capped body passes whole, is not kept, and its evidence says what is missing', async () => {
  for (const [id, size] of [
    ['under-cap', CAP],
    ['over-cap', CAP + 1],
  ] as const) {
    const body = randomBytes(size)
    const files = await bodiesOf(batch)
    const sent = await call(batch, id, '/count', { method: 'POST', body })
    assert.equal(JSON.parse(sent.text).sha256, createHash('sha256').update(body).digest('hex'))
    assert.equal((await call(batch, `${id}-answer`, `/big/${size}`)).text.length, size)
    const kept = size <= CAP
    await until(async () => (await bodiesOf(batch)) === files + (kept ? 2 : 0))
    for (const [queryId, leg, digested] of [
      [id, 'requestOnly', body],
      [`${id}-answer`, 'responseOnly', Buffer.alloc(size, 'x')],
    ] as const) {
      const container = await evidenceOf(batch, BATCH_CLIENT, queryId, leg)
      const report = await verdictOf(batch, container)
      const entries = await entriesOf(container)
      if (kept) {
        assertPassed(report)
        assert.deepEqual(entries.get('attachment1'), Buffer.from(digested))
        continue
      }
      // What is there is right; of the body only its digest is proved (EN 319 102-1, SIGNED_DATA_NOT_FOUND).
      assert.deepEqual([report.indication, report.subIndication], ['INDETERMINATE', 'SIGNED_DATA_NOT_FOUND'])
      assert.deepEqual(
        report.checks.filter(({ ok }) => !ok).map(({ name }) => name),
        ['withheld parts'],
      )
      assert.deepEqual(report.message?.absent, ['attachment1'])
      assert.ok(!entries.has('attachment1'))
      const value = Buffer.from(digest('SHA-512', digested)).toString('hex')
      assert.deepEqual(report.provenDigests, [{ name: 'attachment1', algorithm: 'SHA-512', value }])
      assert.deepEqual(JSON.parse(`${entries.get('META-INF/withheld.json')}`).parts, [{ name: 'attachment1', size }])
    }
    // The other side has no cap: its evidence of the same message is whole.
    assertPassed(await verdictOf(batch, await evidenceOf(pair.provider, PROVIDER, id, 'requestOnly')))
  }
})

/** Changes who time-stamps in this state (the centre publishes them by name, servers ask in that order); resolves when both consumers' servers know. */
async function authorities(change: (tsas: object[]) => object[]): Promise<void> {
  let count = 0
  await pair.state.applyFederation((federation) => {
    federation['timestampingAuthorities'] = change(federation['timestampingAuthorities'])
    count = federation['timestampingAuthorities'].length
  })
  for (const server of [immediate, batch]) await until(async () => (await trustOf(server)).tsas.length === count)
}

/** What a call comes to in the end, within a bound that is no claim about speed. */
async function comes(from: StateServer, code: string | null): Promise<Outcome> {
  let outcome: Outcome | undefined
  await until(async () => {
    outcome = await call(from, 'comes')
    return outcome.code === code
  })
  return outcome as Outcome
}

test('two authorities: the second while the first is away, the first again when it is back', async () => {
  await authorities((tsas) => [
    ...tsas,
    { name: 'Yonder TSA', url: others.tsaUrl, certificate: Buffer.from(others.tsaCertificate).toString('base64') },
  ])
  await call(immediate, 'first')
  assert.match(await authorityOf('first'), /CN=Test TSA/)
  await pair.state.authorities.stopTsa()
  await comes(immediate, null)
  await call(immediate, 'second')
  assert.match(await authorityOf('second'), /CN=Yonder TSA/)
  assert.deepEqual([await healthOf(immediate), await healthOf(batch)], [200, 200], 'one is enough')
  await pair.state.authorities.startTsa()
  await call(immediate, 'first again')
  assert.match(await authorityOf('first again'), /CN=Test TSA/)
})

test('time-stamps fail for longer than is acceptable: messages stop, with the reason, and go on by themselves', async () => {
  await Promise.all([pair.state.authorities.stopTsa(), others.stopTsa()])
  assert.equal((await call(batch, 'still')).code, null, 'for a while nobody minds')
  const refused = await comes(batch, FAILED)
  assert.equal(refused.status, 500)
  assert.match(
    refused.text,
    /longer than is acceptable: No time-stamping authority gave a time-stamp: Test TSA.*Yonder TSA/,
  )
  const { healthy, checks, messageLog } = await statusOf(batch)
  assert.deepEqual([healthy, checks.log.ok, checks.timestamps.ok, await healthOf(batch)], [false, false, false, 503])
  assert.ok(Date.now() - Date.parse(messageLog.failingSince ?? '') > ACCEPTABLE_SECONDS * 1000)
  // Evidence of what was exchanged before waits for its time-stamp, and gets it.
  assert.ok(messageLog.untimestamped > 0)
  await others.startTsa()
  await comes(batch, null)
  await until(async () => (await timestamped(batch, 'still')).every((one) => one))
  await until(async () => (await healthOf(batch)) === 200)
  await pair.state.authorities.startTsa()
})

test('no authority at all: no message is taken, in either mode, until there is one', async () => {
  const kept: object[] = []
  await authorities((tsas) => {
    kept.push(...tsas)
    return []
  })
  const none = 'server.clientproxy.logging_failed.mlog.no_timestamping_provider_found'
  for (const server of [immediate, batch]) {
    const refused = await comes(server, none)
    assert.equal(refused.status, 500)
    assert.match(refused.text, /names no time-stamping authority/)
    assert.equal(await healthOf(server), 503)
  }
  const seen = pair.service.seen.length
  assert.equal((await call(batch, 'none')).code, none)
  assert.deepEqual([pair.service.seen.length, await recordsOf(batch, 'none')], [seen, ''])
  await authorities(() => kept)
  for (const server of [immediate, batch]) {
    await comes(server, null)
    await until(async () => (await healthOf(server)) === 200)
  }
})
