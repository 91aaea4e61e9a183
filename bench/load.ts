// Exchanges under load, and the CPU that both security servers and their signers spend on them.
import type { Pair } from '../test/federation/pair.ts'
import { cpuSeconds } from './proc.ts'

export interface Load {
  readonly concurrency: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** CPU µs of one exchange: consumer's server, its signer, provider's server, its signer. */
  readonly micros: readonly [number, number, number, number]
  /** Their sum. */
  readonly total: number
}

/** Runs `one` again and again, so many at once, until the seconds are over. */
export async function load(pair: Pair, one: () => Promise<void>, concurrency: number, seconds: number): Promise<Load> {
  const pids = [pair.consumer, pair.provider].flatMap((server) => [server.process.pid, server.signerProcess.pid])
  const before = pids.map(cpuSeconds)
  const times: number[] = []
  const start = performance.now()
  const end = start + seconds * 1000
  await inParallel(concurrency, async () => {
    while (performance.now() < end) {
      const begun = performance.now()
      await one()
      times.push(performance.now() - begun)
    }
  })
  const elapsed = (performance.now() - start) / 1000
  const micros = pids.map((pid, index) => ((cpuSeconds(pid) - (before[index] ?? 0)) / times.length) * 1e6)
  const [consumer = 0, consumerSigner = 0, provider = 0, providerSigner = 0] = micros
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return {
    concurrency,
    perSecond: times.length / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    micros: [consumer, consumerSigner, provider, providerSigner],
    total: micros.reduce((sum, value) => sum + value, 0),
  }
}

/** A server that has just started runs code that V8 has not yet compiled: twice the CPU of one that has done 30,000 exchanges. */
export async function warmUp(one: () => Promise<void>, exchanges: number): Promise<void> {
  let left = exchanges
  await inParallel(64, async () => {
    while (left-- > 0) await one()
  })
}

async function inParallel(count: number, run: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, run))
}
