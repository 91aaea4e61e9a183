// Every tree of 0 to 300 leaves against RFC 6962 as it is written, and every proof with anything changed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  completeNodes,
  consistencyProof,
  coveringNodes,
  EMPTY_ROOT,
  Frontier,
  type Hash,
  type HashReader,
  inclusionProof,
  isSubtree,
  leafHash,
  nodeHash,
  rangeHashes,
  subtreeProof,
  TransparencyError,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
  verifySubtree,
} from '#transparency'
import { hasher } from '#trust'
import { entryOf, NaiveTree, naiveLeaf } from './naive.ts'

const LARGEST = 300
const tree = NaiveTree.of(LARGEST)
const hex = (hash: Uint8Array) => Buffer.from(hash).toString('hex')
const hexes = (hashes: readonly Uint8Array[]) => hashes.map(hex)
const flip = (hash: Hash, bit: number) => {
  const other = Buffer.from(hash)
  other[bit >>> 3] = (other[bit >>> 3] ?? 0) ^ (1 << (bit % 8))
  return other
}
/** Everything that a liar could do to the hashes of a proof, one thing at a time. */
function* liesAbout(proof: readonly Hash[]): Generator<readonly Hash[]> {
  yield [...proof, EMPTY_ROOT]
  yield [EMPTY_ROOT, ...proof]
  for (const [at, hash] of proof.entries()) {
    yield proof.with(at, flip(hash, (at * 37) % 256))
    yield proof.with(at, hash.subarray(1))
    yield proof.toSpliced(at, 1)
    yield proof.toSpliced(at, 0, hash)
    const next = proof[at + 1]
    if (next !== undefined) yield proof.with(at, next).with(at + 1, hash)
  }
}

test('the reference trees of RFC 6962', () => {
  // The entries of Certificate Transparency's own reference implementation, and the roots that it gives for 0 to 8 of them.
  const entries = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ]
  const frontier = new Frontier()
  assert.equal(hex(frontier.root()), roots[0])
  for (const [index, entry] of entries.entries()) {
    frontier.append(leafHash(Buffer.from(entry, 'hex')))
    assert.equal(hex(frontier.root()), roots[index + 1])
  }
})

test('a tree grows as RFC 6962 has it, whatever it is read from', async () => {
  const frontier = new Frontier()
  const seen = new Map<string, string>()
  for (let size = 0; size <= LARGEST; size += 1) {
    assert.equal(hex(frontier.root()), hex(tree.root(0, size)), `${size}`)
    assert.equal(hex(await treeRoot(size, tree.reader)), hex(tree.root(0, size)))
    assert.deepEqual(hexes(frontier.peaks), hexes((await Frontier.read(size, tree.reader)).peaks))
    if (size < LARGEST)
      frontier.append(leafHash(entryOf(size)), (level, index, hash) => {
        assert.ok(!seen.has(`${level} ${index}`))
        seen.set(`${level} ${index}`, hex(hash))
        assert.equal(hex(hash), hex(tree.root(index * 2 ** level, (index + 1) * 2 ** level)))
      })
  }
  for (let level = 0; 2 ** level <= LARGEST; level += 1)
    for (let index = 0; (index + 1) * 2 ** level <= LARGEST; index += 1) assert.ok(seen.has(`${level} ${index}`))
})

test('a copy grows by itself', () => {
  const one = new Frontier(
    3,
    completeNodes({ start: 0, end: 3 }).map(({ level, index }) => tree.root(index << level, (index + 1) << level)),
  )
  const two = one.copy()
  two.append(naiveLeaf(entryOf(3)))
  assert.equal(hex(one.root()), hex(tree.root(0, 3)))
  assert.equal(hex(two.root()), hex(tree.root(0, 4)))
})

test('inclusion proofs of every leaf in every tree', async () => {
  for (let size = 1; size <= LARGEST; size += 1)
    for (let index = 0; index < size; index += size < 40 ? 1 : 7) {
      const proof = await inclusionProof(index, size, tree.reader)
      assert.deepEqual(hexes(proof), hexes(tree.path(index, 0, size)))
      const claim = { index, size, leaf: tree.root(index, index + 1), root: tree.root(0, size), proof }
      assert.ok(verifyInclusion(claim))
    }
})

test('an inclusion proof with anything changed is refused', async () => {
  for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 255, 256, 257, 300])
    for (let index = 0; index < size; index += size < 40 ? 1 : 13) {
      const proof = await inclusionProof(index, size, tree.reader)
      const claim = { index, size, leaf: tree.root(index, index + 1), root: tree.root(0, size), proof }
      assert.ok(verifyInclusion(claim))
      for (const lie of liesAbout(proof)) assert.ok(!verifyInclusion({ ...claim, proof: lie }))
      for (let bit = 0; bit < 256; bit += 5) {
        assert.ok(!verifyInclusion({ ...claim, leaf: flip(claim.leaf, bit) }))
        assert.ok(!verifyInclusion({ ...claim, root: flip(claim.root, bit) }))
      }
      for (const other of [index - 1, index + 1, -1, size, size - 1 - index, 0.5, Number.NaN, 2 ** 53, Infinity])
        if (other !== index) assert.ok(!verifyInclusion({ ...claim, index: other }), `${index} as ${other} of ${size}`)
      for (const short of [claim.leaf.subarray(1), Buffer.alloc(0), Buffer.concat([claim.leaf, claim.leaf])])
        assert.ok(!verifyInclusion({ ...claim, leaf: short }) && !verifyInclusion({ ...claim, root: short }))
    }
})

