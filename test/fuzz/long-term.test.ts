// What keeps evidence good for long, from strangers: evidence records, their manifests, signatures with time-stamps of every kind.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { buildTree, canonicalize, EvidenceError, LongTermError } from '#evidence'
import { digest } from '#trust'
import { rootOf } from '../../evidence/long-term/hash-tree.ts'
import { readRecord } from '../../evidence/long-term/record.ts'
import { readRecordManifest } from '../../evidence/long-term/record-manifest.ts'
import { isArchiveTimestamp, viewSignature } from '../../evidence/long-term/signature-view.ts'
import { surveyContainer } from '../../evidence/long-term/survey.ts'
import { foundCountry } from '../unit/evidence/authority.ts'
import { conforming, daysLater, renewed, repacked, unpacked } from '../unit/evidence/long-term/made.ts'
import { evidenceOf, once, REST_REQUEST, REST_RESPONSE } from '../unit/evidence/messages.ts'
import { bears, bearsAsync, property } from './campaign.ts'
import { mutatedDer } from './der.ts'
import { changedXml, XML_TOKENS } from './mutate.ts'

const RECORD = 'META-INF/evidencerecord.ers'
const MANIFEST = 'META-INF/ASiCEvidenceRecordManifest.xml'
const SIGNATURES = 'META-INF/signatures.xml'

const country = foundCountry()
const original = await evidenceOf(country, { message: REST_RESPONSE, body: Buffer.from('{"a":1}'), stamp: 'batch' })
const once1 = await renewed(country, original, { at: daysLater(2) })
const twice = await renewed(country, once1, { at: daysLater(3), neighbours: 0 })
const thrice = await renewed(country, twice, { at: daysLater(4), digest: 'SHA3-512' })
const etsi = await conforming(country, await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' }))
const entry = async (container: Uint8Array, name: string) => (await unpacked(container)).get(name) ?? Buffer.alloc(0)
const records = await Promise.all([once1, twice, thrice].map((container) => entry(container, RECORD)))
const longest = records[2] as Buffer
const tokens = (der: Uint8Array) =>
  readRecord(der).chains.flatMap((chain) => chain.map(({ token }) => Buffer.from(token.signed.signer.signature)))

property(
  'evidence records',
  500,
  mutatedDer(records),
  (der) => bears(() => readRecord(der), LongTermError) !== undefined,
)

property('evidence records in their container', { short: 100, long: 5000 }, mutatedDer([longest]), async (der) => {
  const container = await repacked(thrice, { [RECORD]: der })
  const surveyed = await bearsAsync(() => surveyContainer(() => once(container), country.trust), LongTermError)
  if (surveyed === undefined) return false
  // What is believed is what the authority stamped: nothing can be put before or between, only what came last be taken away.
  const believed = tokens(der)
  assert.deepEqual(believed, tokens(longest).slice(0, believed.length))
  assert.equal(surveyed.value.times.length, 1 + believed.length)
  return true
})

property(
  'manifests of evidence records',
  300,
  changedXml(
    [await entry(thrice, MANIFEST)],
    [...XML_TOKENS, ' URI="%41"', ' URI="a/../b"', '<asic:SigReference URI="x"/>'],
  ),
  (xml) => bears(() => readRecordManifest(xml), LongTermError) !== undefined,
)

const TOKENS = [
  '<xadesv141:ArchiveTimeStamp>',
  '</xadesv141:ArchiveTimeStamp>',
  '<xades:SignatureTimeStamp>',
  '<xades:EncapsulatedTimeStamp>AAAA</xades:EncapsulatedTimeStamp>',
  '<ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>',
  '<xades:CertificateValues/>',
  '<ds:Object/>',
  ...XML_TOKENS,
]
const signature = await entry(etsi, SIGNATURES)
/** What the archive time-stamp is over, as it canonicalises it: the namespaces around are for the signature's own value to protect. */
const stamped = (xml: Uint8Array) => {
  const { signedInfo, signedProperties, value, keyInfo, unsigned } = viewSignature(xml)
  const before = unsigned.slice(0, unsigned.findIndex(isArchiveTimestamp))
  return [signedInfo, signedProperties, value, keyInfo, ...before].map((element) =>
    Buffer.from(canonicalize(element, { kind: 'exclusive' })).toString(),
  )
}

property(
  'signatures with archive time-stamps',
  { short: 200, long: 10_000 },
  changedXml([signature], TOKENS),
  async (xml) => {
    const container = await repacked(etsi, { [SIGNATURES]: xml })
    const judge = () => surveyContainer(() => once(container), country.trust)
    const surveyed = await bearsAsync(judge, LongTermError, EvidenceError)
    if (surveyed?.value.layout === 'XAdES-B-LTA') assert.deepEqual(stamped(xml), stamped(signature))
    return surveyed !== undefined
  },
)

property(
  'hash trees: every record leads to the root, and to no other',
  100,
  fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 40,
  }),
  (groups) => {
    const leaves = groups.map((group) => group.map((one) => digest('SHA-256', Buffer.of(one))))
    const { root, reduced } = buildTree('SHA-256', leaves)
    reduced.forEach((lists, at) => {
      const leaf = leaves[at] ?? []
      const start = lists.length === 0 ? [leaf] : lists
      assert.deepEqual(rootOf('SHA-256', start), root)
      for (const hash of leaf) assert.ok(start[0]?.some((one) => Buffer.compare(one, hash) === 0))
    })
    return true
  },
)
