// Lists of values: sorted, matched as multisets, bound by their root; and leaves that are shown by what the other side has too.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  type CommittedRecord,
  commitmentOf,
  encodeRecord,
  exchangeValue,
  MATCHED,
  matchLists,
  type OwnRecord,
  ProofReader,
  recordEntry,
  runKey,
  type StatementCode,
  StatementError,
  ValueCollector,
  type ValueList,
  ValueReader,
} from '#evidence'
import { idKey } from '#protocol'
import { leafHash } from '#transparency'
import { type Frame, readFrames, writeFrame } from '../../../../evidence/reconciliation/frames.ts'
import { NaiveTree } from '../../transparency/naive.ts'
import { noTurn, ours, SECRET, TERMS, theirs } from './parties.ts'

const made = (what: number) => createHash('sha256').update(String(what)).digest()
const refused = (code: StatementCode) => (error: unknown) => error instanceof StatementError && error.code === code

async function listOf(values: readonly number[]): Promise<ValueList> {
  const collector = new ValueCollector()
  for (const [place, value] of values.entries()) collector.add(made(value), place)
  return await collector.sorted(noTurn)
}

test('a list is in ascending order, and each value keeps its place', async () => {
  const values = Array.from({ length: 3000 }, (_, at) => (at * 7919) % 2500)
  const list = await listOf(values)
  assert.equal(list.count, 3000)
  for (let at = 1; at < list.count; at += 1) assert.ok(list.value(at - 1).compare(list.value(at)) <= 0)
  for (let at = 0; at < list.count; at += 1) assert.deepEqual(list.value(at), made(values[list.place(at)] ?? -1))
  for (const value of [0, 1, 2499]) {
    const first = list.find(made(value)) ?? -1
    assert.deepEqual(list.value(first), made(value))
    assert.ok(first === 0 || !list.value(first - 1).equals(made(value)))
  }
  assert.equal(list.find(made(2500)), undefined)
  assert.equal((await listOf([])).find(made(1)), undefined)
  const twice = await listOf([1, 2, 2, 3])
  const repeated = [1, 2, 3].map((value) => twice.isRepeated(twice.find(made(value)) ?? -1))
  assert.deepEqual(repeated, [false, true, false])
})

test('values are matched one by one', async () => {
  const [here, there] = [await listOf([1, 2, 2, 2, 5]), await listOf([2, 2, 3, 5, 5])]
  assert.equal(await matchLists(here, there, noTurn), 3)
  const alone = (list: ValueList) =>
    Array.from({ length: list.count }, (_, at) => at)
      .filter((at) => !list.is(at, MATCHED))
      .map((at) => list.value(at).toString('hex'))
      .sort()
  const hex = (...values: number[]) => values.map((value) => made(value).toString('hex')).sort()
  assert.deepEqual(alone(here), hex(1, 2))
  assert.deepEqual(alone(there), hex(3, 5))
})

test('a list that comes in pages is the one that it was bound to, or refused', async () => {
  const list = await listOf(Array.from({ length: 100 }, (_, at) => at))
  const read = async (pages: readonly Uint8Array[], head = { count: list.count, root: list.root }, most = 100) => {
    const reader = new ValueReader(head, most)
    for (const page of pages) await reader.take(page, noTurn)
    return reader.end()
  }
  const [first, second] = [list.slice(0, 60), list.slice(60, 40)]
  assert.deepEqual((await read([first, second])).value(99), list.value(99))
  await assert.rejects(read([first]), refused('wrong_values'))
  await assert.rejects(read([first, second, list.slice(99, 1)]), refused('wrong_values'))
  await assert.rejects(read([second, first]), refused('malformed_statement'))
  await assert.rejects(read([first.subarray(1)]), refused('malformed_statement'))
  await assert.rejects(read([first, second], { count: 100, root: made(0) }), refused('wrong_values'))
  await assert.rejects(read([first, second], undefined, 99), refused('too_many'))
})

