import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  consistencyProof,
  formatEntryBundle,
  type HashTile,
  inclusionProof,
  leafHash,
  leafTile,
  newBundles,
  newTiles,
  parseEntryBundle,
  parseTilePath,
  type Tile,
  TransparencyError,
  tileOf,
  tilePath,
  tileReader,
  tileWidth,
  verifiedTileReader,
  verifyConsistency,
  verifyInclusion,
} from '#transparency'
import { entryOf, NaiveTree } from './naive.ts'
import { TileLog } from './tiles.ts'

const malformed = { name: TransparencyError.name, code: 'malformed_tile' }
const hexes = (hashes: readonly Uint8Array[]) => hashes.map((hash) => Buffer.from(hash).toString('hex'))

for (const [path, tile] of [
  ['tile/0/000', { level: 0, index: 0, width: 256 }],
  ['tile/0/000.p/1', { level: 0, index: 0, width: 1 }],
  ['tile/63/999.p/255', { level: 63, index: 999, width: 255 }],
  ['tile/1/x001/x234/067', { level: 1, index: 1_234_067, width: 256 }],
  ['tile/10/x001/000.p/17', { level: 10, index: 1000, width: 17 }],
  ['tile/entries/x035/999.p/8', { level: 'entries', index: 35_999, width: 8 }],
  ['tile/0/x009/x007/x199/x254/x740/991', { level: 0, index: Number.MAX_SAFE_INTEGER, width: 256 }],
] as const)
  test(path, () => {
    assert.deepEqual(parseTilePath(path), tile)
    assert.equal(tilePath(tile), path)
  })

for (const path of [
  '',
  'tile',
  '/tile/0/000',
  'tile/0/000/',
  'tile/00/000',
  'tile/01/000',
  'tile/64/000',
  'tile/-1/000',
  'tile/data/000',
  'tile/8/0/000',
  'tile/0/0',
  'tile/0/1000',
  'tile/0/x000/001',
  'tile/0/001/002',
  'tile/0/x001/x002',
  'tile/0/x001/02',
  'tile/0/x009/x007/x199/x254/x740/992',
  'tile/0/x001/x000/x000/x000/x000/x000/000',
  'tile/0/000.p',
  'tile/0/000.p/',
  'tile/0/000.p/0',
  'tile/0/000.p/01',
  'tile/0/000.p/256',
  'tile/0/000.p/257',
  'tile/0/000.p/1/',
  'tile/0/000.P/1',
  'tile/0/000\n',
  'tile/0/../../checkpoint',
  'tile/0/%30%30%30',
  'tile/0/٠٠٠',
  `tile/0/${'x001/'.repeat(100)}000`,
])
  test(`'${path.slice(0, 60)}' is no tile`, () => {
    assert.throws(() => parseTilePath(path), malformed)
  })

test("the specification's example: a tree of 70,000", () => {
  const tiles = [...newTiles(0, 70_000)]
  const of = (level: number) => tiles.filter((tile) => tile.level === level)
  assert.deepEqual([of(0).length, of(1).length, of(2).length, tiles.length], [274, 2, 1, 277])
  assert.deepEqual(
    of(0).filter(({ width }) => width < 256),
    [{ level: 0, index: 273, width: 112 }],
  )
  assert.deepEqual(of(1), [
    { level: 1, index: 0, width: 256 },
    { level: 1, index: 1, width: 17 },
  ])
  assert.deepEqual(of(2), [{ level: 2, index: 0, width: 1 }])
  assert.deepEqual(
    [...newTiles(0, 256)],
    [
      { level: 0, index: 0, width: 256 },
      { level: 1, index: 0, width: 1 },
    ],
  )
  assert.deepEqual([...newTiles(0, 0)], [])
})

