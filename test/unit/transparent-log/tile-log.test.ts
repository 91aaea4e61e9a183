// The tree on the disk against trees that are computed as RFC 6962 writes them, and what of it survives whatever a crash left.
import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { leafHash, newTiles, parseEntryBundle, tilePath, verifyConsistency, verifyInclusion } from '#transparency'
import { TileLog } from '#transparent-log'
import { scratch } from '../host/scratch.ts'
import { entryOf, NaiveTree, naiveLeaf } from '../transparency/naive.ts'
import { TileLog as InMemory } from '../transparency/tiles.ts'

const entries = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => entryOf(from + index))

async function opened(t: TestContext, directory: string, counted: number): Promise<TileLog> {
  const log = await TileLog.open(directory, counted)
  t.after(() => log.close())
  return log
}

for (const size of [0, 1, 2, 255, 256, 257, 513, 65_537]) {
  test(`${size} leaves: root, proofs, tiles and entries are those of RFC 6962 and tlog-tiles`, async (t) => {
    const log = await opened(t, scratch(t), 0)
    // In uneven steps, as records come.
    for (let step = 1; log.size < size; step = (step * 7) % 1009) {
      const before = log.size
      assert.equal(await log.append(entries(before, Math.min(size, before + step))), before)
    }
    await log.sync()
    const naive = NaiveTree.of(size)
    const memory = new InMemory().add(...entries(0, size))
    assert.deepEqual(Buffer.from(log.root()), naive.root(0, size))

    const picked = [...new Set([0, 1, 127, 255, 256, 300, 65_535, size - 1])].filter(
      (index) => index >= 0 && index < size,
    )
    for (const index of picked) {
      const proof = await log.inclusionProof(index, size)
      assert.deepEqual(
        proof.map((hash) => Buffer.from(hash)),
        naive.path(index, 0, size),
      )
      const leaf = leafHash(entryOf(index))
      assert.ok(verifyInclusion({ index, leaf, size, root: log.root(), proof }))
      assert.deepEqual(await log.entries(index, 3), entries(index, Math.min(size, index + 3)))
    }
    for (const oldSize of [0, ...picked.map((index) => index + 1)]) {
      const root = await log.rootAt(oldSize)
      assert.deepEqual(Buffer.from(root), naive.root(0, oldSize))
      const proof = await log.consistencyProof(oldSize, size)
      assert.ok(verifyConsistency({ oldSize, oldRoot: root, size, root: log.root(), proof }))
    }
    for (const tile of newTiles(0, size)) {
      assert.deepEqual(await log.tile(tile, size), memory.tile(tile), tilePath(tile))
      if (tile.level > 0) continue
      const bundle = await log.tile({ ...tile, level: 'entries' }, size)
      assert.deepEqual(parseEntryBundle(bundle ?? Buffer.alloc(0), tile.width), memory.bundle(tile))
    }
  })
}

test('a part of a tile is served while the tree has it, and nothing beyond what was asked for is signed', async (t) => {
  const log = await opened(t, scratch(t), 0)
  await log.append(entries(0, 600))
  const part = await log.tile({ level: 0, index: 0, width: 17 }, 600)
  assert.deepEqual(part, Buffer.concat(entries(0, 17).map(naiveLeaf)))
  const bundle = await log.tile({ level: 'entries', index: 1, width: 3 }, 600)
  assert.deepEqual(parseEntryBundle(bundle ?? Buffer.alloc(0), 3), entries(256, 259))
  for (const [level, index, width] of [
    [0, 2, 256],
    [0, 3, 1],
    [1, 0, 3],
    [2, 0, 1],
    ['entries', 2, 89],
    [63, 0, 1],
  ] as const)
    assert.equal(await log.tile({ level, index, width }, 600), undefined)
  assert.equal(await log.tile({ level: 0, index: 0, width: 200 }, 199), undefined)
})

