// Signatures that we make, judged by xmlsec1, by xml-crypto, by the schema and by our own verifier.
import assert from 'node:assert/strict'
import { createECDH, createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { SignedXml } from 'xml-crypto'
import {
  type MessagePart,
  type MessageSignature,
  type MessageSigner,
  signMessage,
  signMessages,
  verifyMessage,
} from '#evidence'
import { digest, encodeBase64, signatureFor, write } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vectorPath } from '../../vectors.ts'
import { CLIENT, foundCountry, type Holder, type KeyKind, NOW } from './authority.ts'

const country = foundCountry()
const folder = mkdtempSync(join(tmpdir(), 'saadik-signature-'))
after(() => rmSync(folder, { recursive: true }))

const message = Buffer.from('POST\r\n/r1/DEMO/GOV/1/a/b\r\nX-Road-Client:DEMO/GOV/70000001/register\r\n')
const attachment = Buffer.from('{"a":"body"}')

function part(name: string, bytes: Uint8Array): MessagePart {
  return { name, digest: digest('SHA-512', bytes), bytes }
}

const plain = [part('/message.xml', message)]
const withBody = [...plain, part('/attachment1', attachment)]

function verified(signed: MessageSignature, parts: readonly MessagePart[]) {
  const { xml, chain, chainResult } = signed
  return verifyMessage({
    signature: xml,
    ...(chain && chainResult ? { chain, chainResult } : {}),
    parts,
    signer: CLIENT,
    trust: country.trust,
    at: NOW,
  })
}

const holders = new Map<KeyKind, Holder>(
  (['EC-P256', 'EC-P384', 'RSA-2048'] as const).map((kind) => [kind, country.member(kind)]),
)

async function signerFor(kind: KeyKind): Promise<MessageSigner> {
  const holder = holders.get(kind)
  assert.ok(holder)
  return country.signer(holder)
}

/** Puts a signature and what it covers into files of their own. */
function laidOut(signed: MessageSignature): { xml: string; maps: string[] } {
  const at = mkdtempSync(join(folder, 's-'))
  const put = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(at, name), bytes)
    return join(at, name)
  }
  const covered =
    signed.chainResult === undefined ? put('message.xml', message) : put('sig-hashchainresult.xml', signed.chainResult)
  const name = signed.chainResult === undefined ? '/message.xml' : '/sig-hashchainresult.xml'
  return { xml: put('signatures.xml', signed.xml), maps: [`--url-map:${name}`, covered] }
}

for (const [kind] of holders)
  for (const [form, parts] of [
    ['plain', plain],
    ['batch', withBody],
  ] as const) {
    test(`${kind}, ${form}: verifies, and says so`, async () => {
      const seen = verified(await signMessage(parts, await signerFor(kind), NOW), parts)
      assert.equal(seen.form, form)
      assert.deepEqual(seen.signedAt, NOW)
      assert.deepEqual(seen.signer, { instance: 'DEMO', memberClass: 'GOV', memberCode: '70000001' })
      assert.equal(seen.certificate, holders.get(kind)?.certificate)
      assert.equal(seen.ocsp.responder, country.responder.certificate)
    })

    test(`${kind}, ${form}: xmlsec1`, async (t) => {
      if (!needsTools(t, 'xmlsec1')) return
      const { xml, maps } = laidOut(await signMessage(parts, await signerFor(kind), NOW))
      const judge = () => tool('xmlsec1', ['--verify', ...maps, '--id-attr:Id', 'SignedProperties', '--insecure', xml])
      const good = judge()
      assert.equal(good.status, 0, good.stderr)
      assert.match(good.stderr + good.stdout, /OK\s+SignedInfo References \(ok\/all\): 2\/2/)
      writeFileSync(maps[1] ?? '', 'another')
      assert.notEqual(judge().status, 0)
    })

    test(`${kind}, ${form}: the schema`, async (t) => {
      if (!needsTools(t, 'xmllint') || !needsVectors(t)) return
      const signer = await signerFor(kind)
      const link = { certificate: country.ca.certificate, ocsp: signer.ocsp }
      for (const intermediates of [[], [link], [link, link]]) {
        const signed = await signMessage(parts, { ...signer, intermediates }, NOW)
        // The schema knows ds:Signature, not X-Road's wrapper (wire-message §4.3).
        const text = Buffer.from(signed.xml).toString()
        const bare = /<ds:Signature .*<\/ds:Signature>/s
          .exec(text)?.[0]
          .replace(
            '<ds:Signature ',
            '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" ',
          )
        assert.ok(bare)
        writeFileSync(join(folder, 'bare.xml'), bare)
        const judged = tool('xmllint', [
          '--noout',
          '--nonet',
          '--schema',
          vectorPath('schemas', 'xades-schema.xsd'),
          join(folder, 'bare.xml'),
        ])
        assert.equal(judged.status, 0, judged.stderr)
      }
    })
  }

