// `saadik verify` over folders, archives and bundles: threads, order, trust in every way, pages that are printed and signed.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { once as event } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { after } from 'node:test'
import { stringify } from 'yaml'
import {
  ArchiveWriter,
  archiveName,
  examineContainer,
  insertTimestamp,
  recordFactsOf,
  signatureValueOf,
  signMessage,
  timestampInput,
  writeBundle,
  writeContainer,
  writeZip,
} from '#evidence'
import { digest, pem } from '#trust'
import { readPinned, Trust } from '#verification'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vectorPath } from '../../vectors.ts'
import { foundCountry, issue, NOW, named } from '../evidence/authority.ts'
import { collect, evidenceOf, once, REST_REQUEST, REST_RESPONSE, SOAP_REQUEST } from '../evidence/messages.ts'
import {
  anchorOf,
  generationOf,
  pinnedDocument,
  recordOf,
  sharedOf,
  signingKey,
  TestLog,
  under,
} from '../verification/auditor.ts'

const main = resolve(import.meta.dirname, '../../../cli/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'saadik-verify-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const at = (...names: readonly string[]) => join(folder, ...names)

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Beside us, so that a server of ours can answer it. */
async function verify(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [main, 'verify', ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const text = async (stream: NodeJS.ReadableStream) => {
    let whole = ''
    for await (const chunk of stream.setEncoding('utf8')) whole += chunk
    return whole
  }
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), event(child, 'exit')])
  return { status: status as number | null, stdout, stderr }
}

interface Row {
  readonly file: string
  readonly entry: string | null
  readonly kind: string
  readonly verdict: string
  readonly proof?: { readonly state: string } | null
  readonly archive?: { readonly lastDigest: string | null } | null
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly code?: string }[]
}

interface Answer {
  readonly schema: string
  readonly files: readonly Row[]
  readonly archives: readonly { readonly archives: number; readonly first: string; readonly last: string }[]
  readonly links: readonly { readonly code: string }[]
  readonly totals: {
    readonly files: number
    readonly containers: number
    readonly verdicts: Record<string, number>
    readonly proofs: Record<string, number>
    readonly passedOver: number
    readonly disagreements: number
    readonly brokenFiles: number
  }
}

const answer = ({ stdout }: Ended) => JSON.parse(stdout) as Answer

function write(name: string, bytes: Uint8Array | string): string {
  mkdirSync(resolve(at(name), '..'), { recursive: true })
  writeFileSync(at(name), bytes)
  return at(name)
}

const country = foundCountry()
const log = new TestLog()
const pinned = write('pinned.yaml', stringify(pinnedDocument(country, {}, { logs: [{ policy: log.policy(2) }] })))
const trust = new Trust({ pinned: [readPinned(pinnedDocument(country))] })
const single = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' })
const batch = await evidenceOf(country, { message: REST_RESPONSE, body: Buffer.from('{}'), stamp: 'batch' })
const rsa = await evidenceOf(country, { message: SOAP_REQUEST, stamp: 'single', kind: 'RSA-2048' })
const revoked = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single', status: 'revoked' })

/** Messages of one signer, signed apart: all different, and quickly made. */
async function many(count: number): Promise<readonly Buffer[]> {
  const signer = await country.signer(country.member('EC-P256'))
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const message = Buffer.from(SOAP_REQUEST.toString().replace('>an-id<', `>id-${index}<`))
      const parts = [{ name: '/message.xml', digest: digest('SHA-512', message), bytes: message }]
      const { xml } = await signMessage(parts, signer, NOW)
      const own = { signatureDigest: digest('SHA-512', xml), signatureValue: signatureValueOf(xml) }
      const token = await country.stamp(timestampInput([own], 'SHA-512').imprint)
      return collect(
        writeContainer({ createdAt: NOW, message, signature: insertTimestamp(xml, token), attachments: [] }),
      )
    }),
  )
}

const MANY = 70
for (const [index, container] of (await many(MANY)).entries())
  write(`many/${index % 3}/${String(index).padStart(3, '0')}.asice`, container)
write('many/1/broken.asice', 'hello')
write('many/2/readme.txt', 'no evidence')
write('many/2/revoked.asice', revoked)
symlinkSync(at('many', '1'), at('many', 'link'))

test('a folder: every container in it, in order, whoever judged it', async () => {
  const [alone, together] = await Promise.all([
    verify('--pinned', pinned, '--json', '--threads', '1', at('many')),
    verify('--pinned', pinned, '--json', '--threads', '3', at('many')),
  ])
  assert.deepEqual([alone.status, together.status], [1, 1], alone.stderr + together.stderr)
  assert.equal(together.stdout, alone.stdout)
  const { files, totals } = answer(alone)
  const names = files.map(({ file }) => file)
  assert.deepEqual(names, names.toSorted())
  assert.equal(totals.containers, MANY + 2)
  assert.deepEqual(totals.verdicts, { valid: MANY, invalid: 1, indeterminate: 0, unreadable: 1 })
  // The text, and the link: neither is followed nor judged.
  assert.equal(totals.passedOver, 2)
})

