// Segments that are no longer what was written: a start refuses, or whoever reads is told. The log is never silently shorter (ending.test.ts has
// what is behind the index).
import assert from 'node:assert/strict'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { layOut } from '../../../security-server/message-log/frame.ts'
import { Journal } from '../../../security-server/message-log/journal.ts'
import { toRow } from '../../../security-server/message-log/row.ts'
import { segmentPath } from '../../../security-server/message-log/segments.ts'
import { code, openLog, record, temporaryDirectory } from '../../unit/security-server/message-log/fixture.ts'

test('a bit that changed in a record is told to whoever reads it; the others are read', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  for (const name of ['one', 'two', 'three']) await log.append(named(name))
  await log.close()
  flip(directory, 1, 'signature of two')
  const again = await openLog(t, { directory })
  assert.equal((await again.get(1))?.queryId, 'one')
  assert.equal((await again.get(3))?.queryId, 'three')
  await assert.rejects(again.get(2), code('record_damaged'))
  assert.equal((await again.list({ after: 0, limit: 3 })).length, 3)
})

const LAST: readonly { readonly what: string; readonly harm: (directory: string) => void }[] = [
  { what: 'changed', harm: (directory) => flip(directory, 1, 'signature of two') },
  { what: 'cut', harm: (directory) => truncateSync(path(directory, 1), at(directory, 1, 'signature of two')) },
  { what: 'gone with its segment', harm: (directory) => rmSync(path(directory, 1)) },
]

for (const { what, harm } of LAST)
  test(`a start is refused where the last record of the index is ${what}`, async (t) => {
    const directory = await temporaryDirectory(t)
    const log = await openLog(t, { directory })
    for (const name of ['one', 'two']) await log.append(named(name))
    await log.close()
    harm(directory)
    for (let turn = 0; turn < 2; turn++) await assert.rejects(openLog(t, { directory }), code('record_damaged'))
  })

test('a start is refused where a segment is gone that the index names', async (t) => {
  const directory = await threeSegments(t)
  const log = await openLog(t, { directory })
  assert.equal(log.status().records, 3)
  assert.equal((await log.get(2))?.queryId, 'two')
  await log.close()
  const kept = readFileSync(path(directory, 2))
  rmSync(path(directory, 2))
  await assert.rejects(openLog(t, { directory }), code('record_damaged'))
  writeFileSync(path(directory, 2), kept)
  assert.equal((await openLog(t, { directory })).status().records, 3)
})

/** Durable records that a crash left out of the index. */
for (const { what, harm } of [
  { what: 'changed', harm: (directory: string) => flip(directory, 2, 'signature of two') },
  { what: 'cut', harm: (directory: string) => truncateSync(path(directory, 2), 100) },
  { what: 'gone', harm: (directory: string) => rmSync(path(directory, 2)) },
])
  test(`a start is refused where a record that is not in the index yet is ${what} and another segment follows`, async (t) => {
    const directory = await threeSegments(t)
    harm(directory)
    const behind = readFileSync(path(directory, 3))
    for (let turn = 0; turn < 2; turn++) await assert.rejects(openLog(t, { directory }), code('record_damaged'))
    assert.deepEqual(readFileSync(path(directory, 3)), behind)
  })

const named = (name: string) => record({ queryId: name, signature: Buffer.from(`signature of ${name}`) })

/** A log of three records, each in a segment of its own, as long ones would be; the index knows none of them. */
async function threeSegments(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t)
  await (await openLog(t, { directory })).close()
  for (const [seq, name] of ['one', 'two', 'three'].entries()) {
    const journal = new Journal({
      directory: join(directory, 'segments'),
      tail: { seq, segment: seq + 1, offset: 0 },
      onDeath: assert.fail,
    })
    assert.equal(await journal.append([layOut(toRow(named(name)))]), seq + 1)
    await journal.close()
  }
  return directory
}

const path = (directory: string, segment: number) => segmentPath(join(directory, 'segments'), segment)

function at(directory: string, segment: number, text: string): number {
  const found = readFileSync(path(directory, segment)).indexOf(text)
  assert.notEqual(found, -1)
  return found
}

function flip(directory: string, segment: number, text: string): void {
  const bytes = readFileSync(path(directory, segment))
  const offset = at(directory, segment, text)
  bytes[offset] = (bytes[offset] ?? 0) ^ 1
  writeFileSync(path(directory, segment), bytes)
}
