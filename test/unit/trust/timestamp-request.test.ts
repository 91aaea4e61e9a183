// Time-stamp requests that are not what they must be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildTimestampRequest, digest, parseTimestampRequest, write } from '#trust'
import { mangle } from './gallery.ts'
import { DATA, POLICY } from './stamper.ts'

const SHA512 = '2.16.840.1.101.3.4.2.3'
const imprint = (value: Uint8Array, oid = SHA512) => write.sequence(write.sequence(write.oid(oid)), write.octets(value))
const good = imprint(digest('SHA-512', DATA))

for (const [why, der] of [
  ['nothing', write.sequence()],
  ['no imprint', write.sequence(write.integer(1))],
  ['version 2', write.sequence(write.integer(2), good)],
  ['an imprint that is too short', write.sequence(write.integer(1), imprint(Buffer.alloc(63)))],
  ['an imprint that is too long', write.sequence(write.integer(1), imprint(Buffer.alloc(65)))],
  [
    'an imprint of three parts',
    write.sequence(
      write.integer(1),
      write.sequence(write.sequence(write.oid(SHA512)), write.octets(Buffer.alloc(64)), write.nul()),
    ),
  ],
  ['fields out of order', write.sequence(write.integer(1), good, write.boolean(true), write.integer(5))],
  ['a nonce twice', write.sequence(write.integer(1), good, write.integer(5), write.integer(5))],
  ['a field that does not belong there', write.sequence(write.integer(1), good, write.utf8('x'))],
  ['more than 16 KiB', Buffer.alloc(16 * 1024 + 1, 0x30)],
] as const)
  test(`refused: ${why}`, () => {
    assert.throws(() => parseTimestampRequest(der), { name: 'TrustError', code: /^malformed_(timestamp|der)$/ })
  })

test('a digest that nobody here knows is read, and said to be unknown', () => {
  const {
    digest: known,
    digestOid,
    imprint: value,
  } = parseTimestampRequest(write.sequence(write.integer(1), imprint(Buffer.alloc(16, 7), '1.2.840.113549.2.5')))
  assert.deepEqual([known, digestOid, value.length], [undefined, '1.2.840.113549.2.5', 16])
})

test('extensions are seen', () => {
  const extensions = write.tagged(0, true, write.sequence(write.oid('1.2.3'), write.octets(Buffer.of(5, 0))))
  assert.equal(parseTimestampRequest(write.sequence(write.integer(1), good, extensions)).hasExtensions, true)
})

test('every octet changed: a value or a TrustError, never anything else', () => {
  const full = {
    digest: 'SHA-512',
    imprint: digest('SHA-512', DATA),
    nonce: 2n ** 63n,
    certReq: true,
    policy: POLICY,
  } as const
  mangle(parseTimestampRequest, buildTimestampRequest(full))
})
