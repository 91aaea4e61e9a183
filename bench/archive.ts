// Memory while a log is archived, which must not grow with it, and what a record costs. 20,000 records; a million with SAADIK_LONG set.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openMessageLog } from '../security-server/message-log/index.ts'
import { record } from '../test/unit/security-server/archive/fixture.ts'
import { configurationWith } from '../test/unit/security-server/message-log/fixture.ts'
import { startTsa } from '../test/unit/security-server/message-log/tsa.ts'
import { cpuSeconds, pssMegabytes } from './proc.ts'

const RECORDS = process.env['SAADIK_LONG'] === undefined ? 20_000 : 1_000_000
const BODY = randomBytes(2048)
const WRITERS = 64
const LOOK_MS = 200
const CHILD = join(import.meta.dirname, '..', 'test', 'faults', 'archive', 'archive-child.ts')

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(process.cwd(), '.bench-archive-'))
  const endings: (() => unknown)[] = []
  const context = { after: (end: () => unknown) => void endings.push(end) } as unknown as TestContext
  const tsa = await startTsa(context)
  const quiet = () => {}
  const clock = { now: () => new Date('2026-06-01T00:00:00Z') }
  const log = { error: quiet, warn: quiet, info: quiet, debug: quiet }
  const messageLog = await openMessageLog({
    directory: join(directory, 'log'),
    configuration: () => configurationWith([tsa]),
    settings: { timestamping: 'batch', timestampIntervalSeconds: 1 },
    clock,
    log,
  })
  try {
    let left = RECORDS
    const writer = async () => {
      while (left-- > 0) {
        const spool = messageLog.spool()
        await spool.write(BODY)
        await messageLog.append(record({ body: await spool.finish() }, left))
      }
    }
    await Promise.all(Array.from({ length: WRITERS }, writer))
    while (messageLog.status().untimestamped > 0) await sleep(100)
    await messageLog.close()
    await measured(directory)
  } finally {
    for (const end of endings) await end()
    rmSync(directory, { recursive: true })
  }
}

/** In a process of its own: what it holds, in each quarter of its time, and what a record costs it. */
async function measured(directory: string): Promise<void> {
  const child = spawn(process.execPath, [CHILD, directory, JSON.stringify({ keepDays: 'forever' })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = child.pid ?? 0
  const seen: number[] = []
  let cpu = 0
  let begun = 0
  const looking = setInterval(() => {
    seen.push(pssMegabytes(pid))
    cpu = cpuSeconds(pid)
  }, LOOK_MS)
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'open') begun = performance.now()
    if (line === 'done') break
  }
  clearInterval(looking)
  const each = ((performance.now() - begun) * 1000) / RECORDS
  const quarter = Math.ceil(seen.length / 4)
  const peaks = [0, 1, 2, 3].map((part) => Math.max(...seen.slice(part * quarter, (part + 1) * quarter)).toFixed(0))
  console.log(
    `${RECORDS} records with their proofs: ${((cpu * 1e6) / RECORDS).toFixed(0)} µs of CPU and ${each.toFixed(0)} µs each; peaks of memory by quarter: ${peaks.join(', ')} MB PSS`,
  )
}
