import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oids, readDer, readName, write, writeName } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { certify } from './certify.ts'

const read = (der: Uint8Array) => readName(readDer(der))
const rdn = (...attributes: readonly Uint8Array[]) => write.set(...attributes)
const attribute = (oid: string, value: Uint8Array) => write.sequence(write.oid(oid), value)

test('last RDN first, short names where RFC 2253 has them', () => {
  const name = read(
    writeName([
      { oid: oids.country, value: 'FI' },
      { oid: oids.organization, value: 'Väestö' },
      { oid: oids.organizationalUnit, value: 'COM' },
      { oid: oids.serialNumber, value: 'TEST/SS1/COM' },
      { oid: oids.commonName, value: 'ss1' },
    ]),
  )
  assert.equal(name.text, 'CN=ss1,2.5.4.5=TEST/SS1/COM,OU=COM,O=Väestö,C=FI')
  assert.equal(name.get(oids.serialNumber), 'TEST/SS1/COM')
  assert.equal(name.get(oids.locality), undefined)
})

test('the last of a repeated attribute counts (wire-conf §5.3)', () => {
  const name = read(
    writeName([
      { oid: oids.commonName, value: 'first' },
      { oid: oids.commonName, value: 'last' },
    ]),
  )
  assert.equal(name.get(oids.commonName), 'last')
})

test('an RDN of two attributes', () => {
  const name = read(
    write.sequence(rdn(attribute(oids.commonName, write.utf8('a')), attribute(oids.organization, write.utf8('b')))),
  )
  assert.equal(name.text, 'CN=a+O=b')
})

for (const [value, shown] of [
  ['a,b+c', 'a\\,b\\+c'],
  ['"x"', '\\"x\\"'],
  ['<a>;b\\c', '\\<a\\>\\;b\\\\c'],
  ['#1', '\\#1'],
  [' a ', '\\ a\\ '],
  [' ', '\\ '],
  ['a=b', 'a\\=b'],
] as const)
  test(`'${value}' is shown as '${shown}' and read as it is`, () => {
    const name = read(writeName([{ oid: oids.commonName, value }]))
    assert.equal(name.text, `CN=${shown}`)
    assert.equal(name.get(oids.commonName), value)
  })

test('a value that is no text stands in hex', () => {
  const name = read(write.sequence(rdn(attribute('2.5.4.45', write.bits(Buffer.of(1, 2))))))
  assert.equal(name.text, '2.5.4.45=#0303000102')
  assert.equal(name.get('2.5.4.45'), '#0303000102')
})

test('country and serial number are PrintableString where their letters allow it', () => {
  const tags = [
    ...readDer(
      writeName([
        { oid: oids.country, value: 'FI' },
        { oid: oids.serialNumber, value: '70000001' },
        { oid: oids.serialNumber, value: 'ä_1' },
        { oid: oids.commonName, value: 'x' },
      ]),
    ).children(),
  ].map((one) => one.child(0).child(1).tag)
  assert.deepEqual(tags, [0x13, 0x13, 0x0c, 0x0c])
})

for (const [why, der] of [
  ['an empty RDN', write.sequence(rdn())],
  ['an attribute without value', write.sequence(rdn(write.sequence(write.oid(oids.commonName))))],
  [
    'an attribute of three parts',
    write.sequence(rdn(write.sequence(write.oid(oids.commonName), write.utf8('a'), write.nul()))),
  ],
  ['a SET where a SEQUENCE is due', write.set(rdn(attribute(oids.commonName, write.utf8('a'))))],
  ['UTF-8 that is none', write.sequence(rdn(attribute(oids.commonName, Buffer.from('0c01c3', 'hex'))))],
  ['65 RDNs', write.sequence(...Array.from({ length: 65 }, () => rdn(attribute(oids.commonName, write.utf8('a')))))],
] as const)
  test(`refused: ${why}`, () => {
    assert.throws(() => read(der), { name: 'TrustError', code: 'malformed_der' })
  })

test('an empty name is a name', () => {
  assert.equal(read(write.sequence()).text, '')
})

test('openssl shows the same', (t) => {
  if (!needsTools(t, 'openssl')) return
  for (const name of ['plain', 'a,b+c="x"', '<;>\\', '#x', ' padded ', 'Põhja ÿ']) {
    const { certificate } = certify({ name })
    const { stdout } = tool(
      'openssl',
      ['x509', '-inform', 'DER', '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb,utf8'],
      {
        input: certificate.der,
      },
    )
    // openssl does not escape '='; RFC 2253 allows both.
    assert.equal(stdout.trimEnd(), `subject=${certificate.subject.text.replace(/([^,]*)\\=/g, '$1=')}`)
  }
})
