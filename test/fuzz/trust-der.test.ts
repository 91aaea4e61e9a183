// DER and the other plain encodings: one byte string, one meaning, whoever wrote it.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  type Der,
  decodeBase64,
  derToRawEcdsa,
  encodeBase64,
  oids,
  pem,
  rawToDerEcdsa,
  readDer,
  readName,
  TrustError,
  unpem,
  write,
  writeName,
} from '#trust'
import { ca, leaf } from '../unit/trust/responder.ts'
import { bears, property } from './campaign.ts'
import { mutatedDer, tlv } from './der.ts'
import { mutated } from './mutate.ts'
import {
  answers,
  arcs,
  bytes,
  certificates,
  csr,
  csrPem,
  moment,
  questions,
  responses,
  stampRequests,
} from './trust-seeds.ts'

property(
  'DER: what is written is read, and means the same',
  300,
  fc.record({
    integer: fc.bigInt({ min: -(2n ** 256n), max: 2n ** 256n }),
    oid: arcs,
    octets: bytes(400),
    text: fc.string({ unit: 'binary', maxLength: 50 }),
    flag: fc.boolean(),
    flags: fc.array(fc.boolean(), { maxLength: 20 }),
    time: moment,
    number: fc.nat(30),
  }),
  ({ integer, oid, octets, text, flag, flags, time, number }) => {
    const value = readDer(
      write.sequence(
        write.integer(integer),
        write.oid(oid),
        write.tagged(number, true, write.octets(octets)),
        write.utf8(text),
        write.boolean(flag),
        write.bits(octets),
        write.namedBits(flags),
        write.generalizedTime(time, true),
        write.validity(time),
      ),
    )
    const [a, b, c, d, e, f, g, h, i] = value.children()
    assert.equal(a?.integer(), integer)
    assert.equal(b?.oid(), oid)
    assert.deepEqual(Buffer.from(c?.only(0xa0 | number, 'it').octets() ?? []), Buffer.from(octets))
    assert.equal(d?.text(), text)
    assert.equal(e?.boolean(), flag)
    assert.deepEqual(Buffer.from(f?.bits() ?? []), Buffer.from(octets))
    assert.deepEqual(g?.namedBits(), flags.slice(0, flags.lastIndexOf(true) + 1))
    assert.equal(h?.time().getTime(), time.getTime())
    assert.equal(i?.time().getTime(), Math.floor(time.getTime() / 1000) * 1000)
    return true
  },
)

/** Everything that can be asked of a value; what is answered must be all that its octets can mean. */
function interrogate(value: Der): void {
  assert.ok(Buffer.from(value.raw).equals(tlv(value.tag, value.content)), 'the length is not minimal')
  const number = bears(() => value.integer(), TrustError)
  if (number && value.tag === 0x02) assert.ok(Buffer.from(write.integer(number.value)).equals(value.raw))
  const oid = bears(() => value.oid(), TrustError)
  if (oid) assert.ok(Buffer.from(write.oid(oid.value)).equals(value.raw))
  const flag = bears(() => value.boolean(), TrustError)
  if (flag) assert.ok(Buffer.from(write.boolean(flag.value)).equals(value.raw))
  bears(() => value.unsigned(), TrustError)
  bears(() => value.bits(), TrustError)
  bears(() => value.namedBits(), TrustError)
  bears(() => value.octets(), TrustError)
  bears(() => value.text(), TrustError)
  const time = bears(() => value.time(), TrustError)
  if (time) assert.ok(Number.isFinite(time.value.getTime()))
  const children = bears(() => value.children(), TrustError)
  if (children === undefined) return
  assert.ok(Buffer.concat(children.value.map((child) => child.raw)).equals(value.content))
  children.value.forEach(interrogate)
}

