import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type EntryPackage,
  formatAddEntriesHead,
  formatEntryPackage,
  formatMirrorInfo,
  leafHash,
  packageRanges,
  parseMirrorInfo,
  readAddEntries,
  subtreeProof,
  TransparencyError,
  type TreeRange,
  tileReader,
  verifyEntryPackage,
} from '#transparency'
import { chunked } from '../../fuzz/mutate.ts'
import { entryOf } from './naive.ts'
import { TileLog } from './tiles.ts'

const malformed = { name: TransparencyError.name, code: 'malformed_request' }
const log = new TileLog()
for (let index = 0; index < 900; index += 1) log.add(entryOf(index))
const head = { size: log.size, root: log.frontier.root() }
const ticket = Buffer.from('which one')

/** The body of an upload, whole or its first packages. */
async function upload(range: TreeRange, packages = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const parts = [formatAddEntriesHead({ origin: 'log.example', range, ticket })]
  for (const { entries, subtree } of packageRanges(range)) {
    if (parts.length > packages) break
    const proof = await subtreeProof(subtree, range.end, tileReader(log.size, log.source))
    parts.push(formatEntryPackage(log.entries.slice(entries.start, entries.end), proof))
  }
  return Buffer.concat(parts)
}

async function read(bytes: Uint8Array, sizes = [1000]): Promise<readonly EntryPackage[]> {
  const { packages } = await readAddEntries(chunked(bytes, sizes, Number.POSITIVE_INFINITY))
  const all: EntryPackage[] = []
  for await (const each of packages) all.push(each)
  return all
}

test('packages end where bundles do', () => {
  const ranges = (start: number, end: number) =>
    [...packageRanges({ start, end })].map(({ entries, subtree }) => [subtree.start, entries.start, entries.end])
  assert.deepEqual(ranges(0, 0), [])
  assert.deepEqual(ranges(5, 5), [])
  assert.deepEqual(ranges(0, 1), [[0, 0, 1]])
  assert.deepEqual(ranges(255, 257), [
    [0, 255, 256],
    [256, 256, 257],
  ])
  assert.deepEqual(ranges(300, 900), [
    [256, 300, 512],
    [512, 512, 768],
    [768, 768, 900],
  ])
  assert.deepEqual(ranges(512, 768), [[512, 512, 768]])
})

test('an upload is read as it was written, in any pieces, and every package is proved by itself', async () => {
  for (const range of [
    { start: 0, end: 900 },
    { start: 300, end: 900 },
    { start: 899, end: 900 },
    { start: 900, end: 900 },
  ]) {
    const bytes = await upload(range)
    for (const sizes of [[1], [7, 64], [100_000]]) {
      const opened = await readAddEntries(chunked(bytes, sizes, Number.POSITIVE_INFINITY))
      assert.deepEqual(opened.head, { origin: 'log.example', range, ticket })
      let next = range.start
      for await (const each of opened.packages) {
        assert.equal(each.entries.start, next)
        const held = log.entries.slice(each.subtree.start, each.entries.start).map(leafHash)
        assert.ok(verifyEntryPackage(each, held, head))
        next = each.entries.end
      }
      assert.equal(next, range.end)
    }
  }
})

test('an upload against an earlier checkpoint of the log', async () => {
  const range = { start: 0, end: 700 }
  const early = { size: 700, root: new TileLog().add(...log.entries.slice(0, 700)).frontier.root() }
  for (const each of await read(await upload(range))) {
    assert.ok(verifyEntryPackage(each, [], early))
    assert.equal(verifyEntryPackage(each, [], head), false)
  }
})

