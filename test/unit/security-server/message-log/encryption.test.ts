// Encryption at rest: nothing of a message can be read on the disk, everything through the log's door; keys are changed while it runs, and none
// that is needed can go.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { decodeRecord } from '#evidence'
import { digest } from '#trust'
import { layOut, readFrame, writeFrame } from '../../../../security-server/message-log/frame.ts'
import type { BodyReference, MessageLog } from '../../../../security-server/message-log/index.ts'
import { KeyRing } from '../../../../security-server/message-log/key-ring.ts'
import { parseKeys } from '../../../../security-server/message-log/keys-file.ts'
import { MasterKey } from '../../../../security-server/message-log/master-key.ts'
import { toRow } from '../../../../security-server/message-log/row.ts'
import { onlyOn } from '../../../stores.ts'
import { everythingOf, hasWritten } from './behind.ts'
import { code, collect, openLog, record, spooled, TestLog, temporaryDirectory, until } from './fixture.ts'

const CANARY = 'canary-of-a-message'
const LONG = Buffer.from(`${CANARY} `.repeat(20_000))

interface Place {
  readonly directory: string
  readonly keysFile: string
}

async function place(t: TestContext): Promise<Place> {
  const folder = await temporaryDirectory(t)
  return { directory: join(folder, 'log'), keysFile: join(folder, 'log.keys') }
}

const open = (t: TestContext, { directory, keysFile }: Place, more = {}) =>
  openLog(t, { directory, settings: { encryption: { keysFile } }, ...more })

/** Records of every shape. */
async function logAll(log: MessageLog): Promise<readonly number[]> {
  const several = log.spool()
  await several.write(Buffer.from(`${CANARY} one`))
  several.next()
  await several.write(LONG)
  const message = { head: Buffer.from(`POST ${CANARY}`), signature: Buffer.from(`<signature>${CANARY}</signature>`) }
  return [
    await log.append(record(message)),
    await log.append(record({ ...message, chain: Buffer.from(CANARY), chainResult: Buffer.from(CANARY) })),
    await log.append(record({ ...message, body: await spooled(log, Buffer.from(CANARY)) })),
    await log.append(record({ ...message, body: await spooled(log, LONG) })),
    await log.append(record({ ...message, body: await several.finish() })),
    await log.append(record({ ...message, headDigest: randomBytes(64) })),
    await log.append(record({ ...message, tracked: { persons: [CANARY], basis: CANARY } })),
  ]
}

async function contentOf(log: MessageLog, seq: number): Promise<string> {
  const stored = await log.get(seq)
  assert.ok(stored)
  const { head, signature, chain, body } = stored
  const parts = (body?.parts ?? [body]).map((_, index) => index + 1)
  const bodies = body === undefined ? [] : await Promise.all(parts.map((number) => collect(log.read(body, number))))
  return Buffer.concat([head, signature, ...(chain ? [chain] : []), ...bodies]).toString()
}

test('nothing that was said is on the disk, not even while it is spooled; all of it is in the log', async (t) => {
  const at = await place(t)
  const log = await open(t, at)
  const half = log.spool()
  await half.write(LONG)
  assert.ok(!(await hasWritten(at.directory, CANARY)))
  await half.discard()
  const seqs = await logAll(log)
  const contents = await Promise.all(seqs.map((seq) => contentOf(log, seq)))
  assert.deepEqual((await log.get(seqs.at(-1) ?? 0))?.tracked, { persons: [CANARY], basis: CANARY })
  await log.close()
  assert.ok(!(await hasWritten(at.directory, CANARY)))
  // Neither can it be guessed from a digest in clear.
  const disk = await everythingOf(at.directory)
  for (const text of [CANARY, LONG, `POST ${CANARY}`])
    for (const form of ['hex', 'base64'] as const) {
      const hash = Buffer.from(digest('SHA-512', Buffer.from(text)))
      assert.ok(!disk.includes(hash) && !disk.includes(hash.toString(form)))
    }
  const again = await open(t, at)
  assert.deepEqual(await Promise.all(seqs.map((seq) => contentOf(again, seq))), contents)
  assert.ok(contents.every((content) => content.includes(CANARY)))
  const evidence = await again.evidenceOf(3)
  assert.ok(evidence)
  assert.deepEqual(
    Buffer.from(decodeRecord(evidence.record).headDigest),
    Buffer.from(digest('SHA-512', Buffer.from(`POST ${CANARY}`))),
  )
})

