// Evidence from strangers: signatures, hash chains, messages, canonical forms.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  buildHashChains,
  canonicalize,
  EvidenceError,
  insertTimestamp,
  partiesOf,
  readSignature,
  signMessage,
  verifyHashChain,
  verifyMessage,
} from '#evidence'
import { readXml } from '#protocol'
import { digest } from '#trust'
import { CLIENT, foundCountry, NOW } from '../unit/evidence/authority.ts'
import { generate, random } from '../unit/evidence/documents.ts'
import { REST_REQUEST, REST_RESPONSE, SOAP_REQUEST } from '../unit/evidence/messages.ts'
import { bears, property } from './campaign.ts'
import { changedXml, XML_TOKENS } from './mutate.ts'
import { recordedSignatures, vectorFiles } from './seeds.ts'

const country = foundCountry()
const holder = country.member('EC-P256')
const signer = await country.signer(holder, { ocsp: await country.ocsp(holder.certificate, { status: 'good' }) })
const BODY = Buffer.from('{"a":1}')
const parts = [
  { name: '/message.xml', digest: digest('SHA-512', REST_REQUEST), bytes: REST_REQUEST },
  { name: '/attachment1', digest: digest('SHA-512', BODY) },
]
const single = await signMessage(parts.slice(0, 1), signer, NOW)
const batch = await signMessage(parts, signer, NOW)

const SIGNATURE_TOKENS = [
  ...[
    '<ds:Object>',
    '</ds:Object>',
    '<ds:SignedInfo>',
    '<ds:Reference URI="#a">',
    ' URI=""',
    ' URI="#"',
    ' Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"',
    ' Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"',
  ],
  ...[
    '<InclusiveNamespaces xmlns="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="#default a xml  xmlns"/>',
    '====',
    'AAAA',
    '<ds:DigestValue/>',
    '<xades:SigningTime>2030</xades:SigningTime>',
    ' Id="signed-properties"',
    '&#13;',
    '<!-- c -->',
  ],
  ...XML_TOKENS,
]
const signatures = [single.xml, batch.xml, ...recordedSignatures()].map((xml) => Buffer.from(xml))
property('signatures', 500, changedXml(signatures, SIGNATURE_TOKENS), (xml) => {
  const read = bears(() => readSignature(xml), EvidenceError)
  if (read) {
    read.value.signedInfo()
    for (const { mode } of read.value.references) read.value.signedProperties(mode)
  }
  const stamped = bears(() => insertTimestamp(xml, Buffer.of(1, 2, 3)), EvidenceError)
  // A token goes where the reader finds it, and is the first.
  if (read && stamped) assert.deepEqual(Buffer.from(readSignature(stamped.value).timestamp ?? []), Buffer.of(1, 2, 3))
  return read !== undefined
})

/** What a signer would have signed: SignedInfo in its canonical form, and by which certificate. */
const claims = (xml: Uint8Array) => {
  const { signedInfo, certificate } = readSignature(xml)
  return Buffer.concat([signedInfo(), certificate.der])
}

property(
  'messages with a signature of strangers',
  { short: 250, long: 20_000 },
  fc.oneof(
    fc.record({
      signature: changedXml([single.xml, batch.xml].map(Buffer.from), SIGNATURE_TOKENS),
      form: fc.constant('single' as const),
    }),
    fc.record({
      signature: fc.oneof(fc.constant(Buffer.from(batch.xml)), changedXml([Buffer.from(batch.xml)], SIGNATURE_TOKENS)),
      chain: changedXml([batch.chain ?? batch.xml, batch.chainResult ?? batch.xml].map(Buffer.from), SIGNATURE_TOKENS),
      form: fc.constantFrom('chain' as const, 'result' as const),
    }),
  ),
  (input) => {
    const { signature, form } = input
    const chains =
      form === 'single' || !batch.chain || !batch.chainResult
        ? {}
        : form === 'chain'
          ? { chain: input.chain, chainResult: batch.chainResult }
          : { chain: batch.chain, chainResult: input.chain }
    const signedParts = form === 'single' ? parts.slice(0, 1) : parts
    const verified = bears(
      () => verifyMessage({ signature, parts: signedParts, signer: CLIENT, trust: country.trust, at: NOW, ...chains }),
      EvidenceError,
    )
    // Whatever was changed is not what was signed.
    if (verified) assert.deepEqual(claims(signature), claims(form === 'single' ? single.xml : batch.xml))
    return verified !== undefined
  },
)

