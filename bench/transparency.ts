// The transparent log as it follows: records of 10 KB appended as fast as the message log takes them, leaves, tiles and checkpoints beside it.
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { GlobalConfiguration } from '#global-configuration'
import { systemClock } from '#host'
import { parseServerId } from '#protocol'
import { type MessageLog, openMessageLog } from '../security-server/message-log/index.ts'
import { openTransparency, type Transparency, transparencySchema } from '../security-server/transparency/index.ts'
import { startSigner } from '../test/federation/state.ts'

const WRITERS = 64
const RECORDS = 40_000
const PROOFS = 2_000

const TSAS = [{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }]
const CONFIGURATION = { shared: { tsas: TSAS }, trust: { tsas: TSAS } } as unknown as GlobalConfiguration
const quiet = () => undefined
const log = { error: quiet, warn: quiet, info: quiet, debug: quiet }

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(process.cwd(), '.bench-transparency-'))
  const signer = await startSigner(join(directory, 'signer'))
  const clock = systemClock
  const configuration = () => CONFIGURATION
  const settings = { timestamping: 'batch', acceptableFailureSeconds: 0, timestampIntervalSeconds: 86_400 } as const
  const messageLog = await openMessageLog({
    directory: join(directory, 'message-log'),
    configuration,
    settings,
    clock,
    log,
  })
  try {
    await append(messageLog, 2_000)
    await measure('appended alone', RECORDS, () => append(messageLog, RECORDS))
    const opened = performance.now()
    const transparency = await openTransparency({
      directory,
      server: parseServerId('DEMO/GOV/70000002/customs'),
      signer: signer.client,
      messageLog,
      configuration,
      archivedUpTo: async () => undefined,
      settings: transparencySchema.parse({}),
      witness: undefined,
      clock,
      log,
    })
    const behind = messageLog.status().records
    await sealed(transparency, behind)
    const seconds = (performance.now() - opened) / 1000
    console.log(
      `${behind} records that were there already: leaves of a signed tree in ${seconds.toFixed(2)} s, ${rate(behind, seconds)}`,
    )

    await measure('appended and followed', RECORDS, () => append(messageLog, RECORDS))
    const last = performance.now()
    await sealed(transparency, messageLog.status().records)
    console.log(`the last of them is sealed ${(performance.now() - last).toFixed(0)} ms later`)

    await measure('records proved, in order', PROOFS, async () => {
      for (let seq = 1; seq <= PROOFS; seq += 1) await transparency.proofOf(seq)
    })
    await measure('records checked, with their leaves', messageLog.status().records, async () => {
      for await (const said of transparency.check([]))
        if ('ok' in said && !said.ok) throw new Error(said.fault?.message)
    })
    await transparency.close()
  } finally {
    await messageLog.close()
    signer.client.close()
    await signer.process.stop()
    rmSync(directory, { recursive: true })
  }
}

async function measure(name: string, count: number, work: () => Promise<void>): Promise<void> {
  const [main, begun] = [process.threadCpuUsage(), performance.now()]
  await work()
  const seconds = (performance.now() - begun) / 1000
  const { user, system } = process.threadCpuUsage(main)
  console.log(`${name}: ${rate(count, seconds)}; ${((user + system) / count).toFixed(0)} µs each on the main thread`)
}

const rate = (count: number, seconds: number) => `${Math.round(count / seconds)} a second`

async function append(messageLog: MessageLog, count: number): Promise<void> {
  const [head, signature, body] = [randomBytes(600), randomBytes(5_000), randomBytes(4_400)]
  let left = count
  const one = async () => {
    while (left-- > 0) {
      const spool = messageLog.spool()
      await spool.write(body)
      await messageLog.append({
        at: new Date(),
        side: 'provider',
        direction: 'request',
        queryId: randomUUID(),
        requestId: randomUUID(),
        protocol: 'rest',
        client: { instance: 'DEMO', memberClass: 'GOV', memberCode: '70000002', subsystemCode: 'benefits' },
        service: {
          instance: 'DEMO',
          memberClass: 'GOV',
          memberCode: '70000001',
          subsystemCode: 'register',
          serviceCode: 'x',
        },
        head,
        signature,
        body: await spool.finish(),
      })
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, one))
}

async function sealed(transparency: Transparency, records: number): Promise<void> {
  while (transparency.provableUpTo() < records) await pause(5)
}
