// Containers of a log that keeps no bodies: what remains is judged, what is not here is named by the digests that the signature proves, and
// the verdict is never better than INDETERMINATE.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EvidenceError,
  type MessagePart,
  type Report,
  readContainer,
  readZip,
  signatureValueOf,
  signMessage,
  timestampInput,
  verifyContainer,
  WITHHELD_ENTRY,
  type WithheldPart,
  writeContainer,
  writeZip,
} from '#evidence'
import { digest } from '#trust'
import { foundCountry, NOW } from './authority.ts'
import { collect, once, REST_REQUEST, REST_RESPONSE, SOAP_REQUEST } from './messages.ts'

const country = foundCountry()
const holder = country.member('EC-P256')
const BODY = Buffer.from('{"secret":true}')

/** As X-Road reduces a REST head: no service path, no query, `x-road-` headers alone (wire-message §9.2). */
const REDUCED_REQUEST = Buffer.from(REST_REQUEST.toString().replace('/items?limit=5', '').replace('Accept:*/*\r\n', ''))
const REDUCED_RESPONSE = Buffer.from(REST_RESPONSE.toString().replace('Content-Type:application/json\r\n', ''))
const REDUCED_SOAP = Buffer.from(SOAP_REQUEST.toString().replace('<get xmlns="urn:service"/>', '<get/>'))

interface Withheld {
  readonly original: Buffer
  readonly body?: Buffer
  /** What the container holds of the message. */
  readonly message: Buffer
  readonly attachments?: readonly string[]
  readonly withheld?: readonly WithheldPart[]
}

async function made({ original, body, message, attachments = [], withheld }: Withheld): Promise<Buffer> {
  const parts: MessagePart[] = [{ name: '/message.xml', digest: digest('SHA-512', original), bytes: original }]
  if (body !== undefined) parts.push({ name: '/attachment1', digest: digest('SHA-512', body) })
  const { xml, chain, chainResult } = await signMessage(parts, await country.signer(holder), NOW)
  const one = { signatureDigest: digest('SHA-512', xml), signatureValue: signatureValueOf(xml) }
  const { imprint, result, chains } = timestampInput([one, one], 'SHA-512')
  const [tsChain] = chains
  assert.ok(result && tsChain)
  const token = await country.stamp(imprint)
  return collect(
    writeContainer({
      createdAt: NOW,
      message,
      signature: xml,
      ...(chain && chainResult ? { chain, chainResult } : {}),
      timestamp: { token, result, chain: tsChain },
      ...(withheld ? { withheld } : {}),
      attachments: attachments.map((name) => ({ name, body: () => once(body ?? BODY) })),
    }),
  )
}