test('what an append brings is what the tree has more', () => {
  const has = (size: number) => [...newTiles(0, size)].map(tilePath)
  const bundles = (size: number) => [...newBundles(0, size)].map(tilePath)
  for (const from of [0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 65_535, 65_536, 65_537])
    for (const to of [from, from + 1, from + 2, from + 255, from + 256, from + 700]) {
      const [tiles, before] = [has(to), new Set(has(from))]
      assert.deepEqual(
        [...newTiles(from, to)].map(tilePath),
        tiles.filter((path) => !before.has(path)),
      )
      const known = new Set(bundles(from))
      assert.deepEqual(
        [...newBundles(from, to)].map(tilePath),
        bundles(to).filter((path) => !known.has(path)),
      )
    }
})

test('widths in the largest tree', () => {
  const size = Number.MAX_SAFE_INTEGER
  assert.equal(tileWidth(0, 2 ** 45 - 1, size), 255)
  assert.equal(tileWidth(6, 0, size), 31)
  assert.equal(tileWidth(7, 0, size), 0)
  assert.equal(tileWidth('entries', 2 ** 45, size), 0)
})

test('where a subtree lies', () => {
  assert.deepEqual(tileOf({ level: 0, index: 300 }, 400), { level: 0, index: 1, width: 144 })
  assert.deepEqual(tileOf({ level: 7, index: 2 }, 400), { level: 0, index: 1, width: 144 })
  assert.deepEqual(tileOf({ level: 8, index: 0 }, 400), { level: 1, index: 0, width: 1 })
  for (const node of [
    { level: 0, index: 400 },
    { level: 7, index: 3 },
    { level: 8, index: 1 },
    { level: 9, index: 0 },
    { level: 0, index: -1 },
  ])
    assert.throws(() => tileOf(node, 400), { code: 'out_of_range' })
})

const log = new TileLog()
for (let index = 0; index < 66_000; index += 1) log.add(entryOf(index))
const naive = NaiveTree.of(700)
const roots = new Map<number, Uint8Array>()

test('proofs from tiles are those of the tree', async () => {
  for (const size of [1, 2, 3, 7, 8, 9, 255, 256, 257, 300, 511, 512, 513, 700]) {
    const head = { size, root: naive.root(0, size) }
    for (const read of [tileReader(size, log.source), verifiedTileReader(head, log.source)]) {
      for (let index = 0; index < size; index += 1 + (size >> 3))
        assert.deepEqual(hexes(await inclusionProof(index, size, read)), hexes(naive.path(index, 0, size)))
      for (let old = 1; old <= size; old += 1 + (size >> 3))
        assert.deepEqual(hexes(await consistencyProof(old, size, read)), hexes(naive.consistency(old, size)))
    }
  }
})

test('three levels of tiles', async () => {
  for (const size of [65_535, 65_536, 65_537, 66_000]) {
    const read = tileReader(size, log.source)
    const root = rootOf(size)
    const verified = verifiedTileReader({ size, root }, log.source)
    for (const index of [0, 1, 255, 256, 32_768, size - 2, size - 1]) {
      const proof = await inclusionProof(index, size, verified)
      assert.deepEqual(hexes(proof), hexes(await inclusionProof(index, size, read)))
      assert.ok(verifyInclusion({ index, leaf: leafHash(entryOf(index)), size, root, proof }))
    }
    for (const oldSize of [1, 255, 256, 257, 65_534, size]) {
      const proof = await consistencyProof(oldSize, size, verified)
      assert.ok(verifyConsistency({ oldSize, oldRoot: rootOf(oldSize), size, root, proof }))
    }
  }
})

/** From the leaves alone. */
function rootOf(size: number): Uint8Array {
  const known = roots.get(size) ?? new TileLog().add(...log.entries.slice(0, size)).frontier.root()
  roots.set(size, known)
  return known
}

test('a proof needs few tiles, each asked for once', async () => {
  const size = 66_000
  log.asked.length = 0
  await inclusionProof(300, size, tileReader(size, log.source))
  assert.deepEqual([...log.asked].sort(), ['tile/0/001', 'tile/0/257.p/208', 'tile/1/000', 'tile/1/001.p/1'])
  log.asked.length = 0
  await inclusionProof(300, size, verifiedTileReader({ size, root: rootOf(size) }, log.source))
  assert.equal(new Set(log.asked).size, log.asked.length)
  // Beside those above, the tile that proves the full ones.
  assert.deepEqual(
    log.asked.filter((path) => path.startsWith('tile/2')),
    ['tile/2/000.p/1'],
  )
})

