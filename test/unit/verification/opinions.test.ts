// Second opinions: those of xml-crypto on everything that X-Road and we sign with RSA, what is no opinion, and what a disagreement comes to.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Opinion, readZip, writeZip } from '#evidence'
import { parseSharedParameters, trustMaterial } from '#protocol'
import {
  type ContainerReport,
  judgeEvidence,
  readConfigurationCopy,
  readPinned,
  type SecondOpinion,
  Trust,
  xmlCryptoOpinion,
} from '#verification'
import { needsVectors, vector } from '../../vectors.ts'
import { foundCountry, NOW } from '../evidence/authority.ts'
import { collect, evidenceOf, once, REST_REQUEST, REST_RESPONSE } from '../evidence/messages.ts'
import { pinnedDocument } from './auditor.ts'

const country = foundCountry()
const trust = new Trust({ pinned: [readPinned(pinnedDocument(country))] })
const xmlCrypto = await xmlCryptoOpinion()
assert.ok(xmlCrypto, 'the package is there')

async function judged(bytes: Uint8Array, opinions: readonly SecondOpinion[], by = trust): Promise<ContainerReport> {
  let report: ContainerReport | undefined
  const each = (one: ContainerReport) => {
    report = one
  }
  await judgeEvidence(once(bytes), { trust: by, opinions, each })
  assert.ok(report)
  return report
}

const opinionCheck = ({ checks }: ContainerReport) => checks.find(({ name }) => name === 'second opinion')

/** Says the same of everything. */
const always = (says: Opinion['says'], by = 'a friend'): SecondOpinion => ({
  open: () => ({ judge: async () => ({ by, says }), close: async () => undefined }),
})

const rsa = await evidenceOf(country, {
  message: REST_RESPONSE,
  body: Buffer.from('{}'),
  stamp: 'batch',
  kind: 'RSA-2048',
})
const plain = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single', kind: 'RSA-2048' })
const ec = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' })

test('xml-crypto agrees about RSA, and says that it does not know ECDSA', async () => {
  for (const container of [rsa, plain]) {
    const report = await judged(container, [xmlCrypto])
    assert.deepEqual(report.opinions, [{ by: 'xml-crypto', says: 'valid' }])
    assert.deepEqual([report.verdict, opinionCheck(report)?.ok], ['valid', true])
  }
  const unknown = await judged(ec, [xmlCrypto])
  assert.deepEqual(unknown.opinions, [{ by: 'xml-crypto', says: 'nothing', detail: 'it does not verify ecdsa-sha512' }])
  // Asked for and not had: that is no pass.
  assert.deepEqual(
    [unknown.verdict, unknown.indication, opinionCheck(unknown)?.code],
    ['indeterminate', 'TOTAL-PASSED', 'no_second_opinion'],
  )
  assert.equal((await judged(ec, [xmlCrypto, always('valid')])).verdict, 'valid')
})

test('xml-crypto on the containers of X-Road', async (t) => {
  if (!needsVectors(t)) return
  const root = ['globalconf', 'globalconf_good2_v3'] as const
  const copy = readConfigurationCopy(
    new Map<string, Uint8Array>([
      ['instance-identifier', vector(...root, 'instance-identifier')],
      ['DEV/shared-params.xml', vector(...root, 'DEV', 'shared-params.xml')],
      ['DEV/shared-params.xml.metadata', Buffer.from('{"configurationVersion":3}')],
    ]),
  )
  assert.deepEqual(
    copy.read().trust.tsas,
    trustMaterial(parseSharedParameters(vector(...root, 'DEV', 'shared-params.xml'), 3), []).tsas,
  )
  for (const [name, says] of Object.entries({
    'valid-signed-message': 'valid',
    'valid-signed-hashchain': 'valid',
    'valid-non-batch-rest': 'valid',
    'valid-non-batch-soap-attachments': 'valid',
    'invalid-not-signed-hashchain': 'valid',
    'invalid-digest': 'invalid',
    'invalid-hashchain-modified-message': 'invalid',
    'invalid-ts-hashchainresult': 'invalid',
  })) {
    const report = await judged(vector('asic', `${name}.asice`), [xmlCrypto], new Trust({ configurations: [copy] }))
    assert.equal(report.opinions?.[0]?.says, says, name)
    assert.equal(opinionCheck(report)?.ok, true, name)
  }
})

test('a disagreement fails, whoever is right', async () => {
  const doubted = await judged(rsa, [xmlCrypto, always('invalid')])
  assert.deepEqual([doubted.verdict, doubted.indication], ['invalid', 'TOTAL-PASSED'])
  assert.equal(opinionCheck(doubted)?.code, 'second_opinion_differs')
  assert.match(
    opinionCheck(doubted)?.detail ?? '',
    /a friend says that the signature is invalid.*ours says that it is valid/,
  )
  const forged = await repacked(plain, (text) => text.replace('<xades:SigningTime>2031', '<xades:SigningTime>2030'))
  const praised = await judged(forged, [always('valid')])
  assert.equal(opinionCheck(praised)?.code, 'second_opinion_differs')
  assert.match(opinionCheck(praised)?.detail ?? '', /ours says that it is invalid/)
  assert.equal(opinionCheck(await judged(forged, [xmlCrypto]))?.ok, true)
})

test('nobody is shown a signature that ours could not read, or that is over something else', async () => {
  for (const change of [
    (text: string) =>
      text.replace('<ds:SignedInfo>', '<ds:Other/><ds:SignedInfo>').replace('/message.xml', '/etc/passwd'),
    () => 'hello',
    (text: string) => text.replace('<?xml', '<!DOCTYPE x><?xml'),
  ]) {
    const report = await judged(await repacked(plain, change), [always('valid')])
    assert.equal(report.opinions, undefined)
    assert.notEqual(report.verdict, 'valid')
  }
})

test('prefixes that xml-crypto sorts wrongly are no opinion', async () => {
  const odd = await repacked(plain, (text) => text.replace('xmlns:asic=', 'xmlns:Zz="urn:z" xmlns:asic='))
  assert.equal((await judged(odd, [xmlCrypto])).opinions?.[0]?.says, 'nothing')
})

async function repacked(container: Uint8Array, change: (signature: string) => string): Promise<Buffer> {
  const entries = []
  for await (const { name, body } of readZip(once(container))) {
    const bytes = await collect(body)
    const changed = name.endsWith('signatures.xml') ? Buffer.from(change(bytes.toString())) : bytes
    entries.push({ name, body: changed, modifiedAt: NOW, compress: true })
  }
  return collect(writeZip(entries))
}