const judged = async (container: Uint8Array) => verifyContainer(once(container), country.trust)
const failures = ({ checks }: Report) => checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name}: ${code}`)
const hex = (data: Uint8Array) => Buffer.from(digest('SHA-512', data)).toString('hex')

test('plain signature: the digest of the message is proven, the rest is judged as ever', async () => {
  for (const [original, message] of [
    [REST_REQUEST, REDUCED_REQUEST],
    [SOAP_REQUEST, REDUCED_SOAP],
  ] as const) {
    const report = await judged(await made({ original, message, withheld: [{ name: 'message.xml' }] }))
    assert.deepEqual(failures(report), ['withheld parts: asic_withheld'])
    assert.deepEqual(
      [report.verdict, report.indication, report.subIndication],
      ['indeterminate', 'INDETERMINATE', 'SIGNED_DATA_NOT_FOUND'],
    )
    assert.deepEqual(report.provenDigests, [{ name: 'message.xml', algorithm: 'SHA-512', value: hex(original) }])
    assert.deepEqual(report.message?.unsigned, ['message.xml'])
    assert.equal(report.signer, 'DEMO/GOV/70000001/register')
    for (const name of ['signature value', 'time-stamp', 'signing certificate', 'certificate path and revocation'])
      assert.ok(
        report.checks.some((check) => check.name === name && check.ok),
        name,
      )
  }
})

test('batch signature: head and body by the hash chain', async () => {
  const withheld = [{ name: 'message.xml' }, { name: 'attachment1', size: BODY.length }]
  const report = await judged(await made({ original: REST_RESPONSE, body: BODY, message: REDUCED_RESPONSE, withheld }))
  assert.deepEqual(failures(report), ['withheld parts: asic_withheld'])
  assert.equal(report.subIndication, 'SIGNED_DATA_NOT_FOUND')
  assert.deepEqual(report.provenDigests, [
    { name: 'message.xml', algorithm: 'SHA-512', value: hex(REST_RESPONSE) },
    { name: 'attachment1', algorithm: 'SHA-512', value: hex(BODY) },
  ])
})

test('the body alone may be withheld: the head is judged', async () => {
  const withheld = [{ name: 'attachment1' }]
  const report = await judged(await made({ original: REST_RESPONSE, body: BODY, message: REST_RESPONSE, withheld }))
  assert.deepEqual(failures(report), ['withheld parts: asic_withheld'])
  assert.deepEqual(
    report.provenDigests?.map(({ name }) => name),
    ['attachment1'],
  )
  const other = Buffer.from(REST_RESPONSE.toString().replace('200', '404'))
  const forged = await judged(await made({ original: REST_RESPONSE, body: BODY, message: other, withheld }))
  assert.equal(forged.indication, 'TOTAL-FAILED')
  assert.equal(forged.provenDigests, undefined, 'what a broken chain says is not proven')
})

test('without the mark a reduced message is a wrong one, as in X-Road', async () => {
  const report = await judged(await made({ original: REST_REQUEST, message: REDUCED_REQUEST }))
  assert.deepEqual(failures(report), ['digest of /message.xml: invalid_signature_value'])
  assert.equal(report.indication, 'TOTAL-FAILED')
})

test('the mark never makes a verdict better', async () => {
  const whole = { original: REST_RESPONSE, body: BODY, message: REST_RESPONSE, attachments: ['attachment1'] }
  assert.equal((await judged(await made(whole))).verdict, 'valid')
  const claimed = await judged(await made({ ...whole, withheld: [{ name: 'message.xml' }] }))
  assert.equal(claimed.indication, 'INDETERMINATE')
  for (const name of ['attachment2', 'attachment7']) {
    const report = await judged(await made({ ...whole, withheld: [{ name }] }))
    assert.ok(failures(report).includes('hash chain: malformed_signature'), name)
    assert.equal(report.indication, 'TOTAL-FAILED')
  }
  const plain = { original: REST_REQUEST, message: REST_REQUEST, withheld: [{ name: 'attachment1' }] }
  assert.deepEqual(failures(await judged(await made(plain)))[0], 'signed parts: malformed_signature')
  const both = await judged(await made({ ...whole, withheld: [{ name: 'attachment1' }] }))
  assert.deepEqual(failures(both), ['container: asic_malformed_withheld'])
})

test('a wrong signature proves no digest', async () => {
  const container = await made({
    original: REST_REQUEST,
    message: REDUCED_REQUEST,
    withheld: [{ name: 'message.xml' }],
  })
  const entries: { name: string; body: Buffer }[] = []
  for await (const { name, body } of readZip(once(container))) entries.push({ name, body: await collect(body) })
  const forged = entries.map(({ name, body }) => ({
    name,
    modifiedAt: NOW,
    compress: true,
    body: name.endsWith('signatures.xml')
      ? Buffer.from(
          body.toString().replace(/(<ds:DigestValue>)(.)/, (_, tag, first) => tag + (first === 'A' ? 'B' : 'A')),
        )
      : body,
  }))
  const report = await judged(await collect(writeZip(forged)))
  assert.equal(report.verdict, 'invalid')
  assert.equal(report.provenDigests, undefined)
})

test('the list is read strictly', async () => {
  const list = async (text: string) => {
    const zip = writeZip([
      { name: 'mimetype', modifiedAt: NOW, compress: false, body: Buffer.from('application/vnd.etsi.asic-e+zip') },
      { name: 'message.xml', modifiedAt: NOW, compress: true, body: REST_REQUEST },
      { name: 'META-INF/signatures.xml', modifiedAt: NOW, compress: true, body: Buffer.from('<x/>') },
      { name: WITHHELD_ENTRY, modifiedAt: NOW, compress: true, body: Buffer.from(text) },
    ])
    return readContainer(zip)
  }
  const format = '"format":"saadik withheld parts 1"'
  assert.deepEqual((await list(`{${format},"parts":[{"name":"attachment2","size":5}]}`)).withheld, [
    { name: 'attachment2', size: 5 },
  ])
  for (const text of [
    '',
    '[]',
    'null',
    '{}',
    `{${format}}`,
    `{${format},"parts":[]}`,
    `{${format},"parts":{}}`,
    `{${format},"parts":[{}]}`,
    `{${format},"parts":[{"name":"signatures.xml"}]}`,
    `{${format},"parts":[{"name":"attachment0"}]}`,
    `{${format},"parts":[{"name":"attachment1"},{"name":"attachment1"}]}`,
    `{${format},"parts":[{"name":"attachment1","size":-1}]}`,
    `{${format},"parts":[{"name":"attachment1","size":1.5}]}`,
    `{${format},"parts":[{"name":"attachment1","digest":"x"}]}`,
    `{${format},"parts":[{"name":"attachment1"}],"more":1}`,
    '{"format":"saadik withheld parts 2","parts":[{"name":"attachment1"}]}',
    '\ufffe',
  ])
    await assert.rejects(
      list(text),
      (error) => error instanceof EvidenceError && error.code === 'asic_malformed_withheld',
      text,
    )
  await assert.rejects(
    collect(
      writeContainer({
        createdAt: NOW,
        message: REST_REQUEST,
        signature: BODY,
        attachments: [],
        withheld: [{ name: '../x' }],
      }),
    ),
    TypeError,
  )
})
