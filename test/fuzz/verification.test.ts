// What an auditor is handed, and what he brings: packages, bundles, proofs, lists and configurations, changed at will. Whatever it is, there is a
// verdict or a refusal, and nothing that was changed is taken for what it was.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  ArchiveWriter,
  EvidenceError,
  examineContainer,
  judgeProof,
  readBundle,
  recordFactsOf,
  writeBundle,
  writeZip,
} from '#evidence'
import { parsePolicy } from '#transparency'
import {
  judgeEvidence,
  readPinned,
  readProofs,
  readStoredConfigurations,
  Trust,
  type Verdict,
  VerificationError,
} from '#verification'
import { foundCountry, NOW } from '../unit/evidence/authority.ts'
import { collect, evidenceOf, once, REST_REQUEST, REST_RESPONSE } from '../unit/evidence/messages.ts'
import {
  anchorOf,
  generationOf,
  pinnedDocument,
  recordOf,
  sharedOf,
  signingKey,
  TestLog,
} from '../unit/verification/auditor.ts'
import { bears, bearsAsync, property } from './campaign.ts'
import { chunked, cuts, mutated, shuffled } from './mutate.ts'

const country = foundCountry()
const log = new TestLog()
const pinned = pinnedDocument(country, {}, { logs: [{ policy: log.policy(2), from: '2030-01-01' }] })
const trust = new Trust({ pinned: [readPinned(pinned)] })
const container = await evidenceOf(country, { message: REST_RESPONSE, body: Buffer.from('{"a":1}'), stamp: 'batch' })
const other = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' })
const facts = recordFactsOf(await examineContainer(once(container), trust))
assert.ok(facts)
const proof = Buffer.from(await log.proof(recordOf(facts)))

const NAME = 'an-id-response-1.asice'
const entries = [
  { name: NAME, body: container, modifiedAt: NOW, compress: false },
  { name: 'an-id-request-2.asice', body: other, modifiedAt: NOW, compress: false },
]
const download = await collect(writeZip(entries))
const archive = await collect(
  new ArchiveWriter('SHA-512', undefined).bytes(
    (async function* () {
      for (const { name, body } of entries) yield { name, at: NOW, body: once(body) }
    })(),
  ),
)
const key = signingKey()
const anchor = anchorOf(key)
const generation = await generationOf({
  key,
  expiresAt: new Date(NOW.getTime() + 86_400_000),
  shared: sharedOf(country),
})
const bundle = await collect(
  writeBundle({
    modifiedAt: NOW,
    name: NAME,
    container: () => once(container),
    proof,
    signedConfiguration: [...generation].map(([path, bytes]) => ({ path, bytes })),
  }),
)

const TOKENS = [
  'PK\x03\x04',
  'PK\x01\x02',
  'PK\x05\x06',
  'linkinginfo',
  '.asice',
  '.tlog-proof',
  'EVIDENCE.txt',
  '../',
  '\xff\xff\xff\xff',
  '- - SHA-512\n',
].map((text) => Buffer.from(text, 'latin1'))

property(
  'files of strangers: a verdict, whatever they are, and the same in any pieces',
  { short: 60, long: 6_000 },
  fc.tuple(
    mutated([download, archive, bundle, container], TOKENS),
    cuts,
    fc.constantFrom('x.zip', 'mlog-x.zip', 'x.asice'),
  ),
  async ([bytes, sizes, name]) => {
    const verdicts: string[] = []
    for (const source of [once(bytes), chunked(bytes, sizes, 200)]) {
      const seen: Verdict[] = []
      const file = await judgeEvidence(source, {
        trust,
        name,
        each: ({ verdict }) => void seen.push(verdict),
        bundledTrust: (files) => trust.with(readStoredConfigurations(files, anchor)),
      })
      if (file.verdict === 'valid') assert.ok(seen.length > 0 && seen.every((verdict) => verdict === 'valid'))
      verdicts.push([file.kind, file.verdict, ...seen].join(' '))
    }
    assert.equal(verdicts[0], verdicts[1])
    return verdicts[0]?.includes(' valid')
  },
)

