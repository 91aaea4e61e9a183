// Every write of the log that can fail, failed: not persisted, and persisted all the same (style.md rule 15).
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { LogError } from '../../../security-server/message-log/error.ts'
import {
  code,
  collect,
  openLog,
  record,
  spooled,
  TestLog,
  temporaryDirectory,
  until,
} from '../../unit/security-server/message-log/fixture.ts'
import type { Fault, FaultPlan } from './faulty-writer.ts'

interface Row {
  readonly fault: Fault
  readonly code: 'store_failed' | 'store_broken'
  /** Whether the caller was told that a restart may find the record. */
  readonly mayRemain: boolean
  /** Whether a restart does find it. */
  readonly remains: boolean
  /** Whether the next record is taken without a restart. */
  readonly goesOn: boolean
}

const TABLE: readonly Row[] = [
  { fault: 'insert-full', code: 'store_failed', mayRemain: false, remains: false, goesOn: true },
  { fault: 'insert-io', code: 'store_broken', mayRemain: false, remains: false, goesOn: false },
  { fault: 'commit-full-lost', code: 'store_failed', mayRemain: true, remains: false, goesOn: true },
  { fault: 'commit-full-kept', code: 'store_failed', mayRemain: true, remains: true, goesOn: true },
  { fault: 'commit-io-lost', code: 'store_broken', mayRemain: true, remains: false, goesOn: false },
  { fault: 'commit-io-kept', code: 'store_broken', mayRemain: true, remains: true, goesOn: false },
  { fault: 'dies-before-commit', code: 'store_broken', mayRemain: true, remains: false, goesOn: false },
  { fault: 'dies-after-commit', code: 'store_broken', mayRemain: true, remains: true, goesOn: false },
]

for (const row of TABLE) {
  test(`${row.fault}: the message is refused, ${row.remains ? 'its record remains whole' : 'nothing of it remains'}, ${row.goesOn ? 'the next is taken' : 'nothing is taken until a restart'}`, async (t) => {
    const directory = await temporaryDirectory(t)
    const said = new TestLog()
    const log = await openLog(t, {
      directory,
      writerThread: failing(directory, { fault: row.fault, after: 1 }),
      log: said,
    })
    const content = randomBytes(100_000)
    assert.equal(await log.append(record({ queryId: 'before', body: await spooled(log, content) })), 1)

    const spool = log.spool()
    await spool.write(content)
    const body = await spool.finish()
    await assert.rejects(log.append(record({ queryId: 'refused', body })), (error: LogError) => {
      assert.equal(error.code, row.code)
      assert.equal(error.mayRemain, row.mayRemain)
      return true
    })
    // What every caller does with the body of a refused message; it must not take evidence away.
    await spool.discard()
    assert.ok(log.status().refusing)
    assert.ok(said.lines.some((line) => line.level === 'error'))

    const taken: string[] = []
    if (row.goesOn) {
      await log.append(record({ queryId: 'after', body: await spooled(log, content) }))
      assert.equal(log.status().refusing, undefined)
      taken.push('after')
    } else {
      await assert.rejects(log.append(record()), code('store_broken'))
      await assert.rejects(log.timestampNow([1]), code('store_broken'))
      assert.match(log.status().refusing ?? '', /until this process starts again/)
    }
    await log.close()

    const again = await openLog(t, { directory })
    const found = await again.list({ after: 0, limit: 10 })
    assert.deepEqual(
      found.map((one) => one.queryId),
      ['before', ...(row.remains ? ['refused'] : []), ...taken],
    )
    assert.deepEqual(
      found.map((one) => one.seq),
      found.map((_, index) => index + 1),
    )
    for (const one of found) {
      assert.ok(one.body)
      assert.deepEqual(await collect(again.read(one.body)), content, `the body of '${one.queryId}' is whole`)
    }
    assert.equal(await again.append(record()), found.length + 1)
  })
}

test('a store without room says so, and says when there is room again, without a message having to dare', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory, writerThread: failing(directory, { fault: 'insert-full', after: 0 }) })
  await assert.rejects(log.append(record()), code('store_failed'))
  assert.match(log.status().refusing ?? '', /full/)
  await until(() => log.status().refusing === undefined)
})

function failing(directory: string, plan: FaultPlan): URL {
  writeFileSync(join(directory, 'fault'), JSON.stringify(plan))
  return new URL('./faulty-writer.ts', import.meta.url)
}
