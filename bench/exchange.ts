// CPU of one exchange on both security servers together, signers included, and its ratio to the raw cryptography of the same run.
import { Agent, request } from 'undici'
import { CLIENT, SERVICE_PATH, startPair } from '../test/federation/pair.ts'
import { floor } from './crypto.ts'
import { type Load, load, warmUp } from './load.ts'

const BODY = Buffer.alloc(2000, 'b')
const WARM_UP = 30_000

export async function run(): Promise<void> {
  for (const algorithm of ['RSA-2048', 'EC-P256'] as const) {
    const pair = await startPair({ algorithm })
    try {
      const agent = new Agent({ connections: 64, pipelining: 1 })
      const one = async () => {
        const answer = await request(`${pair.consumer.client}${SERVICE_PATH}/echo`, {
          method: 'POST',
          body: BODY,
          headers: { 'X-Road-Client': CLIENT },
          dispatcher: agent,
        })
        if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${await answer.body.text()}`)
        await answer.body.dump()
      }
      console.log(`${algorithm}: ${WARM_UP} exchanges to warm up`)
      await warmUp(one, WARM_UP)
      const loads: Load[] = []
      for (const [concurrency, seconds] of [
        [1, 6],
        [16, 10],
        [64, 10],
      ] as const) {
        // Beside each load, because the machine is not the same from one minute to the next.
        const raw = floor(algorithm).exchangeMicros
        const now = await load(pair, one, concurrency, seconds)
        loads.push(now)
        const [consumer, consumerSigner, provider, providerSigner] = now.micros.map((value) => value.toFixed(0))
        console.log(
          `${algorithm}, ${concurrency} at once: ${now.perSecond.toFixed(0)} exchanges/s, p50 ${now.p50.toFixed(1)} ms, p99 ${now.p99.toFixed(1)} ms; CPU ${now.total.toFixed(0)} µs per exchange, ${(now.total / raw).toFixed(2)} × the raw cryptography (${raw.toFixed(0)} µs)`,
        )
        console.log(
          `  of it: consumer ${consumer} µs, its signer ${consumerSigner} µs, provider ${provider} µs, its signer ${providerSigner} µs`,
        )
      }
      const [alone, , shared] = loads
      if (alone !== undefined && shared !== undefined)
        console.log(
          `${algorithm}: with signatures that messages share (64 at once) ${((1 - shared.total / alone.total) * 100).toFixed(0)} % less CPU than with one each (1 at once)`,
        )
      await agent.close()
    } finally {
      await pair.stop()
    }
  }
}