property(
  'bundles and side files of strangers',
  { short: 100, long: 8_000 },
  fc.tuple(mutated([bundle, download], TOKENS), cuts),
  async ([bytes, sizes]) => {
    const whole = await bearsAsync(() => readBundle(chunked(bytes, sizes, 200), async (name) => name), EvidenceError)
    await bearsAsync(() => readProofs(once(bytes)), EvidenceError)
    return whole !== undefined
  },
)

const policies = [{ policy: parsePolicy(Buffer.from(log.policy(2))) }]
const lines = (text: string) => text.split(/(?<=\n)/)
property(
  'proofs of strangers: witnessed is only what the witnesses saw',
  { short: 300, long: 20_000 },
  fc.oneof(
    mutated([proof], ['\n', '— ', 'extra ', 'index 6\n', 'c2sp.org/tlog-proof@v1\n', '=', '+']),
    shuffled([proof.toString('latin1')], lines, ['index 7\n', '\n', 'extra AAAA\n']).map((text) =>
      Buffer.from(text, 'latin1'),
    ),
  ),
  (bytes) => {
    const judged = judgeProof(bytes, facts, policies)
    const passed = judged.checks.every(({ ok }) => ok)
    assert.equal(passed, judged.proof.state === 'witnessed')
    // Signatures that nobody asks for may come and go; where the record stands may not change.
    if (passed) assert.deepEqual([judged.proof.index, judged.proof.size, judged.proof.record?.seq], [6, 13, 42])
    return passed
  },
)

/** Any JSON, and lists with something else in one place. */
const anything = fc.jsonValue()
const places = Object.keys(pinned)
property(
  'pinned lists of any kind: used or refused',
  { short: 300, long: 20_000 },
  fc.oneof(
    anything,
    fc.tuple(fc.constantFrom(...places), anything).map(([place, value]) => ({ ...pinned, [place]: value })),
    fc
      .tuple(
        fc.constantFrom('instance', 'certificate', 'profile', 'responders', 'from', 'until', 'x', '__proto__'),
        anything,
      )
      .map(([field, value]) => {
        const [authority] = (pinned as { authorities: object[] }).authorities
        return { ...pinned, authorities: [{ ...authority, [field]: value }] }
      }),
  ),
  (document) => {
    const read = bears(() => readPinned(document), VerificationError)
    if (read !== undefined) new Trust({ pinned: [read.value] }).at(NOW)
    return read !== undefined
  },
)

const files = [...generation]
property(
  'stored configurations of strangers: nothing but what was signed is believed',
  { short: 150, long: 10_000 },
  fc
    .nat(files.length - 1)
    .chain((index) =>
      fc.tuple(
        fc.constant(index),
        mutated([Buffer.from(files[index]?.[1] ?? [])], ['<', '--', 'Expire-date: 2099-01-01T00:00:00Z\r\n']),
        fc.constantFrom(
          'DEMO/directory',
          'DEMO/vouchers/1.directory',
          'DEMO/vouchers/1.shared-params.xml',
          'X/directory',
          '',
        ),
      ),
    ),
  ([index, bytes, elsewhere]) => {
    const changed = new Map(files.map(([path, own], at) => [path, at === index ? bytes : own] as const))
    if (elsewhere !== '') changed.set(elsewhere, bytes)
    const read = bears(() => readStoredConfigurations(changed, anchor), VerificationError)
    for (const { until, ...one } of read?.value ?? []) {
      const believed = bears(() => one.read(), VerificationError)?.value.trust
      if (believed === undefined) continue
      assert.deepEqual(
        believed.authorities.map(({ certificate }) => certificate.sha256),
        [country.ca.certificate.sha256],
      )
      assert.equal(until?.getTime(), Math.trunc((NOW.getTime() + 86_400_000) / 1000) * 1000)
    }
    return read !== undefined
  },
)
