import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCertificate, pem, unpem } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { authority } from './certify.ts'

const malformed = { name: 'TrustError', code: 'malformed_pem' }
const { certificate } = authority('CA')
const text = pem('CERTIFICATE', certificate.der)

test('there and back', () => {
  for (const length of [1, 47, 48, 49, 1000]) {
    const bytes = Buffer.alloc(length, length)
    assert.deepEqual(unpem(pem('X', bytes)), [bytes])
  }
})

test('openssl reads ours, we read what openssl writes', (t) => {
  if (!needsTools(t, 'openssl')) return
  const { status, stdout } = tool('openssl', ['x509', '-text'], { input: text })
  assert.equal(status, 0)
  assert.match(stdout, /Certificate:[\s\S]*-----BEGIN/)
  assert.equal(parseCertificate(Buffer.from(stdout)), parseCertificate(certificate.der))
})

test('blocks by label, in order, with text around them', () => {
  const both = `Subject: somebody\n${pem('OTHER', Buffer.of(9))}\n${text}trailing - words\n${pem('CERTIFICATE', Buffer.of(1))}`
  assert.deepEqual(unpem(both, 'CERTIFICATE').length, 2)
  assert.deepEqual(unpem(both).length, 3)
  assert.deepEqual(unpem(both, 'KEY'), [])
  assert.deepEqual(unpem(''), [])
})

test('CR LF line ends and no line ends', () => {
  assert.deepEqual(unpem(text.replaceAll('\n', '\r\n')).map(Buffer.from), [Buffer.from(certificate.der)])
  assert.equal(unpem('-----BEGIN X-----AQID-----END X-----').length, 1)
})

for (const [why, bad] of [
  ['labels that differ', text.replace('END CERTIFICATE', 'END CERTIFICATES')],
  ['nothing inside', '-----BEGIN X-----\n-----END X-----'],
  ['headers', '-----BEGIN X-----\nVersion: 1\n\nAQID\n-----END X-----'],
  ['base64 that is none', '-----BEGIN X-----\nAQ*D\n-----END X-----'],
  ['bits that mean nothing', '-----BEGIN X-----\nAR==\n-----END X-----'],
  ['more than 4 MiB', `${text}${' '.repeat(4 * 1024 * 1024)}`],
] as const)
  test(`refused: ${why}`, () => {
    assert.throws(() => unpem(bad), malformed)
  })

test('a block without an end is no block', () => {
  assert.deepEqual(unpem(text.slice(0, -20)), [])
  assert.throws(() => parseCertificate(Buffer.from(text.slice(0, -20))), { code: 'malformed_certificate' })
})
