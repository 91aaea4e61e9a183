// CPU of one exchange on both security servers together, signers included, and its ratio to the raw cryptography of the same run.
import { Agent, request } from 'undici'
import { CLIENT, SERVICE_PATH, startPair } from '../test/federation/pair.ts'
import { floor } from './crypto.ts'
import { cpuSeconds } from './proc.ts'

const BODY = Buffer.alloc(2000, 'b')

export async function run(): Promise<void> {
  for (const algorithm of ['RSA-2048', 'EC-P256'] as const) {
    const pair = await startPair({ algorithm })
    try {
      const raw = floor(algorithm)
      const pids = [pair.consumer, pair.provider].flatMap((server) => [server.process.pid, server.signerProcess.pid])
      const names = ['consumer', 'its signer', 'provider', 'its signer']
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
      for (const [concurrency, seconds] of [
        [16, 4],
        [1, 5],
        [16, 12],
      ] as const) {
        const before = pids.map(cpuSeconds)
        const times: number[] = []
        const end = performance.now() + seconds * 1000
        const start = performance.now()
        await Promise.all(
          Array.from({ length: concurrency }, async () => {
            while (performance.now() < end) {
              const begun = performance.now()
              await one()
              times.push(performance.now() - begun)
            }
          }),
        )
        const elapsed = (performance.now() - start) / 1000
        const spent = pids.map((pid, index) => cpuSeconds(pid) - (before[index] ?? 0))
        const micros = (spent.reduce((sum, value) => sum + value, 0) / times.length) * 1e6
        times.sort((a, b) => a - b)
        const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1)
        console.log(
          `${algorithm}, ${concurrency} at once: ${(times.length / elapsed).toFixed(0)} exchanges/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; CPU ${micros.toFixed(0)} µs per exchange, ${(micros / raw.exchangeMicros).toFixed(2)} × the raw cryptography (${raw.exchangeMicros.toFixed(0)} µs)`,
        )
        console.log(
          `  of it: ${spent.map((value, index) => `${names[index]} ${((value / times.length) * 1e6).toFixed(0)} µs`).join(', ')}`,
        )
      }
      await agent.close()
    } finally {
      await pair.stop()
    }
  }
}