test('a proof is good for one size only, where the shape differs', async () => {
  // The size is the checkpoint's, which is signed: a proof may fit other sizes of the same shape, but never another root.
  for (let size = 2; size <= 64; size += 1)
    for (let index = 0; index < size; index += 1) {
      const proof = await inclusionProof(index, size, tree.reader)
      for (let other = 0; other <= 70; other += 1) {
        if (other === size || other === 0) continue
        assert.ok(
          !verifyInclusion({ index, size: other, leaf: tree.root(index, index + 1), root: tree.root(0, other), proof }),
        )
      }
    }
})

test('consistency proofs between every two trees', async () => {
  for (let size = 0; size <= LARGEST; size += size < 70 ? 1 : 11)
    for (let oldSize = 0; oldSize <= size; oldSize += 1) {
      const proof = await consistencyProof(oldSize, size, tree.reader)
      if (oldSize > 0) assert.deepEqual(hexes(proof), hexes(tree.consistency(oldSize, size)))
      const claim = { oldSize, oldRoot: tree.root(0, oldSize), size, root: tree.root(0, size), proof }
      assert.ok(verifyConsistency(claim), `${oldSize} ${size}`)
    }
})

test('a consistency proof with anything changed is refused', async () => {
  for (const size of [1, 2, 3, 4, 7, 8, 9, 32, 33, 255, 256, 257, 300])
    for (let oldSize = 0; oldSize <= size; oldSize += size < 40 ? 1 : 13) {
      const proof = await consistencyProof(oldSize, size, tree.reader)
      const claim = { oldSize, oldRoot: tree.root(0, oldSize), size, root: tree.root(0, size), proof }
      assert.ok(verifyConsistency(claim))
      for (const lie of liesAbout(proof)) assert.ok(!verifyConsistency({ ...claim, proof: lie }))
      for (let bit = 0; bit < 256; bit += 5) {
        assert.ok(!verifyConsistency({ ...claim, oldRoot: flip(claim.oldRoot, bit) }))
        // From nothing everything follows: there the new root is bound by the checkpoint's signature alone.
        if (oldSize > 0) assert.ok(!verifyConsistency({ ...claim, root: flip(claim.root, bit) }))
      }
      for (const other of [oldSize - 1, oldSize + 1, -1, size + 1, 0.5, Number.NaN, 2 ** 53])
        if (other !== 0 || oldSize > 0)
          assert.ok(!verifyConsistency({ ...claim, oldSize: other }), `${oldSize} as ${other}`)
      for (const other of [-1, oldSize - 1, 0.5, Number.NaN, 2 ** 53])
        assert.ok(!verifyConsistency({ ...claim, size: other }))
    }
})

test('subtree proofs of every valid range, and of no other', async () => {
  for (let size = 1; size <= 40; size += 1)
    for (let start = 0; start <= size; start += 1)
      for (let end = start; end <= size; end += 1) {
        const subtree = { start, end }
        let power = 1
        while (power < end - start) power *= 2
        assert.equal(isSubtree(subtree), end > start && start % power === 0)
        if (!isSubtree(subtree)) {
          await assert.rejects(subtreeProof(subtree, size, tree.reader), { code: 'out_of_range' })
          continue
        }
        const proof = await subtreeProof(subtree, size, tree.reader)
        assert.deepEqual(hexes(proof), hexes(tree.subtree(start, end, size)))
        const claim = { subtree, hash: tree.root(start, end), size, root: tree.root(0, size), proof }
        assert.ok(verifySubtree(claim))
        for (const lie of liesAbout(proof)) assert.ok(!verifySubtree({ ...claim, proof: lie }))
        assert.ok(!verifySubtree({ ...claim, hash: flip(claim.hash, 9) }))
        assert.ok(!verifySubtree({ ...claim, root: flip(claim.root, 9) }))
        for (const other of [
          { start, end: end + 1 },
          { start, end: end - 1 },
          { start: start + 1, end: end + 1 },
        ])
          assert.ok(!verifySubtree({ ...claim, subtree: other }))
      }
})

