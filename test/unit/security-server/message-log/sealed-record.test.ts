// Encrypted records: everything or nothing comes back, and only with the key, the salt and the facts that they were sealed with.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { MasterKey } from '../../../../security-server/message-log/master-key.ts'
import { openParts, sealedLength, sealParts } from '../../../../security-server/message-log/sealed-record.ts'

const key = new MasterKey(randomBytes(32))
const salt = randomBytes(32)
const facts = Buffer.from('{"at":1}')
const PARTS = [Buffer.from('canary head'), null, Buffer.alloc(0), randomBytes(5000), null]

test('parts come back as they were, absent and empty ones too', () => {
  for (const parts of [PARTS, [], [null], [Buffer.alloc(0)]]) {
    const sealed = sealParts(key, salt, facts, parts)
    assert.equal(sealed.length, sealedLength(parts))
    assert.deepEqual(openParts(key, salt, facts, sealed), parts)
  }
  assert.equal(sealParts(key, salt, facts, PARTS).indexOf('canary'), -1)
})

test('another key, salt, fact or bit, and nothing comes back', () => {
  const sealed = sealParts(key, salt, facts, PARTS)
  assert.throws(() => openParts(new MasterKey(randomBytes(32)), salt, facts, sealed))
  assert.throws(() => openParts(key, randomBytes(32), facts, sealed))
  assert.throws(() => openParts(key, salt, Buffer.from('{"at":2}'), sealed))
  for (let at = 0; at < sealed.length; at += 97) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => openParts(key, salt, facts, changed))
  }
  for (const length of [0, 5, 16, sealed.length - 1])
    assert.throws(() => openParts(key, salt, facts, sealed.subarray(0, length)))
})
