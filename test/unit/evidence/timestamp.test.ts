// Time-stamps: what is stamped, and where a single token goes in signatures of every layout.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EvidenceError,
  insertTimestamp,
  type MessagePart,
  readSignature,
  signatureValueOf,
  signMessage,
  timestampInput,
  verifyHashChain,
  verifyMessage,
  withoutTimestamp,
} from '#evidence'
import { digest, encodeBase64 } from '#trust'
import { CLIENT, foundCountry, NOW } from './authority.ts'
import { craft, SIGNED_PROPERTIES } from './crafted.ts'

const country = foundCountry()
const member = country.member('EC-P256')
const ocsp = await country.ocsp(member.certificate)
const message = Buffer.from('GET\r\n/x\r\n')
const parts: MessagePart[] = [{ name: '/message.xml', digest: digest('SHA-512', message), bytes: message }]
const { xml } = await signMessage(parts, await country.signer(member), NOW)
const token = Buffer.from('a token, whatever it holds')
const references = [{ uri: '/message.xml', bytes: message }, SIGNED_PROPERTIES]

function verifies(signature: Uint8Array): void {
  verifyMessage({ signature, parts, signer: CLIENT, trust: country.trust, at: NOW })
}

test('one signature: the octets of its value', () => {
  const value = signatureValueOf(xml)
  assert.equal(encodeBase64(value), /<ds:SignatureValue[^>]*>([^<]+)</.exec(Buffer.from(xml).toString())?.[1])
  const { imprint, result, chains } = timestampInput(
    [{ signatureDigest: digest('SHA-512', xml), signatureValue: value }],
    'SHA-256',
  )
  assert.deepEqual(imprint, digest('SHA-256', value))
  assert.equal(result, undefined)
  assert.deepEqual(chains, [])
})

test('many signatures: a chain for each over their documents', () => {
  const documents = ['a', 'b', 'c'].map((text) => Buffer.from(text))
  const { imprint, result, chains } = timestampInput(
    documents.map((one) => ({ signatureDigest: digest('SHA-512', one), signatureValue: one })),
    'SHA-512',
  )
  assert.ok(result)
  assert.deepEqual(imprint, digest('SHA-512', result))
  documents.forEach((document, index) => {
    const data = { name: '/META-INF/signatures.xml', digest: () => digest('SHA-512', document) }
    verifyHashChain({ result, chain: chains[index] ?? new Uint8Array(), file: '/ts-hashchain.xml', inputs: [data] })
  })
  assert.throws(() => timestampInput([], 'SHA-512'), TypeError)
})

test('a token goes in as first unsigned property, and nothing else changes', () => {
  const stamped = Buffer.from(insertTimestamp(xml, token)).toString()
  const element = `<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>${encodeBase64(token)}</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>`
  assert.ok(stamped.includes(`<xades:UnsignedSignatureProperties>${element}`))
  assert.equal(stamped.replace(element, ''), Buffer.from(xml).toString())
  assert.deepEqual(readSignature(Buffer.from(stamped)).timestamp, token)
  verifies(Buffer.from(stamped))
})

const LAYOUTS: Record<string, Uint8Array> = {
  'a bare signature': craft({ holder: member, ocsp: [ocsp], references, bare: true }),
  'other prefixes': craft({ holder: member, ocsp: [ocsp], references, prefixes: { ds: 'd', xades: 'x' } }),
  'no prefix': craft({ holder: member, ocsp: [ocsp], references, prefixes: { ds: 'd', xades: '' } }),
  'attributes and white space': craft({
    holder: member,
    ocsp: [ocsp],
    references,
    edit: (text) =>
      text.replace('<xades:UnsignedSignatureProperties>', '<xades:UnsignedSignatureProperties\n  Id="usp" >\n'),
  }),
  'a byte-order mark': Buffer.concat([Buffer.from('\uFEFF'), xml]),
  'characters beyond the BMP before it': craft({
    holder: member,
    ocsp: [ocsp],
    references,
    edit: (text) => text.replace('<ds:Signature ', '<!-- 🍎 õ --><ds:Signature '),
  }),
  'the tag in a comment before it': craft({
    holder: member,
    ocsp: [ocsp],
    references,
    edit: (text) => text.replace('<ds:Signature ', '<!-- <xades:UnsignedSignatureProperties> --><ds:Signature '),
  }),
  'the tag in CDATA before it': craft({
    holder: member,
    ocsp: [ocsp],
    references,
    edit: (text) =>
      text.replace(
        '<ds:KeyInfo>',
        '<ds:KeyInfo><ds:KeyName><![CDATA[<xades:UnsignedSignatureProperties>]]></ds:KeyName>',
      ),
  }),
  'the element elsewhere before it': craft({
    holder: member,
    ocsp: [ocsp],
    references,
    edit: (text) =>
      text.replace(
        '<ds:KeyInfo>',
        '<ds:KeyInfo><xades:QualifyingProperties><xades:UnsignedProperties><xades:UnsignedSignatureProperties></xades:UnsignedSignatureProperties></xades:UnsignedProperties></xades:QualifyingProperties>',
      ),
  }),
  'a time-stamp that came with it': craft({
    holder: member,
    ocsp: [ocsp],
    references,
    edit: (text) =>
      text.replace(
        '<xades:UnsignedSignatureProperties>',
        '$&<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>QUJD</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>',
      ),
  }),
}

for (const [name, signature] of Object.entries(LAYOUTS))
  test(`every signature that is accepted can be time-stamped: ${name}`, () => {
    verifies(signature)
    const stamped = insertTimestamp(signature, token)
    assert.deepEqual(readSignature(stamped).timestamp, token)
    verifies(stamped)
    // As it was, octet for octet: the log committed to that.
    assert.deepEqual(withoutTimestamp(stamped), Buffer.from(signature))
  })

test('a token that is not written as ours cannot be taken out again', () => {
  const stamped = Buffer.from(insertTimestamp(xml, token)).toString()
  for (const other of [
    stamped.replace('<xades:SignatureTimeStamp>', '<xades:SignatureTimeStamp >'),
    stamped.replace('<xades:EncapsulatedTimeStamp>', '<xades:EncapsulatedTimeStamp Id="a">'),
    stamped.replace('</xades:EncapsulatedTimeStamp>', '</xades:EncapsulatedTimeStamp> '),
    Buffer.from(xml).toString(),
  ])
    assert.equal(withoutTimestamp(Buffer.from(other)), undefined)
})

test('no place, no time-stamp', () => {
  const text = Buffer.from(xml).toString()
  for (const broken of [
    '',
    '<x/>',
    text.replaceAll('UnsignedSignatureProperties', 'Other'),
    text.replace(
      /<xades:UnsignedSignatureProperties>.*<\/xades:UnsignedSignatureProperties>/,
      '<xades:UnsignedSignatureProperties/>',
    ),
  ])
    assert.throws(() => insertTimestamp(Buffer.from(broken), token), EvidenceError)
})