test('marked entries are not counted among the others', async (t) => {
  const directory = scratch(t)
  const log = await TileLog.open(directory, 0)
  // u u M u M M u: unmarked at 0, 1, 3, 6.
  await log.append(entries(0, 2))
  await log.append(entries(2, 3), true)
  await log.append(entries(3, 4))
  await log.append(entries(4, 6), true)
  await log.append(entries(6, 7))
  await log.sync()
  const check = (one: TileLog) => {
    assert.deepEqual([one.size, one.unmarked], [7, 4])
    assert.deepEqual(
      [0, 1, 2, 3].map((ordinal) => one.indexOf(ordinal)),
      [0, 1, 3, 6],
    )
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6].map((index) => one.ordinalOf(index)),
      [0, 1, undefined, 2, undefined, undefined, 3],
    )
    assert.deepEqual(
      [0, 2, 3, 7].map((size) => one.unmarkedIn(size)),
      [0, 2, 2, 4],
    )
    assert.throws(() => one.indexOf(4), { code: 'out_of_range' })
  }
  check(log)
  await log.close()
  check(await opened(t, directory, 7))
  const cut = await opened(t, directory, 4)
  assert.deepEqual([cut.size, cut.unmarked], [4, 3])
})

/** Every file of the tree, and what it is when so many leaves are in it. */
function snapshot(directory: string): Map<string, Buffer> {
  return new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]))
}

test('whatever lies behind what counts is forgotten: the tree is the same, to the byte, as if it had never been', async (t) => {
  for (const counted of [0, 1, 255, 256, 300, 66_000]) {
    /** As many unmarked entries, a marked one every hundred. */
    const grow = async (log: TileLog, to: number) => {
      while (log.size < to) {
        const next = Math.min(to, log.size - (log.size % 100) + 100)
        await log.append(entries(log.size, next - 1))
        await log.append(entries(next - 1, next), true)
      }
      await log.sync()
    }
    const clean = scratch(t)
    const log = await TileLog.open(clean, 0)
    await grow(log, counted)
    const before = snapshot(clean)
    await grow(log, counted + 700)
    const whole = snapshot(clean)
    await log.close()
    const ofBefore = (name: string) => before.get(name) ?? Buffer.alloc(0)
    for (const bend of [
      (_name: string, bytes: Buffer) => bytes,
      (_name: string, bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(5000)]),
      (_name: string, bytes: Buffer) => Buffer.concat([bytes, Buffer.from('torn')]),
      // The lengths of the files were on the disk when the power went, what they hold was not.
      (name: string, bytes: Buffer) =>
        Buffer.concat([ofBefore(name), Buffer.alloc(bytes.length - ofBefore(name).length)]),
      // Half of the files were written.
      (name: string, bytes: Buffer) => (name === 'entries' || name === 'level-1' ? bytes : ofBefore(name)),
      (name: string, bytes: Buffer) => (name === 'level-0' || name === 'marks' ? bytes : ofBefore(name)),
    ]) {
      const directory = scratch(t)
      for (const [name, bytes] of whole) writeFileSync(join(directory, name), bend(name, bytes))
      const again = await opened(t, directory, counted)
      assert.equal(again.size, counted)
      assert.deepEqual(Buffer.from(again.root()), NaiveTree.of(counted).root(0, counted))
      await grow(again, counted + 700)
      assert.deepEqual(snapshot(directory), whole)
    }
  }
})

test('a tree that is shorter than what counts says so; one whose files do not fit together is damaged', async (t) => {
  const directory = scratch(t)
  const log = await TileLog.open(directory, 0)
  await log.append(entries(0, 600))
  await log.sync()
  await log.close()
  const whole = snapshot(directory)
  const shorter = await TileLog.open(directory, 1000)
  assert.equal(shorter.size, 600)
  await shorter.close()
  for (const [name, bytes] of whole) {
    if (name === 'level-0' || bytes.length === 0) continue
    truncateSync(join(directory, name), bytes.length - 1)
    await assert.rejects(TileLog.open(directory, 600), { code: 'tree_damaged' }, name)
    for (const [each, content] of whole) writeFileSync(join(directory, each), content)
  }
  // What is not ours is left alone.
  appendFileSync(join(directory, 'notes.txt'), 'x')
  await (await TileLog.open(directory, 600)).close()
  assert.equal(statSync(join(directory, 'notes.txt')).size, 1)
})

test('an entry that no bundle can hold is refused, and nothing of its batch is there', async (t) => {
  const log = await opened(t, scratch(t), 0)
  await log.append(entries(0, 3))
  const root = log.root()
  await assert.rejects(log.append([entryOf(3), Buffer.alloc(65_536)]), { code: 'out_of_range' })
  assert.deepEqual([log.size, log.root()], [3, root])
  await log.append([Buffer.alloc(65_535), Buffer.alloc(0)])
  assert.deepEqual(
    (await log.entries(3, 2)).map(({ length }) => length),
    [65_535, 0],
  )
})
