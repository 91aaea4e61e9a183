// What the log forgets: records, bodies, segments and time-stamps that were given up, nothing else, and it goes on.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { onlyOn } from '../../../stores.ts'
import { fill, openStampedLog, record } from '../archive/fixture.ts'
import { askLog, bodyNames } from './behind.ts'
import { collect, spooled, temporaryDirectory } from './fixture.ts'

test('records up to a number are gone, with their bodies; the others are found, read and added to', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory })
  for (let index = 0; index < 10; index += 1)
    await log.append(record({ queryId: `id-${index + 1}`, body: await spooled(log, Buffer.alloc(100_000, index)) }))
  await log.timestampNow([1, 2, 3, 4, 5])
  await log.timestampNow([6, 7, 8, 9, 10])
  assert.equal(log.status().removedTo, 0)
  await log.removeUpTo(4)
  assert.equal(log.status().removedTo, 4)
  assert.equal(log.status().records, 10)
  assert.deepEqual(
    (await log.list({ after: 0, limit: 100 })).map(({ seq }) => seq),
    [5, 6, 7, 8, 9, 10],
  )
  assert.equal(await log.get(4), undefined)
  assert.equal(await log.evidenceOf(4), undefined)
  const found = async (id: string) => (await log.search({ id })).records.length
  assert.deepEqual([await found('id-3'), await found('id-7')], [0, 1])
  assert.equal((await bodyNames(directory)).length, 6)
  for (const seq of [5, 10]) assert.ok((await collect(log.container(seq))).length > 0)
  const [next = 0] = await fill(log, 1)
  assert.equal(next, 11)
  // Again, and backwards: nothing happens.
  await log.removeUpTo(4)
  await log.removeUpTo(1)
  assert.equal(log.status().removedTo, 4)
  await log.close()
  const again = await openStampedLog(t, { directory })
  assert.equal(again.status().removedTo, 4)
  assert.equal(again.status().records, 11)
  assert.deepEqual(
    (await again.list({ after: 0, limit: 100 })).map(({ seq }) => seq),
    [5, 6, 7, 8, 9, 10, 11],
  )
  assert.ok((await again.get(5))?.timestamped)
})

test('the last record stays, and what has no time-stamp', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory })
  await fill(log, 5)
  await log.removeUpTo(Number.MAX_SAFE_INTEGER)
  assert.equal(log.status().removedTo, 4)
  const waiting = await log.append(record())
  await fill(log, 2)
  await log.removeUpTo(8)
  assert.equal(log.status().removedTo, waiting - 1)
  assert.equal((await log.get(waiting))?.timestamped, false)
  await log.close()
  const again = await openStampedLog(t, { directory })
  assert.equal(await again.append(record()), 9)
})

test('whole segments go, and time-stamps that nothing needs', async (t) => {
  if (!onlyOn(t, 'sqlite')) return
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory })
  const head = Buffer.alloc(20_000_000, 'x')
  // Three of them fill a segment.
  for (let index = 0; index < 8; index += 1) {
    const seq = await log.append(record({ head }))
    await log.timestampNow([seq])
  }
  const segments = () => readdirSync(join(directory, 'segments')).map(Number)
  const before = segments().sort((a, b) => a - b)
  assert.ok(before.length >= 3)
  const second = before[1] ?? assert.fail()
  await log.removeUpTo(second - 2)
  assert.deepEqual(new Set(segments()), new Set(before))
  await log.removeUpTo(second - 1)
  assert.deepEqual(new Set(segments()), new Set(before.slice(1)))
  await log.removeUpTo(7)
  assert.equal(segments().length, 1)
  await log.close()
  const db = new DatabaseSync(join(directory, 'log.db'), { readOnly: true })
  assert.equal(db.prepare('SELECT count(*) AS n FROM timestamps').get()?.['n'], 1)
  assert.equal(db.prepare('SELECT count(*) AS n FROM record_timestamps').get()?.['n'], 1)
  db.close()
  const again = await openStampedLog(t, { directory })
  assert.ok((await collect(again.container(8))).length > 0)
  assert.ok(again.status().lastTimestamp !== undefined)
})

test('the index itself refuses to lose what was not given up', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory })
  await fill(log, 6)
  await log.removeUpTo(3)
  await log.close()
  const refused = (what: string, reason: RegExp) =>
    assert.rejects(
      askLog(directory, {
        sqlite: `DELETE FROM ${what}`,
        postgres: `DELETE FROM ${what.replace(/\b(record|timestamp|record_timestamp)s\b/g, 'log_$1')}`,
      }),
      reason,
      what,
    )
  await refused('records WHERE seq = 4', /append-only|foreign key/)
  await refused('record_timestamps WHERE seq = 4', /append-only/)
  await refused('timestamps', /append-only|foreign key/)
  await refused('records', /append-only|foreign key/)
})
