import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDer, write } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { hex } from './gallery.ts'

const malformed = { name: 'TrustError', code: 'malformed_der' }

for (const [what, bytes] of [
  ['nothing', ''],
  ['a tag alone', '30'],
  ['a high tag number', '1f 81 00 00'],
  ['a high tag number, constructed', 'bf 1f 00'],
  ['an indefinite length', '30 80 05 00 00 00'],
  ['a length octet FF', '30 ff 00'],
  ['a length of five octets', '30 85 00 00 00 00 00'],
  ['a long length for a short value', '04 81 05 00 00 00 00 00'],
  ['a long length with a leading zero', `04 82 00 80 ${'00'.repeat(128)}`],
  ['a length that is cut off', '04 82 01'],
  ['a length beyond the input', '04 05 00'],
  ['a length of 4 GiB', '04 84 ff ff ff ff 00'],
  ['an octet after the value', '05 00 00'],
  ['a second value', '05 00 05 00'],
] as const)
  test(`refused: ${what}`, () => {
    assert.throws(() => readDer(hex(bytes)), malformed)
  })

for (const [what, bytes, ask] of [
  ['children of a primitive value', '04 00', 'children'],
  ['a child that is cut off', '30 02 30 05', 'children'],
  ['a child beyond its parent', '30 03 04 02 00', 'children'],
  ['an empty integer', '02 00', 'integer'],
  ['an integer with a needless 00', '02 02 00 7f', 'integer'],
  ['an integer with a needless FF', '02 02 ff 80', 'integer'],
  ['a boolean of 01', '01 01 01', 'boolean'],
  ['a boolean of two octets', '01 02 ff ff', 'boolean'],
  ['a string of octets as a boolean', '04 01 ff', 'boolean'],
  ['an empty object identifier', '06 00', 'oid'],
  ['an arc with a leading 80', '06 03 2a 80 01', 'oid'],
  ['an arc that is cut off', '06 02 2a 86', 'oid'],
  ['an object identifier of 65 octets', `06 41 ${'2a'.repeat(65)}`, 'oid'],
  ['an empty bit string', '03 00', 'bits'],
  ['unused bits in a signature', '03 02 04 f0', 'bits'],
  ['eight unused bits', '03 02 08 00', 'namedBits'],
  ['unused bits of nothing', '03 01 01', 'namedBits'],
  ['unused bits that are set', '03 02 04 0f', 'namedBits'],
  ['UTF-8 that is none', '0c 02 c3 28', 'text'],
  ['an overlong encoding', '0c 02 c0 80', 'text'],
  ['a surrogate in UTF-8', '0c 03 ed a0 80', 'text'],
  ['a PrintableString beyond ASCII', '13 01 e4', 'text'],
  ['a BMPString of odd length', '1e 03 00 41 00', 'text'],
  ['a UniversalString', '1c 04 00 00 00 41', 'text'],
  ['a number as text', '02 01 41', 'text'],
] as const)
  test(`refused: ${what}`, () => {
    assert.throws(() => readDer(hex(bytes))[ask](), malformed)
  })

for (const [tag, text] of [
  [0x17, '310506070809'],
  [0x17, '3105060708Z'],
  [0x17, '310506070809+0200'],
  [0x17, '20310506070809Z'],
  [0x17, '310229070809Z'],
  [0x17, '311306070809Z'],
  [0x17, '310506240000Z'],
  [0x17, '310506076009Z'],
  [0x17, '310506070860Z'],
  [0x17, '3105060708０9Z'],
  [0x18, '310506070809Z'],
  [0x18, '20310506070809'],
  [0x18, '20310506070809.Z'],
  [0x18, '20310506070809.50Z'],
  [0x18, '20310506070809,5Z'],
  [0x18, '20310506070809.5+0100'],
  [0x18, '00500506070809Z'],
  [0x18, '20310431000000Z'],
  [0x04, '20310506070809Z'],
] as const)
  test(`no time: tag ${tag.toString(16)}, ${text}`, () => {
    const content = Buffer.from(text)
    assert.throws(() => readDer(Buffer.concat([Buffer.of(tag, content.length), content])).time(), malformed)
  })