const der = [...certificates, ...answers, ...questions, ...responses, ...stampRequests, csr]
const reading = (input: Uint8Array) => {
  const value = bears(() => readDer(input), TrustError)
  if (value) interrogate(value.value)
  return value !== undefined
}
property('DER: any octets have one meaning or none', 300, mutated(der), reading)
property('DER: any values too', { short: 200, long: 5_000 }, mutatedDer(der), reading)
property(
  'names',
  200,
  fc.array(
    fc.record({
      oid: fc.constantFrom<string>(oids.commonName, oids.country, oids.serialNumber, '2.5.4.97', '1.2.3.4'),
      value: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    }),
    { maxLength: 8 },
  ),
  (attributes) => {
    const name = readName(readDer(writeName(attributes)))
    assert.equal(JSON.stringify(name.attributes), JSON.stringify(attributes))
    for (const { oid } of attributes) assert.equal(name.get(oid), attributes.findLast((one) => one.oid === oid)?.value)
    return true
  },
)

const armoured = [
  csrPem,
  Buffer.from(pem('CERTIFICATE', leaf.certificate.der) + pem('CERTIFICATE', ca.certificate.der)),
]
const DASHES = [
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  '-----BEGIN ',
  '-----',
  '-----END A-----',
  '=',
  '==',
  '\n',
  '\r\n',
  ' ',
  'A',
]
property('PEM', 300, mutated(armoured, DASHES), (input) => {
  const blocks = bears(() => unpem(input.toString('latin1')), TrustError)
  for (const block of blocks?.value ?? []) assert.ok(block.length > 0)
  return (blocks?.value.length ?? 0) > 0
})
property(
  'PEM: what is written is read',
  100,
  fc.array(fc.tuple(fc.constantFrom('A', 'CERTIFICATE', 'X 9'), fc.uint8Array({ minLength: 1, maxLength: 200 })), {
    maxLength: 4,
  }),
  (blocks) => {
    const text = blocks.map(([label, block]) => `text\n${pem(label, block)}`).join('')
    assert.deepEqual(
      unpem(text).map((block) => Buffer.from(block)),
      blocks.map(([, block]) => Buffer.from(block)),
    )
    return true
  },
)

property(
  'base64: one text for each byte string',
  400,
  fc.oneof(
    bytes(60).map(encodeBase64),
    fc.string({ unit: fc.constantFrom(...'ABab01+/=-_ \n\u0000é'), maxLength: 24 }),
    mutated([Buffer.from('QUJDREVGRw==')], ['=', '\n']).map((text) => text.toString('latin1')),
  ),
  (text) => {
    const decoded = decodeBase64(text)
    if (decoded) assert.equal(encodeBase64(decoded), text)
    const loose = decodeBase64(text, { whitespace: true })
    if (loose) assert.equal(encodeBase64(loose), text.replaceAll(/[ \t\r\n]/g, ''))
    return decoded !== undefined
  },
)

property(
  'ECDSA values: both forms mean the same',
  200,
  fc.tuple(fc.constantFrom(32, 48, 66), fc.uint8Array({ minLength: 132, maxLength: 132 })),
  ([size, source]) => {
    const raw = Buffer.from(source.subarray(0, 2 * size))
    raw[0] = (raw[0] ?? 0) | 1
    raw[size] = (raw[size] ?? 0) | 1
    assert.ok(Buffer.from(derToRawEcdsa(rawToDerEcdsa(raw) ?? raw, size)).equals(raw))
    return true
  },
)
const ecdsa = [0x81, 1].map((octet) => rawToDerEcdsa(Buffer.alloc(64, octet)) ?? Buffer.alloc(0))
property(
  'ECDSA values of strangers',
  200,
  fc.oneof(mutatedDer(ecdsa), mutated(ecdsa)),
  (input) => bears(() => derToRawEcdsa(input, 32), TrustError) !== undefined,
)
property(
  'ECDSA values of strangers, raw',
  100,
  bytes(140),
  (input) => bears(() => rawToDerEcdsa(input), TrustError) !== undefined,
)
