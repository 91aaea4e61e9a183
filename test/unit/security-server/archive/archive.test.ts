// The archiver over a real log: which file a record is in, how files go on from each other, what is done again and what is not.
import assert from 'node:assert/strict'
import { createReadStream, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { readZip, verifyArchive } from '#evidence'
import { needsTools, tool } from '../../../tools.ts'
import { bodyBytes, bodyNames, changeBody } from '../message-log/behind.ts'
import { code, collect, spooled, TestLog, temporaryDirectory } from '../message-log/fixture.ts'
import { archivesIn, fill, MEMBERS, namesIn, openStampedLog, openTestArchive, record } from './fixture.ts'

test('all records are in one file, by member and number, and its chain holds', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 10)
  const archive = await openTestArchive(t, { directory, log })
  assert.deepEqual(await archive.status(), {
    destination: join(directory, 'archive'),
    files: 0,
    records: 0,
    archivedUpTo: 0,
    removedUpTo: 0,
    nextRun: '2026-03-01T12:10:00.000Z',
  })
  await archive.run()
  const [only, ...more] = await archivesIn(join(directory, 'archive'))
  assert.ok(only && more.length === 0)
  assert.equal(only.report.valid, true)
  assert.equal(only.report.previous, undefined)
  // Record 1 is of the last member, and so on.
  assert.deepEqual(only.seqs, [5, 10, 4, 9, 3, 8, 2, 7, 1, 6])
  assert.match(only.name, /^mlog-20260301\d{6}-20260301\d{6}-[0-9a-f]{16}\.zip$/)
  assert.ok(only.report.lastDigest?.startsWith(only.name.slice(-20, -4)))
  const status = await archive.status()
  assert.deepEqual([status.files, status.records, status.archivedUpTo, status.lastError], [1, 10, 10, undefined])
  assert.deepEqual(readdirSync(join(directory, 'archiving')), [])
})

test('the containers are those that the log gives', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const body = Buffer.alloc(900_000, 'body')
  const seq = await log.append(record({ body: await spooled(log, body) }))
  await log.timestampNow([seq])
  await (await openTestArchive(t, { directory, log })).run()
  const [only] = await archivesIn(join(directory, 'archive'))
  let container: Buffer | undefined
  for await (const entry of readZip(createReadStream(join(directory, 'archive', only?.name ?? ''))))
    if (entry.name.endsWith('.asice')) container = await collect(entry.body)
  assert.ok(container !== undefined)
  assert.ok(container.equals(await collect(log.container(seq))))
  assert.ok(container.length > 1000)
})

test('a file goes on from the last one of its group, in a later life of the server too', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const seen = new Map<string, string>()
  for (const turn of [0, 1, 2]) {
    await fill(log, 10)
    const archive = await openTestArchive(t, { directory, log, settings: { grouping: 'member' } })
    await archive.run()
    await archive.run()
    await archive.close()
    const files = await archivesIn(join(directory, 'archive'))
    assert.equal(files.length, 3 * (turn + 1))
    for (const { name, report } of files) {
      assert.equal(report.valid, true, name)
      seen.set(report.previous?.file ?? `first of ${name.slice(0, 15)}`, name)
    }
  }
  // Each goes on from another, and three from nothing.
  assert.equal(seen.size, 9)
  assert.deepEqual([...seen.keys()].filter((key) => key.startsWith('first')).sort(), [
    'first of mlog-DEMO_COM_9',
    'first of mlog-DEMO_GOV_1',
    'first of mlog-DEMO_GOV_2',
  ])
})

test('groups are members or subsystems, and no file has two', async (t) => {
  for (const [grouping, groups] of [
    ['member', [[0], [1, 2, 3], [4]]],
    ['subsystem', [[0], [1], [2], [3], [4]]],
  ] as const) {
    const directory = await temporaryDirectory(t)
    const log = await openStampedLog(t, { directory: join(directory, 'log') })
    await fill(log, 15)
    const archive = await openTestArchive(t, { directory, log, settings: { grouping } })
    await archive.run()
    const files = await archive.files({ after: 0, limit: 100 })
    assert.deepEqual(
      files.map(({ group, records }) => [group, records]),
      groups.map((members) => {
        const { instance, memberClass, memberCode, subsystemCode } = MEMBERS[members[0]] ?? assert.fail()
        const sub = grouping === 'subsystem' && subsystemCode !== undefined ? `/${subsystemCode}` : ''
        return [`${instance}/${memberClass}/${memberCode}${sub}`, members.length * 3]
      }),
    )
  }
})

test('a file ends with the container that fills it', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 12)
  const [first] = await Promise.all([collect(log.container(5))])
  const archive = await openTestArchive(t, { directory, log, settings: { maxFileBytes: first.length + 10 } })
  await archive.run()
  const files = await archivesIn(join(directory, 'archive'))
  assert.equal(files.length, 6)
  assert.deepEqual(
    files.flatMap(({ seqs }) => seqs).sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, index) => index + 1),
  )
  const [one, two] = await archive.files({ after: 0, limit: 2 })
  assert.ok(one && two && one.records === 2)
  const path = (name: string) => createReadStream(join(directory, 'archive', name))
  assert.equal((await verifyArchive(path(one.name), 'first')).valid, true)
  assert.equal((await verifyArchive(path(two.name), { previous: one.digest })).valid, true)
  assert.deepEqual(
    await archive.files({ after: two.id, limit: 100 }),
    (await archive.files({ after: 0, limit: 9 })).slice(2),
  )
})

