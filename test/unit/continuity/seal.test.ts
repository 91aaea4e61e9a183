import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import {
  blobFits,
  ContinuityError,
  formatLeaf,
  newBatchKey,
  open,
  type Place,
  parseLeaf,
  Recipients,
  seal,
  slotFits,
  unwrap,
} from '#continuity'
import { CHANGE } from './changes.ts'

const refused = (code: ContinuityError['code']) => ({ name: ContinuityError.name, code })
const PLACE: Place = {
  instance: 'DEMO',
  origin: 'DEMO/population-register/1',
  index: 7,
  transaction: 3,
  keyId: new Uint8Array(8),
}

test('a sealed change opens at its place, with its key, and nowhere else', () => {
  const key = newBatchKey()
  const entry = seal(CHANGE, PLACE, key)
  assert.ok(blobFits(entry.leaf, entry.blob) && slotFits(entry.leaf, entry.slot))
  assert.deepEqual({ ...open(entry, PLACE, key).key }, CHANGE.key)
  for (const other of [
    { instance: 'EE' },
    { origin: 'DEMO/population-register/2' },
    { index: 8 },
    { transaction: 4 },
    { keyId: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1) },
  ])
    assert.throws(() => open(entry, { ...PLACE, ...other }, key), refused('misbound'))
  assert.throws(() => open(entry, PLACE, newBatchKey()), refused('misbound'))
  const other = seal(CHANGE, PLACE, key)
  assert.throws(() => open({ slot: other.slot, blob: entry.blob }, PLACE, key), refused('misbound'))
})

test('the same change twice looks like two different things', () => {
  const key = newBatchKey()
  const [one, two] = [seal(CHANGE, PLACE, key), seal(CHANGE, PLACE, key)]
  assert.notDeepEqual(one.blob, two.blob)
  assert.notDeepEqual(one.leaf.blob, two.leaf.blob)
  assert.notDeepEqual(one.leaf.slot, two.leaf.slot)
  assert.equal(one.blob.length, two.blob.length)
})

test('one flipped bit anywhere is found, by whoever has no key too', () => {
  const key = newBatchKey()
  const entry = seal(CHANGE, PLACE, key)
  for (const part of ['slot', 'blob'] as const)
    for (let at = 0; at < entry[part].length; at += 7) {
      const bytes = Buffer.from(entry[part])
      bytes[at] = (bytes[at] ?? 0) ^ 1
      const altered = { ...entry, [part]: bytes }
      assert.equal(blobFits(entry.leaf, altered.blob) && slotFits(entry.leaf, altered.slot), false)
      // The salt is hashed, not sealed: that it changed shows in the leaf alone.
      if (part === 'blob' || at >= 32) assert.throws(() => open(altered, PLACE, key), refused('misbound'))
    }
})

test('without its slot a record is gone, batch key or not', () => {
  const key = newBatchKey()
  const { blob } = seal(CHANGE, PLACE, key)
  assert.throws(() => open({ slot: undefined, blob }, PLACE, key), refused('erased'))
})

test('a leaf is read as it was written, and nothing else is', () => {
  const { leaf, slot } = seal(CHANGE, PLACE, newBatchKey())
  const bytes = formatLeaf(leaf)
  const parsed = parseLeaf(bytes)
  assert.ok(parsed.kind === 'change' && parsed.transaction === 3 && slotFits(parsed, slot))
  assert.deepEqual(formatLeaf(parsed), bytes)
  const erasure = Buffer.concat([Uint8Array.of(2), new Uint8Array(32)])
  assert.equal(parseLeaf(erasure).kind, 'erasure')
  for (const bad of [
    Buffer.alloc(0),
    bytes.subarray(1),
    Buffer.concat([bytes, bytes]),
    Buffer.alloc(33, 3),
    erasure.subarray(1),
  ])
    assert.throws(() => parseLeaf(bad), refused('malformed_entry'))
})

test('the batch key opens for its recipients alone, and those are post-quantum', async () => {
  const [one, two, stranger] = await Promise.all([1, 2, 3].map(() => generateHybridIdentity()))
  assert.ok(one && two && stranger)
  const list = await Promise.all([one, two].map(identityToRecipient))
  const recipients = new Recipients(list)
  assert.deepEqual(new Recipients(list.toReversed()).id, recipients.id)
  const key = newBatchKey()
  const wrapped = await recipients.wrap(key)
  for (const identity of [one, two]) assert.deepEqual(Buffer.from(await unwrap(wrapped, identity)), Buffer.from(key))
  await assert.rejects(unwrap(wrapped, stranger), refused('wrong_key'))
  await assert.rejects(unwrap(wrapped.subarray(1), one), refused('wrong_key'))
  const classical = await identityToRecipient(await generateX25519Identity())
  for (const bad of [[], [classical], [...list, classical], ['age1pq1nothing'], Array(9).fill(list[0])])
    assert.throws(() => new Recipients(bad as string[]), refused('wrong_key'))
})
