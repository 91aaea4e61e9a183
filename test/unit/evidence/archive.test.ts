// Archives of the message log: names, hash chain, what comes back out, and everything that may have been done to one.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type ArchiveContainer,
  type ArchiveEnd,
  type ArchiveHash,
  type ArchiveReport,
  ArchiveWriter,
  archiveGroup,
  archiveName,
  linkArchives,
  readZip,
  verifyArchive,
  writeZip,
} from '#evidence'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vectorPath } from '../../vectors.ts'

const AT = new Date('2031-05-06T07:08:09Z')
const LAST_OF_VECTOR =
  '9011ab557706b5050584d6888af7b390e5350f4edad296bd7a582aa51732aac7f49a4ec44dd361027945ade0de8b8cf607fb7b7d11f17b0560d44b965c358eaa'

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const BODIES = ['one', 'two', 'three'].map((body) => Buffer.from(body))
const nameOf = (index: number) => `id-request-${(index + 1).toString(32)}.asice`

async function* containers(bodies: readonly Uint8Array[]): AsyncGenerator<ArchiveContainer> {
  for (const [index, body] of bodies.entries())
    yield { name: nameOf(index), at: new Date(AT.getTime() + index * 1000), body: once(body) }
}

async function archive(
  bodies: readonly Uint8Array[] = BODIES,
  hash: ArchiveHash = 'SHA-512',
  previous?: ArchiveEnd,
): Promise<{ bytes: Buffer; writer: ArchiveWriter }> {
  const writer = new ArchiveWriter(hash, previous)
  return { bytes: await collect(writer.bytes(containers(bodies))), writer }
}

/** The archive after something was done to its entries. */
async function tampered(
  bytes: Buffer,
  change: (entries: Map<string, Buffer>) => Iterable<readonly [string, Uint8Array]>,
): Promise<ArchiveReport> {
  const entries = new Map<string, Buffer>()
  for await (const { name, body } of readZip(once(bytes))) entries.set(name, await collect(body))
  const changed = [...change(entries)].map(([name, body]) => ({ name, body, modifiedAt: AT, compress: false }))
  return verifyArchive(writeZip(changed), 'first')
}

const codes = (report: ArchiveReport) =>
  report.faults.map(({ code, entry }) => (entry === undefined ? code : `${code} ${entry}`))

test('the archive of a real server is whole, and its chain ends where the reference says', async (t) => {
  if (!needsVectors(t)) return
  const open = () => createReadStream(vectorPath('archive', 'message-archive-0.zip'))
  const report = await verifyArchive(open(), 'first')
  assert.deepEqual(report, { valid: true, faults: [], containers: 1, hash: 'SHA-512', lastDigest: LAST_OF_VECTOR })
  assert.deepEqual(codes(await verifyArchive(open(), { previous: LAST_OF_VECTOR })), ['previous_digest_differs'])
  assert.equal((await verifyArchive(open(), 'anywhere')).valid, true)
})

test('what is written is read: chain, order, period, the end for the next archive', async () => {
  for (const hash of ['SHA-256', 'SHA-384', 'SHA-512'] as const) {
    const { bytes, writer } = await archive(BODIES, hash)
    const hex = (data: string | Buffer) => createHash(hash.replace('-', '').toLowerCase()).update(data).digest('hex')
    const expected = BODIES.reduce((before, body) => hex(before + hex(body)), '')
    const report = await verifyArchive(once(bytes), 'first')
    assert.deepEqual(report, { valid: true, faults: [], containers: 3, hash, lastDigest: expected })
    assert.equal(writer.digest, expected)
    assert.equal(writer.size, 11)
    assert.deepEqual(writer.period, { from: AT, to: new Date(AT.getTime() + 2000) })
    const previous = { digest: expected, file: 'mlog-a b-1.zip.gpg' }
    // The next one may have another hash.
    const next = await archive(BODIES, 'SHA-256', previous)
    const nextReport = await verifyArchive(once(next.bytes), { previous: expected.toUpperCase() })
    assert.equal(nextReport.valid, true)
    assert.deepEqual(nextReport.previous, previous)
    assert.deepEqual(codes(await verifyArchive(once(next.bytes), 'first')), ['previous_digest_differs'])
    assert.deepEqual(codes(await verifyArchive(once(next.bytes), { previous: '00' })), ['previous_digest_differs'])
  }
})

