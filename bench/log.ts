// CPU of the message log alone, per record: the thread that appends, and the writer's. Wall time belongs to the disk.
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GlobalConfiguration } from '#global-configuration'
import { type LogRecord, type MessageLog, openMessageLog } from '../security-server/message-log/index.ts'

/** Sizes of a REST exchange with a body of 2 KB: head, and a signature that carries its certificate and OCSP answer. */
const HEAD = randomBytes(600)
const SIGNATURE = randomBytes(5000)
const BODY = randomBytes(2048)
/** With which a record has 10 KB. */
const LARGER_BODY = randomBytes(4400)

const TSAS = [{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }]
const CONFIGURATION = { shared: { tsas: TSAS }, trust: { tsas: TSAS } } as unknown as GlobalConfiguration

export async function run(): Promise<void> {
  await on({}, async (log) => {
    await together(log, 16, 3000)
    await measure('one a millisecond', 3000, (count) => steady(() => append(log), count))
    await measure('  the same without the log', 3000, (count) => steady(async () => void (await made(log)), count))
    await measure('16 at once', 8000, (count) => together(log, 16, count))
    await measure('128 at once', 16_000, (count) => together(log, 128, count))
    await measure('one after another', 2000, (count) => together(log, 1, count))
    await measure('64 at once, 10 KB each', 40_000, (count) => together(log, 64, count, LARGER_BODY))
  })
  for (const encrypted of [false, true])
    await on({ encrypted }, async (log) => {
      const how = encrypted ? 'encrypted' : 'in clear'
      await together(log, 16, 3000)
      await measure(`16 at once, ${how}`, 8000, (count) => together(log, 16, count))
      await measure(`bodies of 10 MB, ${how}`, 20, (count) => long(log, count))
    })
}

async function on({ encrypted = false }, work: (log: MessageLog) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(process.cwd(), '.bench-log-'))
  const quiet = () => {}
  const log = await openMessageLog({
    directory,
    configuration: () => CONFIGURATION,
    settings: {
      ...{ timestamping: 'batch', acceptableFailureSeconds: 0, timestampIntervalSeconds: 86_400 },
      ...(encrypted ? { encryption: { keysFile: join(directory, 'keys') } } : {}),
    },
    clock: { now: () => new Date() },
    log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
  })
  try {
    await work(log)
  } finally {
    await log.close()
    rmSync(directory, { recursive: true })
  }
}

/** Spooled, logged and read back. */
async function long(log: MessageLog, count: number): Promise<void> {
  const piece = randomBytes(64 * 1024)
  for (let left = count; left > 0; left -= 1) {
    const spool = log.spool()
    for (let written = 0; written < 10_000_000; written += piece.length) await spool.write(piece)
    const { body: _, ...record } = await made(log)
    const seq = await log.append({ ...record, body: await spool.finish() })
    const stored = (await log.get(seq))?.body
    if (stored !== undefined) for await (const _chunk of log.read(stored));
  }
}

async function measure(name: string, count: number, work: (count: number) => Promise<void>): Promise<void> {
  const start = { main: process.threadCpuUsage(), others: otherThreads(), calls: writes() }
  const begun = performance.now()
  await work(count)
  const milliseconds = performance.now() - begun
  const used = process.threadCpuUsage(start.main)
  const main = (used.user + used.system) / count
  const others = (otherThreads() - start.others) / 1000 / count
  console.log(
    `${name}: ${(main + others).toFixed(0)} µs a record: ${main.toFixed(0)} on the main thread, ${others.toFixed(0)} on others; ${((writes() - start.calls) / count).toFixed(1)} writes; ${(milliseconds / count).toFixed(2)} ms, ${((1000 * count) / milliseconds).toFixed(0)} a second`,
  )
}

/** At the pace of a server under load, whose other work keeps one append from the next. */
async function steady(work: () => Promise<void>, count: number): Promise<void> {
  const waits: Promise<void>[] = []
  for (let done = 0; done < count; done += 1) {
    waits.push(work())
    await sleep(1)
  }
  await Promise.all(waits)
}

async function together(log: MessageLog, writers: number, count: number, body = BODY): Promise<void> {
  let left = count
  const one = async () => {
    while (left-- > 0) await append(log, body)
  }
  await Promise.all(Array.from({ length: writers }, one))
}

async function append(log: MessageLog, body = BODY): Promise<void> {
  await log.append(await made(log, body))
}

async function made(log: MessageLog, body = BODY): Promise<LogRecord> {
  const spool = log.spool()
  await spool.write(body)
  return {
    at: new Date(),
    side: 'provider',
    direction: 'request',
    queryId: randomUUID(),
    requestId: randomUUID(),
    protocol: 'rest',
    client: { instance: 'DEMO', memberClass: 'GOV', memberCode: '70000002', subsystemCode: 'benefits' },
    service: {
      ...{ instance: 'DEMO', memberClass: 'GOV', memberCode: '70000001', subsystemCode: 'population-register' },
      serviceCode: 'persons',
    },
    head: HEAD,
    signature: SIGNATURE,
    body: await spool.finish(),
  }
}

/** Nanoseconds on a processor so far, of the log's own threads and of those that wait for the disk in Node's pool. */
function otherThreads(): number {
  let sum = 0
  for (const thread of readdirSync('/proc/self/task')) {
    const name = readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim()
    if (name !== 'WorkerThread' && name !== 'libuv-worker') continue
    sum += Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  }
  return sum
}

/** Calls that wrote, of the whole process. */
function writes(): number {
  return Number(/^syscw: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])
}
