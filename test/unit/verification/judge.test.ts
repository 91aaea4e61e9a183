// Files of every kind: what they are taken for, what is said of each container and of the whole, and what hostile ones come to.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ArchiveWriter,
  archiveName,
  examineContainer,
  recordFactsOf,
  writeBundle,
  writeZip,
  type ZipEntry,
} from '#evidence'
import {
  type ContainerReport,
  type FileReport,
  type JudgeOptions,
  judgeEvidence,
  readPinned,
  readProofs,
  readStoredConfigurations,
  Trust,
  worse,
} from '#verification'
import { needsVectors, vector } from '../../vectors.ts'
import { foundCountry, NOW } from '../evidence/authority.ts'
import {
  collect,
  type Evidence,
  evidenceOf,
  once,
  REST_REQUEST,
  REST_RESPONSE,
  SOAP_REQUEST,
} from '../evidence/messages.ts'
import { anchorOf, generationOf, pinnedDocument, recordOf, sharedOf, signingKey, TestLog } from './auditor.ts'

const country = foundCountry()
const log = new TestLog()
const trust = new Trust({
  pinned: [readPinned(pinnedDocument(country, {}, { logs: [{ policy: log.policy(2) }] }))],
})
const BODY = Buffer.from('{"a":1}')

interface Judged {
  readonly file: FileReport
  readonly reports: readonly ContainerReport[]
}

async function judged(bytes: Uint8Array, options: Partial<JudgeOptions> = {}): Promise<Judged> {
  const reports: ContainerReport[] = []
  const file = await judgeEvidence(once(bytes), { trust, each: (report) => void reports.push(report), ...options })
  return { file, reports }
}

const codes = ({ file }: Judged) => file.checks.filter(({ ok }) => !ok).map(({ code }) => code)
const verdicts = ({ reports }: Judged) => reports.map(({ verdict }) => verdict)

const FORMS: readonly Evidence[] = [
  { message: REST_REQUEST, stamp: 'single' },
  { message: REST_RESPONSE, body: BODY, stamp: 'batch' },
  { message: SOAP_REQUEST, stamp: 'batch', kind: 'RSA-2048' },
]
const containers = await Promise.all(FORMS.map((form) => evidenceOf(country, form)))
const [first, second] = containers as [Buffer, Buffer, Buffer]
const names = containers.map((_, index) => `an-id-request-${index + 1}.asice`)
const forged = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single', status: 'revoked' })

const stored = (name: string, body: Uint8Array): ZipEntry => ({ name, body, modifiedAt: NOW, compress: false })
const zipped = (...entries: readonly ZipEntry[]) => collect(writeZip(entries))
const download = (list: readonly Buffer[] = containers) =>
  zipped(...list.map((body, index) => stored(names[index] ?? `more-${index}.asice`, body)))

async function archived(list: readonly Buffer[], previous?: { digest: string; file: string }) {
  const writer = new ArchiveWriter('SHA-512', previous)
  const bytes = await collect(
    writer.bytes(
      (async function* () {
        for (const [index, body] of list.entries()) yield { name: names[index] ?? '', at: NOW, body: once(body) }
      })(),
    ),
  )
  const name = archiveName({ group: '', from: NOW, to: NOW, digest: writer.digest, timeZone: 'UTC' })
  return { bytes, file: `${name}.zip`, digest: writer.digest }
}

test('a container is its own file', async () => {
  const one = await judged(first)
  assert.deepEqual(one.file, { kind: 'container', verdict: 'valid', containers: 1, checks: [] })
  assert.equal(one.reports[0]?.entry, null)
  assert.equal((await judged(forged)).file.verdict, 'invalid')
  const none = await judged(Buffer.from('hello'))
  assert.deepEqual([none.file.verdict, none.reports[0]?.verdict], ['unreadable', 'unreadable'])
})

test('a download: each container, and nothing else in it', async () => {
  const all = await judged(await download())
  assert.deepEqual([all.file.kind, all.file.verdict, all.file.containers], ['download', 'valid', 3])
  assert.deepEqual(
    all.reports.map(({ entry }) => entry),
    names,
  )
  assert.deepEqual(verdicts(await judged(await download([first, forged, second]))), ['valid', 'invalid', 'valid'])
  const stranger = await judged(await zipped(stored(names[0] ?? '', first), stored('readme.txt', BODY)))
  assert.deepEqual([stranger.file.verdict, codes(stranger)], ['invalid', ['entry_unexpected']])
})

