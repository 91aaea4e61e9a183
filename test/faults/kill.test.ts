// kill -9 of either server at random moments under load: what a client got is in both logs, whole; restart needs no hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogListing } from '#security-server/contract'
import { type Pair, startPair } from '../federation/pair.ts'

const KILLS = process.env['SAADIK_LONG'] ? 200 : 20

async function records(pair: Pair, side: 'consumer' | 'provider', queryId: string): Promise<LogListing['records']> {
  return (await pair[side].control.get<LogListing>(`/log?order=oldest&id=${encodeURIComponent(queryId)}`)).records
}

async function healthy(pair: Pair): Promise<void> {
  for (let left = 100; left > 0; left -= 1) {
    const answer = await pair.call('/items/0').catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return
    await sleep(100)
  }
  assert.fail('the servers did not come back by themselves')
}

test(`${KILLS} kills under load: no answer without its evidence`, { timeout: KILLS * 12_000 + 60_000 }, async () => {
  const pair = await startPair({
    settings: { timestampingIntervalSeconds: 60 },
    providerConfig: { messageLog: { timestampIntervalSeconds: 2 } },
    consumerConfig: { messageLog: { timestampIntervalSeconds: 2 } },
  })
  try {
    const answered = new Set<string>()
    let running = true
    let next = 0
    const worker = async () => {
      while (running) {
        next += 1
        const id = `kill-${next}`
        const body = next % 7 === 0 ? Buffer.alloc(100_000, 'b') : Buffer.from(`body ${next}`)
        try {
          const answer = await pair.call('/echo', { method: 'POST', body, headers: { 'X-Road-Id': id } })
          const text = Buffer.from(await answer.arrayBuffer())
          if (answer.status === 200) {
            assert.ok(text.equals(body), `${id} came back changed`)
            answered.add(id)
          } else await sleep(20)
        } catch {
          await sleep(50)
        }
      }
    }
    const workers = Array.from({ length: 6 }, worker)
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(200 + Math.random() * 600)
      const victim = Math.random() < 0.5 ? pair.consumer : pair.provider
      await victim.restart('SIGKILL')
      await healthy(pair)
    }
    running = false
    await Promise.all(workers)
    assert.ok(answered.size > KILLS, `only ${answered.size} answers`)
    for (const id of answered)
      for (const side of ['consumer', 'provider'] as const)
        assert.deepEqual(
          (await records(pair, side, id)).map((record) => record.direction),
          ['request', 'response'],
          `${id} on the ${side}'s side`,
        )
    // Time-stamps follow by themselves; then a sample of containers verifies with body, signature, chain and OCSP answer.
    await untilTimestamped(pair)
    const { readConfigurationDirectory } = await import('#global-configuration')
    const { verifyContainer } = await import('#evidence')
    const trust = (await readConfigurationDirectory(`${pair.consumer.directory}/configuration`)).trust
    for (const id of [...answered].slice(-10))
      for (const side of ['consumer', 'provider'] as const)
        for (const leg of ['requestOnly', 'responseOnly'] as const) {
          const report = await verifyContainer(containerOf(pair, side, id, leg), trust)
          assert.equal(report.verdict, 'valid', JSON.stringify(report.checks.filter((check) => !check.ok)))
        }
    console.log(`# ${KILLS} kills, ${answered.size} answers, none without its evidence`)
  } finally {
    await pair.stop()
  }
})

async function untilTimestamped(pair: Pair): Promise<void> {
  for (let left = 150; left > 0; left -= 1) {
    const states = await Promise.all(
      [pair.consumer, pair.provider].map((server) =>
        server.control.get<{ messageLog: { untimestamped: number } }>('/status'),
      ),
    )
    if (states.every((state) => state.messageLog.untimestamped === 0)) return
    await sleep(200)
  }
  assert.fail('time-stamps did not follow')
}

/** The container of one leg as the side's information system gets it. */
async function* containerOf(
  pair: Pair,
  side: 'consumer' | 'provider',
  queryId: string,
  leg: 'requestOnly' | 'responseOnly',
): AsyncGenerator<Uint8Array> {
  const member = side === 'consumer' ? 'memberCode=2222&subsystemCode=office' : 'memberCode=1111&subsystemCode=registry'
  const answer = await fetch(
    `${pair[side].client}/asic?queryId=${queryId}&xRoadInstance=TEST&memberClass=GOV&${member}&${leg}&unique`,
  )
  assert.equal(answer.status, 200)
  yield Buffer.from(await answer.arrayBuffer())
}
