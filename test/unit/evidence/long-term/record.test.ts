// Evidence records: made over trees of many sizes, renewed for decades, judged by openssl over roots that this test computes by itself from
// the text of RFC 4998; and whatever is changed in them refused.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  buildTree,
  CHECKS,
  EvidenceError,
  hashesToRenew,
  judgeLasting,
  type LongTermCode,
  LongTermError,
  readContainer,
  surveyContainer,
  verifyContainer,
  withChecks,
  writeRenewed,
} from '#evidence'
import { type DigestName, digest, oids, pem, readDer, write } from '#trust'
import { needsTools, tool } from '../../../tools.ts'
import { foundCountry, issue, named } from '../authority.ts'
import { evidenceOf, once, REST_REQUEST, REST_RESPONSE } from '../messages.ts'
import { conforming, daysLater, renewed, repacked, surveyed, unpacked } from './made.ts'

const RECORD = 'META-INF/evidencerecord.ers'
const MANIFEST = 'META-INF/ASiCEvidenceRecordManifest.xml'
const folder = mkdtempSync(join(tmpdir(), 'saadik-record-'))
after(() => rmSync(folder, { recursive: true }))

const country = foundCountry()
const YEAR = 365
/** The second authority comes when the first one's certificate is about to end, and so does the third. */
const authorityOf = (generation: number) =>
  issue({
    subject: named(`Demo TSA ${generation + 1}`),
    issuer: country.ca,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.timeStamping],
    notBefore: daysLater(generation * 4 * YEAR),
    notAfter: daysLater((generation + 1) * 4 * YEAR + YEAR),
  })
const [second, third] = [authorityOf(1), authorityOf(2)]
const trust = {
  ...country.trust,
  tsas: [country.tsa, second, third].map(({ certificate }) => ({ name: 'TSA', url: '', certificate })),
}
const original = await evidenceOf(country, { message: REST_RESPONSE, body: Buffer.from('{"a":1}'), stamp: 'batch' })
const etsi = await conforming(country, original)
const refused = (attempt: Promise<unknown>, code: LongTermCode) =>
  assert.rejects(attempt, (error) => error instanceof LongTermError && error.code === code, code)

/** Twelve years: the same hash again, a stronger one, and again. */
async function overYears(container: Buffer): Promise<Buffer> {
  const one = await renewed(country, container, { at: daysLater(30), trust, neighbours: 0 })
  const two = await renewed(country, one, { at: daysLater(4 * YEAR + 10), by: second, trust, neighbours: 4 })
  const three = await renewed(country, two, { at: daysLater(6 * YEAR), by: second, trust, digest: 'SHA3-512' })
  return renewed(country, three, { at: daysLater(8 * YEAR + 10), by: third, trust, digest: 'SHA3-512', neighbours: 0 })
}

for (const [name, container] of Object.entries({ 'X-Road layout': original, conforming: etsi }))
  test(`${name}: renewed for twelve years, and still read as before`, async () => {
    const bytes = await overYears(container)
    const { times, record } = await surveyed(bytes, trust)
    assert.deepEqual(
      times.slice(-4).map(({ kind, digest: name, tsa }) => [kind, name, tsa.subject.text.includes('TSA 3')]),
      [
        ['evidence record', 'SHA-512', false],
        ['evidence record', 'SHA-512', false],
        ['evidence record', 'SHA3-512', false],
        ['evidence record', 'SHA3-512', true],
      ],
    )
    assert.equal(times.at(-1)?.standing.until.getTime(), third.certificate.notAfter.getTime())
    assert.deepEqual(
      record?.chains.map((chain) => chain.length),
      [2, 2],
    )
    const [before, now] = [await unpacked(container), await unpacked(bytes)]
    for (const [file, body] of before) assert.deepEqual(now.get(file), body, file)
    assert.deepEqual([...now.keys()].slice(before.size), [MANIFEST, RECORD])
    const report = await verifyContainer(once(bytes), trust)
    assert.equal(report.verdict, 'valid')
    assert.deepEqual(report.message?.unsigned, [])
    assert.equal(bytes.readUInt16LE(8), 0, 'mimetype stays stored')
  })

const OPENSSL: Partial<Record<DigestName, string>> = {
  'SHA-256': 'sha256',
  'SHA-512': 'sha512',
  'SHA3-512': 'sha3-512',
}