test('archives are put together: each goes on from another, and only one from each', async () => {
  const judge = async (bytes: Buffer) => verifyArchive(once(bytes), 'anywhere')
  const first = await archive()
  const end = { digest: first.writer.digest, file: 'mlog-1.zip' }
  const second = await archive([Buffer.from('four')], 'SHA-512', end)
  const fork = await archive([Buffer.from('another')], 'SHA-512', end)
  const one = await judge(first.bytes)
  const two = await judge(second.bytes)
  const links = (list: readonly ArchiveReport[], start: Parameters<typeof linkArchives>[1]) =>
    linkArchives(list, start).map(({ link, valid, faults }) => (valid ? link : faults.map(({ code }) => code).join()))
  assert.deepEqual(links([two, one], 'first'), ['archive', 'start'])
  assert.deepEqual(links([one, two, two], 'anywhere'), ['unknown', 'archive', 'archive'])
  assert.deepEqual(links([two], 'first'), ['previous_digest_differs'])
  assert.deepEqual(links([two], { previous: end.digest }), ['start'])
  assert.deepEqual(links([one], { previous: end.digest }), ['previous_digest_differs'])
  assert.deepEqual(links([one, two, await judge(fork.bytes)], 'first'), ['start', 'archive_forked', 'archive_forked'])
})

test('the linking info is the last entry, in the layout of X-Road', async () => {
  const { bytes, writer } = await archive(BODIES, 'SHA-256')
  const entries: [string, string][] = []
  for await (const { name, body } of readZip(once(bytes))) entries.push([name, (await collect(body)).toString()])
  assert.deepEqual(
    entries.map(([name]) => name),
    [nameOf(0), nameOf(1), nameOf(2), 'linkinginfo'],
  )
  const lines = entries[3]?.[1].split('\n') ?? []
  assert.equal(lines[0], '- - SHA-256')
  assert.equal(lines[3], `${writer.digest} ${nameOf(2)}`)
  assert.equal(lines[4], '')
})

test('the same records give the same bytes', async () => {
  assert.deepEqual((await archive()).bytes, (await archive()).bytes)
})

test('containers longer than what is held go through in pieces', async () => {
  const long = Buffer.alloc(3_000_000, 'long')
  const pieces = async function* () {
    for (let at = 0; at < long.length; at += 100_000) yield long.subarray(at, at + 100_000)
  }
  const writer = new ArchiveWriter('SHA-512', undefined)
  const one = async function* (): AsyncGenerator<ArchiveContainer> {
    yield { name: nameOf(0), at: AT, body: pieces() }
  }
  const bytes = await collect(writer.bytes(one()))
  let seen: Buffer | undefined
  const report = await verifyArchive(once(bytes), 'first', {
    container: async (name, body) => {
      assert.equal(name, nameOf(0))
      seen = await collect(body)
    },
  })
  assert.equal(report.valid, true)
  assert.ok(seen?.equals(long))
  // A judge that has seen enough does not change the digest.
  const first = await verifyArchive(once(bytes), 'first', {
    container: async (_name, body) => {
      for await (const _ of body) break
    },
  })
  assert.equal(first.valid, true)
})

