// One signature for a round of messages: its chains computed again without our own tree, judged by xmlsec1, and what is remembered of a
// signature that was verified helps nobody but the other messages of its round.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { EvidenceError, type MessagePart, type MessageSignature, signMessages, verifyMessage } from '#evidence'
import type { ClientId, TrustMaterial } from '#protocol'
import { digest } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { CLIENT, FRESHNESS_SECONDS, foundCountry, type KeyKind, NOW } from './authority.ts'

const country = foundCountry()
const signers = new Map(
  await Promise.all(
    (['EC-P256', 'RSA-2048'] as const).map(
      async (kind): Promise<[KeyKind, Awaited<ReturnType<typeof country.signer>>]> => [
        kind,
        await country.signer(country.member(kind)),
      ],
    ),
  ),
)
const folder = mkdtempSync(join(tmpdir(), 'saadik-batch-'))
after(() => rmSync(folder, { recursive: true }))

function message(...texts: readonly string[]): readonly MessagePart[] {
  return texts.map((text, index) => {
    const bytes = Buffer.from(text)
    return { name: index === 0 ? '/message.xml' : `/attachment${index}`, digest: digest('SHA-512', bytes), bytes }
  })
}

function signed(messages: readonly (readonly MessagePart[])[], kind: KeyKind = 'EC-P256') {
  const signer = signers.get(kind)
  assert.ok(signer)
  return signMessages(messages, signer, NOW)
}

interface Judged {
  readonly parts: readonly MessagePart[]
  readonly signer?: ClientId
  readonly trust?: TrustMaterial
  readonly at?: Date
}

/** The form as which it is accepted, or the code with which it is refused. */
function judged({ xml, chain, chainResult }: MessageSignature, judge: Judged): string {
  const chains = chain && chainResult ? { chain, chainResult } : {}
  try {
    return verifyMessage({ signature: xml, ...chains, signer: CLIENT, trust: country.trust, at: NOW, ...judge }).form
  } catch (error) {
    assert.ok(error instanceof EvidenceError, String((error as Error).stack))
    return error.code
  }
}

// --- known answers

const SHA512_URI = 'http://www.w3.org/2001/04/xmlenc#sha512'
const sha512 = (bytes: Uint8Array): Buffer => createHash('sha512').update(bytes).digest()

/** Node hash over SHA-512 values, its DER put together by hand (wire-message §5.2). */
function node(...values: readonly Uint8Array[]): Buffer {
  const items = values.map((value) =>
    Buffer.concat([
      Buffer.from('306d0440', 'hex'),
      value,
      Buffer.from('0c27', 'hex'),
      Buffer.from(SHA512_URI),
      Buffer.from('3000', 'hex'),
    ]),
  )
  const content = Buffer.concat(items)
  const length =
    content.length < 128
      ? Buffer.of(content.length)
      : content.length < 256
        ? Buffer.of(0x81, content.length)
        : Buffer.of(0x82, content.length >> 8, content.length & 255)
  return sha512(Buffer.concat([Buffer.of(0x30), length, content]))
}

/** Top of the tree as X-Road builds it: level by level from the left, the last one of an odd level goes up unchanged. */
function top(leaves: readonly Buffer[]): Buffer {
  let level = [...leaves]
  while (level.length > 1)
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, index) => {
      const [left, right] = [level[index * 2], level[index * 2 + 1]]
      assert.ok(left)
      return right === undefined ? left : node(left, right)
    })
  assert.ok(level[0])
  return level[0]
}

/** What a chain document says from its first step on, followed with regular expressions alone. */
function followed(chain: string, step = 0): Buffer {
  const content = new RegExp(`<h:HashStep id="STEP${step}">(.*?)</h:HashStep>`).exec(chain)?.[1]
  assert.ok(content, `step ${step}`)
  const children = content.matchAll(
    /<h:StepRef URI="#STEP(\d+)"\/>|<h:(?:HashValue|DataRef URI="[^"]+")><DigestValue>([^<]+)<\/DigestValue><\/h:(?:HashValue|DataRef)>/g,
  )
  return node(
    ...[...children].map(([, next, value]) =>
      next ? followed(chain, Number(next)) : Buffer.from(value ?? '', 'base64'),
    ),
  )
}

