// A signature that is cast in the mould of one before it must read as it does in full; what only looks as if it fitted must not be cast.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EvidenceError, type MessagePart, readSignature, signMessages, verifyMessage } from '#evidence'
import { digest, encodeBase64 } from '#trust'
import { castSignature } from '../../../evidence/moulds.ts'
import { CLIENT, foundCountry, type KeyKind, NOW } from './authority.ts'
import { type Craft, craft, SIGNED_PROPERTIES } from './crafted.ts'

const country = foundCountry()

function message(text: string): readonly MessagePart[] {
  const bytes = Buffer.from(text)
  return [{ name: '/message.xml', digest: digest('SHA-512', bytes), bytes }]
}

function codeOf(signature: Uint8Array, parts: readonly MessagePart[]): string {
  try {
    return verifyMessage({ signature, parts, signer: CLIENT, trust: country.trust, at: NOW }).form
  } catch (error) {
    assert.ok(error instanceof EvidenceError, String((error as Error).stack))
    return error.code
  }
}

/** Cast and full reading say the same, and hash the same octets. */
function assertSame(xml: Uint8Array): void {
  const cast = castSignature(xml)
  assert.ok(cast, 'there is a mould for it')
  const read = readSignature(xml)
  const { signedInfo, signedProperties, ...facts } = read
  const { signedInfo: castInfo, signedProperties: castProperties, ...castFacts } = cast
  assert.deepEqual(castFacts, facts)
  assert.deepEqual(castInfo(), signedInfo())
  for (const { uri, mode } of read.references)
    if (uri.startsWith('#')) assert.deepEqual(castProperties(mode), signedProperties(mode))
}

for (const kind of ['EC-P256', 'RSA-2048'] as const satisfies readonly KeyKind[])
  test(`${kind}: two hundred signatures, plain and over rounds, read the same in both ways`, async () => {
    const signer = await country.signer(country.member(kind))
    let cast = 0
    for (let index = 0; index < 100; index += 1) {
      const at = new Date(NOW.getTime() + index * 7919)
      const texts = [`a${index}`, `b${index}`]
      for (const round of [texts.slice(0, 1), texts]) {
        const [first] = await signMessages(round.map(message), signer, at)
        assert.ok(first)
        if (castSignature(first.xml) !== undefined) {
          assertSame(first.xml)
          cast += 1
        }
        const chains = first.chain && first.chainResult ? { chain: first.chain, chainResult: first.chainResult } : {}
        verifyMessage({
          signature: first.xml,
          ...chains,
          parts: message(`a${index}`),
          signer: CLIENT,
          trust: country.trust,
          at: NOW,
        })
      }
    }
    assert.equal(cast, 198, 'all but the first of each form')
  })

test('every octet of a document that has a mould, changed: never accepted, and cast only where a text was changed', async () => {
  const signer = await country.signer(country.member('EC-P256'))
  const [one] = await signMessages([message('m')], signer, NOW)
  assert.ok(one)
  assert.equal(codeOf(one.xml, message('m')), 'plain')
  let casts = 0
  for (let at = 0; at < one.xml.length; at += 1)
    for (const octet of [0x3c, 0x26, 0x0d, 0x20, 0x41]) {
      const changed: Buffer = Buffer.from(one.xml)
      if (changed[at] === octet) continue
      changed[at] = octet
      if (castSignature(changed) === undefined) continue
      casts += 1
      assert.equal(octet, 0x41, `octet ${octet} at ${at}`)
      assertSame(changed)
      assert.notEqual(codeOf(changed, message('m')), 'plain')
    }
  // Two digests of 86 characters before the one with spare bits, a value of 86; a time has no letter A.
  assert.ok(casts > 200 && casts < 270, `${casts}`)
})

// --- signatures of others, in the forms that crafted.ts makes

const member = country.member('EC-P256')
const ocsp = await country.ocsp(member.certificate)

function crafted(text: string, edit: (xml: string) => string = (xml) => xml, more: Partial<Craft> = {}): Buffer {
  const references = [{ uri: '/message.xml', bytes: Buffer.from(text) }, SIGNED_PROPERTIES]
  return Buffer.from(edit(Buffer.from(craft({ holder: member, ocsp: [ocsp], references, ...more })).toString()))
}

test('forms of others: with a mould or without, the verdict is the same', () => {
  const forms: Partial<Craft>[] = [
    {},
    { bare: true },
    { prefixes: { ds: '', xades: 'XAdES' } },
    { canonicalization: { kind: 'exclusive' } },
  ]
  for (const form of forms)
    for (const text of ['one', 'two', 'three']) {
      const xml = crafted(text, undefined, form)
      assert.equal(codeOf(xml, message(text)), 'plain')
      assert.equal(codeOf(xml, message('another')), 'invalid_signature_value')
      if (castSignature(xml) !== undefined) assertSame(xml)
    }
})

test('a value that stands elsewhere too, in a comment or in KeyInfo, is no hole', () => {
  const decoys = [
    (value: string) => (xml: string) => xml.replace('<ds:KeyInfo>', `<!--${value}--><ds:KeyInfo>`),
    (value: string) => (xml: string) => xml.replace('</ds:KeyInfo>', `<ds:KeyName>${value}</ds:KeyName></ds:KeyInfo>`),
  ]
  for (const decoy of decoys)
    for (const text of ['one', 'two']) {
      const value = encodeBase64(digest('SHA-512', Buffer.from(text)))
      const xml = crafted(text, decoy(value))
      assert.equal(codeOf(xml, message(text)), 'plain')
      // The digest in the decoy alone is that of another message.
      const forged = Buffer.from(
        xml
          .toString()
          .replace(/(<!--|<ds:KeyName>)[^<-]*/, `$1${encodeBase64(digest('SHA-512', Buffer.from('forged')))}`),
      )
      assert.equal(codeOf(forged, message(text)), 'plain', 'neither comments nor KeyName are signed')
      assert.equal(codeOf(forged, message('forged')), 'invalid_signature_value')
    }
})
