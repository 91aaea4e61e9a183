// What leaves the log: only what is old, archived, read back and proved.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { TestClock, TestLog, temporaryDirectory } from '../message-log/fixture.ts'
import { AT, archivesIn, fill, openStampedLog, openTestArchive, record } from './fixture.ts'

const DAY = 86_400

test('records go when they are old enough, and only those that are archived', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const clock = new TestClock(new Date(AT.getTime() + DAY * 1000))
  const said = new TestLog()
  const archive = await openTestArchive(t, { directory, log, clock, said })
  await fill(log, 5)
  await archive.run()
  clock.forward(20 * DAY)
  await fill(log, 5, { at: clock.now() })
  await archive.run()
  assert.equal((await archive.status()).archivedUpTo, 10)
  assert.equal(log.status().removedTo, 0)
  clock.forward(10 * DAY)
  await fill(log, 2, { at: clock.now() })
  await archive.run()
  assert.equal(log.status().removedTo, 5)
  assert.equal((await archive.status()).removedUpTo, 5)
  assert.ok(said.lines.some(({ message }) => message === 'records were removed that are archived'))
  assert.equal(await log.get(5), undefined)
  assert.equal((await log.get(6))?.seq, 6)
  clock.forward(100 * DAY)
  await archive.run()
  // The log goes on from its last record.
  assert.equal(log.status().removedTo, 11)
  const seqs = (await archivesIn(join(directory, 'archive'))).flatMap(({ seqs }) => seqs)
  assert.deepEqual(
    seqs.sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, index) => index + 1),
  )
  await fill(log, 3, { at: clock.now() })
  await archive.run()
  assert.equal((await archive.status()).archivedUpTo, 15)
})

test('one young record keeps what was archived with it and after it', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const clock = new TestClock(new Date(AT.getTime() + 40 * DAY * 1000))
  const archive = await openTestArchive(t, { directory, log, clock })
  // The clock jumped while they were logged.
  await fill(log, 2)
  await fill(log, 1, { at: clock.now() })
  await fill(log, 2)
  await archive.run()
  assert.equal(log.status().removedTo, 0)
  clock.forward(31 * DAY)
  await archive.run()
  assert.equal(log.status().removedTo, 4)
})

test('what is not stored, or not proved, stays however old it is', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const clock = new TestClock(new Date(AT.getTime() + 400 * DAY * 1000))
  let provable = 4
  const proofs = {
    provableUpTo: () => provable,
    proofOf: async (seq: number) => Buffer.from(`proof of ${seq}`),
  }
  const away = join(directory, 'away')
  const archive = await openTestArchive(t, {
    directory,
    log,
    clock,
    proofs,
    settings: { destination: { folder: join(away, 'archive') } },
  })
  await fill(log, 10)
  await archive.run()
  assert.equal(log.status().removedTo, 4)
  provable = 8
  // The destination is gone.
  rmSync(away, { recursive: true })
  writeFileSync(away, '')
  await assert.rejects(archive.run())
  assert.equal((await archive.status()).files, 2)
  assert.equal(log.status().removedTo, 4)
  assert.equal((await log.get(5))?.seq, 5)
  rmSync(away)
  await archive.run()
  assert.equal(log.status().removedTo, 8)
  provable = Number.MAX_SAFE_INTEGER
  const late = await log.append(record())
  await archive.run()
  // Ten are archived; the last, which has no time-stamp, is not.
  assert.equal(log.status().removedTo, 10)
  assert.equal((await log.get(late))?.timestamped, false)
})

test('an archive that fails does not keep what was archived before', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const clock = new TestClock(AT)
  const away = join(directory, 'away')
  const settings = { destination: { folder: join(away, 'archive') } }
  const archive = await openTestArchive(t, { directory, log, clock, settings })
  await fill(log, 3)
  await archive.run()
  rmSync(away, { recursive: true })
  writeFileSync(away, '')
  clock.forward(60 * DAY)
  await fill(log, 3, { at: clock.now() })
  await assert.rejects(archive.run())
  assert.equal(log.status().removedTo, 3)
})

test('a log that is kept for ever is', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const clock = new TestClock(new Date(AT.getTime() + 4000 * DAY * 1000))
  const archive = await openTestArchive(t, { directory, log, clock, settings: { keepDays: 'forever' } })
  await fill(log, 3)
  await archive.run()
  assert.equal((await archive.status()).archivedUpTo, 3)
  assert.equal(log.status().removedTo, 0)
})
