import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  buildMap,
  EMPTY_ROOT,
  formatMapProof,
  type MapHead,
  type MapProof,
  type MapReader,
  parseMapProof,
  proveKey,
  type TransparencyCode,
  TransparencyError,
  verifyMapProof,
} from '#transparency'
import { digest } from '#trust'
import { NaiveTree, naiveLeaf } from './naive.ts'

const refused = (code: TransparencyCode) => ({ name: TransparencyError.name, code })
const u64 = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
/** Keys with room between them: the third octet is 2, 4, 6 … */
const keyOf = (place: number) => Buffer.concat([Buffer.of(place >> 16, place >> 8, place & 0xff), Buffer.alloc(29, 7)])
const valueAt = (place: number) => Buffer.from(`value ${place}`)
const entries = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ key: keyOf(2 * at + 2), value: valueAt(at) }))

interface Kept {
  readonly head: MapHead
  readonly levels: readonly Buffer[]
  readonly read: MapReader
  readonly largestRun: number
}

/** As it would be kept in a file for each level. */
async function kept(count: number): Promise<Kept> {
  const runs: Buffer[][] = []
  let largestRun = 0
  const head = await buildMap(entries(count), (level, bytes) => {
    largestRun = Math.max(largestRun, bytes.length)
    runs[level] = [...(runs[level] ?? []), Buffer.from(bytes)]
  })
  const levels = runs.map((run) => Buffer.concat(run))
  const read: MapReader = (level, first, number) => {
    const width = level === 0 ? 64 : 32
    return levels[level]?.subarray(first * width, (first + number) * width) ?? Buffer.alloc(0)
  }
  return { head, levels, read, largestRun }
}

test('what is kept, and the root, as they are defined', async () => {
  for (const count of [0, 1, 2, 3, 255, 256, 257, 600]) {
    const { head, levels } = await kept(count)
    const records = entries(count).map(({ key, value }) => Buffer.concat([key, digest('SHA-256', value)]))
    assert.deepEqual(levels[0] ?? Buffer.alloc(0), Buffer.concat(records))
    const tree = new NaiveTree(records.map(naiveLeaf))
    const full = Array.from({ length: count >> 8 }, (_, at) => tree.root(at * 256, (at + 1) * 256))
    assert.deepEqual(levels[1] ?? Buffer.alloc(0), Buffer.concat(full))
    assert.equal(levels.length, count === 0 ? 0 : count < 256 ? 1 : 2)
    const root = digest(
      'SHA-256',
      Buffer.concat([Buffer.from('saadik sorted map v1\0'), u64(count), tree.root(0, count)]),
    )
    assert.deepEqual(head, { count, root })
  }
})

test('every key of small maps, there and not there, and every lie about it', async () => {
  for (const count of [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17]) {
    const { head, read } = await kept(count)
    const proofs = new Map<number, MapProof>()
    for (let place = 0; place <= 2 * count + 3; place += 1) proofs.set(place, await proveKey(keyOf(place), count, read))
    for (const [place, proof] of proofs) {
      const key = keyOf(place)
      const value = place >= 2 && place % 2 === 0 && place <= 2 * count ? valueAt(place / 2 - 1) : null
      const claim = { root: head.root, key, value, proof }
      assert.ok(verifyMapProof(claim), `${place} of ${count}`)
      const bytes = formatMapProof(proof)
      assert.ok(verifyMapProof({ ...claim, proof: parseMapProof(bytes) }))
      // The other answer, another value, another key's proof.
      assert.ok(!verifyMapProof({ ...claim, value: value === null ? valueAt(0) : null }))
      assert.ok(!verifyMapProof({ ...claim, value: Buffer.from('other') }))
      // What proves it for one key proves it for all keys between the same neighbours, and no other proof does.
      for (const other of proofs.values())
        if (verifyMapProof({ ...claim, proof: other })) assert.deepEqual(other, proof)
      for (const lie of liesAbout(proof)) assert.ok(!verifyMapProof({ ...claim, proof: lie }))
      assert.ok(!verifyMapProof({ ...claim, root: EMPTY_ROOT }))
      assert.ok(!verifyMapProof({ ...claim, key: key.subarray(1) }))
    }
  }
})

/** One thing changed of a proof, each of which makes it another. */
function* liesAbout(proof: MapProof): Generator<MapProof> {
  const { count, treeRoot, records } = proof
  yield { ...proof, count: count + 1 }
  yield { ...proof, count: count - 1 }
  yield { ...proof, treeRoot: Buffer.from(treeRoot).fill(0, 3, 4).fill(9, 4, 5) }
  yield { ...proof, treeRoot: treeRoot.subarray(1) }
  if (records.length > 0) yield { ...proof, records: records.slice(1) }
  if (records.length > 1) {
    yield { ...proof, records: records.slice(0, 1) }
    yield { ...proof, records: records.toReversed() }
  }
  for (const [at, record] of records.entries()) {
    const other = Buffer.from(record.key)
    other[31] = 1
    for (const change of [
      { index: record.index + 1 },
      { index: record.index - 1 },
      { key: other },
      { key: record.key.subarray(1) },
      { valueDigest: other },
      { valueDigest: record.valueDigest.subarray(1) },
      { proof: [...record.proof, other] },
      ...(record.proof.length > 0 ? [{ proof: record.proof.slice(1) }, { proof: record.proof.with(0, other) }] : []),
    ])
      yield { ...proof, records: records.with(at, { ...record, ...change }) }
    yield { ...proof, records: [...records, record] }
  }
}

