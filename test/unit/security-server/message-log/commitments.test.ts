// What a transparent log takes from the message log, and what proves one record.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import test from 'node:test'
import { commitmentOf, decodeRecord } from '#evidence'
import { openCommitments } from '../../../../security-server/message-log/index.ts'
import { logStore } from '../../../stores.ts'
import { changeRecords } from './behind.ts'
import { code, openLog, record, spooled, temporaryDirectory, until } from './fixture.ts'

test('every record has a commitment, in order, from which its salt and encoding lead to it', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const commitments = openCommitments({ directory, store: logStore(directory) })
  t.after(() => commitments.close())
  assert.equal(await commitments.last(), 0)
  const made = Array.from({ length: 5 }, () => record())
  const body = randomBytes(1000)
  await Promise.all(made.slice(0, 4).map((one) => log.append(one)))
  await log.append({ ...(made[4] as (typeof made)[number]), body: await spooled(log, body) })
  // Nobody asks: the index follows by itself.
  await until(async () => (await commitments.last()) === 5)
  assert.deepEqual(await commitments.after(5, 10), [])
  const all = (await commitments.after(0, 10)).map((one) => Buffer.from(one))
  assert.deepEqual(
    [...(await commitments.after(0, 2)), ...(await commitments.after(2, 10))].map((one) => Buffer.from(one)),
    all,
  )
  const salts = new Set<string>()
  for (const [index, commitment] of all.entries()) {
    const evidence = await log.evidenceOf(index + 1)
    assert.ok(evidence)
    assert.deepEqual(Buffer.from(commitmentOf(evidence.salt, evidence.record)), commitment)
    salts.add(Buffer.from(evidence.salt).toString('hex'))
    const facts = decodeRecord(evidence.record)
    assert.equal(facts.seq, index + 1)
    assert.equal(facts.queryId, made[index]?.queryId)
    const digest = createHash('sha512')
      .update(made[index]?.signature ?? '')
      .digest()
    assert.deepEqual(Buffer.from(facts.signatureDigest), digest)
  }
  assert.equal(salts.size, 5)
  assert.deepEqual(
    Buffer.from(decodeRecord((await log.evidenceOf(5))?.record ?? body).bodyDigest ?? []),
    createHash('sha512').update(body).digest(),
  )
  assert.equal(await log.evidenceOf(6), undefined)
  assert.equal(await log.evidenceOf(0.5), undefined)
})

test('a record that is not the one that was committed to has no evidence', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  await log.append(record({ queryId: 'original' }))
  assert.ok(await log.evidenceOf(1))
  await changeRecords(directory, 'original', 'Original')
  await assert.rejects(log.evidenceOf(1), code('record_damaged'))
})