/** A log of one record, shown as one that the other side has too. */
async function known(bend: { readonly queryId?: string; readonly at?: number; readonly value?: Uint8Array } = {}) {
  const key = runKey(SECRET, TERMS)
  const mine = ours().log('consumer', { requestId: 'x' })
  const log = theirs()
  log.other()
  const record = log.log('provider', { requestId: 'x', ...(bend.queryId && { queryId: bend.queryId }) })
  const signed: CommittedRecord = { ...record, signatureDigest: mine.signatureDigest }
  const salt = Buffer.alloc(32, 5)
  const commitment = commitmentOf(salt, encodeRecord(signed))
  const tree = new NaiveTree([log.entries[0]?.leaf as Uint8Array, leafHash(recordEntry(commitment))])
  const value = exchangeValue(key, mine)
  const collector = new ValueCollector()
  collector.add(value, 0)
  const [list, own] = [await collector.sorted(noTurn), new ValueCollector()]
  own.add(value, 0)
  await matchLists(await own.sorted(noTurn), list, noTurn)
  const other: OwnRecord = { record: mine, other: idKey({ ...log.party, subsystemCode: 'sub' }) }
  const reader = new ProofReader({
    ...{ terms: TERMS, key, party: log.party, listed: list },
    own: async (asked) => (Buffer.from(asked).equals(value) ? other : undefined),
    onlyHere: () => assert.fail('nothing is alone'),
  })
  const frames: Frame[] = [
    { kind: 'hidden', leaves: 1, hashes: [tree.root(0, 1)] },
    { kind: 'known', value: bend.value ?? value, seq: signed.seq, at: bend.at ?? signed.at, salt, commitment },
  ]
  await reader.take(Buffer.concat(frames.map(writeFrame)), noTurn)
  return reader.end({ size: 2, root: tree.root(0, 2) })
}

test('a record that both have is shown by what of it is not the same', async () => {
  assert.equal(await known(), 0)
  // Another record under the same value: the tree is right, and the value has no leaf.
  assert.equal(await known({ queryId: 'another' }), 1)
  assert.equal(await known({ at: TERMS.from + 1 }), 1)
  await assert.rejects(known({ at: TERMS.to + TERMS.margin }), refused('wrong_proof'))
  await assert.rejects(known({ value: made(1) }), refused('wrong_proof'))
})

test('frames are read back as they were written, and nothing else is one', () => {
  const shown: Frame = {
    kind: 'shown',
    salt: Buffer.alloc(32, 1),
    commitment: Buffer.alloc(32, 2),
    record: Buffer.from('record'),
    signed: {
      signature: Buffer.from('<s/>'),
      chain: Buffer.from('<c/>'),
      chainResult: Buffer.from('<r/>'),
      attachments: [Buffer.alloc(64, 3), Buffer.alloc(64, 4)],
    },
  }
  const plain: Frame = { kind: 'shown', salt: shown.salt, commitment: shown.commitment, record: Buffer.alloc(0) }
  const hidden: Frame = { kind: 'hidden', leaves: 3, hashes: [made(1), made(2)] }
  const all = [hidden, shown, plain]
  const page = Buffer.concat(all.map(writeFrame))
  assert.deepEqual([...readFrames(page, 0)], all)
  for (let end = 1; end < page.length; end += 1) {
    const whole = [hidden, shown].map((frame) => writeFrame(frame).length)
    if (end === whole[0] || end === (whole[0] ?? 0) + (whole[1] ?? 0)) continue
    assert.throws(() => [...readFrames(page.subarray(0, end), 0)], refused('malformed_statement'), `${end}`)
  }
  for (const wrong of [Buffer.from([3]), Buffer.alloc(9), Buffer.concat([Buffer.from([0]), Buffer.alloc(8, 0xff)])])
    assert.throws(() => [...readFrames(wrong, 0)], refused('malformed_statement'))
})