test('what has no time-stamp yet waits, and what comes behind it', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  const archive = await openTestArchive(t, { directory, log })
  await fill(log, 3)
  const late = await log.append(record())
  await fill(log, 2)
  await archive.run()
  assert.equal((await archive.status()).archivedUpTo, 3)
  await log.timestampNow([late])
  await archive.run()
  await archive.run()
  assert.equal((await archive.status()).archivedUpTo, 6)
  assert.equal((await archive.status()).records, 6)
})

test('proofs lie beside each file, and what cannot be proved yet waits', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 10)
  let upTo = 5
  const proofs = {
    provableUpTo: () => upTo,
    proofOf: async (seq: number) => Buffer.from(`proof of ${seq}`),
  }
  const archive = await openTestArchive(t, { directory, log, proofs })
  await archive.run()
  assert.equal((await archive.status()).archivedUpTo, 5)
  upTo = 10
  await archive.run()
  const files = await archive.files({ after: 0, limit: 100 })
  assert.deepEqual(
    files.map(({ records }) => records),
    [5, 5],
  )
  for (const { name, proofs } of files) {
    assert.equal(proofs?.name, name.replace('.zip', '.proofs.zip'))
    const containers = await namesIn(join(directory, 'archive', name))
    const beside = await namesIn(join(directory, 'archive', proofs?.name ?? ''))
    assert.deepEqual(
      beside,
      containers.slice(0, -1).map((container) => `${container}.tlog-proof`),
    )
  }
})

test('a record that cannot be read stops the archive, by its number, and is not left out', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 2)
  const body = await spooled(log, Buffer.alloc(200_000, 'x'))
  const seq = await log.append(record({ body, member: MEMBERS[1] ?? assert.fail() }))
  await log.timestampNow([seq])
  await fill(log, 2)
  const [file = ''] = await bodyNames(join(directory, 'log'))
  const bytes = await bodyBytes(join(directory, 'log'), file)
  await changeBody(join(directory, 'log'), file, Buffer.concat([bytes.subarray(0, -1), Buffer.from('y')]))
  const said = new TestLog()
  const archive = await openTestArchive(t, { directory, log, said })
  await assert.rejects(archive.run(), (error: Error) => {
    assert.match(error.message, new RegExp(`Record ${seq} `))
    return code('records_missing')(error)
  })
  assert.equal((await archive.status()).archivedUpTo, 0)
  assert.match((await archive.status()).lastError ?? '', /cannot be archived/)
  assert.ok(said.lines.some(({ level }) => level === 'error'))
  assert.equal(existsSync(join(directory, 'archive')), false)
  await changeBody(join(directory, 'log'), file, bytes)
  await archive.run()
  assert.equal((await archive.status()).lastError, undefined)
  assert.equal((await archive.status()).records, 5)
})

test('a file whose copy was lost before it was stored is made again', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 6)
  // A folder that cannot be made: a file has its name.
  writeFileSync(join(directory, 'away'), '')
  const settings = { destination: { folder: join(directory, 'away', 'archive') } }
  const first = await openTestArchive(t, { directory, log, settings })
  await assert.rejects(first.run(), code('destination_failed'))
  assert.equal((await first.status()).archivedUpTo, 0)
  const [made] = await first.files({ after: 0, limit: 9 })
  assert.ok(made && made.provedAt === undefined)
  await first.close()
  rmSync(join(directory, 'archiving'), { recursive: true })
  rmSync(join(directory, 'away'))
  const second = await openTestArchive(t, { directory, log, settings })
  await second.run()
  const [only, ...more] = await second.files({ after: 0, limit: 9 })
  assert.equal(more.length, 0)
  assert.equal(only?.sha256, made.sha256)
  assert.equal((await second.status()).archivedUpTo, 6)
})

test('a run is joined by who asks meanwhile; after the end nothing runs', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 20)
  const archive = await openTestArchive(t, { directory, log, settings: { maxFileBytes: 1 } })
  const runs = [archive.run(), archive.run()]
  const { running } = await archive.status()
  assert.ok(running !== undefined)
  await Promise.all(runs)
  assert.equal((await archive.status()).files, 20)
  await fill(log, 20)
  const cut = archive.run()
  await archive.close()
  await cut
  const again = await openTestArchive(t, { directory, log, settings: { maxFileBytes: 1 } })
  await again.run()
  assert.equal((await again.status()).records, 40)
  const seqs = (await archivesIn(join(directory, 'archive'))).flatMap(({ seqs }) => seqs)
  assert.equal(new Set(seqs).size, 40)
  assert.equal(seqs.length, 40)
})

test('Info-ZIP takes the containers out', async (t) => {
  if (!needsTools(t, 'unzip')) return
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 3)
  await (await openTestArchive(t, { directory, log })).run()
  const [only] = await archivesIn(join(directory, 'archive'))
  assert.equal(tool('unzip', ['-tq', join(directory, 'archive', only?.name ?? '')]).status, 0)
})
