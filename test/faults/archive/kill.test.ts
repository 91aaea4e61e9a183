// kill -9 and a full disk at any moment of the archiver: every record is in one file, no file is a part, and the chain goes through.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type TestContext } from 'node:test'
import { linkArchives } from '#evidence'
import { tool } from '../../tools.ts'
import {
  archivesIn,
  fill,
  namesIn,
  openStampedLog,
  openTestArchive,
  record,
} from '../../unit/security-server/archive/fixture.ts'
import { atEnd, code, collect, spooled, temporaryDirectory } from '../../unit/security-server/message-log/fixture.ts'

const LONG = process.env['SAADIK_LONG'] !== undefined
const KILLS = LONG ? 150 : 6
const RECORDS = LONG ? 600 : 100
const SETTINGS = { grouping: 'member', maxFileBytes: 20_000 }

test(`after each of ${KILLS} kills each record is in the log or in a file; in the end in one file, with its proof, in one chain`, async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, RECORDS)
  // Some with bodies in files of their own.
  const long = Array.from({ length: 10 }, async (_, index) =>
    log.append(record({ body: await spooled(log, Buffer.alloc(70_000, index)) }, index)),
  )
  await log.timestampNow(await Promise.all(long))
  await log.append(record())
  const all = RECORDS + 10
  await log.close()
  let kills = 0
  let removed = 0
  for (let done = false; !done; kills += 1) {
    // Some while it opens and sweeps, the others anywhere in the run; the last one may finish.
    const when = kills >= KILLS ? undefined : kills % 4 === 3 ? Math.random() * 400 : 300 + Math.random() * 700
    done = await archiveUntilKilled(directory, when)
    const archived = new Set<number>()
    if (existsSync(join(directory, 'archive')))
      for (const { report, seqs } of await archivesIn(join(directory, 'archive'))) {
        assert.deepEqual(report.faults, [])
        for (const seq of seqs) archived.add(seq)
      }
    removed = await inLogOrArchived(t, directory, archived, all)
  }
  const files = await archivesIn(join(directory, 'archive'))
  const seqs = files.flatMap((file) => file.seqs).sort((a, b) => a - b)
  assert.deepEqual(
    seqs,
    Array.from({ length: all }, (_, index) => index + 1),
  )
  // All but the last, which has no time-stamp.
  assert.equal(removed, all)
  for (const group of ['COM_9', 'GOV_1', 'GOV_2']) {
    const reports = files.filter(({ name }) => name.includes(group)).map(({ report }) => report)
    const linked = linkArchives(reports, 'first')
    assert.ok(linked.every(({ valid }) => valid))
    assert.equal(linked.filter(({ link }) => link === 'start').length, 1)
  }
  for (const { name } of files) {
    const containers = await namesIn(join(directory, 'archive', name))
    const proofs = await namesIn(join(directory, 'archive', name.replace('.zip', '.proofs.zip')))
    assert.equal(proofs.length, containers.length - 1)
  }
  assert.deepEqual(readdirSync(join(directory, 'archiving')), [])
  t.diagnostic(`${kills} lives, ${files.length} files`)
})

/** Opens the log, which finishes what was being removed, and returns up to which record it has none. */
async function inLogOrArchived(
  t: TestContext,
  directory: string,
  archived: ReadonlySet<number>,
  all: number,
): Promise<number> {
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const { removedTo, records } = log.status()
  assert.equal(records, all + 1)
  for (let seq = 1; seq <= removedTo; seq += 1) assert.ok(archived.has(seq), `record ${seq} is nowhere`)
  let next = removedTo + 1
  for (let after = 0; ; ) {
    const page = await log.list({ after, limit: 500 })
    for (const { seq, timestamped } of page) {
      assert.equal(seq, next)
      if (timestamped && seq % 5 === 0) await collect(log.container(seq))
      next += 1
    }
    const last = page.at(-1)
    if (last === undefined) break
    after = last.seq
  }
  assert.equal(next, all + 2)
  await log.close()
  return removedTo
}

/** True when it came to its end. */
async function archiveUntilKilled(directory: string, afterMs: number | undefined): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'archive-child.ts'), directory, JSON.stringify(SETTINGS)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = once(child, 'exit')
  if (afterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), afterMs)
  let done = false
  for await (const line of createInterface({ input: child.stdout })) done ||= line === 'done'
  await ended
  return done
}

test('on a disk that is really full nothing is lost, and room lets it go on', async (t) => {
  const directory = await temporaryDirectory(t)
  const small = join(directory, 'small')
  mkdirSync(small)
  if (tool('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'saadik-test', small]).status !== 0)
    return t.skip('SKIPPED, NOT PROVED: this user may not mount a small disk')
  atEnd(t, () => tool('umount', ['-l', small]))
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 100)
  const settings = { maxFileBytes: 60_000 }
  // The work folder is full: nothing of the file remains.
  const archive = await openTestArchive(t, {
    directory: small,
    log,
    settings: { ...settings, destination: { folder: join(directory, 'out') } },
  })
  await assert.rejects(async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      const filler = join(small, `filler-${turn}`)
      tool('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k', 'count=120'])
      await archive.run()
      await fill(log, 30)
    }
  })
  const before = await archive.status()
  assert.ok(before.lastError !== undefined)
  assert.equal(tool('mount', ['-o', 'remount,size=16m', small]).status, 0)
  await archive.run()
  const after = await archive.status()
  assert.equal(after.lastError, undefined)
  assert.equal(after.archivedUpTo, log.status().records)
  await archive.close()
  // The destination is full: the file waits in the work folder.
  assert.equal(tool('mount', ['-o', 'remount,size=1m', small]).status, 0)
  tool('dd', ['if=/dev/zero', `of=${join(small, 'filler')}`, 'bs=1k'])
  const other = join(directory, 'other')
  mkdirSync(other)
  const second = await openTestArchive(t, {
    directory: other,
    log,
    settings: { ...settings, destination: { folder: join(small, 'out') } },
  })
  await assert.rejects(second.run(), code('destination_failed'))
  assert.equal((await second.status()).archivedUpTo, 0)
  assert.equal(tool('mount', ['-o', 'remount,size=16m', small]).status, 0)
  await second.run()
  assert.equal((await second.status()).archivedUpTo, log.status().records)
  const found = await archivesIn(join(small, 'out'))
  assert.equal(found.flatMap(({ seqs }) => seqs).length, log.status().records)
  assert.ok(
    linkArchives(
      found.map(({ report }) => report),
      'first',
    ).every(({ valid }) => valid),
  )
})