function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString()
}

test('known answer: three messages, the second with a body (wire-message §5.4)', async () => {
  const round = await signed([message('m0'), message('m1', 'b1'), message('m2')])
  const [l0, m1, b1, l2] = ['m0', 'm1', 'b1', 'm2'].map((text) => sha512(Buffer.from(text)))
  assert.ok(l0 && m1 && b1 && l2)
  const base64 = (value: Buffer) => value.toString('base64')
  const value = (digested: Buffer) => `<h:HashValue><DigestValue>${base64(digested)}</DigestValue></h:HashValue>`
  const data = (uri: string, digested: Buffer) =>
    `<h:DataRef URI="${uri}"><DigestValue>${base64(digested)}</DigestValue></h:DataRef>`
  const step = (id: number, ...children: readonly string[]) =>
    `<h:HashStep id="STEP${id}">${children.join('')}</h:HashStep>`
  const document = (...steps: readonly string[]) =>
    `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<h:HashChain xmlns="http://www.w3.org/2000/09/xmldsig#" xmlns:h="http://cyber.ee/hashchain"><h:DefaultDigestMethod Algorithm="${SHA512_URI}"/>${steps.join('')}</h:HashChain>`
  const l1 = node(m1, b1)
  const to = (next: number) => `<h:StepRef URI="#STEP${next}"/>`
  assert.deepEqual(
    round.map(({ chain }) => textOf(chain)),
    [
      document(step(0, to(1), value(l2)), step(1, data('/message.xml', l0), value(l1))),
      document(
        step(0, to(1), value(l2)),
        step(1, value(l0), to(2)),
        step(2, data('/message.xml', m1), data('/attachment1', b1)),
      ),
      document(step(0, value(node(l0, l1)), data('/message.xml', l2))),
    ],
  )
  assert.equal(
    textOf(round[0]?.chainResult),
    `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<h:HashChainResult xmlns="http://www.w3.org/2000/09/xmldsig#" xmlns:h="http://cyber.ee/hashchain" URI="/sig-hashchain.xml#STEP0"><DigestMethod Algorithm="${SHA512_URI}"/><DigestValue>${base64(node(node(l0, l1), l2))}</DigestValue></h:HashChainResult>`,
  )
  const reference =
    /<ds:Reference Id="signature-reference-0" URI="\/sig-hashchainresult.xml"><ds:DigestMethod Algorithm="[^"]*"><\/ds:DigestMethod><ds:DigestValue>([^<]+)</
  assert.equal(reference.exec(textOf(round[0]?.xml))?.[1], base64(sha512(round[0]?.chainResult ?? new Uint8Array())))
})

test('every chain of rounds of 2 to 64 leads to the same top, by a computation of its own', async () => {
  for (const count of [2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 64]) {
    const texts = Array.from({ length: count }, (_, index) =>
      index % 3 === 1 ? [`m${index}`, `b${index}`, 'c'] : [`m${index}`],
    )
    const round = await signed(texts.map((parts) => message(...parts)))
    const leaves = texts.map((parts) => {
      const digests = parts.map((text) => sha512(Buffer.from(text)))
      return digests.length === 1 && digests[0] !== undefined ? digests[0] : node(...digests)
    })
    const expected = top(leaves).toString('base64')
    const [first] = round
    assert.match(textOf(first?.chainResult), new RegExp(`<DigestValue>${expected.replaceAll('+', '\\+')}<`))
    for (const [index, one] of round.entries()) {
      assert.equal(one.xml, first?.xml)
      assert.equal(one.chainResult, first?.chainResult)
      assert.equal(followed(textOf(one.chain)).toString('base64'), expected, `chain ${index} of ${count}`)
      assert.equal(judged(one, { parts: message(...(texts[index] ?? [])) }), 'batch')
    }
  }
})

