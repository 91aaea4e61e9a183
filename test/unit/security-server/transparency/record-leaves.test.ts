// Which leaf is which record, with other entries between them, in a log that began with a later record.
import assert from 'node:assert/strict'
import test from 'node:test'
import { recordEntry } from '#evidence'
import { TileLog } from '#transparent-log'
import { RecordLeaves } from '../../../../security-server/transparency/record-leaves.ts'
import { firstDifference, integrate } from '../../../../security-server/transparency/records.ts'
import { scratch } from '../../host/scratch.ts'

const commitment = (seq: number) => Buffer.alloc(32, seq)

/** Commitments as the index gives them: of records from one on. */
function commitments(first: number, last: number, changed?: number) {
  return {
    last: async () => last,
    after: async (seq: number, limit: number) =>
      Array.from({ length: Math.max(0, Math.min(limit, last - Math.max(seq, first - 1))) }, (_, at) => {
        const of = Math.max(seq, first - 1) + 1 + at
        return of === changed ? commitment(255) : commitment(of)
      }),
    close: async () => undefined,
  }
}

for (const first of [1, 41]) {
  test(`records from ${first} on`, async (t) => {
    const tree = await TileLog.open(scratch(t), 0)
    t.after(() => tree.close())
    const leaves = new RecordLeaves(tree, first)
    assert.deepEqual([leaves.last, leaves.has(first)], [first - 1, false])
    await tree.append([Buffer.of(3)], true)
    assert.equal(await integrate(leaves, commitments(first, first + 9), 4), 4)
    await tree.append([Buffer.of(2)], true)
    assert.equal(await integrate(leaves, commitments(first, first + 9), 100), 6)
    assert.equal(await integrate(leaves, commitments(first, first + 9), 100), 0)
    // 3 r r r r 2 r r r r r r
    assert.equal(leaves.last, first + 9)
    assert.deepEqual(
      [0, 1, 5, 6, 12].map((size) => leaves.lastIn(size)),
      [first - 1, first - 1, first + 3, first + 3, first + 9],
    )
    assert.deepEqual(
      [first, first + 3, first + 4].map((seq) => leaves.indexOf(seq)),
      [1, 4, 6],
    )
    assert.deepEqual(
      [0, 1, 5, 6].map((index) => leaves.recordAt(index)),
      [undefined, first, undefined, first + 4],
    )
    assert.deepEqual(
      (await leaves.entries(first + 2, 4)).map((entry) => Buffer.from(entry)),
      [2, 3, 4, 5].map((at) => Buffer.from(recordEntry(commitment(first + at)))),
    )
    assert.deepEqual(
      [first - 1, first, first + 9, first + 10].map((seq) => leaves.has(seq)),
      [false, true, true, false],
    )
    assert.throws(() => leaves.indexOf(first + 10), { code: 'out_of_range' })
    assert.throws(() => leaves.indexOf(first - 1), { code: 'out_of_range' })

    const last = first + 9
    assert.equal(await firstDifference(leaves, commitments(first, last), first, last), undefined)
    assert.equal(await firstDifference(leaves, commitments(first, last, first + 5), first, last), first + 5)
    assert.equal(await firstDifference(leaves, commitments(first, first + 6), first, last), first + 7)
  })
}