test('records that are not neighbours prove nothing', async () => {
  const { head, read } = await kept(9)
  const present = async (at: number) => (await proveKey(keyOf(2 * at + 2), 9, read)).records[0]
  const { treeRoot } = await proveKey(keyOf(2), 9, read)
  const claim = async (place: number, ...places: readonly number[]) => {
    const records = (await Promise.all(places.map(present))).filter((record) => record !== undefined)
    return verifyMapProof({ root: head.root, key: keyOf(place), value: null, proof: { count: 9, treeRoot, records } })
  }
  assert.ok(await claim(7, 2, 3))
  // Key 8 is there, between these two; and no single record in the middle says anything.
  assert.ok(!(await claim(8, 2, 4)))
  assert.ok(!(await claim(7, 2, 4)))
  assert.ok(!(await claim(7, 3, 2)))
  for (let at = 0; at < 9; at += 1) assert.equal(await claim(7, at), false)
  assert.ok(await claim(1, 0))
  assert.ok(!(await claim(1, 8)))
  assert.ok(await claim(19, 8))
  assert.ok(!(await claim(19, 0)))
  assert.ok(!(await claim(7)))
})

test('a map of three levels', async () => {
  const count = 65_537
  const { head, levels, read, largestRun } = await kept(count)
  assert.deepEqual(
    levels.map(({ length }) => length),
    [count * 64, 256 * 32, 32],
  )
  assert.ok(largestRun <= 64 * 1024)
  let reads = 0
  const counting: MapReader = (level, first, number) => {
    reads += 1
    assert.ok(number <= 256)
    return read(level, first, number)
  }
  for (const at of [0, 1, 255, 256, 257, 32_768, 65_535, 65_536]) {
    reads = 0
    const proof = parseMapProof(formatMapProof(await proveKey(keyOf(2 * at + 2), count, counting)))
    assert.ok(verifyMapProof({ root: head.root, key: keyOf(2 * at + 2), value: valueAt(at), proof }))
    assert.ok(reads < 60)
    const absent = await proveKey(keyOf(2 * at + 1), count, read)
    assert.ok(verifyMapProof({ root: head.root, key: keyOf(2 * at + 1), value: null, proof: absent }))
    assert.equal(absent.records.length, at === 0 ? 1 : 2)
  }
})

test('a map is built from a stream too', async () => {
  async function* stream() {
    yield* entries(300)
  }
  assert.deepEqual(await buildMap(stream(), () => {}), (await kept(300)).head)
})

test('what is no map is not built', async () => {
  const [one, two] = entries(2) as [{ key: Buffer; value: Buffer }, { key: Buffer; value: Buffer }]
  await assert.rejects(
    buildMap([two, one], () => {}),
    refused('unsorted'),
  )
  await assert.rejects(
    buildMap([one, two, two], () => {}),
    refused('unsorted'),
  )
  await assert.rejects(
    buildMap([{ ...one, key: one.key.subarray(1) }], () => {}),
    refused('out_of_range'),
  )
  const { read } = await kept(5)
  await assert.rejects(proveKey(Buffer.alloc(31), 5, read), refused('out_of_range'))
  await assert.rejects(proveKey(keyOf(3), 6, read), refused('out_of_range'))
})

test('octets of a proof', async () => {
  const { read } = await kept(9)
  const proof = await proveKey(keyOf(7), 9, read)
  const bytes = formatMapProof(proof)
  assert.deepEqual(formatMapProof(parseMapProof(bytes)), bytes)
  for (let length = 0; length < bytes.length; length += 1)
    assert.throws(() => parseMapProof(bytes.subarray(0, length)), refused('malformed_proof'))
  assert.throws(() => parseMapProof(Buffer.concat([bytes, Buffer.of(0)])), refused('malformed_proof'))
  for (const [at, octet] of [
    [0, 2],
    [1, 0xff],
    [41, 3],
    [42, 0xff],
    [42 + 72, 64],
  ] as const) {
    const other = Buffer.from(bytes)
    other[at] = octet
    assert.throws(() => parseMapProof(other), refused('malformed_proof'), `${at}`)
  }
  const [first, second] = proof.records
  assert.ok(first && second)
  for (const bad of [
    { count: -1 },
    { treeRoot: Buffer.alloc(31) },
    { records: [first, second, first] },
    { records: [{ ...first, key: Buffer.alloc(33), valueDigest: Buffer.alloc(31) }] },
    { records: [{ ...first, index: 2 ** 53 }] },
  ])
    assert.throws(() => formatMapProof({ ...proof, ...bad }), refused('malformed_proof'))
})
