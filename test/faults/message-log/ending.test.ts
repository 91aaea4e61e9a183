// What a start makes of records that are durable and not in the index yet, when a crash or a disk has changed them: damage is told, only a
// group that nobody was told of is written over.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { endingOf, type TornEnd } from '../../../security-server/message-log/ending.ts'
import { layOut } from '../../../security-server/message-log/frame.ts'
import { GROUP_HEAD, writeGroupHead } from '../../../security-server/message-log/group.ts'
import { Journal } from '../../../security-server/message-log/journal.ts'
import { Pass, WINDOW_BYTES } from '../../../security-server/message-log/pass.ts'
import { toRow } from '../../../security-server/message-log/row.ts'
import { SEGMENT_HEAD } from '../../../security-server/message-log/segment-head.ts'
import { Segments, segmentPath, segmentsIn } from '../../../security-server/message-log/segments.ts'
import { code, openLog, record, TestLog, temporaryDirectory } from '../../unit/security-server/message-log/fixture.ts'

const named = (queryId: string, head = Buffer.from('head')) =>
  record({ queryId, head, signature: Buffer.from(`signature of ${queryId}`) })

interface Written {
  readonly directory: string
  readonly file: string
  /** Where each group begins, and where the last one ends. */
  readonly groups: readonly number[]
}

/** Groups of these records in one segment; the index knows none of them. */
async function write(t: TestContext, groups: readonly (readonly ReturnType<typeof named>[])[]): Promise<Written> {
  const directory = await temporaryDirectory(t)
  await (await openLog(t, { directory })).close()
  const journal = new Journal({
    directory: join(directory, 'segments'),
    tail: { seq: 0, segment: 1, offset: 0 },
    onDeath: assert.fail,
  })
  const begins = [SEGMENT_HEAD]
  for (const records of groups) {
    const layouts = records.map((one) => layOut(toRow(one)))
    await journal.append(layouts)
    begins.push((begins.at(-1) ?? 0) + layouts.reduce((sum, { length }) => sum + length, GROUP_HEAD))
  }
  await journal.close()
  return { directory, file: segmentPath(join(directory, 'segments'), 1), groups: begins }
}

const window = Buffer.alloc(WINDOW_BYTES)

/** What a start enters into the index, and what it takes for torn; as Follower.recover does it. */
function start(directory: string): { queryIds: string[]; torn: TornEnd | undefined } {
  const segments = new Segments(join(directory, 'segments'))
  try {
    const present = segmentsIn(join(directory, 'segments'))
    const pass = new Pass(segments, { seq: 0, segment: 1, offset: 0 }, { window, present })
    const queryIds = [...pass.until(Number.POSITIVE_INFINITY)].map(({ queryId }) => queryId)
    return { queryIds, torn: endingOf(segments, present, pass.tail) }
  } finally {
    segments.close()
  }
}

test('a bit that changed anywhere behind the index is told, unless it is in the last group, which then is as if it was never written', async (t) => {
  const { directory, file, groups } = await write(t, [[named('one')], [named('two'), named('three')], [named('four')]])
  const [, , last = 0, end = 0] = groups
  // Without most of the room behind it, which is zeros.
  const whole = readFileSync(file).subarray(0, end + 1000)
  writeFileSync(file, whole)
  assert.deepEqual(start(directory), { queryIds: ['one', 'two', 'three', 'four'], torn: undefined })
  for (let offset = 0; offset < end; offset++) {
    const bytes = Buffer.from(whole)
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8))
    writeFileSync(file, bytes)
    if (offset < last) assert.throws(() => start(directory), code('record_damaged'), `byte ${offset}`)
    else {
      const torn = { segment: 1, offset: last, record: 4 }
      assert.deepEqual(start(directory), { queryIds: ['one', 'two', 'three'], torn }, `byte ${offset}`)
    }
  }
})

test('whatever sectors a crash leaves of the last group, what was logged before is there and the next group goes over it', async (t) => {
  const long = named('torn', Buffer.alloc(20_000, 'x'))
  const { directory, file, groups } = await write(t, [[named('one')], [long, named('torn too')]])
  const whole = readFileSync(file)
  const [, last = 0, end = 0] = groups
  const sectors = Math.ceil(end / 512)
  const first = Math.floor(last / 512)
  for (let lost = first; lost < sectors; lost++)
    for (const until of [lost + 1, lost + 3, sectors]) {
      const bytes = Buffer.from(whole)
      bytes.fill(0, Math.max(last, lost * 512), Math.min(end, until * 512))
      writeFileSync(file, bytes)
      assert.deepEqual(start(directory).queryIds, ['one'], `sectors ${lost} to ${until}`)
    }
  const said = new TestLog()
  const log = await openLog(t, { directory, log: said })
  assert.ok(said.lines.some(({ level, meta }) => level === 'warn' && (meta as { record?: number })?.record === 2))
  assert.equal(await log.append(named('after')), 2)
  await log.close()
  const again = await openLog(t, { directory })
  assert.deepEqual([again.status().records, (await again.get(2))?.queryId], [2, 'after'])
})

test('what a message carries is never taken for a group that came later', async (t) => {
  // A whole group, as somebody would make it who knows all but the key, at each place where it could count.
  const forged = Buffer.alloc(GROUP_HEAD * 400)
  const begins = SEGMENT_HEAD + GROUP_HEAD
  for (let at = 0; at < forged.length; at += GROUP_HEAD)
    writeGroupHead(forged.subarray(at), { first: 3, count: 1, offset: begins + at, length: 400 }, Buffer.alloc(16))
  const { directory, file, groups } = await write(t, [[named('one')], [named('two', forged)]])
  const bytes = readFileSync(file)
  const [, last = 0] = groups
  bytes.fill(0, last, last + GROUP_HEAD)
  writeFileSync(file, bytes)
  assert.deepEqual(start(directory), { queryIds: ['one'], torn: { segment: 1, offset: last, record: 2 } })
})

test('a segment that a crash left without its head is begun anew; one with something in it is damaged', async (t) => {
  const { directory, file } = await write(t, [[named('one')]])
  const whole = readFileSync(file)
  const second = segmentPath(join(directory, 'segments'), 2)
  for (const left of [Buffer.alloc(0), Buffer.alloc(5000)]) {
    writeFileSync(second, left)
    assert.deepEqual(start(directory), { queryIds: ['one'], torn: undefined })
  }
  const log = await openLog(t, { directory })
  assert.equal(await log.append(named('two')), 2)
  await log.close()
  writeFileSync(second, Buffer.from('\0\0\0\0something'))
  await assert.rejects(openLog(t, { directory }), code('record_damaged'))
  writeFileSync(second, Buffer.alloc(0))
  writeFileSync(file, Buffer.concat([Buffer.alloc(SEGMENT_HEAD), whole.subarray(SEGMENT_HEAD)]))
  const again = await openLog(t, { directory }).then(
    () => 'opened',
    (error) => error.code,
  )
  assert.equal(again, 'record_damaged', 'the log cannot go on in a segment whose key is lost')
})

test('damage behind the index refuses every start until it is mended, and nothing is written meanwhile', async (t) => {
  const { directory, file } = await write(t, [[named('one')], [named('two')]])
  const whole = readFileSync(file)
  const bytes = Buffer.from(whole)
  const at = bytes.indexOf('signature of one')
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
  for (let turn = 0; turn < 2; turn++) await assert.rejects(openLog(t, { directory }), code('record_damaged'))
  assert.deepEqual(readFileSync(file), bytes)
  writeFileSync(file, whole)
  assert.equal((await openLog(t, { directory })).status().records, 2)
})
