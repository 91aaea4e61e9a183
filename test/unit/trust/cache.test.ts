import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesKey, Cache } from '../../../trust/cache.ts'

test('what is used survives a flood of what is not', () => {
  const cache = new Cache<number>(100)
  cache.set('hot', 1)
  for (let index = 0; index < 10_000; index += 1) {
    cache.set(`cold ${index}`, index)
    if (index % 50 === 0) assert.equal(cache.get('hot'), 1)
  }
  assert.equal(cache.get('hot'), 1)
  assert.equal(cache.get('cold 0'), undefined)
  assert.ok(cache.size <= 200)
})

test('octets are bounded as well as entries', () => {
  const cache = new Cache<number>(1_000_000)
  const pad = 'x'.repeat(64 * 1024)
  for (let index = 0; index < 2000; index += 1) cache.set(`${index}${pad}`, index)
  assert.ok(cache.size <= 2 * 256)
  assert.equal(cache.get(`1999${pad}`), 1999)
  assert.equal(cache.get(`0${pad}`), undefined)
})

test('a key is the bytes themselves, whatever larger buffer they lie in', () => {
  const large = Buffer.from([0, 1, 0x80, 0xff, 9])
  assert.equal(bytesKey(large.subarray(1, 4)), bytesKey(Buffer.from([1, 0x80, 0xff])))
  assert.notEqual(bytesKey(Buffer.from([0x80])), bytesKey(Buffer.from([0xc2, 0x80])))
})