for (const kind of signers.keys())
  test(`${kind}: xmlsec1 on the signature of a round`, async (t) => {
    if (!needsTools(t, 'xmlsec1')) return
    const [one] = await signed([message('m0'), message('m1', 'b1')], kind)
    const [xml, result] = [join(folder, `${kind}.xml`), join(folder, `${kind}.result.xml`)]
    writeFileSync(xml, one?.xml ?? '')
    writeFileSync(result, one?.chainResult ?? '')
    const judge = () =>
      tool('xmlsec1', [
        '--verify',
        '--url-map:/sig-hashchainresult.xml',
        result,
        '--id-attr:Id',
        'SignedProperties',
        '--insecure',
        xml,
      ])
    const good = judge()
    assert.equal(good.status, 0, good.stderr)
    assert.match(good.stderr + good.stdout, /OK\s+SignedInfo References \(ok\/all\): 2\/2/)
    writeFileSync(result, `${textOf(one?.chainResult)} `)
    assert.notEqual(judge().status, 0)
  })

// --- the memory of verified signatures

/** Two messages under one signature, the first of them verified: the second meets the memory. */
async function met(kind: KeyKind = 'EC-P256') {
  const messages = [message('first'), message('second', 'body')]
  const [first, second] = await signed(messages, kind)
  assert.ok(first && second && messages[0] && messages[1])
  assert.equal(judged(first, { parts: messages[0] }), 'batch')
  return { first, second, parts: messages[1], firstParts: messages[0] }
}

for (const kind of signers.keys())
  test(`${kind}: the second message is told the same as the first`, async () => {
    const { first, second, parts, firstParts } = await met(kind)
    const verify = ({ xml, chain, chainResult }: MessageSignature, covered: readonly MessagePart[]) =>
      verifyMessage({
        signature: xml,
        ...(chain && { chain }),
        ...(chainResult && { chainResult }),
        parts: covered,
        signer: CLIENT,
        trust: country.trust,
        at: NOW,
      })
    assert.deepEqual(verify(second, parts), verify(first, firstParts))
    assert.equal(verify(second, parts).certificate, signers.get(kind)?.certificate)
  })

test('another message, a body that is missing, a part too many', async () => {
  const { second, parts, firstParts } = await met()
  assert.equal(judged(second, { parts: message('forged', 'body') }), 'malformed_signature.invalid_hash_chain_ref')
  assert.equal(judged(second, { parts: firstParts }), 'malformed_signature.invalid_hash_chain_ref')
  assert.equal(judged(second, { parts: parts.slice(0, 1) }), 'malformed_signature.invalid_hash_chain_ref')
  assert.equal(
    judged(second, { parts: [...parts, ...message('', 'x', 'y').slice(2)] }),
    'malformed_signature.hashchain_unused_inputs',
  )
  assert.equal(judged(second, { parts }), 'batch')
})

test("the chain of another message, of another round, and one's own of a round that nobody signed", async () => {
  const { first, second, parts } = await met()
  assert.equal(
    judged({ ...second, ...(first.chain && { chain: first.chain }) }, { parts }),
    'malformed_signature.invalid_hash_chain_ref',
  )
  const forged = message('forged')
  const [other] = await signed([forged, message('x')])
  assert.ok(other?.chain && other.chainResult)
  // Chain and message fit each other, and do not lead to the result that was signed.
  assert.equal(judged({ ...second, chain: other.chain }, { parts: forged }), 'malformed_signature.invalid_hash_chain')
  // Chain, message and result fit each other: only the digest in SignedInfo says that this is another result.
  assert.equal(judged({ ...other, xml: second.xml }, { parts: forged }), 'invalid_signature_value')
  assert.equal(
    judged({ xml: second.xml, ...(second.chain && { chain: second.chain }) }, { parts }),
    'malformed_signature',
  )
  assert.equal(judged({ xml: second.xml }, { parts: forged }), 'malformed_signature')
})

test('the same result in other octets is another result', async () => {
  const { second, parts } = await met()
  const chainResult = Buffer.from(textOf(second.chainResult).replace('\n', '\n '))
  assert.equal(judged({ ...second, chainResult }, { parts }), 'invalid_signature_value')
})