test('the first key is made with the log, for its owner alone, and whoever operates it is told', async (t) => {
  const at = await place(t)
  const told = new TestLog()
  const log = await open(t, at, { log: told })
  assert.equal((await stat(at.keysFile)).mode & 0o777, 0o600)
  const [key, ...more] = await log.keys.list()
  assert.deepEqual([more, key?.current, key?.records], [[], true, 0])
  assert.ok(told.lines.some(({ level, message }) => level === 'warn' && message.includes('key')))
})

test('a new key is for new records; the old ones need theirs, and it stays until they are gone', async (t) => {
  const at = await place(t)
  const log = await open(t, at)
  const before = await logAll(log)
  const [first] = await log.keys.list()
  assert.ok(first)
  await assert.rejects(log.keys.retire(first.id), code('key_needed'))
  // A body that was spooled before is read with its own key, whichever is the current one when it is recorded.
  const early = await spooled(log, LONG)
  const second = await log.keys.create()
  const late = await log.append(record({ body: early }))
  const after = [late, ...(await logAll(log))]
  assert.deepEqual(
    (await log.keys.list()).map(({ id, current, records }) => [id, current, records]),
    [
      [first.id, false, before.length + 1],
      [second, true, after.length - 1],
    ],
  )
  await assert.rejects(log.keys.retire(first.id), code('key_needed'))
  await assert.rejects(log.keys.retire(second), code('key_needed'))
  await assert.rejects(log.keys.retire('0123456789abcdef'), code('key_unknown'))
  const contents = await Promise.all([...before, ...after].map((seq) => contentOf(log, seq)))
  await log.close()
  const again = await open(t, at)
  assert.deepEqual(await Promise.all([...before, ...after].map((seq) => contentOf(again, seq))), contents)
  assert.deepEqual(
    (await again.keys.list()).map(({ current }) => current),
    [false, true],
  )
})

test('a new key writes back what was lost of the file, and leaves what was added', async (t) => {
  const at = await place(t)
  const log = await open(t, at)
  const [first] = await log.keys.list()
  const added = randomBytes(32)
  await writeFile(at.keysFile, `2026-03-01T12:00:00Z ${added.toString('base64')}\n`)
  const second = await log.keys.create()
  const ids = parseKeys(await readFile(at.keysFile, 'utf8'), 'here').map(({ id }) => id)
  assert.deepEqual(ids, [first?.id, new MasterKey(added).id, second])
})

test('a key that nothing needs goes from the file', async (t) => {
  const at = await place(t)
  const log = await open(t, at)
  const [first] = await log.keys.list()
  assert.ok(first)
  const spool = log.spool()
  await spool.write(LONG)
  await log.keys.create()
  await log.keys.retire(first.id)
  assert.deepEqual(
    (await log.keys.list()).map(({ current }) => current),
    [true],
  )
  // What was under way with it is refused: it could not be read after the next start.
  const body: BodyReference = await spool.finish()
  await assert.rejects(log.append(record({ body })), code('key_missing'))
  await log.drop(body)
  const seq = await log.append(record({ head: Buffer.from(CANARY) }))
  await log.close()
  assert.match(await contentOf(await open(t, at), seq), new RegExp(CANARY))
})