/** RFC 4998 §4.3 and §5.3 once more, without anything of ours but the DER reader. */
function rootsOf(record: Buffer, files: readonly Buffer[]): readonly { root: Buffer; token: Buffer }[] {
  const hash = (oid: string, ...parts: readonly Uint8Array[]) => {
    const name = { '2.16.840.1.101.3.4.2.3': 'sha512', '2.16.840.1.101.3.4.2.10': 'sha3-512' }[oid]
    assert.ok(name, oid)
    const state = createHash(name)
    for (const part of parts) state.update(part)
    return state.digest()
  }
  const sequence = readDer(record).children().at(-1)
  const found: { root: Buffer; token: Buffer }[] = []
  const older: Uint8Array[] = []
  for (const chain of sequence?.children() ?? []) {
    let token: Buffer | undefined
    for (const stamp of chain.children()) {
      const [algorithm, ...rest] = stamp.children()
      const oid = algorithm?.child(0).oid() ?? ''
      const chains = older.length === 0 ? [] : [hash(oid, write.sequence(...older))]
      const own = token === undefined ? files.map((file) => hash(oid, hash(oid, file), ...chains)) : [hash(oid, token)]
      const first = token === undefined && older.length === 0 ? files.map((file) => hash(oid, file)) : own
      const lists =
        rest.length === 1
          ? [first]
          : (rest[0]?.children() ?? []).map((list) => list.children().map((item) => Buffer.from(item.octets())))
      for (const one of first)
        assert.ok(
          lists[0]?.some((other) => other.equals(one)),
          'a hash is not in the first list',
        )
      let root: Buffer = Buffer.alloc(0)
      for (const list of lists) {
        const all = [...list, ...(root.length === 0 ? [] : [root])].sort(Buffer.compare)
        root = all.length === 1 ? (all[0] as Buffer) : hash(oid, ...all)
      }
      token = Buffer.from(rest.at(-1)?.raw ?? [])
      found.push({ root, token })
    }
    older.push(chain.raw)
  }
  return found
}

for (const [name, container] of Object.entries({ 'X-Road layout': original, conforming: etsi }))
  test(`${name}: openssl ts verifies every time-stamp over a root of this test's own`, async (t) => {
    if (!needsTools(t, 'openssl')) return
    const entries = await unpacked(await overYears(container))
    const record = entries.get(RECORD) ?? Buffer.alloc(0)
    for (const name of ['mimetype', RECORD, MANIFEST]) entries.delete(name)
    const roots = rootsOf(record, [...entries.values()])
    assert.equal(roots.length, 4)
    writeFileSync(join(folder, 'ca.pem'), pem('CERTIFICATE', country.ca.certificate.der))
    for (const { root, token } of roots) {
      writeFileSync(join(folder, 'token'), token)
      const args = [
        '-token_in',
        '-in',
        join(folder, 'token'),
        '-digest',
        root.toString('hex'),
        '-CAfile',
        join(folder, 'ca.pem'),
      ]
      const judged = tool('openssl', ['ts', '-verify', ...args, '-no_check_time'])
      assert.equal(judged.status, 0, judged.stderr)
      const other = Buffer.from(root)
      other[0] = (other[0] ?? 0) ^ 1
      args[4] = other.toString('hex')
      assert.notEqual(tool('openssl', ['ts', '-verify', ...args, '-no_check_time']).status, 0)
    }
  })

for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 100])
  test(`a tree over ${size} records: each leads to the root, in as few hashes as there are levels`, () => {
    for (const name of ['SHA-256', 'SHA3-512'] as const) {
      const leaves = Array.from({ length: size }, (_, leaf) =>
        Array.from({ length: 1 + (leaf % 3) }, (_, file) => digest(name, Buffer.from(`${leaf}/${file}`))),
      )
      const { root, reduced } = buildTree(name, leaves)
      leaves.forEach((leaf, at) => {
        const lists = reduced[at] ?? []
        const start = leaf.length === 1 && lists.length === 0 ? [leaf] : lists
        let carried: Uint8Array | undefined
        for (const list of start) {
          const all = [...list, ...(carried ? [carried] : [])].sort(Buffer.compare)
          carried =
            all.length === 1
              ? all[0]
              : createHash(OPENSSL[name] ?? '')
                  .update(Buffer.concat(all))
                  .digest()
        }
        assert.deepEqual(Buffer.from(carried ?? []), Buffer.from(root))
        assert.ok(lists.length <= Math.ceil(Math.log2(size)) + 1)
        for (const hash of leaf) assert.ok((start[0] ?? []).some((one) => Buffer.compare(one, hash) === 0))
      })
    }
  })

