// Memory: idle, and while a gigabyte goes each way.
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { CLIENT, SERVICE_PATH, startPair } from '../test/federation/pair.ts'
import { peakMegabytes, pssMegabytes } from './proc.ts'

const GIBIBYTE = 2 ** 30

async function* blocks(bytes: number): AsyncGenerator<Buffer> {
  const block = Buffer.alloc(64 * 1024, 'm')
  for (let left = bytes; left > 0; left -= block.length) yield left >= block.length ? block : block.subarray(0, left)
}

export async function run(): Promise<void> {
  const pair = await startPair({
    services: (url) => [{ code: 'items', url, timeoutSeconds: 600, access: [{ subject: CLIENT }] }],
  })
  try {
    await (await pair.call('/items/1')).text()
    await sleep(3000)
    for (const [name, server] of [
      ['consumer', pair.consumer],
      ['provider', pair.provider],
    ] as const) {
      const own = pssMegabytes(server.process.pid)
      const signer = pssMegabytes(server.signerProcess.pid)
      console.log(
        `${name} idle: ${own.toFixed(0)} MB + signer ${signer.toFixed(0)} MB = ${(own + signer).toFixed(0)} MB PSS`,
      )
    }
    const servers = [pair.consumer, pair.provider]
    for (const [what, go] of [
      [
        '1 GiB to the service',
        async () => {
          const answer = await request(`${pair.consumer.client}${SERVICE_PATH}/count`, {
            method: 'POST',
            headers: { 'X-Road-Client': CLIENT },
            body: blocks(GIBIBYTE) as never,
            headersTimeout: 0,
            bodyTimeout: 0,
          })
          return `${answer.statusCode} ${await answer.body.text()}`
        },
      ],
      [
        '1 GiB from the service',
        async () => {
          const answer = await request(`${pair.consumer.client}${SERVICE_PATH}/big/${GIBIBYTE}`, {
            headers: { 'X-Road-Client': CLIENT },
            headersTimeout: 0,
            bodyTimeout: 0,
          })
          let bytes = 0
          for await (const chunk of answer.body) bytes += chunk.length
          return `${answer.statusCode} ${bytes} bytes`
        },
      ],
    ] as const) {
      const before = servers.map((server) => pssMegabytes(server.process.pid))
      let peaks = [...before]
      const watch = setInterval(() => {
        peaks = servers.map((server, index) => Math.max(peaks[index] ?? 0, pssMegabytes(server.process.pid)))
      }, 100)
      const start = performance.now()
      const outcome = await go()
      clearInterval(watch)
      const seconds = (performance.now() - start) / 1000
      console.log(
        `${what}: ${outcome.slice(0, 60)} in ${seconds.toFixed(1)} s; consumer +${((peaks[0] ?? 0) - (before[0] ?? 0)).toFixed(0)} MB, provider +${((peaks[1] ?? 0) - (before[1] ?? 0)).toFixed(0)} MB`,
      )
    }
    console.log(
      `peak resident since start: consumer ${peakMegabytes(pair.consumer.process.pid).toFixed(0)} MB, provider ${peakMegabytes(pair.provider.process.pid).toFixed(0)} MB`,
    )
  } finally {
    await pair.stop()
  }
}