test('without the keys that it needs a log does not start, and loses nothing', async (t) => {
  const at = await place(t)
  const log = await open(t, at)
  const seqs = await logAll(log)
  await log.close()
  const kept = `${at.keysFile}.kept`
  await rename(at.keysFile, kept)
  const other = `2026-03-01T12:00:00Z ${randomBytes(32).toString('base64')}\n`
  await assert.rejects(open(t, at), code('key_missing'), 'no file')
  await assert.rejects(stat(at.keysFile), 'and none is made')
  await writeFile(at.keysFile, other, { mode: 0o600 })
  await assert.rejects(open(t, at), code('key_missing'), 'another key')
  await assert.rejects(openLog(t, { directory: at.directory }), code('key_missing'), 'no setting')
  await writeFile(at.keysFile, 'nonsense')
  await assert.rejects(open(t, at), code('keys_unreadable'))
  // The right one among others.
  await writeFile(at.keysFile, `${await readFile(kept, 'utf8')}${other}`)
  const again = await open(t, at)
  for (const seq of seqs) assert.match(await contentOf(again, seq), new RegExp(CANARY))
  assert.deepEqual(
    (await again.keys.list()).map(({ current, records }) => [current, records]),
    [
      [false, seqs.length],
      [true, 0],
    ],
  )
})

test('records that a crash has left behind the index need their key too', async (t) => {
  if (!onlyOn(t, 'sqlite')) return
  const at = await place(t)
  const log = await open(t, at)
  await log.append(record({ head: Buffer.from(CANARY) }))
  await until(async () => (await log.keys.list())[0]?.records === 1)
  const torn = `${at.directory}-torn`
  // Its content before anything else may be entered into the index: as a crash leaves it.
  const seq = await log.append(record({ head: Buffer.from(`${CANARY} 2`) }))
  await cp(at.directory, torn, { recursive: true, filter: (path) => !path.endsWith('/lock') })
  await assert.rejects(openLog(t, { directory: torn }), code('key_missing'))
  const again = await open(t, { ...at, directory: torn })
  assert.match(await contentOf(again, seq), /canary-of-a-message 2/)
})

test('records from before stay readable when encryption is turned on', async (t) => {
  const at = await place(t)
  const clear = await openLog(t, { directory: at.directory })
  assert.deepEqual(await clear.keys.list(), [])
  await assert.rejects(clear.keys.create(), code('keys_unwritable'))
  const before = await logAll(clear)
  await clear.close()
  assert.ok(await hasWritten(at.directory, CANARY), 'which is how it looks without')
  const log = await open(t, at)
  const after = await logAll(log)
  for (const seq of [...before, ...after]) assert.match(await contentOf(log, seq), new RegExp(CANARY))
  assert.deepEqual(
    (await log.keys.list()).map(({ records }) => records),
    [after.length],
  )
})

test('keys of the environment are used, and changed there', async (t) => {
  const { directory } = await place(t)
  process.env['TEST_KEYS_OF_LOG'] = `2026-03-01T12:00:00Z ${randomBytes(32).toString('base64')}`
  t.after(() => delete process.env['TEST_KEYS_OF_LOG'])
  const log = await openLog(t, { directory, settings: { encryption: { keysVariable: 'TEST_KEYS_OF_LOG' } } })
  const seqs = await logAll(log)
  assert.ok(!(await hasWritten(directory, CANARY)))
  for (const seq of seqs) assert.match(await contentOf(log, seq), new RegExp(CANARY))
  await assert.rejects(log.keys.create(), code('keys_unwritable'))
})

test('facts of a record cannot be exchanged under its content', () => {
  const ring = new KeyRing([randomBytes(32)])
  const layout = layOut(toRow(record({ queryId: 'one-id' }), ring.current?.id), ring)
  const frame = Buffer.alloc(layout.length)
  writeFrame(frame, 0, layout, 1)
  assert.equal(readFrame(frame, ring).queryId, 'one-id')
  frame.write('two-id', frame.indexOf('one-id'))
  assert.throws(() => readFrame(frame, ring))
  assert.throws(() => readFrame(frame), code('key_missing'))
})
