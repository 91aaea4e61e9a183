import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { engine, onlyOn } from '../../../stores.ts'
import { bodyBytes, bodyNames, changeBody } from './behind.ts'
import { CLIENT, code, collect, openLog, PROVIDER, record, spooled, TestLog, temporaryDirectory } from './fixture.ts'

test('a record is found again as it was, by number and in pages', async (t) => {
  const log = await openLog(t, { directory: await temporaryDirectory(t) })
  const member = { ...CLIENT, subsystemCode: 'with/slash and %' }
  const original = record({
    queryId: 'q',
    client: member,
    service: { ...PROVIDER, serviceCode: 'persons', serviceVersion: 'v1' },
    userId: 'EE38001010000',
    issue: 'case 7',
    representedParty: 'COM/12345678',
    tracked: { persons: ['EE38001010000'], basis: 'law § 1', secret: true },
    chain: Buffer.from('<chain/>'),
    chainResult: Buffer.from('<result/>'),
    body: await spooled(log, Buffer.from('body')),
  })
  const seq = await log.append(original)
  assert.equal(seq, 1)
  const stored = await log.get(1)
  assert.ok(stored?.body)
  assert.deepEqual(
    {
      ...stored,
      head: Buffer.from(stored.head),
      signature: Buffer.from(stored.signature),
      body: undefined,
      chain: 0,
      chainResult: 0,
    },
    { ...original, seq: 1, member, timestamped: false, body: undefined, chain: 0, chainResult: 0 },
  )
  assert.deepEqual(Buffer.from(stored.chain ?? []), original.chain)
  assert.equal(stored.body.inline, undefined)
  assert.equal((await collect(log.read(stored.body))).toString(), 'body')
  await log.append(record({ queryId: 'q' }))
  await log.append(record({ queryId: 'q', direction: 'response', side: 'provider', member }))
  assert.deepEqual(
    (await log.list({ after: 1, limit: 1 })).map((found) => found.seq),
    [2],
  )
  assert.equal(await log.get(4), undefined)
})

test('a thousand concurrent records get dense numbers, and a restart finds them all', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const seqs = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => log.append(record({ queryId: `concurrent-${index}` }))),
  )
  assert.deepEqual(
    seqs,
    Array.from({ length: 1000 }, (_, index) => index + 1),
  )
  assert.equal(log.status().records, 1000)
  assert.equal(log.status().untimestamped, 1000)
  await log.close()
  const again = await openLog(t, { directory })
  assert.equal(again.status().records, 1000)
  assert.equal(again.status().untimestamped, 1000)
  assert.equal((await again.get(500))?.queryId, 'concurrent-499')
  assert.equal(await again.append(record()), 1001)
})

test('a small body lies in the database, one byte more lies in a file, and both are hashed as they come', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  for (const size of [0, 1, 65_536, 65_537, 65_536 * 3 + 17]) {
    const content = randomBytes(size)
    const body = await spooled(log, content.subarray(0, size >> 1), content.subarray(size >> 1))
    assert.equal(body.size, size)
    assert.deepEqual(Buffer.from(body.digest), createHash('sha512').update(content).digest())
    assert.equal(body.file === undefined, size <= 65_536)
    if (body.file !== undefined) {
      assert.deepEqual(await bodyBytes(directory, body.file), content)
      const path = join(directory, 'bodies', body.file.slice(0, 2), body.file)
      if (engine === 'sqlite') assert.equal(statSync(path).mode & 0o777, 0o600)
    }
    const seq = await log.append(record({ body }))
    assert.deepEqual(await collect(log.read(body)), content)
    const stored = await log.get(seq)
    assert.ok(stored?.body)
    assert.deepEqual(await collect(log.read(stored.body)), content)
  }
})

test('single bytes are gathered, and the memory of a chunk may be used again', async (t) => {
  const log = await openLog(t, { directory: await temporaryDirectory(t) })
  const content = randomBytes(70_000)
  const spool = log.spool()
  const chunk = Buffer.alloc(1)
  for (const byte of content) {
    chunk[0] = byte
    await spool.write(chunk)
  }
  assert.deepEqual(await collect(log.read(await spool.finish())), content)
})

test('a body that was given up leaves nothing, before and after it was finished', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const files = async () => (await bodyNames(directory)).length
  const unfinished = log.spool()
  await unfinished.write(randomBytes(100_000))
  assert.equal(await files(), 1)
  await unfinished.discard()
  assert.equal(await files(), 0)
  const finished = log.spool()
  await finished.write(randomBytes(100_000))
  const body = await finished.finish()
  await finished.discard()
  assert.equal(await files(), 0)
  await assert.rejects(log.append(record({ body })), code('invalid_record'))
  const dropped = await spooled(log, randomBytes(100_000))
  await log.drop(dropped)
  assert.equal(await files(), 0)
})

test('a recorded body stays, whoever lets go of it', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const spool = log.spool()
  const content = randomBytes(100_000)
  await spool.write(content)
  const body = await spool.finish()
  const seq = await log.append(record({ body }))
  await spool.discard()
  await log.drop(body)
  const stored = await log.get(seq)
  assert.ok(stored?.body)
  await log.drop(stored.body)
  assert.deepEqual(await collect(log.read(stored.body)), content)
  await assert.rejects(log.append(record({ body })), code('invalid_record'), 'one body is evidence of one message')
})