const names = fc.uniqueArray(fc.constantFrom('/message.xml', '/attachment1', '/attachment2', '/attachment3'), {
  minLength: 1,
})
property(
  'hash chains: what is built leads to its result',
  100,
  fc.tuple(fc.array(names, { minLength: 2, maxLength: 20 }), fc.constantFrom('SHA-256' as const, 'SHA-512' as const)),
  ([leaves, algorithm]) => {
    const inputs = leaves.map((list, index) =>
      list.map((name) => ({ name, digest: digest(algorithm, Buffer.from(`${index}${name}`)) })),
    )
    const { result, chains } = buildHashChains(inputs, algorithm, '/sig-hashchain.xml')
    chains.forEach((chain, index) => {
      const own = (inputs[index] ?? []).map(({ name, digest: value }) => ({ name, digest: () => value }))
      assert.deepEqual(verifyHashChain({ result, chain, file: '/sig-hashchain.xml', inputs: own }).absent, [])
      // Another message's parts do not fit.
      const others = (inputs[(index + 1) % inputs.length] ?? []).map(({ name, digest: value }) => ({
        name,
        digest: () => value,
      }))
      assert.throws(() => verifyHashChain({ result, chain, file: '/sig-hashchain.xml', inputs: others }), {
        name: 'EvidenceError',
      })
    })
    return true
  },
)

const chainSeeds = [batch.chain ?? batch.xml, batch.chainResult ?? batch.xml].map((xml) => Buffer.from(xml))
const STEPS = [
  '<h:HashStep id="STEP0">',
  '</h:HashStep>',
  '<h:StepRef URI="#STEP0"/>',
  '<h:StepRef URI="/sig-hashchain.xml#STEP1"/>',
  '<h:DataRef URI="/message.xml">',
  '<h:HashValue>',
  ' URI="#"',
  ' URI=""',
  ...SIGNATURE_TOKENS,
]
property('hash chains of strangers', 400, fc.tuple(changedXml(chainSeeds, STEPS), fc.boolean()), ([xml, asResult]) => {
  const [chain, result] = chainSeeds as [Buffer, Buffer]
  const inputs = parts.map(({ name, digest: value }) => ({ name, digest: () => value }))
  return (
    bears(
      () =>
        verifyHashChain({
          chain: asResult ? chain : xml,
          result: asResult ? xml : result,
          file: '/sig-hashchain.xml',
          inputs,
          mayBeAbsent: () => true,
        }),
      EvidenceError,
    ) !== undefined
  )
})

const messages = [
  REST_REQUEST,
  REST_RESPONSE,
  SOAP_REQUEST,
  ...vectorFiles('messages').filter((file) => file.length < 20_000),
]
property(
  'whose message it is',
  400,
  changedXml(messages, [
    '\r\n',
    ':',
    'X-Road-Client:DEMO/GOV/1\r\n',
    '<xroad:client>',
    '</xroad:client>',
    '<id:memberCode>',
    '<SOAP-ENV:Body>',
    '<aResponse/>',
    ...XML_TOKENS,
  ]),
  (message) => bears(() => partiesOf(message), EvidenceError) !== undefined,
)

property('canonical forms are their own canonical form', { short: 150, long: 20_000 }, fc.nat(), (seed) => {
  const root = readXml(Buffer.from(generate(random(seed)).xml))
  for (const mode of [{ kind: 'inclusive' }, { kind: 'exclusive' }] as const) {
    const once = canonicalize(root, mode)
    assert.equal(Buffer.from(canonicalize(readXml(once), mode)).toString(), Buffer.from(once).toString())
  }
  return true
})