test('a package with anything changed is not proved', async () => {
  const [first, second] = await read(await upload({ start: 300, end: 900 }))
  assert.ok(first && second)
  const held = log.entries.slice(256, 300).map(leafHash)
  assert.ok(verifyEntryPackage(first, held, head))
  const leaf = Buffer.from('other')
  for (const lie of [
    { ...first, leaves: first.leaves.with(3, leaf) },
    { ...first, leaves: first.leaves.slice(1) },
    { ...first, leaves: [...first.leaves, leaf] },
    { ...first, leaves: first.leaves.toReversed() },
    { ...first, proof: first.proof.slice(1) },
    { ...first, proof: first.proof.toReversed() },
    { ...first, proof: [...first.proof, leafHash(leaf)] },
    { ...first, subtree: second.subtree },
    { ...second, subtree: first.subtree, entries: first.entries },
  ])
    assert.ok(!verifyEntryPackage(lie, held, head))
  assert.ok(!verifyEntryPackage(first, held.slice(1), head))
  assert.ok(!verifyEntryPackage(first, [], head))
  assert.ok(!verifyEntryPackage(first, held.with(0, leafHash(leaf)), head))
  for (const size of [500, 512, 2000]) assert.ok(!verifyEntryPackage(first, held, { ...head, size }))
  assert.ok(!verifyEntryPackage(first, held, { ...head, root: leafHash(leaf) }))
})

test('what breaks off gives the packages before, whole or none', async () => {
  const range = { start: 300, end: 900 }
  const bytes = await upload(range)
  const ends = await Promise.all([0, 1, 2, 3].map(async (count) => (await upload(range, count)).length))
  const [start = 0] = ends
  for (let length = 0; length < bytes.length; length += length < start + 50 ? 1 : 97) {
    const cut = bytes.subarray(0, length)
    if (length < start) await assert.rejects(read(cut), malformed)
    else assert.equal((await read(cut)).length, ends.filter((end) => end <= length).length - 1)
  }
  for (const [index, end] of ends.entries()) assert.equal((await read(bytes.subarray(0, end))).length, index)
  await assert.rejects(read(Buffer.concat([bytes, Buffer.of(0)])), malformed)
})

test('a body that is none', async () => {
  const good = await upload({ start: 899, end: 900 })
  const start = formatAddEntriesHead({ origin: 'log.example', range: { start: 899, end: 900 }, ticket }).length
  const broken = (at: number, ...octets: readonly number[]) => {
    const bytes = Buffer.from(good)
    bytes.set(octets, at)
    return bytes
  }
  for (const bytes of [
    broken(0, 0xff),
    broken(2, 0xff),
    broken(13, 0xff),
    broken(13, 0, 0, 0, 0, 0, 0, 4, 0),
    broken(start + 2 + 'entry 899'.length, 64),
  ])
    await assert.rejects(read(bytes), malformed)
  const whole = { origin: 'o', range: { start: 0, end: 1 }, ticket }
  for (const bad of [
    { origin: '' },
    { origin: 'o'.repeat(256) },
    { range: { start: 2, end: 1 } },
    { range: { start: -1, end: 1 } },
    { ticket: Buffer.alloc(65_536) },
  ])
    assert.throws(() => formatAddEntriesHead({ ...whole, ...bad }), malformed)
  assert.throws(() => formatEntryPackage([], new Array(64).fill(leafHash(ticket))), malformed)
  assert.throws(() => formatEntryPackage([], [Buffer.alloc(31)]), malformed)
  assert.throws(() => formatEntryPackage([Buffer.alloc(65_536)], []), { code: 'out_of_range' })
})

test("a mirror's answer", () => {
  for (const info of [
    { size: 0, nextEntry: 0, ticket: Buffer.alloc(0) },
    { size: 900, nextEntry: 512, ticket },
  ])
    assert.deepEqual(parseMirrorInfo(Buffer.from(formatMirrorInfo(info))), info)
  for (const text of [
    '',
    '1\n2\n',
    '1\n2\n\n\n',
    '1\n2\nAA==',
    '01\n2\n\n',
    '1\n2\n*\n',
    '1\n2\nAB==\n',
    '-1\n2\n\n',
    '1\n2\n\nmore',
  ])
    assert.throws(() => parseMirrorInfo(Buffer.from(text)), malformed)
})