/** xml-crypto looks for every reference inside the document: those outside it are compared here (the resolver it lacks). */
interface Overridden {
  validateReference(
    reference: { uri?: string; digestValue?: unknown; digestAlgorithm: string },
    document: unknown,
  ): string | undefined
}

function xmlCryptoAccepts(xml: string, holder: Holder, outside: ReadonlyMap<string, Uint8Array>): boolean {
  const verifier = new SignedXml({
    publicCert: createPublicKey({ key: Buffer.from(holder.certificate.spki), format: 'der', type: 'spki' }),
    getCertFromKeyInfo: () => null,
  })
  const inner = verifier as unknown as Overridden
  const usual = inner.validateReference.bind(inner)
  inner.validateReference = (reference, document) => {
    const bytes = outside.get(reference.uri ?? '')
    if (bytes === undefined) return usual(reference, document)
    const name = reference.digestAlgorithm.split('#')[1] ?? ''
    return createHash(name).update(bytes).digest('base64') === reference.digestValue ? bytes.toString() : undefined
  }
  const signature = /<ds:Signature .*<\/ds:Signature>/s.exec(xml)?.[0]
  assert.ok(signature)
  verifier.loadSignature(signature)
  return verifier.checkSignature(xml)
}

test('RSA: xml-crypto', async () => {
  const holder = holders.get('RSA-2048')
  assert.ok(holder)
  const signed = await signMessage(plain, await signerFor('RSA-2048'), NOW)
  const text = Buffer.from(signed.xml).toString()
  assert.equal(xmlCryptoAccepts(text, holder, new Map([['/message.xml', message]])), true)
  assert.equal(xmlCryptoAccepts(text, holder, new Map([['/message.xml', attachment]])), false)
  const batch = await signMessage(withBody, await signerFor('RSA-2048'), NOW)
  assert.ok(batch.chainResult)
  assert.equal(
    xmlCryptoAccepts(
      Buffer.from(batch.xml).toString(),
      holder,
      new Map([['/sig-hashchainresult.xml', batch.chainResult]]),
    ),
    true,
  )
})

test('a round: one signature for all, a chain for each', async () => {
  const signer = await signerFor('EC-P256')
  let calls = 0
  const counting = {
    ...signer,
    sign: (data: Uint8Array) => {
      calls += 1
      return signer.sign(data)
    },
  }
  const messages = Array.from({ length: 13 }, (_, index) =>
    index % 4 === 0
      ? [part('/message.xml', Buffer.from(`m${index}`)), part('/attachment1', attachment)]
      : [part('/message.xml', Buffer.from(`m${index}`))],
  )
  const round = await signMessages(messages, counting, NOW)
  assert.equal(calls, 1)
  messages.forEach((parts, index) => {
    const signed = round[index]
    assert.ok(signed)
    assert.equal(signed.xml, round[0]?.xml)
    assert.equal(verified(signed, parts).form, 'batch')
  })
  assert.throws(() => verified(round[1] as MessageSignature, messages[2] as MessagePart[]), /digest of \/message.xml/)
})

