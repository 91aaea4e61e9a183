// Somebody else's log followed: what is kept is what was signed, whatever is served; a rewritten leaf is named.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { closeHttp, listen } from '#host'
import { type Policy, parseNote, quorumPolicy, TransparencyError } from '#transparency'
import {
  checkpointBytes,
  type Followed,
  follow,
  logSite,
  type SignedCheckpoint,
  signedCheckpoint,
  siteServer,
  TileLog,
  TransparentLogError,
} from '#transparent-log'
import { scratch } from '../host/scratch.ts'
import { noteSigner, signedBy } from '../transparency/signers.ts'
import { entries, hearing, ORIGIN } from './fixture.ts'

const KEY = noteSigner('note', ORIGIN)
const POLICY = quorumPolicy([{ key: KEY.key }], [], 0)

interface Shown {
  tree: TileLog
  newest: SignedCheckpoint
}

async function treeOf(t: TestContext, leaves: readonly Uint8Array[]): Promise<TileLog> {
  const tree = await TileLog.open(scratch(t), 0)
  t.after(() => tree.close())
  await tree.append(leaves)
  return tree
}

function signed(tree: TileLog, signer = KEY, root = tree.root()): SignedCheckpoint {
  return signedCheckpoint(parseNote(signedBy({ origin: signer.key.name, size: tree.size, root }, signer)))
}

/** A log that shows what `shown` is at the moment, and an auditor's folder. */
async function standing(t: TestContext, leaves: readonly Uint8Array[]) {
  const tree = await treeOf(t, leaves)
  const shown: Shown = { tree, newest: signed(tree) }
  const server = siteServer({
    sites: { '/': (...request) => logSite(shown)(...request) },
    allow: ['127.0.0.0/8'],
    log: hearing(),
  })
  const { port } = await listen(server, '127.0.0.1', 0)
  t.after(() => closeHttp(server, 1_000))
  const directory = scratch(t)
  const run = (policy: Policy = POLICY): Promise<Followed> =>
    follow({ directory, url: `http://127.0.0.1:${port}`, policy, isMarked: (entry) => entry.length === 1 })
  const show = async (others: readonly Uint8Array[]) => {
    shown.tree = await treeOf(t, others)
    shown.newest = signed(shown.tree)
  }
  return { shown, directory, run, show }
}

function refused(code: string) {
  return (error: unknown) => {
    assert.ok(error instanceof TransparentLogError || error instanceof TransparencyError, String(error))
    assert.equal(error.code, code)
    return true
  }
}

test('a log that grows is followed, in steps of any size', async (t) => {
  const { shown, directory, run } = await standing(t, [])
  let size = 0
  for (const to of [0, 1, 1, 255, 256, 257, 700, 6_000]) {
    await shown.tree.append(entries(size, to))
    shown.newest = signed(shown.tree)
    const { found, before, judged } = await run()
    assert.deepEqual([found, before, judged.checkpoint.size], ['grown', size, to])
    size = to
  }
  const copy = await TileLog.open(join(directory, 'tree'), size)
  assert.deepEqual([copy.size, copy.root()], [size, shown.tree.root()])
  await copy.close()
})

test('the first leaf that is another is named, wherever it is', async (t) => {
  for (const size of [1, 2, 7, 256, 700])
    for (const changed of new Set([0, size >> 1, size - 1])) {
      const { shown, directory, run, show } = await standing(t, entries(0, size))
      await run()
      const kept = readFileSync(join(directory, 'checkpoint'))
      // The history after it is another too, and longer.
      await show(entries(0, size + 9, changed))
      const found = await run()
      assert.ok(found.found === 'rewritten')
      assert.deepEqual([found.leaf, found.record, found.before], [changed, changed, size])
      assert.ok(readFileSync(join(directory, 'rewritten')).equals(checkpointBytes(shown.newest)))
      // Of the evidence nothing is forgotten, and the next run finds it again.
      assert.deepEqual(readFileSync(join(directory, 'checkpoint')), kept)
      assert.equal((await run()).found, 'rewritten')
    }
})

test('marked leaves are not counted among the records', async (t) => {
  const marks = (list: Uint8Array[]) => list.map((entry, at) => (at % 3 === 0 ? Uint8Array.of(at) : entry))
  const { run, show } = await standing(t, marks(entries(0, 30)))
  await run()
  await show(marks(entries(0, 30, 20)))
  const found = await run()
  // Seven of the twenty before it are marked.
  assert.ok(found.found === 'rewritten')
  assert.deepEqual([found.leaf, found.record, [...found.begins]], [20, 13, [0]])
  await show(entries(0, 30))
  const first = await run()
  assert.ok(first.found === 'rewritten')
  assert.deepEqual([first.leaf, first.record], [0, undefined])
})

test('a log that shows an older tree', async (t) => {
  const { run, show } = await standing(t, entries(0, 300))
  await run()
  await show(entries(0, 299))
  const { found, before, judged } = await run()
  assert.deepEqual([found, before, judged.checkpoint.size], ['older', 300, 299])
  await show(entries(0, 301))
  assert.equal((await run()).found, 'grown')
})

test('entries or tiles that do not lead to the signed root: nothing is kept of them', async (t) => {
  const { shown, directory, run, show } = await standing(t, entries(0, 40))
  await run()
  await show(entries(0, 90))
  const { newest } = shown
  shown.tree = await treeOf(t, entries(0, 90, 60))
  // The tiles are asked first, and do not fit.
  await assert.rejects(run(), refused('invalid_proof'))
  const honest = await treeOf(t, entries(0, 90))
  const other = shown.tree
  shown.newest = newest
  shown.tree = honest
  const tile = honest.tile.bind(honest)
  honest.tile = (asked, size) => (asked.level === 'entries' ? other.tile(asked, size) : tile(asked, size))
  await assert.rejects(run(), refused('invalid_proof'))
  honest.tile = tile
  const { found, before } = await run()
  assert.deepEqual([found, before], ['grown', 40])
  assert.equal(existsSync(join(directory, 'rewritten')), false)
})

test("another log, another's key, a copy that somebody changed, nothing there", async (t) => {
  const { shown, directory, run } = await standing(t, entries(0, 40))
  const tree = await treeOf(t, entries(0, 50))
  shown.newest = signed(tree, noteSigner('note', ORIGIN))
  await assert.rejects(run(), refused('unsigned'))
  shown.newest = signed(shown.tree)
  await run()
  const another = noteSigner('note', `${ORIGIN}/2`)
  shown.newest = signed(shown.tree, another)
  await assert.rejects(run(quorumPolicy([KEY, another], [], 0)), refused('another_log'))
  shown.newest = signed(shown.tree)
  truncateSync(join(directory, 'tree', 'level-0'), 32 * 20)
  await assert.rejects(run(), refused('tree_damaged'))
  writeFileSync(join(directory, 'checkpoint'), 'x')
  await assert.rejects(run(), refused('malformed_note'))
  const nowhere = { directory: scratch(t), url: 'http://127.0.0.1:9', policy: POLICY, isMarked: () => false }
  await assert.rejects(follow(nowhere))
})