test('people see one line for each that passed, and all of what did not', async () => {
  const { stdout, status } = await verify('--pinned', pinned, at('many', '2'))
  assert.equal(status, 1)
  assert.equal(
    [...stdout.matchAll(/^VALID .*TOTAL-PASSED.*DEMO\/GOV\/70000001\/register/gm)].length,
    Math.floor(MANY / 3),
  )
  assert.match(stdout, /✘ certificate path and revocation: invalid_cert_path.cert_validation/)
  assert.match(stdout, /^24 containers in 24 files: 23 valid, 1 invalid$/m)
  assert.match(stdout, /^passed over, no evidence by its name: 1 file$/m)
})

test('progress is told on the standard error when it is asked for, and else only on a terminal', async () => {
  const asked = await verify('--pinned', pinned, '--progress', '--json', at('many'))
  assert.match(asked.stderr, /^72 containers in 72 files, \d+\/s, 2 not valid/m)
  assert.equal(answer(asked).totals.containers, MANY + 2)
  assert.equal((await verify('--pinned', pinned, '--json', at('many', '0'))).stderr, '')
})

async function archive(list: readonly Buffer[], day: number, previous?: { digest: string; file: string }) {
  const writer = new ArchiveWriter('SHA-512', previous)
  const name = (index: number) => `d${day}-request-${index}.asice`
  const entries = async function* () {
    for (const [index, body] of list.entries()) yield { name: name(index), at: NOW, body: once(body) }
  }
  const bytes = await collect(writer.bytes(entries()))
  const when = new Date(NOW.getTime() + day * 86_400_000)
  const base = archiveName({ group: '', from: when, to: when, digest: writer.digest, timeZone: 'UTC' })
  const proofs = await collect(
    writeZip(
      await Promise.all(
        list.map(async (body, index) => ({
          name: `${name(index)}.tlog-proof`,
          modifiedAt: NOW,
          compress: true,
          body: await proofOf(body),
        })),
      ),
    ),
  )
  return { bytes, proofs, base, end: { digest: writer.digest, file: `${base}.zip` } }
}

async function proofOf(container: Uint8Array): Promise<Uint8Array> {
  const facts = recordFactsOf(await examineContainer(once(container), trust))
  assert.ok(facts)
  return log.proof(recordOf(facts))
}

const days = [await archive([single, batch], 1)]
for (const day of [2, 3]) days.push(await archive([rsa, single], day, days.at(-1)?.end))
for (const { base, bytes, proofs } of days) {
  write(`archives/${base}.zip`, bytes)
  write(`archives/${base}.proofs.zip`, proofs)
}

test('archives: chain, links, proofs that lie beside, every container', async () => {
  const ended = await verify('--pinned', pinned, '--json', at('archives'))
  assert.equal(ended.status, 0, ended.stdout + ended.stderr)
  const { files, archives, links, totals } = answer(ended)
  assert.equal(totals.proofs['witnessed'], 6)
  assert.deepEqual(
    files.filter(({ entry }) => entry === null).map(({ kind, archive: chain }) => [kind, chain?.lastDigest]),
    days.map(({ end }) => ['archive', end.digest]),
  )
  assert.deepEqual(links, [])
  assert.deepEqual(
    archives.map((run) => [run.archives, run.first, run.last]),
    [[3, days[0]?.end.file, days[2]?.end.file]],
  )
  const { stdout } = await verify('--pinned', pinned, at('archives'))
  assert.match(stdout, /^archives: 3, without a gap$/m)
  assert.match(stdout, /^in the log: 6 proven and witnessed$/m)
})

test('an archive that is missing, or whose proofs are garbage, is told', async () => {
  for (const [index, { base, bytes }] of days.entries()) if (index !== 1) write(`gap/${base}.zip`, bytes)
  const gap = await verify('--pinned', pinned, '--json', at('gap'))
  assert.equal(gap.status, 1)
  assert.deepEqual(
    answer(gap).links.map(({ code }) => code),
    ['archive_missing'],
  )
  const [first] = days
  write(`side/${first?.base}.zip`, first?.bytes ?? '')
  write(`side/${first?.base}.proofs.zip`, 'hello')
  const side = await verify('--pinned', pinned, '--json', at('side'))
  assert.equal(side.status, 1)
  assert.equal(answer(side).totals.brokenFiles, 1)
  const after = await verify('--pinned', pinned, '--after', 'first', at('archives', `${days[1]?.base}.zip`))
  assert.equal(after.status, 1)
  assert.match(after.stdout, /previous_digest_differs/)
})

