import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketOf, type Change, ContinuityError, decodeChange, encodeChange, MAXIMUM_CHANGE_BYTES } from '#continuity'
import { CHANGE } from './changes.ts'

const refused = (code: ContinuityError['code']) => ({ name: ContinuityError.name, code })

test('a change is read as it was written', () => {
  const odd: Change = {
    ...CHANGE,
    key: null,
    row: Object.fromEntries([
      ['__proto__', 'a column'],
      ['', 'no name'],
      ['a', new Uint8Array()],
      ['b', Uint8Array.of(1)],
    ]),
  }
  for (const change of [CHANGE, odd, { ...CHANGE, key: null, row: null }]) {
    const read = decodeChange(encodeChange(change))
    assert.equal(read.at.getTime(), change.at.getTime())
    for (const part of ['key', 'row'] as const) {
      const values = (row: Change['row']) => row && Object.entries(row).map(([name, value]) => [name, shown(value)])
      assert.deepEqual(values(read[part]), values(change[part]))
    }
    const { operation, relation, position } = change
    assert.deepEqual({ ...read, at: 0, key: 0, row: 0 }, { operation, relation, position, at: 0, key: 0, row: 0 })
  }
})

const shown = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)

test('what is too long for a change travels as a file', () => {
  const row = { photo: new Uint8Array(MAXIMUM_CHANGE_BYTES) }
  assert.throws(() => encodeChange({ ...CHANGE, row }), refused('too_large'))
})

test('octets that are no change are refused', () => {
  const bytes = encodeChange(CHANGE)
  const json = (text: string) => {
    const body = Buffer.from(text)
    const head = Buffer.alloc(4)
    head.writeUInt32BE(body.length)
    return Buffer.concat([head, body])
  }
  const valid = { o: 'insert', r: 'a', p: '1', t: 0, k: null, v: null }
  assert.equal(decodeChange(json(JSON.stringify(valid))).relation, 'a')
  for (const bad of [
    Buffer.alloc(0),
    Buffer.alloc(3),
    bytes.subarray(0, 20),
    Buffer.concat([Buffer.from([255, 255, 255, 255]), bytes]),
    json('nothing'),
    json('null'),
    json('[]'),
    ...[
      { o: 'steal' },
      { r: '' },
      { r: 'x'.repeat(513) },
      { p: 7 },
      { t: 1.5 },
      { t: 9e15 },
      { k: [] },
      { v: 'row' },
      { v: { a: 1 } },
      { v: { a: [0, 1] } },
      { v: { a: [1, 0] } },
      { v: { a: [-1, 0] } },
      { v: { a: [0] } },
      { v: { a: true } },
    ].map((change) => json(JSON.stringify({ ...valid, ...change }))),
  ])
    assert.throws(() => decodeChange(bad), refused('malformed_change'), bad.toString())
})

test('sizes fall into few buckets', () => {
  assert.deepEqual([0, 255, 256, 511, 512, 70_000].map(bucketOf), [256, 256, 512, 512, 1024, 131_072])
})