test('Info-ZIP finds the archive in order', async (t) => {
  if (!needsTools(t, 'unzip')) return
  const directory = mkdtempSync(join(tmpdir(), 'archive-'))
  try {
    const file = join(directory, 'a.zip')
    writeFileSync(file, (await archive([...BODIES, Buffer.alloc(600_000, 'x')])).bytes)
    assert.equal(tool('unzip', ['-tq', file]).status, 0)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('each thing that can be done to an archive is named, the first bad record first', async () => {
  const { bytes } = await archive()
  const [one, two, three] = [nameOf(0), nameOf(1), nameOf(2)]
  const cases: readonly [
    string,
    (entries: Map<string, Buffer>) => Iterable<readonly [string, Uint8Array]>,
    readonly string[],
  ][] = [
    ['nothing', (entries) => entries, []],
    ['edited', (entries) => entries.set(two, Buffer.from('zwei')), [`digest_differs ${two}`]],
    [
      'two edited',
      (entries) => entries.set(one, Buffer.from('eins')).set(three, Buffer.from('drei')),
      [`digest_differs ${one}`, `digest_differs ${three}`],
    ],
    ['removed', (entries) => [...entries].filter(([name]) => name !== two), [`container_missing ${two}`]],
    [
      'inserted',
      (entries) => [['x-request-9.asice', Buffer.from('x')], ...entries],
      ['container_excess x-request-9.asice'],
    ],
    [
      'reordered',
      (entries) => [...entries].toSorted(([a], [b]) => (a === one ? 1 : b === one ? -1 : 0)),
      [`order_differs ${one}`],
    ],
    ['a note beside', (entries) => [...entries, ['readme.txt', Buffer.from('x')]], ['entry_unexpected readme.txt']],
    ['no linking info', (entries) => [...entries].filter(([name]) => name !== 'linkinginfo'), ['linking_info_missing']],
    ['nothing in it', () => [], ['linking_info_missing', 'no_containers']],
    [
      'only linking info',
      (entries) => [...entries].filter(([name]) => name === 'linkinginfo'),
      ['no_containers', `container_missing ${one}`, `container_missing ${two}`, `container_missing ${three}`],
    ],
    [
      'a line taken out',
      (entries) => relined(entries, (lines) => lines.toSpliced(2, 1)),
      [`digest_differs ${three}`, `container_excess ${two}`],
    ],
    [
      'lines exchanged',
      (entries) => relined(entries, ([head = '', a = '', b = '', ...rest]) => [head, b, a, ...rest]),
      [`digest_differs ${two}`, `digest_differs ${one}`, `digest_differs ${three}`],
    ],
  ]
  for (const [what, change, expected] of cases) assert.deepEqual(codes(await tampered(bytes, change)), expected, what)
})

function relined(entries: Map<string, Buffer>, change: (lines: string[]) => string[]): Map<string, Buffer> {
  const lines = entries.get('linkinginfo')?.toString().trimEnd().split('\n') ?? []
  return entries.set('linkinginfo', Buffer.from(`${change(lines).join('\n')}\n`))
}

test('linking info that is not as it is written is refused', async () => {
  const { bytes } = await archive()
  const texts: readonly [string, (text: string) => string | Buffer][] = [
    ['no end', (text) => text.trimEnd()],
    ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
    ['an empty line', (text) => `${text}\n`],
    ['a line twice', (text) => text + text.slice(text.indexOf('\n') + 1)],
    ['two spaces', (text) => text.replace(' id-', '  id-')],
    ['capital digits', (text) => text.replace(/\n[0-9a-f]+/, (digits) => digits.toUpperCase())],
    ['a short digest', (text) => text.replace(/\n[0-9a-f]{2}/, '\n')],
    ['another hash', (text) => text.replace('SHA-512', 'SHA-384')],
    ['an old hash', (text) => text.replace('SHA-512', 'SHA-1')],
    ['half a previous', (text) => text.replace('- -', '- mlog-1.zip')],
    ['another half', (text) => text.replace('- -', `${'0'.repeat(128)} -`)],
    ['a previous that is none', (text) => text.replace('- -', 'abc mlog-1.zip')],
    ['a previous elsewhere', (text) => text.replace('- -', `${'0'.repeat(128)} ../mlog-1.zip`)],
    ['a name elsewhere', (text) => text.replace('id-request-1', '../id-request-1')],
    ['a byte-order mark', (text) => `\ufeff${text}`],
    ['not UTF-8', (text) => Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0x0a])])],
    ['nothing', () => ''],
  ]
  for (const [what, change] of texts) {
    const report = await tampered(bytes, (entries) =>
      entries.set('linkinginfo', Buffer.from(change(entries.get('linkinginfo')?.toString() ?? ''))),
    )
    assert.equal(report.faults[0]?.code, 'linking_info_malformed', what)
  }
})