test('a proof beside its container', async () => {
  write('beside/a.asice', single)
  write('beside/a.asice.tlog-proof', await proofOf(single))
  write('beside/b.asice', batch)
  write('beside/b.asice.tlog-proof', await proofOf(single))
  const ended = await verify('--pinned', pinned, '--json', at('beside'))
  assert.equal(ended.status, 1)
  assert.deepEqual(
    answer(ended).files.map(({ verdict, proof }) => [verdict, proof?.state]),
    [
      ['valid', 'witnessed'],
      ['invalid', 'failed'],
    ],
  )
})

const key = signingKey()
const tomorrow = new Date(NOW.getTime() + 86_400_000)
const generation = await generationOf({ key, expiresAt: tomorrow, shared: sharedOf(country) })
const stale = await generationOf({
  key,
  expiresAt: new Date(NOW.getTime() - 86_400_000),
  shared: sharedOf(country, { tsas: [] }),
})

test('a bundle with an anchor: nothing is downloaded, and nothing else is believed', async () => {
  const anchor = write('anchor.xml', anchorOf(key))
  const bundle = await collect(
    writeBundle({
      modifiedAt: NOW,
      name: 'a-request-1.asice',
      container: () => once(single),
      proof: await proofOf(single),
      signedConfiguration: [...generation].map(([path, bytes]) => ({ path, bytes })),
    }),
  )
  const file = write('bundles/a-request-1.asice.evidence.zip', bundle)
  const ended = await verify('--anchor', anchor, '--json', file)
  assert.equal(ended.status, 0, ended.stdout + ended.stderr)
  assert.deepEqual(
    answer(ended).files.map(({ kind, entry, verdict, proof }) => [kind, entry, verdict, proof?.state]),
    [
      ['container', 'a-request-1.asice', 'valid', 'not judged'],
      ['bundle', null, 'valid', undefined],
    ],
  )
  const foreign = await verify(
    '--anchor',
    write('other.xml', anchorOf(signingKey())),
    '--pinned',
    pinned,
    '--json',
    file,
  )
  // The anchor's own source is asked then, and does not answer.
  assert.equal(foreign.status, 2)
  assert.match(foreign.stderr, /cannot be had/)
})

test('stored configurations of several dates, as a folder and as a zip', async () => {
  const anchor = write('anchor.xml', anchorOf(key))
  const files = [...under('1', stale), ...under('2', generation)]
  for (const [path, bytes] of files) write(`stored/${path}`, bytes)
  const zip = write(
    'stored.zip',
    await collect(writeZip(files.map(([name, bytes]) => ({ name, body: bytes, modifiedAt: NOW, compress: true })))),
  )
  write('one/a.asice', single)
  for (const where of [at('stored'), zip]) {
    const ended = await verify('--anchor', anchor, '--configuration', where, at('one'))
    assert.equal(ended.status, 0, ended.stdout + ended.stderr)
  }
  const old = await verify('--anchor', anchor, '--configuration', at('stored', '1'), '--json', at('one'))
  assert.equal(old.status, 1)
  assert.ok(answer(old).files[0]?.checks.some(({ code }) => code === 'nobody_believed'))
  const both = await verify(
    ...['--anchor', anchor, '--configuration', at('stored', '1'), '--configuration', at('stored', '2')],
    at('one'),
  )
  assert.equal(both.status, 0, both.stderr)
})

test('an anchor alone: its configuration is downloaded once, for all threads', async (t) => {
  const asked: string[] = []
  const files = new Map<string, Uint8Array>()
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const body = files.get(request.url ?? '')
    response.writeHead(body === undefined ? 404 : 200).end(body ?? '')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const soon = new Date(Date.now() + 600_000)
  // It is judged by the clock whether the configuration may be taken, and by the time-stamp whom it believes.
  const fresh = await generationOf({
    key,
    expiresAt: new Date(Math.max(soon.getTime(), tomorrow.getTime())),
    shared: sharedOf(country),
  })
  const parts = [...fresh].filter(([path]) => path.endsWith('.part')).map(([, bytes]) => bytes)
  files.set('/internalconf?version=6', fresh.get('DEMO/directory') ?? new Uint8Array())
  for (const bytes of parts)
    files.set(`/V6/1/${Buffer.from(bytes).includes('ocspFreshnessSeconds') ? 'shared' : 'private'}-params.xml`, bytes)
  const anchor = Buffer.from(anchorOf(key)).toString().replace('cs.example', `127.0.0.1:${port}`)
  const ended = await verify('--anchor', write('served.xml', anchor), '--threads', '3', '--json', at('many'))
  assert.equal(ended.status, 1, ended.stderr)
  assert.equal(answer(ended).totals.verdicts['valid'], MANY)
  assert.equal(asked.filter((url) => url.startsWith('/internalconf')).length > 0, true)
  assert.equal(asked.filter((url) => url.includes('shared-params')).length, 1)
})