test('two messages of one part in a round are a batch, one alone is plain', async () => {
  const signer = await signerFor('EC-P256')
  assert.ok((await signMessages([plain, plain], signer, NOW))[1]?.chain)
  assert.equal((await signMessages([plain], signer, NOW))[0]?.chain, undefined)
  await assert.rejects(signMessages([], signer, NOW), TypeError)
  await assert.rejects(signMessage([], signer, NOW), TypeError)
})

test('a key that cannot be reached is an error, not a signature', async () => {
  const signer = await signerFor('EC-P256')
  await assert.rejects(
    signMessage(plain, { ...signer, sign: () => Promise.reject(new Error('the signer is gone')) }, NOW),
    /the signer is gone/,
  )
})

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const bytesOf = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
const numberOf = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value % ORDER, ORDER, 1n, 0n]
  while (a > 1n) {
    const quotient = b / a
    ;[a, b, x, y] = [b % a, a, y - quotient * x, x]
  }
  return ((x % ORDER) + ORDER) % ORDER
}

/** Signs with a nonce whose r has a leading zero octet, the only part of ECDSA that a test cannot leave to luck. */
function shortSigner(key: KeyObject): (data: Uint8Array) => { r: bigint; s: bigint } {
  const secret = numberOf(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'))
  const curve = createECDH('prime256v1')
  let nonce = 1n
  let r = 0n
  do {
    nonce += 1n
    curve.setPrivateKey(bytesOf(nonce))
    r = numberOf(curve.getPublicKey().subarray(1, 33)) % ORDER
  } while (r >> 248n !== 0n)
  const inverted = inverse(nonce)
  return (data) => ({ r, s: (inverted * (numberOf(digest('SHA-512', data).subarray(0, 32)) + r * secret)) % ORDER })
}

test('ECDSA values shorter than the field, as X-Road writes them, are read', async () => {
  const holder = holders.get('EC-P256')
  assert.ok(holder)
  const signer = await signerFor('EC-P256')
  const short = shortSigner(holder.privateKey)
  for (let attempt = 0; ; attempt += 1) {
    let raw = Buffer.alloc(0)
    const signed = await signMessage(
      plain,
      {
        ...signer,
        sign: async (data) => {
          const { r, s } = short(data)
          raw = Buffer.concat([bytesOf(r).subarray(1), bytesOf(s).subarray(1)])
          if (s >> 248n !== 0n) raw = Buffer.alloc(0)
          return write.sequence(write.integer(r), write.integer(s))
        },
      },
      new Date(NOW.getTime() - attempt),
    )
    assert.equal(verified(signed, plain).form, 'plain')
    if (raw.length === 0) continue
    assert.equal(raw.length, 62)
    const text = Buffer.from(signed.xml).toString()
    const padded = /<ds:SignatureValue[^>]*>([^<]+)</.exec(text)?.[1] ?? ''
    const xml = Buffer.from(text.replace(padded, encodeBase64(raw)))
    assert.equal(verified({ xml }, plain).form, 'plain')
    break
  }
})

test('names that XML must escape stand escaped in what is signed', async () => {
  const { ca } = country
  assert.match(ca.certificate.subject.text, /[<&>]/)
  const signed = await signMessage(plain, await signerFor('EC-P256'), NOW)
  assert.match(Buffer.from(signed.xml).toString(), /<ds:X509IssuerName>[^<]*&lt;[^<]*&gt;/)
})

test('the algorithm follows the key', async () => {
  for (const [kind, uri] of [
    ['EC-P256', 'ecdsa-sha512'],
    ['RSA-2048', 'rsa-sha512'],
  ] as const) {
    const holder = holders.get(kind)
    assert.ok(holder)
    assert.equal(signatureFor(holder.privateKey).uri, `http://www.w3.org/2001/04/xmldsig-more#${uri}`)
  }
})