test('a ZIP that is cut, doubled or leaves its folder is no archive', async () => {
  const { bytes } = await archive()
  for (const cut of [0, 1, 30, 100, bytes.length - 1]) {
    const report = await verifyArchive(once(bytes.subarray(0, cut)), 'first')
    assert.equal(report.valid, false)
    assert.equal(report.faults.at(0)?.code, 'archive_malformed', String(cut))
  }
  const trailing = await verifyArchive(once(Buffer.concat([bytes, Buffer.from('x')])), 'first')
  assert.deepEqual(codes(trailing), ['archive_malformed'])
  for (const names of [['a.asice', 'a.asice'], ['../a.asice'], ['a.asice', 'A.ASICE'], ['/a.asice']]) {
    const entries = names.map((name) => ({ name, modifiedAt: AT, compress: false, body: Buffer.from('x') }))
    assert.deepEqual(codes(await verifyArchive(writeZip(entries), 'first')), ['archive_malformed'], names.join())
  }
})

test('a bomb is refused before it has gone off', async () => {
  const zeros = Buffer.alloc(1024 * 1024)
  let made = 0
  const bomb = async function* () {
    for (let index = 0; index < 4096; index++) {
      made += 1
      yield zeros
    }
  }
  const zip = writeZip([{ name: 'a.asice', modifiedAt: AT, compress: true, body: bomb }])
  assert.deepEqual(codes(await verifyArchive(zip, 'first')), ['archive_malformed'])
  assert.ok(made < 1024)
  const many = await verifyArchive(once((await archive()).bytes), 'first', {
    limits: { maxBytes: 1000, maxEntries: 2 },
  })
  assert.deepEqual(codes(many), ['archive_malformed'])
})

test('names are those of X-Road: group, period on the wall, sixteen characters of the digest', () => {
  const name = (group: string, timeZone = 'UTC') =>
    archiveName({ group, from: AT, to: new Date(AT.getTime() + 86_400_000), digest: LAST_OF_VECTOR, timeZone })
  assert.equal(name(''), 'mlog-20310506070809-20310507070809-9011ab557706b505')
  assert.equal(name('', 'Europe/Tallinn'), 'mlog-20310506100809-20310507100809-9011ab557706b505')
  assert.equal(name('DEMO/GOV/1'), 'mlog-DEMO_GOV_1-20310506070809-20310507070809-9011ab557706b505')
  assert.equal(name('a\\b<c>d/e:f|g*h?i\u0001j k\u00a0l'), `mlog-a_b_c_d_e_f_g_h_i_j_k_l-${name('').slice(5)}`)
  assert.equal(name('õ'), `mlog-õ-${name('').slice(5)}`)
  assert.equal(name('x'.repeat(180)), `mlog-${'x'.repeat(180)}-${name('').slice(5)}`)
  // With the longest ending it is still a file name.
  for (const long of ['x'.repeat(500), 'õ'.repeat(500), '😀'.repeat(300), `${'x'.repeat(199)}😀`]) {
    assert.ok(Buffer.byteLength(`${name(long)}.proofs.zip.gpg`) <= 255)
    assert.ok(name(long).isWellFormed())
  }
})

test('groups are the short identifiers of X-Road', () => {
  const member = { instance: 'DEMO', memberClass: 'GOV', memberCode: '1' }
  const client = { ...member, subsystemCode: 'sub' }
  assert.equal(archiveGroup(client, 'none'), '')
  assert.equal(archiveGroup(client, 'member'), 'DEMO/GOV/1')
  assert.equal(archiveGroup(client, 'subsystem'), 'DEMO/GOV/1/sub')
  assert.equal(archiveGroup(member, 'subsystem'), 'DEMO/GOV/1')
})