for (const [tag, text, iso] of [
  [0x17, '310506070809Z', '2031-05-06T07:08:09.000Z'],
  [0x17, '491231235959Z', '2049-12-31T23:59:59.000Z'],
  [0x17, '500101000000Z', '1950-01-01T00:00:00.000Z'],
  [0x17, '240229000000Z', '2024-02-29T00:00:00.000Z'],
  [0x18, '20500101000000Z', '2050-01-01T00:00:00.000Z'],
  [0x18, '99991231235959Z', '9999-12-31T23:59:59.000Z'],
  [0x18, '20310506070809.5Z', '2031-05-06T07:08:09.500Z'],
  [0x18, '20310506070809.123456Z', '2031-05-06T07:08:09.123Z'],
] as const)
  test(`time: ${text}`, () => {
    const content = Buffer.from(text)
    const der = Buffer.concat([Buffer.of(tag, content.length), content])
    assert.equal(readDer(der).time().toISOString(), iso)
  })

test('depth is bounded', () => {
  let der = write.nul()
  for (let level = 0; level < 40; level += 1) der = write.sequence(der)
  let value = readDer(der)
  assert.throws(() => {
    for (;;) value = value.child(0)
  }, malformed)
})

test('the number of values is bounded', () => {
  assert.throws(() => readDer(write.sequence(Buffer.alloc(200_002, Buffer.of(5, 0)))).children(), malformed)
})

test('size is bounded', () => {
  const large = Buffer.alloc(16 * 1024 * 1024 + 10)
  large.set([0x04, 0x84, 0x01, 0x00, 0x00, 0x04])
  assert.throws(() => readDer(large), malformed)
  assert.throws(() => write.octets(Buffer.alloc(16 * 1024 * 1024)), TypeError)
})

test('values are views of the input', () => {
  const der = Buffer.from(write.sequence(write.octets(Buffer.from('abc'))))
  const child = readDer(der).child(0)
  assert.equal(child.content.buffer, der.buffer)
  assert.deepEqual(Buffer.from(child.raw), hex('04 03 61 62 63'))
})

for (const [value, encoding] of [
  [0n, '02 01 00'],
  [127n, '02 01 7f'],
  [128n, '02 02 00 80'],
  [255n, '02 02 00 ff'],
  [256n, '02 02 01 00'],
  [-1n, '02 01 ff'],
  [-128n, '02 01 80'],
  [-129n, '02 02 ff 7f'],
  [-255n, '02 02 ff 01'],
  [-256n, '02 02 ff 00'],
  [-32768n, '02 02 80 00'],
  [-32769n, '02 03 ff 7f ff'],
  [2n ** 64n, '02 09 01 00 00 00 00 00 00 00 00'],
] as const)
  test(`integer ${value}`, () => {
    assert.deepEqual(Buffer.from(write.integer(value)), hex(encoding))
    assert.equal(readDer(hex(encoding)).integer(), value)
  })

test('integers of every length come back', () => {
  for (let bits = 0n; bits < 600n; bits += 1n)
    for (const value of [(1n << bits) - 1n, 1n << bits, -(1n << bits), -(1n << bits) - 1n, -(1n << bits) + 1n])
      assert.equal(readDer(write.integer(value)).integer(), value)
})

test('lengths around every boundary come back', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65535, 65536, 1_000_000])
    assert.equal(readDer(write.octets(Buffer.alloc(length))).octets().length, length)
})

test('unsigned octets become minimal integers', () => {
  for (const [octets, encoding] of [
    ['', '02 01 00'],
    ['00', '02 01 00'],
    ['0001', '02 01 01'],
    ['80', '02 02 00 80'],
    ['0000ff00', '02 03 00 ff 00'],
  ] as const)
    assert.deepEqual(Buffer.from(write.unsigned(hex(octets))), hex(encoding))
})

for (const [text, encoding] of [
  ['2.5.4.3', '06 03 55 04 03'],
  ['1.2.840.113549.1.1.11', '06 09 2a 86 48 86 f7 0d 01 01 0b'],
  ['0.9.2342.19200300.100.1.25', '06 0a 09 92 26 89 93 f2 2c 64 01 19'],
  ['2.999.3', '06 03 88 37 03'],
  ['2.100.3', '06 03 81 34 03'],
] as const)
  test(`object identifier ${text}`, () => {
    assert.deepEqual(Buffer.from(write.oid(text)), hex(encoding))
    assert.equal(readDer(hex(encoding)).oid(), text)
  })

test('a UUID as an arc keeps all its bits (ITU-T X.667)', () => {
  const text = `2.25.${2n ** 128n - 1n}`
  assert.equal(readDer(write.oid(text)).oid(), text)
})