test('a body beyond the limit is passed on and then only its digest is kept', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory, settings: { maxLoggedBodyBytes: 80_000 } })
  const content = randomBytes(100_000)
  const outgoing = await spooled(log, content)
  assert.equal(outgoing.truncated, true)
  await log.append(record({ body: outgoing, side: 'consumer', direction: 'request' }))
  assert.equal((await bodyNames(directory)).length, 0, 'it has been sent while it was spooled')
  const incoming = await spooled(log, content)
  const seq = await log.append(record({ body: incoming, side: 'consumer', direction: 'response' }))
  assert.deepEqual(await collect(log.read(incoming)), content, 'it is delivered from here')
  assert.equal((await bodyNames(directory)).length, 0)
  const stored = await log.get(seq)
  assert.ok(stored?.body)
  assert.equal(stored.body.truncated, true)
  assert.equal(stored.body.size, 100_000)
  assert.deepEqual(Buffer.from(stored.body.digest), createHash('sha512').update(content).digest())
  await assert.rejects(collect(log.read(stored.body)), code('body_not_kept'))
  const unread = await spooled(log, content)
  await log.append(record({ body: unread, side: 'provider', direction: 'request' }))
  await log.drop(unread)
  assert.equal((await bodyNames(directory)).length, 0, 'and goes with its exchange when nobody read it')
})

test('a stored body that is not what was logged is not served as if it were', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const seqs: number[] = []
  for (let index = 0; index < 3; index++)
    seqs.push(await log.append(record({ body: await spooled(log, randomBytes(100_000)) })))
  const bodies = await Promise.all(seqs.map(async (seq) => (await log.get(seq))?.body))
  const [changed, short, gone] = bodies
  assert.ok(changed?.file && short?.file && gone?.file)
  const bytes = await bodyBytes(directory, changed.file)
  bytes[50_000] = (bytes[50_000] ?? 0) ^ 1
  await changeBody(directory, changed.file, bytes)
  await changeBody(directory, short.file, bytes.subarray(0, 99_999))
  await changeBody(directory, gone.file, undefined)
  await assert.rejects(collect(log.read(changed)), code('body_damaged'))
  await assert.rejects(collect(log.read(short)), code('body_damaged'))
  await assert.rejects(collect(log.read(gone)), code('body_missing'))
})

test('records that were read do not hold their small bodies in memory', async (t) => {
  const log = await openLog(t, { directory: await temporaryDirectory(t) })
  for (let index = 0; index < 20; index++) await log.append(record({ body: await spooled(log, randomBytes(65_000)) }))
  const page = await Promise.all(Array.from({ length: 20 }, (_, index) => log.get(index + 1)))
  const held = new Set(page.flatMap((found) => [found?.head.buffer, found?.signature.buffer]))
  const bytes = [...held].reduce((sum, buffer) => sum + (buffer?.byteLength ?? 0), 0)
  assert.ok(bytes < 20 * 65_000 * 0.5, `${bytes} bytes`)
})

test('a record that is none is refused and disturbs nobody', async (t) => {
  const log = await openLog(t, { directory: await temporaryDirectory(t) })
  const good = log.append(record())
  await assert.rejects(log.append(record({ signature: new Uint8Array() })), code('invalid_record'))
  await assert.rejects(log.append(record({ chain: Buffer.from('<half/>') })), code('invalid_record'))
  await assert.rejects(log.append(record({ at: new Date(Number.NaN) })), code('invalid_record'))
  await assert.rejects(log.append(record({ queryId: 'x'.repeat(5000) })), code('invalid_record'))
  assert.equal(await good, 1)
  assert.equal(await log.append(record()), 2)
})

test('a second opening of the same log is refused while the first lives', async (t) => {
  // On a PostgreSQL it waits, to take over (test/faults/message-log/postgres.test.ts).
  if (!onlyOn(t, 'sqlite')) return
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  await assert.rejects(openLog(t, { directory }), code('store_in_use'))
  await log.close()
  await assert.rejects(log.append(record()), code('closed'))
  await openLog(t, { directory })
})

test('bodies whose database is gone, and databases that are no log, are refused', async (t) => {
  if (!onlyOn(t, 'sqlite')) return
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  await log.append(record({ body: await spooled(log, randomBytes(100_000)) }))
  await log.close()
  rmSync(join(directory, 'log.db'))
  await assert.rejects(openLog(t, { directory }), code('store_missing'))
  writeFileSync(join(directory, 'log.db'), '')
  for (let turn = 0; turn < 2; turn++)
    await assert.rejects(openLog(t, { directory }), code('store_missing'), 'an empty one is no better')
  assert.equal((await bodyNames(directory)).length, 1)
  writeFileSync(
    join(directory, 'log.db'),
    'something else altogether, and long enough to be read as a header of a file',
  )
  await assert.rejects(openLog(t, { directory }), code('store_foreign'))
})

test('a start removes the bodies that no record references, says so, and leaves all others', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const kept = await log.append(record({ body: await spooled(log, randomBytes(100_000)) }))
  const orphan = await spooled(log, randomBytes(100_000))
  await log.close()
  const strangers = engine === 'sqlite' ? ['README'] : []
  for (const name of strangers) writeFileSync(join(directory, 'bodies', 'ab', name), 'not a body')
  const said = new TestLog()
  const again = await openLog(t, { directory, log: said })
  const stored = await again.get(kept)
  assert.ok(stored?.body?.file && orphan.file)
  assert.deepEqual((await bodyNames(directory)).sort(), [stored.body.file, ...strangers].sort())
  assert.deepEqual(said.lines.find((line) => line.level === 'warn')?.meta, { count: 1, files: [orphan.file] })
})
