// A log of version 1, whose rows hold the records themselves: read, time-stamped, exported and gone on with as before.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { signMessage, verifyContainer } from '#evidence'
import { digest } from '#trust'
import type { LogRecord, MessageLog } from '../../../../security-server/message-log/index.ts'
import { collect, configurationWith, openLog, record, spooled, temporaryDirectory } from './fixture.ts'
import { MEMBER, makeMember } from './member.ts'
import { startTsa } from './tsa.ts'

const AT = new Date('2026-03-01T12:00:00Z')
const HEAD = Buffer.from(
  [
    'POST',
    '/r1/DEMO/GOV/70000001/population-register/persons',
    'x-road-client:DEMO/GOV/70000002/client',
    'x-road-id:q',
    'x-road-request-id:6e11d2a6-9f25-4a7c-8a5b-111111111111',
    '',
  ].join('\r\n'),
)

test('records of version 1 and of now are one log', async (t) => {
  const directory = await temporaryDirectory(t)
  const tsa = await startTsa(t)
  const { signer, trust } = await makeMember(AT)
  const open = () => openLog(t, { directory, configuration: () => configurationWith([tsa]) })
  const contents = [randomBytes(500), randomBytes(100_000), randomBytes(0), randomBytes(800), randomBytes(900)]
  const made: LogRecord[] = []
  const append = async (log: MessageLog, content: Uint8Array) => {
    const body = await spooled(log, content)
    const parts = [
      { name: '/message.xml', digest: digest('SHA-512', HEAD), bytes: HEAD },
      { name: '/attachment1', digest: body.digest, bytes: HEAD },
    ]
    const { xml, ...chains } = await signMessage(parts, signer, AT)
    made.push(record({ head: HEAD, signature: xml, ...chains, member: MEMBER, body }))
    return await log.append(made.at(-1) as LogRecord)
  }
  const first = await open()
  for (const content of contents.slice(0, 4)) await append(first, content)
  await first.timestampNow([1])
  await first.close()
  putBack(directory, made)

  const log = await open()
  assert.deepEqual([log.status().records, log.status().untimestamped], [4, 3])
  assert.equal(await append(log, contents[4] as Uint8Array), 5)
  await log.timestampNow([2])
  await log.timestampNow([3, 4, 5])
  assert.equal(tsa.asked.length, 3)
  await log.close()
  const again = await open()
  assert.deepEqual(
    (await again.list({ after: 0, limit: 10 })).map(({ seq, queryId, timestamped }) => ({ seq, queryId, timestamped })),
    made.map(({ queryId }, index) => ({ seq: index + 1, queryId, timestamped: true })),
  )
  for (const [index, content] of contents.entries()) {
    const stored = await again.get(index + 1)
    assert.ok(stored?.body)
    assert.deepEqual(Buffer.from(stored.signature), Buffer.from(made[index]?.signature ?? []))
    assert.deepEqual(await collect(again.read(stored.body)), content)
    const report = await verifyContainer(again.container(index + 1), { ...trust, tsas: [tsa] })
    assert.equal(report.verdict, 'valid', JSON.stringify(report.checks))
  }
})

/** Makes of a log what version 1 would have written: the bytes in the rows, no segments. */
function putBack(directory: string, records: readonly LogRecord[]): void {
  const db = new DatabaseSync(join(directory, 'log.db'))
  const trigger = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'records_never_change'").get()?.['sql']
  db.exec('DROP TRIGGER records_never_change')
  const put = db.prepare(
    'UPDATE records SET head = ?, signature = ?, chain = ?, chain_result = ?, body_inline = ? WHERE seq = ?',
  )
  for (const [index, { head, signature, chain = null, chainResult = null, body }] of records.entries())
    put.run(head, signature, chain, chainResult, body?.inline ?? null, index + 1)
  db.exec(`ALTER TABLE records DROP COLUMN segment; ALTER TABLE records DROP COLUMN place; ${trigger}`)
  db.exec('PRAGMA user_version = 1')
  db.close()
  rmSync(join(directory, 'segments'), { recursive: true })
}
