import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64, encodeBase64 } from '#trust'

const text = (decoded: Uint8Array | undefined) =>
  decoded === undefined ? undefined : Buffer.from(decoded).toString('latin1')

// RFC 4648 §10
for (const [plain, encoded] of [
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy'],
] as const)
  test(`'${plain}'`, () => {
    assert.equal(encodeBase64(Buffer.from(plain)), encoded)
    assert.equal(text(decodeBase64(encoded)), plain)
  })

for (const [why, encoded] of [
  ['bits that mean nothing, one octet', 'Zh=='],
  ['bits that mean nothing, two octets', 'Zm9='],
  ['no padding', 'Zg'],
  ['half the padding', 'Zg='],
  ['padding alone', '===='],
  ['three pads', 'Z==='],
  ['padding inside', 'Zg==Zg=='],
  ['the URL alphabet', 'Zm-_'],
  ['white space', 'Zm9v '],
  ['a line end', 'Zm9v\nYmFy'],
  ['a NUL', 'Zm9\0'],
  ['a letter beyond ASCII', 'Zm9ÿ'],
] as const)
  test(`refused: ${why}`, () => {
    assert.equal(decodeBase64(encoded), undefined)
  })

test('XML white space only when asked for, wherever it stands', () => {
  assert.equal(text(decodeBase64(' Zm9v\r\n\tYm Fy\n', { whitespace: true })), 'foobar')
  assert.equal(text(decodeBase64('Zm9v\u00a0YmFy', { whitespace: true })), undefined)
  assert.equal(text(decodeBase64('Zm9v\fYmFy', { whitespace: true })), undefined)
  assert.equal(text(decodeBase64('Z h = =', { whitespace: true })), undefined)
})

test('a view is encoded, not the buffer behind it', () => {
  assert.equal(encodeBase64(Buffer.from('xfoox').subarray(1, 4)), 'Zm9v')
})

test('exactly what encoding gives: every last group, every stray character anywhere, in strings of either width', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const canonical = (value: string) => {
    const [, body = '', pads = ''] = /^([A-Za-z0-9+/]*)(={0,2})$/.exec(value) ?? []
    const unused = (2 ** (2 * pads.length) - 1) & alphabet.indexOf(body.at(-1) ?? '')
    return value.length % 4 === 0 && body.length + pads.length === value.length && unused === 0
  }
  for (const head of ['', 'Zm9v', 'Zm9v'.repeat(30)])
    for (const first of alphabet)
      for (const tail of [
        'A==',
        '===',
        'Q==',
        'A=',
        'AA',
        'AA=',
        'E=',
        '8=',
        'AAA',
        '-AA',
        '_AA',
        '=AA',
        ' AA',
        '\u0141AA',
        '\u0441A=',
      ])
        for (const text of [head + first + tail, head + tail.slice(0, 1) + first + tail.slice(1)])
          assert.equal(decodeBase64(text) !== undefined, canonical(text), JSON.stringify(text))
})
