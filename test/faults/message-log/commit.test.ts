// Every write of the log that can fail, failed: not persisted, and persisted all the same (style.md rule 15).
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
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
import { failingSegments, type SegmentFault } from './faulty-segment.ts'
import type { Fault, FaultPlan } from './faulty-writer.ts'

interface Row {
  readonly fault: SegmentFault
  readonly code: 'store_failed' | 'store_broken'
  /** Whether the caller was told that a restart may find the record. */
  readonly mayRemain: boolean
  /** What follows: another record, or a restart, which the log may insist on. */
  readonly next: 'another' | 'restart'
  /** Whether the restart at the end finds the record. */
  readonly remains: boolean
}

const TABLE: readonly Row[] = [
  { fault: 'room-full', code: 'store_failed', mayRemain: false, next: 'another', remains: false },
  { fault: 'room-full', code: 'store_failed', mayRemain: false, next: 'restart', remains: false },
  { fault: 'room-io', code: 'store_broken', mayRemain: false, next: 'restart', remains: false },
  { fault: 'write-full-lost', code: 'store_failed', mayRemain: true, next: 'another', remains: false },
  { fault: 'write-full-torn', code: 'store_failed', mayRemain: true, next: 'another', remains: false },
  { fault: 'write-full-torn', code: 'store_failed', mayRemain: true, next: 'restart', remains: false },
  // The next record takes its number and its place.
  { fault: 'write-full-kept', code: 'store_failed', mayRemain: true, next: 'another', remains: false },
  { fault: 'write-full-kept', code: 'store_failed', mayRemain: true, next: 'restart', remains: true },
  { fault: 'write-io-lost', code: 'store_broken', mayRemain: true, next: 'restart', remains: false },
  { fault: 'write-io-torn', code: 'store_broken', mayRemain: true, next: 'restart', remains: false },
  { fault: 'write-io-kept', code: 'store_broken', mayRemain: true, next: 'restart', remains: true },
]

for (const row of TABLE) {
  test(`${row.fault}, then ${row.next}: the message is refused, ${row.remains ? 'its record remains whole' : 'nothing of it remains'}`, async (t) => {
    const directory = await temporaryDirectory(t)
    const said = new TestLog()
    const log = await openLog(t, {
      directory,
      replaced: { openSegment: failingSegments(row.fault, 1) },
      log: said,
    })
    const content = randomBytes(100_000)
    assert.equal(await log.append(record({ queryId: 'before', body: await spooled(log, content) })), 1)

    const spool = log.spool()
    await spool.write(content)
    const body = await spool.finish()
    // Longer than the room that the first record has left.
    const signature = Buffer.alloc(500_000, 's')
    await assert.rejects(log.append(record({ queryId: 'refused', body, signature })), (error: LogError) => {
      assert.equal(error.code, row.code)
      assert.equal(error.mayRemain, row.mayRemain)
      return true
    })
    // What every caller does with the body of a refused message; it must not take evidence away.
    await spool.discard()
    assert.ok(log.status().refusing)
    assert.ok(said.lines.some((line) => line.level === 'error'))

    const taken: string[] = []
    if (row.next === 'another') {
      await log.append(record({ queryId: 'after', body: await spooled(log, content) }))
      assert.equal(log.status().refusing, undefined)
      taken.push('after')
    } else if (row.code === 'store_broken') {
      await assert.rejects(log.append(record()), code('store_broken'))
      await assert.rejects(log.timestampNow([1]), code('store_broken'))
      assert.match(log.status().refusing ?? '', /until this process starts again/)
    }
    await log.close()
    await assertWhole(t, directory, ['before', ...(row.remains ? ['refused'] : []), ...taken], content)
  })
}

/** What the index does once records are durable takes none of them away. */
const INDEX_FAULTS: readonly { readonly fault: Fault; readonly goesOn: boolean }[] = [
  { fault: 'insert-full', goesOn: true },
  { fault: 'insert-io', goesOn: false },
  { fault: 'insert-no-file', goesOn: true },
  { fault: 'commit-full-lost', goesOn: true },
  { fault: 'commit-full-kept', goesOn: true },
  { fault: 'commit-io-lost', goesOn: false },
  { fault: 'commit-io-kept', goesOn: false },
  { fault: 'dies-before-commit', goesOn: false },
  { fault: 'dies-after-commit', goesOn: false },
]