test('an archive: its chain, and each container', async () => {
  const archive = await archived(containers)
  const whole = await judged(archive.bytes)
  assert.deepEqual(
    [whole.file.kind, whole.file.verdict, verdicts(whole)],
    ['archive', 'valid', ['valid', 'valid', 'valid']],
  )
  assert.deepEqual(whole.file.archive, { hash: 'SHA-512', previous: null, lastDigest: archive.digest })
  const next = await archived([second], { digest: archive.digest, file: archive.file })
  assert.equal((await judged(next.bytes)).file.verdict, 'valid')
  assert.equal((await judged(next.bytes, { archiveStart: { previous: archive.digest } })).file.verdict, 'valid')
  const wrong = await judged(next.bytes, { archiveStart: 'first' })
  assert.deepEqual([wrong.file.verdict, codes(wrong)], ['invalid', ['previous_digest_differs']])
})

test('an archive without its chain is no download when it is called an archive', async () => {
  const bare = await download()
  assert.equal((await judged(bare, { name: 'x.zip' })).file.kind, 'download')
  const named = await judged(bare, { name: 'mlog-20310506000000-20310506000000-0011223344556677.zip' })
  assert.deepEqual(
    [named.file.kind, named.file.verdict, codes(named)],
    ['archive', 'invalid', ['linking_info_missing']],
  )
})

test("X-Road's own archive: the digest that its tool prints", async (t) => {
  if (!needsVectors(t)) return
  const archive = await judged(vector('archive', 'message-archive-0.zip'), { archiveStart: 'first' })
  assert.deepEqual(codes(archive), [])
  assert.match(archive.file.archive?.lastDigest ?? '', /^9011ab55.*58eaa$/)
  // Its authorities are not published with it.
  assert.deepEqual([archive.file.verdict, verdicts(archive)], ['indeterminate', ['indeterminate']])
})

async function proofOf(container: Uint8Array): Promise<Uint8Array> {
  const { believed = [] } = (await judged(container)).reports[0] ?? {}
  assert.ok(believed)
  const facts = recordFactsOf(await examineContainer(once(container), trust))
  assert.ok(facts)
  return log.proof(recordOf(facts))
}

test('a bundle: proof and configuration come along, and are believed by the auditor’s own documents only', async () => {
  const key = signingKey()
  const [anchor, other] = [anchorOf(key), anchorOf(signingKey())]
  const files = await generationOf({ key, expiresAt: new Date(NOW.getTime() + 86_400_000), shared: sharedOf(country) })
  const bundle = await collect(
    writeBundle({
      modifiedAt: NOW,
      name: names[0] ?? '',
      container: () => once(first),
      proof: await proofOf(first),
      signedConfiguration: [...files].map(([path, bytes]) => ({ path, bytes })),
      verificationConfiguration: [{ path: 'instance-identifier', bytes: Buffer.from('DEMO') }],
    }),
  )
  const nobody = new Trust({
    pinned: [readPinned({ format: 'saadik pinned trust 1', logs: [{ policy: log.policy(2) }] })],
  })
  const vouchedBy = (xml: Uint8Array) => ({
    trust: nobody,
    bundledTrust: (found: ReadonlyMap<string, Uint8Array>) => nobody.with(readStoredConfigurations(found, xml)),
  })
  const whole = await judged(bundle, vouchedBy(anchor))
  assert.deepEqual([whole.file.kind, whole.file.verdict], ['bundle', 'valid'])
  assert.deepEqual(
    whole.file.checks.map(({ name }) => name),
    ['file', 'configuration in the bundle'],
  )
  assert.equal(whole.reports[0]?.proof?.state, 'witnessed')
  assert.equal(whole.reports[0]?.entry, names[0])
  const foreign = await judged(bundle, vouchedBy(other))
  assert.deepEqual([foreign.file.verdict, codes(foreign)], ['invalid', ['malformed_configuration']])
  assert.equal(foreign.reports[0]?.verdict, 'indeterminate')
  // Without an anchor what came along is not looked at.
  assert.equal((await judged(bundle, { trust: nobody })).file.verdict, 'indeterminate')
  assert.equal((await judged(bundle)).file.verdict, 'valid')
})

test('a bundle with the proof of another container', async () => {
  const bundle = await collect(
    writeBundle({ modifiedAt: NOW, name: names[0] ?? '', container: () => once(first), proof: await proofOf(second) }),
  )
  const { file, reports } = await judged(bundle)
  assert.equal(file.verdict, 'invalid')
  assert.deepEqual(
    reports[0]?.checks.filter(({ ok }) => !ok).map(({ code }) => code),
    ['other_record'],
  )
  assert.equal(reports[0]?.indication, 'TOTAL-PASSED', 'the signature itself is sound')
})