test('a page, and a signature of it that openssl verifies', async (t) => {
  if (!needsTools(t, 'openssl')) return
  const keys = {
    ec: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  }
  const ca = issue({ kind: 'EC-P256', subject: named('Auditors'), ca: true, keyUsage: ['keyCertSign'] })
  write('auditors.pem', pem('CERTIFICATE', ca.certificate.der))
  for (const [name, keyPair] of Object.entries(keys)) {
    const auditor = issue({
      keyPair,
      subject: named('Auditor'),
      issuer: ca,
      keyUsage: ['digitalSignature', 'nonRepudiation'],
    })
    const secret = createPrivateKey(auditor.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const encrypted = name === 'rsa'
    const own = secret.export({
      type: 'pkcs8',
      format: 'pem',
      ...(encrypted ? { cipher: 'aes-256-cbc', passphrase: 'a password' } : {}),
    } as never) as unknown as string
    const signer = write(
      `${name}.pem`,
      own + pem('CERTIFICATE', auditor.certificate.der) + pem('CERTIFICATE', ca.certificate.der),
    )
    write('password', 'a password\n')
    const page = at(`report-${name}.html`)
    const ended = await verify(
      ...['--pinned', pinned, '--report', page, '--sign-report', signer, '--pin-file', at('password')],
      ...[at('many', '2'), at('archives')],
    )
    assert.equal(ended.status, 1, ended.stderr)
    assert.match(ended.stderr, new RegExp(`written to ${page}\nwritten to ${page}.p7s`))
    const judged = () =>
      tool('openssl', [
        ...['cms', '-verify', '-binary', '-inform', 'DER', '-in', `${page}.p7s`, '-content', page],
        ...[
          '-CAfile',
          at('auditors.pem'),
          '-purpose',
          'any',
          '-attime',
          `${(NOW.getTime() / 1000) | 0}`,
          '-out',
          at('same.html'),
        ],
      ])
    assert.equal(judged().status, 0, judged().stderr)
    const text = readFileSync(page, 'utf8')
    assert.deepEqual(readFileSync(at('same.html'), 'utf8'), text)
    for (const words of [
      'Not all evidence passed',
      '29 of 30 containers passed',
      'cert_validation',
      'They go on from one another without a gap.',
      '<svg',
    ])
      assert.ok(text.includes(words), words)
    writeFileSync(page, text.replace('29 of 30', '30 of 30'))
    assert.notEqual(judged().status, 0, 'a page that was changed is not the one that was signed')
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.')),
    [],
    'nothing is left beside the pages',
  )
})

test('two opinions more, on X-Road’s containers and on ours', async (t) => {
  if (!needsVectors(t) || !needsTools(t, 'xmlsec1')) return
  const theirs = await verify(
    '--conf',
    vectorPath('globalconf', 'globalconf_good2_v3'),
    '--second-opinion',
    '--json',
    vectorPath('asic'),
  )
  assert.equal(theirs.status, 1)
  assert.equal(answer(theirs).totals.disagreements, 0)
  assert.equal(answer(theirs).totals.verdicts['valid'], 5)
  const ours = await verify('--pinned', pinned, '--second-opinion', at('archives'))
  assert.equal(ours.status, 0, ours.stdout)
  assert.match(ours.stdout, /^second opinion of xmlsec1 [\d.]+: on 6 signatures$/m)
  assert.match(ours.stdout, /^second opinion of xml-crypto: on 2 signatures$/m)
})

test('what cannot be done is told before anything is judged', async () => {
  for (const [args, status, words] of [
    [['--sign-report', at('x.pem'), at('one')], 64, /signs the page of --report/],
    [['--report', at('r.html'), '--sign-report', at('nothing.pem'), at('one')], 2, /cannot be read/],
    [['--report', at('r.html'), '--sign-report', at('password'), at('one')], 2, /cannot sign/],
    [['--report', at('nowhere', 'r.html'), at('one')], 2, /cannot be written/],
    [['--after', 'x', at('one')], 64, /--after is the digest/],
    [['--threads', '0', at('one')], 64, /--threads is a number/],
    [['--pinned', at('password'), at('one')], 2, /pinned list cannot be used/],
  ] as const) {
    const ended = await verify('--pinned', pinned, ...args)
    assert.equal(ended.status, status, ended.stderr)
    assert.match(ended.stderr, words)
    assert.equal(ended.stdout, '')
  }
  mkdirSync(at('empty'), { recursive: true })
  const empty = await verify('--pinned', pinned, at('empty'))
  assert.equal(empty.status, 2)
  assert.match(empty.stderr, /no evidence/)
})
