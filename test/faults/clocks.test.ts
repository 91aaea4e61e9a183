// Authorities, centre, peer or service stopped for longer and for shorter than their limits: exchange goes on or stops as the clocks
// say, says why, and resumes by itself. The periods are seconds here; they are settings.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Pair, startPair } from '../federation/pair.ts'

const FRESHNESS = 6
const EXPIRE = 6
const FAILURE = 4

let pair: Pair
before(async () => {
  const config = {
    configuration: { intervalSeconds: 1 },
    ocsp: { fetchIntervalSeconds: 1 },
    messageLog: { timestampIntervalSeconds: 1, acceptableFailureSeconds: FAILURE },
  }
  pair = await startPair({
    settings: { ocspFreshnessSeconds: FRESHNESS, timestampingIntervalSeconds: 1, verifyNextUpdate: false },
    // The responder must not answer from memory for longer than answers are fresh here.
    authorities: { ocsp: { cacheSeconds: 0 } },
    central: { intervalSeconds: 1, expireSeconds: EXPIRE },
    providerConfig: config,
    consumerConfig: config,
  })
})
after(() => pair?.stop())

async function outcome(): Promise<string> {
  const answer = await pair.call('/items/1')
  const text = await answer.text()
  return answer.headers.get('x-road-error') === null ? 'ok' : `${answer.headers.get('x-road-error')} ${text}`
}

/** Waits for an outcome, within a bound that is no claim about speed. */
async function comes(pattern: RegExp, seconds: number): Promise<string> {
  let last = ''
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    last = await outcome()
    if (pattern.test(last)) return last
    await sleep(200)
  }
  return assert.fail(`expected ${pattern}, last was ${last}`)
}

async function keepsWorking(seconds: number): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(200)) assert.equal(await outcome(), 'ok')
}

test('OCSP responder: away for a moment, and for longer than answers stay fresh', async () => {
  assert.equal(await outcome(), 'ok')
  await pair.state.authorities.stopOcsp()
  await keepsWorking(FRESHNESS / 3)
  const refusal = await comes(/cannot_create_signature|ssl_authentication_failed/, FRESHNESS + 20)
  assert.match(refusal, /OCSP|older|fresh/)
  assert.equal((await fetch(pair.consumer.health)).status, 503)
  await pair.state.authorities.startOcsp()
  await comes(/^ok$/, 30)
})

test('central server: away for a moment, and until the configuration expires', async () => {
  await pair.state.stopCentral()
  await keepsWorking(EXPIRE / 3)
  const refusal = await comes(/global_conf_outdated/, EXPIRE + 20)
  assert.match(refusal, /expired at/)
  await pair.state.startCentral()
  await comes(/^ok$/, 30)
})

test('time-stamping authority: away for a moment, and for longer than is acceptable', async () => {
  await pair.state.authorities.stopTsa()
  await keepsWorking(FAILURE / 3)
  const refusal = await comes(/logging_failed\.timestamping_failed/, FAILURE + 20)
  assert.match(refusal, /time-stamp/i)
  await pair.consumer.restart()
  await comes(/logging_failed\.timestamping_failed|cannot_create|ssl_auth/, 30)
  await pair.state.authorities.startTsa()
  await comes(/^ok$/, 40)
})

test('peer: stopped and started', async () => {
  await pair.provider.process.stop()
  await comes(/server\.clientproxy\.network_error/, 10)
  await pair.provider.start()
  await comes(/^ok$/, 30)
})

test('service: stopped and started', async () => {
  await pair.service.stop()
  await comes(/server\.serverproxy\.network_error/, 10)
  await pair.service.start()
  await comes(/^ok$/, 10)
})

test('certificates: revoked, and unregistered', async () => {
  const { certificates } = await pair.consumer.control.get<{ certificates: { use: string; serialNumber: string }[] }>(
    '/keys',
  )
  const signing = certificates.find((certificate) => certificate.use === 'message')
  assert.ok(signing)
  await pair.state.authorities.revoke(BigInt(signing.serialNumber).toString(16))
  await comes(/cannot_create_signature[\s\S]*revoked/, 30)
})