test('proofs beside an archive', async () => {
  const archive = await archived(containers)
  const side = await zipped(
    ...(await Promise.all(
      containers
        .slice(0, 2)
        .map(async (container, index) => stored(`${names[index]}.tlog-proof`, await proofOf(container))),
    )),
  )
  const proofs = await readProofs(once(side))
  const { reports } = await judged(archive.bytes, { proofOf: (container) => proofs.get(container) })
  assert.deepEqual(
    reports.map(({ proof }) => proof?.state),
    ['witnessed', 'witnessed', undefined],
  )
  const alone = await judged(side)
  assert.deepEqual([alone.file.kind, alone.file.verdict, codes(alone)], ['proofs', 'unreadable', ['no_container']])
  await assert.rejects(readProofs(once(await download())), { code: 'malformed_bundle' })
})

test('what is encrypted is told, and not taken for garbage', async () => {
  for (const beginning of [
    'age-encryption.org/v1\n-> X25519 ',
    '-----BEGIN AGE ENCRYPTED FILE-----\n',
    '-----BEGIN PGP MESSAGE-----\n',
    Buffer.of(0x85, 0x01, 0x0c, 0x03),
    Buffer.of(0xc1, 0xc0, 0x4c, 0x03),
    Buffer.of(0x8c, 0x0d, 0x04, 0x09),
  ]) {
    const { file } = await judged(Buffer.from(beginning as string))
    assert.deepEqual([file.kind, file.verdict, file.checks[0]?.code], ['encrypted', 'unreadable', 'encrypted'])
  }
})

test('a file that is cut off anywhere, or has a flipped octet, is never valid', async () => {
  for (const whole of [await download(), (await archived(containers)).bytes, first]) {
    for (let cut = 0; cut < whole.length; cut += Math.ceil(whole.length / 150))
      assert.notEqual((await judged(whole.subarray(0, cut))).file.verdict, 'valid', `cut at ${cut}`)
    for (let at = 7; at < whole.length; at += Math.ceil(whole.length / 150)) {
      const flipped = Buffer.from(whole)
      flipped[at] = (flipped[at] ?? 0) ^ 0x10
      const { file, reports } = await judged(flipped, { name: 'mlog-x.zip' })
      // Times, the system that made it and attributes say nothing of the content.
      if (file.verdict === 'valid')
        assert.deepEqual(
          reports.map(({ checks }) => checks.length > 5),
          reports.map(() => true),
        )
    }
  }
})

test('hostile packages: a clear code, and no more memory than a container needs', async () => {
  const bomb = Buffer.alloc(80 << 20)
  const cases: Record<string, [Promise<Buffer>, string]> = {
    'a name that leaves its folder': [zipped(stored('../x.asice', first)), 'malformed'],
    'a container twice': [zipped(stored('a.asice', first), stored('A.asice', first)), 'malformed'],
    'a bomb beside a container': [
      zipped(stored('a.asice', first), { name: 'b.asice', body: bomb, modifiedAt: NOW, compress: true }),
      'malformed',
    ],
  }
  for (const [name, [bytes, what]] of Object.entries(cases)) {
    const result = await judged(await bytes)
    assert.notEqual(result.file.verdict, 'valid', name)
    assert.match(
      [...codes(result), ...result.reports.flatMap(({ checks }) => checks.map(({ code = '' }) => code))].join(' '),
      new RegExp(what),
      name,
    )
  }
  const nested = await judged(await zipped(stored('inner.asice', await download())))
  assert.deepEqual(verdicts(nested), ['unreadable'], 'no package inside a package')
})

test('what a file is does not depend on the pieces in which it comes (found by fuzzing)', async () => {
  const odd = Buffer.from(await download())
  odd.writeUInt16LE(0x6d69, 26)
  async function* pieces(size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < odd.length; at += size) yield odd.subarray(at, at + size)
  }
  const kinds = []
  for (const size of [odd.length, 1, 100, 2000])
    kinds.push((await judgeEvidence(pieces(size), { trust, each: () => {} })).kind)
  assert.deepEqual(kinds, ['container', 'container', 'container', 'container'])
})

test('a package is as bad as the worst of what is in it', () => {
  assert.equal(worse('valid', 'indeterminate'), 'indeterminate')
  assert.equal(worse('invalid', 'unreadable'), 'invalid')
  assert.equal(worse('unreadable', 'indeterminate'), 'unreadable')
})

test('what a listener throws, or the source, is no verdict', async () => {
  await assert.rejects(
    judged(await download(), {
      each: () => {
        throw new Error('the disk is full')
      },
    }),
    /the disk is full/,
  )
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield first.subarray(0, 2000)
    throw new Error('the disk is gone')
  }
  await assert.rejects(judgeEvidence(failing(), { trust, each: () => {} }), /the disk is gone/)
})

test('trust is asked for only when something is judged by it', async () => {
  let asked = 0
  const late = async () => {
    asked += 1
    return trust
  }
  await judged(Buffer.from('age-encryption.org/v1\n'), { trust: late })
  assert.equal(asked, 0)
  await judged(await download(), { trust: late })
  assert.equal(asked, 1)
})