test('one octet of the signature changed, signed or not, and it is verified anew', async () => {
  const { second, parts } = await met()
  const xml = textOf(second.xml)
  const changed = (pattern: RegExp, replacement: string) => {
    const text = xml.replace(pattern, replacement)
    assert.notEqual(text, xml)
    return judged({ ...second, xml: Buffer.from(text) }, { parts })
  }
  assert.equal(changed(/(<ds:SignatureValue[^>]*>)[^<]{4}/, '$1AAAA'), 'invalid_signature_value')
  assert.equal(changed(/<xades:SigningTime>\d{4}/, '<xades:SigningTime>2001'), 'invalid_signature_value')
  assert.equal(changed(/<ds:X509Certificate>[^<]{8}/, '<ds:X509Certificate>AAAAAAAA'), 'malformed_signature')
  assert.equal(changed(/<xades:RevocationValues>.*<\/xades:RevocationValues>/, ''), 'malformed_signature')
})

test('time and configuration are asked for each message', async () => {
  const { second, parts } = await met()
  const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
  assert.equal(judged(second, { parts, at: later(60) }), 'batch')
  assert.equal(judged(second, { parts, at: later(FRESHNESS_SECONDS) }), 'invalid_cert_path.incorrect_validation_info')
  const patient = { ...country.trust, ocspFreshnessSeconds: 1e9 }
  assert.equal(judged(second, { parts, trust: patient, at: later(6 * 365 * 86_400) }), 'invalid_cert_path')
  assert.equal(judged(second, { parts, trust: { ...country.trust, authorities: [] } }), 'cannot_create_cert_path')
  const authorities = country.trust.authorities.map((one) => ({ ...one, authenticationOnly: true }))
  assert.equal(judged(second, { parts, trust: { ...country.trust, authorities } }), 'cannot_create_cert_path')
  const foreign = foundCountry()
  assert.equal(judged(second, { parts, trust: foreign.trust }), 'cannot_create_cert_path')
  assert.equal(judged(second, { parts, signer: { ...CLIENT, memberCode: '70000002' } }), 'incorrect_certificate')
  assert.equal(judged(second, { parts }), 'batch')
})

test('what was refused is not remembered as sound', async () => {
  const messages = [message('first'), message('second')]
  const holder = country.member('EC-P256')
  const stranger = await country.signer({
    certificate: holder.certificate,
    privateKey: country.member('EC-P256').privateKey,
  })
  const [first, second] = await signMessages(messages, stranger, NOW)
  for (const _ of [1, 2]) {
    assert.equal(judged(first as MessageSignature, { parts: messages[0] ?? [] }), 'invalid_signature_value')
    assert.equal(judged(second as MessageSignature, { parts: messages[1] ?? [] }), 'invalid_signature_value')
  }
  // Sound in itself, refused for its OCSP answer: the next one is refused as well.
  const revoked = await country.signer(holder, { ocsp: await country.ocsp(holder.certificate, { status: 'revoked' }) })
  const round = await signMessages(messages, revoked, NOW)
  for (const [index, one] of round.entries())
    assert.equal(judged(one, { parts: messages[index] ?? [] }), 'invalid_cert_path.cert_validation')
})

test('a round of one message', async () => {
  const parts = message('alone', 'body')
  const [alone] = await signed([parts])
  assert.ok(alone)
  for (const _ of [1, 2]) assert.equal(judged(alone, { parts }), 'batch')
  assert.equal(judged(alone, { parts: message('alone', 'another') }), 'malformed_signature.invalid_hash_chain_ref')
})

test('the memory is bounded, and what it forgot is verified again', async () => {
  const { second, parts } = await met()
  for (let index = 0; index < 1100; index += 1) {
    const flood = message(`flood ${index}`, 'body')
    const [one] = await signed([flood])
    assert.ok(one)
    assert.equal(judged(one, { parts: flood }), 'batch')
  }
  assert.equal(judged(second, { parts }), 'batch')
  assert.equal(judged(second, { parts: message('forged', 'body') }), 'malformed_signature.invalid_hash_chain_ref')
})
