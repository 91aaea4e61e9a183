// What a log commits to of a record: one encoding, read back strictly.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { type CommittedRecord, commitmentOf, decodeRecord, encodeRecord, recordEntry } from '#evidence'

const DIGEST = createHash('sha512').update('x').digest()

const RECORD: CommittedRecord = {
  seq: 7,
  at: 1_772_366_400_123,
  side: 'provider',
  direction: 'response',
  queryId: 'päring',
  requestId: '',
  member: 'DEMO/GOV/70000001/population-register',
  headDigest: DIGEST,
  signatureDigest: DIGEST,
  chainDigest: null,
  chainResultDigest: null,
  bodyDigest: DIGEST,
  bodySize: 0,
}

const refused = { code: 'malformed_record' }

test('a record is read back as it was', () => {
  for (const record of [
    RECORD,
    { ...RECORD, bodyDigest: null, bodySize: null, chainDigest: DIGEST, chainResultDigest: DIGEST },
  ])
    assert.deepEqual(plain(decodeRecord(encodeRecord(record))), plain(record))
})

test('what is not exactly a record is refused', () => {
  const bytes = Buffer.from(encodeRecord(RECORD))
  for (let length = 0; length < bytes.length; length++)
    assert.throws(() => decodeRecord(bytes.subarray(0, length)), refused)
  assert.throws(() => decodeRecord(Buffer.concat([bytes, Buffer.alloc(1)])), refused)
  assert.throws(() => decodeRecord(Buffer.alloc(100_000)), refused)
  const notText = Buffer.from(bytes)
  notText[bytes.indexOf('päring')] = 0xff
  assert.throws(() => decodeRecord(notText), refused)
})

test('an entry is its version and the commitment, and shows nothing without the salt', () => {
  const salt = Buffer.alloc(32, 1)
  const record = encodeRecord(RECORD)
  const commitment = commitmentOf(salt, record)
  assert.deepEqual(Buffer.from(commitment), createHash('sha256').update(salt).update(record).digest())
  assert.deepEqual(Buffer.from(recordEntry(commitment)), Buffer.concat([Buffer.from([1]), commitment]))
  assert.notDeepEqual(commitmentOf(Buffer.alloc(32, 2), record), commitment)
  assert.throws(() => commitmentOf(salt.subarray(1), record), TypeError)
})

/** Buffers and arrays of bytes are compared by what is in them. */
function plain(record: CommittedRecord): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ]),
  )
}
