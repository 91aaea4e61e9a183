import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Batch,
  ContinuityError,
  formatBatch,
  formatErasure,
  formatLeaf,
  MAXIMUM_BATCH_BYTES,
  newBatchKey,
  parseBatch,
  parseErasure,
  seal,
} from '#continuity'
import { digest } from '#trust'
import { CHANGE } from './changes.ts'

const refused = (code: ContinuityError['code']) => ({ name: ContinuityError.name, code })
const ORIGIN = 'DEMO/population-register/1'

function batch(): Batch {
  const key = newBatchKey()
  const sealed = [5, 6].map((index) => {
    const { leaf, slot, blob } = seal(
      CHANGE,
      { instance: 'DEMO', origin: ORIGIN, index, transaction: 2, keyId: Buffer.alloc(8) },
      key,
    )
    return { leaf: formatLeaf(leaf), slot, content: blob }
  })
  const order = formatErasure({ origin: ORIGIN, entries: [1, 3], basis: 'PDPA §18' })
  const erasure = { leaf: formatLeaf({ kind: 'erasure', document: digest('SHA-256', order) }), content: order }
  const checkpoint = Buffer.from('a note')
  return {
    origin: ORIGIN,
    first: 5,
    complete: true,
    wrapped: Buffer.from('wrapped'),
    entries: [...sealed, erasure],
    checkpoint,
  }
}

test('a batch is read as it was written', () => {
  const made = batch()
  const { entries, ...rest } = parseBatch(formatBatch(made))
  assert.deepEqual(
    { ...rest, wrapped: 0, checkpoint: 0 },
    { origin: ORIGIN, first: 5, complete: true, wrapped: 0, checkpoint: 0 },
  )
  assert.deepEqual(
    entries.map(({ parsed }) => parsed.kind),
    ['change', 'change', 'erasure'],
  )
  assert.deepEqual(formatBatch({ ...rest, entries }), formatBatch(made))
})

test('a batch that is cut or longer at any place is refused', () => {
  const bytes = formatBatch(batch())
  for (let length = 0; length < bytes.length; length += 1)
    assert.throws(() => parseBatch(bytes.subarray(0, length)), ContinuityError)
  assert.throws(() => parseBatch(Buffer.concat([bytes, Buffer.alloc(1)])), refused('malformed_batch'))
})

test('a bit that was flipped in a leaf, slot, blob or document is found', () => {
  const bytes = formatBatch(batch())
  const after = bytes.indexOf('a note') + 6
  for (let at = after; at < bytes.length; at += 1) {
    const altered = Buffer.from(bytes)
    altered[at] = (altered[at] ?? 0) ^ 0x10
    try {
      // What a leaf says of its transaction and key id is not in the batch twice: the log's checkpoint and the seal bind those.
      const { entries } = parseBatch(altered)
      assert.ok(
        entries.some(({ leaf }, index) => !leafOf(bytes, index).equals(leaf)),
        `octet ${at}`,
      )
    } catch (error) {
      assert.ok(error instanceof ContinuityError, String(error))
    }
  }
})

const leafOf = (bytes: Buffer, index: number) => Buffer.from(parseBatch(bytes).entries[index]?.leaf ?? [])

test('a batch says no more than it may', () => {
  const made = batch()
  const [first] = made.entries
  assert.ok(first)
  assert.throws(() => parseBatch(formatBatch({ ...made, wrapped: Buffer.alloc(0) })), refused('malformed_batch'))
  assert.throws(() => parseBatch(formatBatch({ ...made, entries: [] })), refused('malformed_batch'))
  assert.throws(() => parseBatch(formatBatch({ ...made, first: -1 })), refused('malformed_batch'))
  assert.throws(
    () => parseBatch(formatBatch({ ...made, entries: [{ ...first, slot: Buffer.alloc(5) }] })),
    refused('malformed_batch'),
  )
  assert.throws(() => formatBatch({ ...made, entries: Array(257).fill(first) }), refused('too_large'))
  assert.throws(() => parseBatch(Buffer.alloc(MAXIMUM_BATCH_BYTES + 1)), refused('too_large'))
})

test('a change that was erased travels without its slot', () => {
  const made = batch()
  const bare = made.entries.map(({ leaf, content }) => ({ leaf, content }))
  assert.deepEqual(
    parseBatch(formatBatch({ ...made, entries: bare })).entries.map(({ slot }) => slot),
    Array(3).fill(undefined),
  )
})

test('an order to erase names entries, each once, in order', () => {
  const order = { origin: ORIGIN, entries: [0, 2, 9], basis: 'PDPA §18' }
  assert.deepEqual(parseErasure(formatErasure(order)), order)
  for (const bad of [
    { entries: [] },
    { entries: [2, 2] },
    { entries: [2, 1] },
    { entries: [-1] },
    { entries: [0.5] },
    { basis: '' },
    { origin: '' },
  ])
    assert.throws(() => formatErasure({ ...order, ...bad }), refused('malformed_entry'))
  const text = formatErasure(order).toString()
  for (const bad of ['', text.trimEnd(), text.replace('\n2\n', '\n02\n'), text.replace('v1', 'v2'), `${text}x`])
    assert.throws(() => parseErasure(Buffer.from(bad)), refused('malformed_entry'))
})
