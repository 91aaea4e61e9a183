// kill -9 while a log forgets: what was not given up is there whole, what was given up is not seen again, and nothing of it stays in the end.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { fill, openStampedLog, record } from '../../unit/security-server/archive/fixture.ts'
import { collect, spooled, temporaryDirectory, until } from '../../unit/security-server/message-log/fixture.ts'

const KILLS = process.env['SAADIK_LONG'] ? 100 : 5
const RECORDS = process.env['SAADIK_LONG'] ? 2000 : 60

const bodiesIn = (directory: string) =>
  readdirSync(join(directory, 'bodies'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .length

test(`after each of ${KILLS} kills the log has all that it was not told to forget`, async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory })
  for (let index = 0; index < RECORDS; index += 1) {
    const body = index % 3 === 0 ? await spooled(log, Buffer.alloc(70_000, index)) : undefined
    await log.append(record(body === undefined ? {} : { body }, index))
  }
  await log.timestampNow(Array.from({ length: RECORDS }, (_, index) => index + 1))
  await log.close()
  let told = 0
  let removed = 0
  for (let kill = 0, done = false; !done; kill += 1) {
    const life = await removeUntilKilled(directory, kill < KILLS ? 1 + Math.floor(Math.random() * 4) : undefined)
    done = life.done
    told = Math.max(told, life.to)
    const again = await openStampedLog(t, { directory })
    const { removedTo, records } = again.status()
    assert.equal(records, RECORDS)
    assert.ok(removedTo >= removed && removedTo <= told, `${removed} to ${told}: ${removedTo}`)
    removed = removedTo
    const page = await again.list({ after: 0, limit: 1000 })
    assert.equal(page[0]?.seq, removedTo + 1)
    // Of each tenth, everything that it is made of.
    for (const { seq } of page) if (seq % 10 === 1) assert.ok((await collect(again.container(seq))).length > 0)
    // The start finished what was being removed.
    const kept = page.length < 1000 ? page.filter(({ seq }) => seq % 3 === 1).length : undefined
    if (kept !== undefined) await until(() => bodiesIn(directory) === kept)
    await again.close()
  }
  assert.equal(removed, RECORDS - 1)
  const last = await openStampedLog(t, { directory })
  assert.deepEqual(await fill(last, 1), [RECORDS + 1])
})

/** Kills in the middle of a removal, after it has begun so many. */
async function removeUntilKilled(
  directory: string,
  removals: number | undefined,
): Promise<{ readonly to: number; readonly done: boolean }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'removal-child.ts'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  let to = 0
  let begun = 0
  let done = false
  for await (const line of createInterface({ input: child.stdout })) {
    done ||= line === 'done'
    if (!/^\d+$/.test(line)) continue
    to = Number(line)
    begun += 1
    if (begun === removals) setTimeout(() => child.kill('SIGKILL'), Math.random() * 40)
  }
  await ended
  return { to, done }
}