for (const { fault, goesOn } of INDEX_FAULTS) {
  test(`${fault} in the index: no record is lost, ${goesOn ? 'the next is taken' : 'nothing is taken until a restart'}`, async (t) => {
    const directory = await temporaryDirectory(t)
    const log = await openLog(t, { directory, replaced: { writerThread: failing(directory, { fault, after: 1 }) } })
    const content = randomBytes(100_000)
    const append = async (queryId: string) => log.append(record({ queryId, body: await spooled(log, content) }))
    await append('before')
    assert.equal((await log.list({ after: 0, limit: 10 })).length, 1)
    await append('one')
    await append('two')
    await assert.rejects(log.list({ after: 0, limit: 10 }), code(goesOn ? 'store_failed' : 'store_broken'))
    if (goesOn) {
      await append('three')
      assert.deepEqual(
        (await log.list({ after: 0, limit: 10 })).map((one) => [one.seq, one.queryId]),
        [
          [1, 'before'],
          [2, 'one'],
          [3, 'two'],
          [4, 'three'],
        ],
      )
      assert.equal(log.status().refusing, undefined)
    } else await assert.rejects(append('refused'), code('store_broken'))
    await log.close()
    await assertWhole(t, directory, ['before', 'one', 'two', ...(goesOn ? ['three'] : [])], content)
  })
}

test('a store without room says so, and says when there is room again, without a message having to dare', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory, replaced: { openSegment: failingSegments('room-full', 0) } })
  await assert.rejects(log.append(record()), code('store_failed'))
  assert.match(log.status().refusing ?? '', /no space/)
  await until(() => log.status().refusing === undefined)
})

test('a disk that stays full is not said to be well', async (t) => {
  const directory = await temporaryDirectory(t)
  const said = new TestLog()
  const log = await openLog(t, {
    directory,
    log: said,
    replaced: { openSegment: failingSegments('room-full', 0, Number.POSITIVE_INFINITY) },
  })
  await assert.rejects(log.append(record()), code('store_failed'))
  // Longer than it takes to try by itself.
  await new Promise((resolve) => setTimeout(resolve, 6_000))
  assert.match(log.status().refusing ?? '', /no space left/)
  await assert.rejects(log.append(record()), code('store_failed'))
})

test('a log that is closed while a write fails leaves no timer', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const log = await openLog(t, {
    directory: await temporaryDirectory(t),
    replaced: { openSegment: failingSegments('room-full', 0) },
  })
  const refused = assert.rejects(log.append(record()), code('store_failed'))
  await log.close()
  await refused
  assert.equal(timers(), before)
})

test('an index without room says so, and catches up when there is room again', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, {
    directory,
    replaced: { writerThread: failing(directory, { fault: 'insert-full', after: 0 }) },
  })
  await log.append(record())
  await until(() => log.status().refusing !== undefined)
  assert.match(log.status().refusing ?? '', /full/)
  await until(() => log.status().refusing === undefined)
  assert.equal((await log.list({ after: 0, limit: 10 })).length, 1)
})

async function assertWhole(
  t: TestContext,
  directory: string,
  expected: readonly string[],
  content: Buffer,
): Promise<void> {
  const log = await openLog(t, { directory })
  const found = await log.list({ after: 0, limit: 10 })
  assert.deepEqual(
    found.map((one) => one.queryId),
    expected,
  )
  assert.deepEqual(
    found.map((one) => one.seq),
    found.map((_, index) => index + 1),
  )
  for (const { seq, queryId } of found) {
    const one = await log.get(seq)
    assert.ok(one?.body)
    assert.deepEqual(await collect(log.read(one.body)), content, `the body of '${queryId}' is whole`)
  }
  assert.equal(await log.append(record()), found.length + 1)
}

function failing(directory: string, plan: FaultPlan): URL {
  writeFileSync(join(directory, 'fault'), JSON.stringify(plan))
  return new URL('./faulty-writer.ts', import.meta.url)
}
