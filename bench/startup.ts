// From exec to ready: a security server that has its certificates, its configuration and its log.
import { startPair } from '../test/federation/pair.ts'

export async function run(): Promise<void> {
  const pair = await startPair()
  try {
    const times: number[] = []
    for (let round = 0; round < 5; round += 1) {
      await pair.consumer.process.stop()
      const start = performance.now()
      await pair.consumer.start()
      times.push((performance.now() - start) / 1000)
    }
    console.log(`security server ready after ${times.map((time) => time.toFixed(2)).join(', ')} s`)
  } finally {
    await pair.stop()
  }
}