// "Subtree Test Vectors" of draft-ietf-plants-merkle-tree-certs: one hash over all answers, for trees of 0 to 130 leaves. The draft
// also proves that nothing is part of a tree (empty ranges), which nobody asks for here: those lines are added as they would be.
test('the accumulated vectors of the IETF draft', async () => {
  const draft = new NaiveTree(Array.from({ length: 130 }, (_, index) => naiveLeaf(Buffer.of(index))))
  const [hashes, inclusions, consistencies] = [hasher('SHA-256'), hasher('SHA-256'), hasher('SHA-256')]
  const line = (...words: readonly string[]) => Buffer.from(`${words.join(' ')}\n`)
  for (let end = 0; end <= 130; end += 1)
    for (let start = 0; start <= end; start += 1) {
      if (start < end && !isSubtree({ start, end })) continue
      const [root] = await rangeHashes([{ start, end }], draft.reader)
      hashes.update(line(`[${start}, ${end}) ${hex(root ?? EMPTY_ROOT)}`))
      const shifted = new NaiveTree(draft.leaves.slice(start, end))
      for (let index = start; index < end; index += 1) {
        const proof = await inclusionProof(index - start, end - start, shifted.reader)
        inclusions.update(line(`${index} [${start}, ${end})`, ...hexes(proof)))
      }
    }
  for (let size = 0; size <= 130; size += 1)
    for (let end = 0; end <= size; end += 1)
      for (let start = 0; start <= end; start += 1) {
        if (start < end && !isSubtree({ start, end })) continue
        const proof = start === end ? [] : await subtreeProof({ start, end }, size, draft.reader)
        consistencies.update(line(`[${start}, ${end}) ${size}`, ...hexes(proof)))
      }
  assert.equal(hex(hashes.digest()), 'b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81')
  assert.equal(hex(inclusions.digest()), 'ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f')
  assert.equal(hex(consistencies.digest()), '10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74')
})

test('the largest trees that a number can count', async () => {
  const size = Number.MAX_SAFE_INTEGER
  // All leaves alike, so that a subtree's hash follows from its level.
  const hash = naiveLeaf(Buffer.from('any'))
  const levels: Hash[] = [hash]
  for (const below of levels) if (levels.length < 53) levels.push(nodeHash(below, below))
  const read: HashReader = (nodes) => nodes.map(({ level }) => levels[level] ?? EMPTY_ROOT)
  const root = await treeRoot(size, read)
  const index = size - 3
  const proof = await inclusionProof(index, size, read)
  assert.equal(proof.length, 53)
  assert.ok(verifyInclusion({ index, size, leaf: hash, root, proof }))
  const claim = { oldSize: 2 ** 52 + 1, oldRoot: await treeRoot(2 ** 52 + 1, read), size, root }
  const between = await consistencyProof(claim.oldSize, size, read)
  assert.ok(verifyConsistency({ ...claim, proof: between }))
})

test('what the tree does not have is not proved', async () => {
  const refused = { name: TransparencyError.name, code: 'out_of_range' }
  for (const [index, size] of [
    [0, 0],
    [5, 5],
    [-1, 5],
    [0.5, 5],
    [0, 5.5],
    [0, 2 ** 53],
    [Number.NaN, 5],
  ] as const)
    await assert.rejects(inclusionProof(index, size, tree.reader), refused)
  for (const [oldSize, size] of [
    [6, 5],
    [-1, 5],
    [0, -1],
    [1, 2 ** 53],
  ] as const)
    await assert.rejects(consistencyProof(oldSize, size, tree.reader), refused)
  await assert.rejects(treeRoot(-1, tree.reader), refused)
  await assert.rejects(
    treeRoot(3, () => []),
    refused,
  )
  await assert.rejects(
    treeRoot(1, () => [Buffer.alloc(31)]),
    refused,
  )
  assert.throws(() => new Frontier(3, [EMPTY_ROOT]), refused)
  assert.throws(() => new Frontier(-1, []), refused)
  assert.throws(() => new Frontier(1, [Buffer.alloc(31)]), refused)
})

test('any leaves may be hidden under few hashes, and the root is the same', async () => {
  for (const size of [1, 2, 3, 7, 8, 64, 65, 300])
    for (let start = 0; start < size; start += 1 + Math.floor(size / 13))
      for (let end = start + 1; end <= size; end += 1 + Math.floor(size / 11)) {
        const frontier = new Frontier()
        const show = (from: number, to: number) => {
          for (let at = from; at < to; at += 1) frontier.append(tree.root(at, at + 1))
        }
        show(0, start)
        const hidden = coveringNodes({ start, end })
        assert.ok(hidden.length <= 2 * Math.ceil(Math.log2(end - start + 1)))
        for (const [at, hash] of (await tree.reader(hidden)).entries())
          frontier.appendSubtree(hidden[at]?.level ?? 0, hash)
        show(end, size)
        assert.equal(hex(frontier.root()), hex(tree.root(0, size)), `${start} to ${end} of ${size}`)
      }
})

test('a subtree stands only where one can', () => {
  const frontier = new Frontier()
  frontier.append(leafHash(Buffer.from('x')))
  for (const level of [1, 5, 60])
    assert.throws(
      () => frontier.appendSubtree(level, EMPTY_ROOT),
      (error) => error instanceof TransparencyError && error.code === 'out_of_range',
    )
  assert.throws(() => frontier.appendSubtree(0, EMPTY_ROOT.subarray(1)), TransparencyError)
  frontier.appendSubtree(0, EMPTY_ROOT)
  assert.equal(frontier.size, 2)
})