test('the same container twice under one time-stamp, and two files that are the same', async () => {
  const twin = [digest('SHA-512', Buffer.from('a')), digest('SHA-512', Buffer.from('b'))]
  const { reduced } = buildTree('SHA-512', [twin, twin, [digest('SHA-512', Buffer.from('c'))]])
  assert.deepEqual(reduced[0], reduced[1])
  const same = await evidenceOf(country, { message: REST_RESPONSE, body: REST_RESPONSE, stamp: 'single' })
  const bytes = await renewed(country, same, { trust })
  assert.equal((await surveyed(bytes, trust)).times.length, 2)
})

const plain = await renewed(country, await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' }), { trust })

test('a file that is changed, added or taken away', async () => {
  const bytes = await renewed(country, etsi, { at: daysLater(30), trust })
  await refused(surveyed(await repacked(bytes, { 'sig-hashchain.xml': 'x' }), trust), 'wrong_imprint')
  await refused(surveyed(await repacked(bytes, { attachment1: undefined }), trust), 'wrong_imprint')
  await refused(surveyed(await repacked(bytes, { attachment2: 'x' }), trust), 'wrong_imprint')
  await refused(surveyed(await repacked(bytes, { 'META-INF/manifest.xml': '<x/>' }), trust), 'wrong_imprint')
})

test('a manifest that says something else, or is not there', async () => {
  const manifest = `${(await unpacked(plain)).get(MANIFEST)}`
  const change = (text: string) => repacked(plain, { [MANIFEST]: text })
  await refused(surveyed(await repacked(plain, { [MANIFEST]: undefined }), trust), 'malformed_evidence_record')
  await refused(surveyed(await repacked(plain, { [RECORD]: undefined }), trust), 'malformed_evidence_record')
  await refused(surveyed(await change('no XML'), trust), 'malformed_evidence_record')
  await refused(surveyed(await change('<!DOCTYPE a><a/>'), trust), 'malformed_evidence_record')
  await refused(
    surveyed(await change(manifest.replace('evidencerecord.ers', 'other.ers')), trust),
    'malformed_evidence_record',
  )
  await refused(
    surveyed(await change(manifest.replace('URI="message.xml"', 'URI="%zz"')), trust),
    'malformed_evidence_record',
  )
  await refused(
    surveyed(await change(manifest.replace('xmlenc#sha512', 'xmlenc#md5')), trust),
    'malformed_evidence_record',
  )
  await refused(surveyed(await change(manifest.replace('URI="message.xml"', 'URI="absent"')), trust), 'wrong_imprint')
  const [first = ''] = /<asic:DataObjectReference.*?<\/asic:DataObjectReference>/.exec(manifest) ?? []
  await refused(surveyed(await change(manifest.replace(first, '')), trust), 'wrong_imprint')
  await refused(surveyed(await change(manifest.replace(first, first + first)), trust), 'malformed_evidence_record')
})

test('a record of another container, of another authority, in the wrong order, in the wrong shape', async () => {
  const record = async (bytes: Buffer) => (await unpacked(bytes)).get(RECORD) ?? Buffer.alloc(0)
  const other = await renewed(country, original, { trust })
  const swap = async (der: Uint8Array) => surveyed(await repacked(plain, { [RECORD]: der }), trust)
  await refused(swap(await record(other)), 'wrong_imprint')
  await refused(surveyed(plain, { ...trust, tsas: trust.tsas.slice(1) }), 'timestamp_invalid')
  const own = await record(plain)
  for (const der of [Buffer.alloc(0), Buffer.from('x'), own.subarray(1), Buffer.concat([own, own])])
    await refused(swap(der), 'malformed_evidence_record')
  const [version, digests, sequence] = readDer(own)
    .children()
    .map(({ raw }) => raw)
  assert.ok(version && digests && sequence)
  const [chain] = readDer(sequence)
    .children()
    .map(({ raw }) => raw)
  assert.ok(chain)
  const shape = (...parts: readonly Uint8Array[]) => swap(write.sequence(...parts))
  await refused(shape(write.integer(2), digests, sequence), 'malformed_evidence_record')
  await refused(shape(version, sequence), 'malformed_evidence_record')
  await refused(shape(version, write.sequence(), sequence), 'malformed_evidence_record')
  const sha1 = write.sequence(write.sequence(write.oid('1.3.14.3.2.26')))
  await refused(shape(version, sha1, sequence), 'malformed_evidence_record')
  const sha256 = write.sequence(write.sequence(write.oid('2.16.840.1.101.3.4.2.1')))
  await refused(shape(version, sha256, sequence), 'malformed_evidence_record')
  await refused(shape(version, digests, write.tagged(1, true, version), sequence), 'malformed_evidence_record')
  await refused(shape(version, digests, write.sequence()), 'malformed_evidence_record')
  // The same chain once more is over data with a chain before it, and was not made for that.
  await refused(shape(version, digests, write.sequence(chain, chain)), 'wrong_imprint')
})

test('a renewal after its authority ended, or before what it renews', async () => {
  const fresh = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' })
  const afterwards = { at: daysLater(6 * YEAR), by: second, trust }
  await refused(renewed(country, fresh, afterwards), 'renewed_late')
  const late = await renewed(country, fresh, { ...afterwards, late: true })
  await refused(surveyed(late, trust), 'renewed_late')
  const early = renewed(country, plain, { at: daysLater(0.5), trust })
  await refused(
    early.then((bytes) => surveyed(bytes, trust)),
    'out_of_order',
  )
})

test('what is changed between the time-stamp and the writing is not written', async () => {
  const survey = await surveyContainer(() => once(plain), trust)
  const hashes = await hashesToRenew(survey, 'SHA3-512', daysLater(2))
  const { root, reduced } = buildTree('SHA3-512', [hashes])
  const token = await country.stamp(root, { digest: 'SHA3-512', genTime: daysLater(2) })
  const addition = { digest: 'SHA3-512', tree: reduced[0] ?? [], token } as const
  for (const changed of [
    await repacked(plain, { 'message.xml': 'x' }),
    await repacked(plain, { 'message.xml': undefined }),
    await repacked(plain, { attachment9: 'x' }),
  ]) {
    const write = async () => {
      for await (const _ of writeRenewed(() => once(changed), survey, addition)) {
        // read to its end
      }
    }
    await refused(write(), 'wrong_imprint')
  }
})

test('no container, and one that is cut off, are said to be so', async () => {
  for (const bytes of [Buffer.from('x'), plain.subarray(0, plain.length - 1), Buffer.alloc(0)])
    await assert.rejects(
      surveyed(bytes, trust),
      (error) => error instanceof EvidenceError && error.code === 'asic_malformed_zip',
    )
  await assert.rejects(
    surveyed(await repacked(plain, { 'META-INF/signatures.xml': undefined }), trust),
    (error) => error instanceof EvidenceError && error.code === 'asic_signature_not_found',
  )
})

test('in a report: what holds and until when, and what does not', async () => {
  const bytes = await overYears(etsi)
  const { check, lasting } = await judgeLasting(() => once(bytes), trust)
  assert.deepEqual(check, { name: CHECKS.lasting, ok: true })
  assert.equal(lasting?.layout, 'XAdES-B-LTA')
  assert.equal(lasting?.until, third.certificate.notAfter.toISOString())
  assert.match(lasting?.because ?? '', /the certificate of CN=Demo TSA 3,.* ends/)
  assert.equal(lasting?.timestamps.length, 6)
  const report = await verifyContainer(once(bytes), trust)
  assert.equal(withChecks(report, [check]).verdict, 'valid')

  // An attachment that X-Road may leave out was there when it was time-stamped; who is not believed settles nothing.
  const changed = await judgeLasting(async function* () {
    yield await repacked(bytes, { attachment1: undefined })
  }, trust)
  assert.equal(changed.check.code, 'wrong_imprint')
  assert.equal(withChecks(report, [changed.check]).verdict, 'invalid')
  const unknown = await judgeLasting(() => once(bytes), { ...trust, tsas: trust.tsas.slice(0, 2) })
  assert.equal(unknown.check.code, 'timestamp_invalid')
  assert.equal(withChecks(report, [unknown.check]).verdict, 'indeterminate')

  const lasts = async (container: Uint8Array) => (await readContainer(once(container))).lasts
  assert.deepEqual(await Promise.all([original, etsi, bytes, plain].map(lasts)), [false, true, true, true])
})
