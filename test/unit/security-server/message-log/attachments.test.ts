// The attachments of one message: one body in the log, each with its own digest, read one by one, also after a restart.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import test from 'node:test'
import type { BodyReference, MessageLog } from '../../../../security-server/message-log/index.ts'
import { bodyBytes, bodyNames, changeBody } from './behind.ts'
import { code, collect, openLog, record, temporaryDirectory } from './fixture.ts'

const sha512 = (...bytes: readonly Uint8Array[]) => createHash('sha512').update(Buffer.concat(bytes)).digest()

async function attached(log: MessageLog, attachments: readonly Uint8Array[]): Promise<BodyReference> {
  const spool = log.spool()
  for (const [index, bytes] of attachments.entries()) {
    if (index > 0) spool.next()
    for (let at = 0; at < bytes.length; at += 30_000) await spool.write(bytes.subarray(at, at + 30_000))
  }
  return await spool.finish()
}

async function assertHolds(log: MessageLog, body: BodyReference, attachments: readonly Uint8Array[]): Promise<void> {
  assert.deepEqual(
    body.parts?.map(({ size, digest }) => [size, Buffer.from(digest)]),
    attachments.map((bytes) => [bytes.length, sha512(bytes)]),
  )
  assert.deepEqual(Buffer.from(body.digest), sha512(...attachments.map((bytes) => sha512(bytes))))
  for (const [index, bytes] of attachments.entries())
    assert.deepEqual(await collect(log.read(body, index + 1)), Buffer.from(bytes))
  await assert.rejects(collect(log.read(body, attachments.length + 1)), code('body_missing'))
}

const SMALL = [randomBytes(10), randomBytes(0), randomBytes(500)]
const LARGE = [randomBytes(70_000), randomBytes(0), randomBytes(1), randomBytes(200_000), randomBytes(0)]

test('small ones lie in the record, large ones in one file; they are found again', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  for (const attachments of [SMALL, LARGE]) {
    const body = await attached(log, attachments)
    await assertHolds(log, body, attachments)
    const seq = await log.append(record({ body }))
    const stored = await log.get(seq)
    assert.ok(stored?.body)
    await assertHolds(log, stored.body, attachments)
  }
  await log.close()
  const again = await openLog(t, { directory })
  for (const [seq, attachments] of [SMALL, LARGE].entries()) {
    const stored = await again.get(seq + 1)
    assert.ok(stored?.body)
    await assertHolds(again, stored.body, attachments)
  }
})

test('one attachment is a body like any other', async (t) => {
  const log = await openLog(t, { directory: await temporaryDirectory(t) })
  const body = await attached(log, [Buffer.from('only')])
  assert.equal(body.parts, undefined)
  assert.deepEqual(Buffer.from(body.digest), sha512(Buffer.from('only')))
})

test('a damaged file is told for the attachment that it cuts', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  await log.append(record({ body: await attached(log, LARGE) }))
  const body = (await log.get(1))?.body
  assert.ok(body?.file)
  await changeBody(directory, body.file, (await bodyBytes(directory, body.file)).subarray(0, -1))
  assert.deepEqual(await collect(log.read(body, 1)), LARGE[0])
  await assert.rejects(collect(log.read(body, 4)), code('body_damaged'))
})

test('beyond the limit digests stay, and bytes until they have been passed on', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory, settings: { maxLoggedBodyBytes: 1000 } })
  const body = await attached(log, LARGE)
  await log.append(record({ body, side: 'provider' }))
  for (const [index, bytes] of LARGE.slice(0, 3).entries())
    assert.deepEqual(await collect(log.read(body, index + 1)), bytes)
  await log.drop(body)
  assert.deepEqual(await bodyNames(directory), [])
  const stored = (await log.get(1))?.body
  assert.equal(stored?.truncated, true)
  assert.equal(stored.parts?.length, LARGE.length)
  await assert.rejects(collect(log.read(stored, 1)), code('body_not_kept'))
})