test('tiles of a stranger with anything changed are refused', async () => {
  // A tree of one leaf needs no tile: its root is the leaf's hash.
  for (const size of [2, 200, 256, 257, 600, 65_537]) {
    const root = rootOf(size)
    const index = size >> 1
    const fetched: HashTile[] = []
    await inclusionProof(
      index,
      size,
      verifiedTileReader({ size, root }, (tiles) => {
        fetched.push(...tiles)
        return tiles.map((tile) => log.tile(tile))
      }),
    )
    for (const victim of fetched)
      for (const at of [0, victim.width >> 1, victim.width - 1]) {
        const lying = (tiles: readonly HashTile[]) =>
          tiles.map((tile) => {
            const bytes = log.tile(tile)
            if (tilePath(tile) === tilePath(victim)) bytes[at * 32 + 7] = (bytes[at * 32 + 7] ?? 0) ^ 1
            return bytes
          })
        // Also where the changed hash is not one that the proof needs.
        await assert.rejects(inclusionProof(index, size, verifiedTileReader({ size, root }, lying)), {
          code: 'invalid_proof',
        })
      }
    const other = Buffer.from(root)
    other[31] = (other[31] ?? 0) ^ 1
    await assert.rejects(inclusionProof(index, size, verifiedTileReader({ size, root: other }, log.source)), {
      code: 'invalid_proof',
    })
    for (const wrong of [-1, 1, 32, -32]) {
      const source = (tiles: readonly HashTile[]) =>
        tiles.map((tile) => Buffer.alloc(Math.max(0, log.tile(tile).length + wrong)))
      await assert.rejects(inclusionProof(index, size, verifiedTileReader({ size, root }, source)), malformed)
    }
    await assert.rejects(
      inclusionProof(
        index,
        size,
        tileReader(size, () => []),
      ),
      malformed,
    )
  }
  assert.throws(() => verifiedTileReader({ size: -1, root: rootOf(1) }, log.source), { code: 'out_of_range' })
})

test('bundles of entries, proved by the tile beside them', () => {
  for (const tile of newBundles(0, 600)) {
    const entries = log.bundle(tile)
    const bytes = formatEntryBundle(entries)
    assert.deepEqual(parseEntryBundle(bytes, tile.width).map(String), entries.map(String))
    assert.deepEqual(leafTile(parseEntryBundle(bytes, tile.width)), log.tile({ ...tile, level: 0 }))
    for (const width of [tile.width - 1, tile.width + 1, 0])
      assert.throws(() => parseEntryBundle(bytes, width), malformed)
    for (let length = 0; length < bytes.length; length += 1)
      assert.throws(() => parseEntryBundle(bytes.subarray(0, length), tile.width), malformed)
    assert.throws(() => parseEntryBundle(Buffer.concat([bytes, Buffer.of(0)]), tile.width), malformed)
  }
  const largest = Buffer.alloc(65_535, 1)
  assert.deepEqual(parseEntryBundle(formatEntryBundle([largest, Buffer.alloc(0)]), 2), [largest, Buffer.alloc(0)])
  for (const entries of [[], [Buffer.alloc(65_536)], new Array<Buffer>(257).fill(Buffer.of(1))])
    assert.throws(() => formatEntryBundle(entries), { code: 'out_of_range' })
})

test('no two paths are the same tile', () => {
  const tiles: Tile[] = [...newTiles(0, 66_000), ...newBundles(0, 66_000)]
  assert.equal(new Set(tiles.map(tilePath)).size, tiles.length)
  for (const tile of tiles) assert.deepEqual(parseTilePath(tilePath(tile)), tile)
})
