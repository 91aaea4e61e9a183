// Records of messages whose bodies are not logged: what was signed is committed to, and nothing of it is kept.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { decodeRecord } from '#evidence'
import { digest } from '#trust'
import type { Keeping, MessageLog } from '../../../../security-server/message-log/index.ts'
import { bodyNames, hasWritten } from './behind.ts'
import { code, collect, openLog, record, temporaryDirectory } from './fixture.ts'

const CANARY = 'canary-of-a-body'
const LONG = Buffer.from(`${CANARY} `.repeat(20_000))

async function spool(log: MessageLog, keeping: Keeping, body: Uint8Array) {
  const spool = log.spool(keeping)
  await spool.write(body)
  return await spool.finish()
}

test('the leaf commits to the original of a head of which the reduced form is kept', async (t) => {
  const log = await openLog(t, { directory: await temporaryDirectory(t) })
  const original = randomBytes(500)
  const head = Buffer.from('reduced')
  const seq = await log.append(record({ head, headDigest: digest('SHA-512', original) }))
  const stored = await log.get(seq)
  assert.deepEqual([stored?.head, stored?.headDigest], [head, digest('SHA-512', original)])
  const evidence = await log.evidenceOf(seq)
  assert.ok(evidence)
  assert.deepEqual(Buffer.from(decodeRecord(evidence.record).headDigest), Buffer.from(digest('SHA-512', original)))
})

for (const keeping of ['digest', 'passed-on'] as const)
  for (const body of [Buffer.from(CANARY), LONG])
    test(`a body of ${body.length} bytes that is spooled as ${keeping} leaves size and digest`, async (t) => {
      const directory = await temporaryDirectory(t)
      const log = await openLog(t, { directory })
      const reference = await spool(log, keeping, body)
      assert.ok(!(await hasWritten(directory, CANARY)))
      // A request on the provider's side is still to be delivered.
      const seq = await log.append(record({ side: 'provider', body: reference }))
      if (keeping === 'passed-on') assert.deepEqual(await collect(log.read(reference)), body)
      else await assert.rejects(collect(log.read(reference)), code('body_not_kept'))
      await log.drop(reference)
      const stored = (await log.get(seq))?.body
      assert.ok(stored)
      assert.deepEqual([stored.size, stored.truncated], [body.length, true])
      assert.deepEqual(Buffer.from(stored.digest), Buffer.from(digest('SHA-512', body)))
      await assert.rejects(collect(log.read(stored)), code('body_not_kept'))
      assert.deepEqual(await bodyNames(directory), [], 'no file at all')
      assert.ok(!(await hasWritten(directory, CANARY)))
    })

test('attachments of a message are passed on one by one', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const spool = log.spool('passed-on')
  for (const [index, size] of [100_000, 0, 70_000].entries()) {
    if (index > 0) spool.next()
    await spool.write(Buffer.alloc(size, `${CANARY}${index}`))
  }
  const body = await spool.finish()
  assert.ok(!(await hasWritten(directory, CANARY)))
  await log.append(record({ side: 'provider', body }))
  for (const [index, size] of [100_000, 0, 70_000].entries())
    assert.deepEqual(await collect(log.read(body, index + 1)), Buffer.alloc(size, `${CANARY}${index}`))
})
