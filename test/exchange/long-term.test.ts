// Evidence that lasts, by the commands of people: containers of two real servers exported, their standing told, renewed by a real authority,
// with kill -9 in the midst of it.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { surveyContainer, verifyContainer, writeZip } from '#evidence'
import { entriesOf, evidenceOf, trustOf } from '../federation/evidence.ts'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { envelope, multipart } from '../federation/soap.ts'

const main = resolve(import.meta.dirname, '..', '..', 'cli', 'main.ts')

let pair: Pair
let folder: string
/** As the log gives them. */
let originals: string
let conf: string

before(async () => {
  const access = [{ subject: CLIENT }]
  pair = await startPair({
    services: (url) => [
      { code: 'items', url, access },
      { wsdl: `${url}/soap.wsdl`, access },
    ],
  })
  folder = await mkdtemp(join(tmpdir(), 'saadik-long-term-'))
  originals = join(folder, 'originals')
  conf = join(folder, 'verificationconf.zip')
  await mkdir(originals)
  await (await pair.call('/echo', { method: 'POST', body: 'a body', headers: { 'X-Road-Id': 'with-body' } })).text()
  await (await pair.call('/items/1', { headers: { 'X-Road-Id': 'plain' } })).text()
  const parts = [envelope('echo', 'soap'), 'attached'].map((text) => ['Content-Type: text/xml', text] as const)
  const body = new Blob([new Uint8Array(multipart('b', parts))])
  const headers = { 'Content-Type': 'multipart/related; boundary=b' }
  await (await fetch(pair.consumer.client, { method: 'POST', body, headers })).arrayBuffer()
  for (const id of ['with-body', 'plain', 'soap'])
    for (const leg of ['requestOnly', 'responseOnly'] as const)
      await writeFile(join(originals, `${id}-${leg}.asice`), await evidenceOf(pair.consumer, CLIENT, id, leg))
  await writeFile(conf, Buffer.from(await (await fetch(`${pair.consumer.client}/verificationconf`)).arrayBuffer()))
})
after(async () => {
  await pair?.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function saadik(...words: readonly string[]): Ran {
  const [group = '', command = '', ...rest] = words
  const options =
    group === 'evidence' ? [group, command, '--conf', conf, ...rest] : [group, '--conf', conf, command, ...rest]
  return spawnSync(process.execPath, [main, ...options], { cwd: folder, encoding: 'utf8' })
}

async function copyOf(name: string, from = originals): Promise<string> {
  const to = join(folder, name)
  await cp(from, to, { recursive: true })
  return to
}

test('export: every container becomes XAdES B-LTA, once', async () => {
  const conforming = join(folder, 'conforming')
  await mkdir(conforming)
  const first = saadik('evidence', 'export', originals, '-o', conforming)
  assert.equal(first.status, 0, first.stderr)
  assert.match(first.stdout, /^6 written, 0 there already, 0 refused/)
  const verified = saadik('verify', ...(await readdir(conforming)).map((name) => join(conforming, name)))
  assert.equal(verified.status, 0, verified.stdout)
  const state = JSON.parse(saadik('evidence', 'status', conforming, '--json').stdout) as {
    files: { state: string; layout: string; timestamps: { kind: string }[] }[]
    good: number
  }
  assert.equal(state.good, 6)
  for (const file of state.files) {
    assert.equal(file.layout, 'XAdES-B-LTA')
    assert.deepEqual(
      file.timestamps.map(({ kind }) => kind),
      ['signature time-stamp', 'archive time-stamp'],
    )
  }
  const again = saadik('evidence', 'export', originals, '-o', conforming)
  assert.match(again.stdout, /^0 written, 6 there already, 0 refused/)
  const single = join(folder, 'one.asice')
  assert.equal(saadik('evidence', 'export', join(originals, 'plain-requestOnly.asice'), '-o', single).status, 0)
  assert.equal(saadik('verify', single).status, 0)
})

test('export: what is refused, and where to', async () => {
  const plain = join(originals, 'plain-requestOnly.asice')
  assert.equal(saadik('evidence', 'export', plain).status, 64)
  assert.equal(saadik('evidence', 'export', originals, '-o', join(folder, 'no-folder')).status, 64)
  assert.equal(saadik('evidence', 'export', plain, '-o', plain).status, 64)
  assert.equal(saadik('evidence', 'export', plain, '-o', 'x', '--hash', 'SHA-1').status, 64)
  assert.equal(saadik('evidence', 'export', join(folder, 'absent.asice'), '-o', join(folder, 'x.asice')).status, 2)
  const broken = join(folder, 'broken.asice')
  await writeFile(broken, (await readFile(plain)).subarray(0, 1000))
  const refused = saadik('evidence', 'export', broken, '-o', join(folder, 'x.asice'))
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /not_believed/)
  await assert.rejects(stat(join(folder, 'x.asice')))
})

test('status: what ends within the days that are asked for is to be renewed; what is broken is said to be', async () => {
  const good = saadik('evidence', 'status', originals)
  assert.equal(good.status, 0, good.stdout + good.stderr)
  assert.match(good.stdout, /good until \d{4}-.*: then the certificate of .* ends\n/)
  const due = saadik('evidence', 'status', '--within', '99999', originals)
  assert.equal(due.status, 1)
  assert.match(due.stdout, /0 good, 6 to renew, 0 ended, 0 invalid, 0 unreadable/)
  const mixed = await copyOf('mixed')
  await writeFile(join(mixed, 'plain-requestOnly.asice'), 'no container')
  const broken = saadik('evidence', 'status', mixed)
  assert.equal(broken.status, 2)
  assert.match(broken.stdout, /UNREADABLE .*plain-requestOnly.asice {2}asic_malformed_zip/)
  assert.equal(saadik('evidence', 'status', '--within', 'soon', originals).status, 64)
})

test('renew: what is under another digest, in either layout; not what would gain nothing', async () => {
  const both = await copyOf('both')
  await cp(join(folder, 'conforming'), join(both, 'conforming'), { recursive: true })
  assert.match(saadik('evidence', 'renew', both).stdout, /^0 renewed, 12 not due, 0 gained nothing, 0 refused/)
  const nothing = saadik('evidence', 'renew', '--within', '99999', both)
  assert.match(nothing.stdout, /^0 renewed, 0 not due, 12 gained nothing, 0 refused/)
  const stronger = saadik('evidence', 'renew', '--hash', 'SHA3-512', both)
  assert.equal(stronger.status, 0, stronger.stderr)
  assert.match(stronger.stdout, /^12 renewed/)
  assert.match(saadik('evidence', 'renew', '--hash', 'SHA3-512', both).stdout, /^0 renewed, 12 not due/)
  const trust = await trustOf(pair.consumer)
  for (const name of await readdir(originals)) {
    const path = join(both, name)
    const [before, now] = [
      await entriesOf(await readFile(join(originals, name))),
      await entriesOf(await readFile(path)),
    ]
    for (const [entry, body] of before) assert.deepEqual(now.get(entry), body)
    const { times } = await surveyContainer(() => one(path), trust)
    assert.equal(times.at(-1)?.digest, 'SHA3-512')
    assert.equal((await verifyContainer(one(path), trust)).verdict, 'valid')
  }
})

test('verify says what keeps a container and until when; what a record is over and was changed is invalid', async () => {
  const path = join(folder, 'both', 'plain-requestOnly.asice')
  const people = saadik('verify', path)
  assert.equal(people.status, 0, people.stdout)
  assert.match(people.stdout, /✔ what keeps it for long/)
  assert.match(people.stdout, /good until {2}.*: then the certificate of .* ends/)
  const { files } = JSON.parse(saadik('verify', '--json', path).stdout) as {
    files: { lasting: { layout: string; timestamps: object[] } | null }[]
  }
  assert.equal(files[0]?.lasting?.layout, 'X-Road')
  assert.equal(files[0]?.lasting?.timestamps.length, 2)
  const entries = await entriesOf(await readFile(path))
  // X-Road's own checks do not look at this one.
  entries.set('META-INF/manifest.xml', Buffer.from('<other/>'))
  const modifiedAt = new Date()
  const written = writeZip([...entries].map(([name, body]) => ({ name, body, modifiedAt, compress: true })))
  const changed = join(folder, 'changed.asice')
  await writeFile(changed, written)
  const judged = saadik('verify', changed)
  assert.equal(judged.status, 1)
  assert.match(judged.stdout, /INVALID .*✘ what keeps it for long: wrong_imprint/s)
})

test('an authority that is not there, or not believed: nothing is changed', async () => {
  const untouched = await copyOf('untouched')
  const before = await readFile(join(untouched, 'soap-requestOnly.asice'))
  const nobody = saadik('evidence', 'renew', '--hash', 'SHA3-512', '--tsa', 'http://127.0.0.1:1/', untouched)
  assert.equal(nobody.status, 1)
  assert.match(nobody.stderr, /no time-stamp to be had/)
  const nonsense = saadik('evidence', 'renew', '--hash', 'SHA3-512', '--tsa', pair.state.authorities.ocspUrl, untouched)
  assert.equal(nonsense.status, 1)
  assert.deepEqual(await readFile(join(untouched, 'soap-requestOnly.asice')), before)
  await pair.state.authorities.stopOcsp()
  try {
    const mute = saadik(
      'evidence',
      'export',
      join(originals, 'plain-requestOnly.asice'),
      '-o',
      join(folder, 'mute.asice'),
    )
    assert.equal(mute.status, 1)
    assert.match(mute.stderr, /nobody says whether/)
  } finally {
    await pair.state.authorities.startOcsp()
  }
})

async function* one(path: string): AsyncGenerator<Uint8Array> {
  yield await readFile(path)
}

const COPIES = 40

test('kill -9 in the midst of a renewal: each file is as it was or renewed, and the next run does the others', async () => {
  const many = join(folder, 'many')
  await mkdir(many)
  const names = await readdir(originals)
  for (let copy = 0; copy < COPIES; copy++) {
    const name = names[copy % names.length] ?? ''
    await cp(join(originals, name), join(many, `${copy}-${name}`))
  }
  const trust = await trustOf(pair.consumer)
  const renewedNow = async () => {
    let renewed = 0
    for (const name of (await readdir(many)).filter((file) => file.endsWith('.asice'))) {
      const path = join(many, name)
      assert.equal((await verifyContainer(one(path), trust)).verdict, 'valid', name)
      const { times } = await surveyContainer(() => one(path), trust)
      assert.ok(times.length <= 2, `${name} was renewed twice`)
      if (times.length === 2) renewed += 1
    }
    return renewed
  }
  let before = 0
  for (const lines of [1, 4, 9]) {
    await killedAfter(lines, ['evidence', 'renew', '--conf', conf, '--hash', 'SHA3-256', many])
    const now = await renewedNow()
    assert.ok(now > before, `${now} after ${before}`)
    before = now
  }
  assert.ok(before < COPIES, 'it was killed too late')
  // What a crash leaves behind is removed by a later run, not by one that may be beside the writer.
  const left = join(many, '.0-plain-requestOnly.asice.0123456789ab.tmp')
  const fresh = join(many, '.1-plain-requestOnly.asice.0123456789ab.tmp')
  for (const file of [left, fresh]) await writeFile(file, 'half a contain')
  await utimes(left, 1, 1)
  const last = saadik('evidence', 'renew', '--hash', 'SHA3-256', many)
  assert.equal(last.status, 0, last.stderr)
  assert.equal(await renewedNow(), COPIES)
  await assert.rejects(stat(left))
  await stat(fresh)
})

/** Ends the command once it has told of so many files. */
function killedAfter(lines: number, words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
    let told = 0
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text.split('good until').length - 1
      if (told >= lines) child.kill('SIGKILL')
    })
    child.on('error', reject).on('close', () => resolve())
  })
}