for (const text of ['', '1', '1.40', '3.1', '1.02', '1.2.', 'a.b', '1.2.-3', '1.2.3e5'])
  test(`'${text}' is no object identifier`, () => {
    assert.throws(() => write.oid(text), TypeError)
  })

test('a set is sorted by its encodings (X.690 §11.6)', () => {
  const set = write.set(write.octets(Buffer.from('b')), write.integer(5), write.octets(Buffer.from('a')))
  assert.deepEqual(Buffer.from(set), hex('31 09 02 01 05 04 01 61 04 01 62'))
})

test('named bits have no trailing zeros (X.690 §11.2.2)', () => {
  assert.deepEqual(Buffer.from(write.namedBits([])), hex('03 01 00'))
  assert.deepEqual(Buffer.from(write.namedBits([false, false])), hex('03 01 00'))
  assert.deepEqual(Buffer.from(write.namedBits([false, true])), hex('03 02 06 40'))
  assert.deepEqual(
    Buffer.from(write.namedBits(Array.from({ length: 9 }, (_, bit) => bit === 8))),
    hex('03 03 07 00 80'),
  )
  assert.deepEqual(
    readDer(hex('03 03 07 00 80')).namedBits(),
    Array.from({ length: 9 }, (_, bit) => bit === 8),
  )
})

test('times are written as RFC 5280 §4.1.2.5 and X.690 §11.7 want them', () => {
  const text = (der: Uint8Array) => `${der[0]?.toString(16)} ${Buffer.from(der.subarray(2)).toString()}`
  assert.equal(text(write.validity(new Date('2049-12-31T23:59:59.999Z'))), '17 491231235959Z')
  assert.equal(text(write.validity(new Date('2050-01-01T00:00:00Z'))), '18 20500101000000Z')
  assert.equal(text(write.generalizedTime(new Date('2031-05-06T07:08:09.120Z'), true)), '18 20310506070809.12Z')
  assert.equal(text(write.generalizedTime(new Date('2031-05-06T07:08:09.000Z'), true)), '18 20310506070809Z')
  assert.equal(text(write.generalizedTime(new Date('2031-05-06T07:08:09.120Z'))), '18 20310506070809Z')
})

test('character strings', () => {
  assert.equal(readDer(write.utf8('Põhja-Eesti ÿ 𝔖')).text(), 'Põhja-Eesti ÿ 𝔖')
  assert.equal(readDer(hex('0c 03 ef bb bf')).text(), '\ufeff')
  assert.equal(readDer(hex('1e 04 00 c4 04 16')).text(), 'ÄЖ')
  assert.equal(readDer(hex('14 02 41 e4')).text(), 'Aä')
})

test('openssl reads what is written as the same values', (t) => {
  if (!needsTools(t, 'openssl')) return
  const der = write.sequence(
    write.integer(-129),
    write.oid('2.25.329800735698586629295641978511506172918'),
    write.utf8('ä'),
    write.printable('A b'),
    write.ia5('x@y'),
    write.boolean(true),
    write.nul(),
    write.enumerated(3),
    write.bits(Buffer.of(0xf0), 4),
    write.validity(new Date('2031-05-06T07:08:09Z')),
    write.generalizedTime(new Date('2031-05-06T07:08:09.25Z'), true),
    write.set(write.octets(Buffer.alloc(300, 1))),
    write.tagged(1, true, write.tagged(2, false, Buffer.from('abc'))),
  )
  const { status, stdout } = tool('openssl', ['asn1parse', '-inform', 'DER'], { input: der })
  assert.equal(status, 0)
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) =>
        line
          .replace(/^.*(?:prim|cons): /, '')
          .replace(/\s+/g, ' ')
          .replace(/\[HEX DUMP\].*/, '')
          .trim(),
      ),
    [
      'SEQUENCE',
      'INTEGER :-81',
      'OBJECT :2.25.329800735698586629295641978511506172918',
      'UTF8STRING :ä',
      'PRINTABLESTRING :A b',
      'IA5STRING :x@y',
      'BOOLEAN :255',
      'NULL',
      'ENUMERATED :03',
      'BIT STRING',
      'UTCTIME :310506070809Z',
      'GENERALIZEDTIME :20310506070809.25Z',
      'SET',
      'OCTET STRING',
      'cont [ 1 ]',
      'cont [ 2 ]',
    ],
  )
})
