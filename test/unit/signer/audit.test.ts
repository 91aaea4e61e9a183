import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { systemClock } from '#host'
import { signatureNamed } from '#trust'
import { openAudit, readTrail } from '../../../signer/audit.ts'
import { scratch } from '../host/scratch.ts'
import { signedInfoFor } from './signed-info.ts'
import { PIN, startedSigner } from './signer-process.ts'

const entry = (n: number) => ({
  op: 'sign',
  key: 'a'.repeat(32),
  purpose: 'message',
  digest: String(n % 10).repeat(64),
  outcome: 'ok',
})

/** Small, so that files are turned. */
const FILE_BYTES = 4096

async function written(directory: string, lines: number): Promise<void> {
  const audit = await openAudit(directory, systemClock, FILE_BYTES)
  for (let n = 0; n < lines; n += 1) {
    audit.record(entry(n))
    // Now and then, so that there are several groups.
    if (n % 7 === 0) await audit.flush()
  }
  await audit.close()
}

async function seqs(directory: string, from?: number): Promise<number[]> {
  const found: number[] = []
  for await (const { seq } of readTrail(directory, from)) found.push(seq)
  return found
}

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)
const fileIn = (directory: string) => join(directory, readdirSync(directory).sort().at(-1) ?? '')

test('lines are numbered without gaps over restarts and read in pages', async (t) => {
  const directory = scratch(t)
  await written(directory, 5)
  await written(directory, 5)
  assert.deepEqual(await seqs(directory), upTo(10))
  const audit = await openAudit(directory, systemClock)
  t.after(() => audit.close())
  assert.deepEqual(
    (await audit.read(7, 2)).map(({ seq }) => seq),
    [8, 9],
  )
  assert.deepEqual(Object.keys((await audit.read(0, 1))[0] ?? {}), [
    'seq',
    'at',
    'op',
    'key',
    'purpose',
    'digest',
    'outcome',
  ])
  audit.record(entry(1))
  assert.deepEqual(
    (await audit.read(10, 5)).map(({ seq }) => seq),
    [11],
  )
})

test('an edited, dropped, added or reordered line shows, and a signer does not start on it', async (t) => {
  const edits: readonly ((lines: string[]) => string[])[] = [
    (lines) => lines.map((line, n) => (n === 2 ? line.replace('"outcome":"ok"', '"outcome":"no"') : line)),
    (lines) => lines.filter((_, n) => n !== 2),
    (lines) => [...lines.slice(0, 2), lines[1] ?? '', ...lines.slice(2)],
    (lines) => [lines[1] ?? '', lines[0] ?? '', ...lines.slice(2)],
    (lines) => lines.map((line, n) => (n === 2 ? line.replace(/"chain":"./, '"chain":"x') : line)),
    (lines) => [...lines, '{"seq":7,"op":"sign"}'],
  ]
  for (const change of edits) {
    const directory = scratch(t)
    await written(directory, 6)
    const file = fileIn(directory)
    writeFileSync(file, `${change(readFileSync(file, 'utf8').trimEnd().split('\n')).join('\n')}\n`)
    await assert.rejects(openAudit(directory, systemClock), {
      code: 'store_failed',
      message: /audit trail was changed/,
    })
  }
})

test('a line cut short by a crash is removed, and the trail goes on after the last whole one', async (t) => {
  const directory = scratch(t)
  await written(directory, 3)
  appendFileSync(fileIn(directory), '{"seq":4,"at":"2026')
  await written(directory, 2)
  assert.deepEqual(await seqs(directory), upTo(5))
  truncateSync(fileIn(directory), readFileSync(fileIn(directory)).length - 5)
  await written(directory, 1)
  assert.deepEqual(await seqs(directory), upTo(5))
})

test('files are turned by size, chained across, and the oldest may be taken away', async (t) => {
  const directory = scratch(t)
  const lines = 60
  await written(directory, lines / 2)
  await written(directory, lines / 2)
  await written(directory, 10)
  const names = readdirSync(directory).sort()
  assert.ok(names.length >= 3, `${names.length} files`)
  assert.equal((await seqs(directory)).length, lines + 10)
  assert.deepEqual(await seqs(directory, lines).then((found) => found.at(-1)), lines + 10)
  const audit = await openAudit(directory, systemClock)
  assert.deepEqual(
    (await audit.read(lines - 2, 4)).map(({ seq }) => seq),
    [lines - 1, lines, lines + 1, lines + 2],
  )
  await audit.close()
  rmSync(join(directory, names[0] ?? ''))
  assert.ok((await seqs(directory)).length < lines)
  renameSync(join(directory, names[1] ?? ''), join(directory, 'elsewhere'))
  await written(directory, 1)
  // A missing file in the middle is no archive but a hole.
  renameSync(join(directory, 'elsewhere'), join(directory, names[1] ?? ''))
  if (names.length > 3) {
    rmSync(join(directory, names[2] ?? ''))
    await assert.rejects(seqs(directory), { code: 'store_failed' })
  }
})

test('a file begun and left empty by a crash is gone on with', async (t) => {
  const directory = scratch(t)
  await written(directory, 3)
  writeFileSync(join(directory, 'audit-000000000004.jsonl'), '')
  await written(directory, 2)
  assert.deepEqual(await seqs(directory), upTo(5))
  assert.equal(readFileSync(join(directory, 'audit-000000000004.jsonl'), 'utf8').trimEnd().split('\n').length, 2)
})

test('when the disk refuses, a flush says so and nothing is lost once it takes lines again', async (t) => {
  const directory = scratch(t)
  const audit = await openAudit(directory, systemClock, FILE_BYTES)
  // A file that is full, and a folder where the next one should be made: the turn fails.
  for (let n = 0; n < 20; n += 1) audit.record(entry(n))
  await audit.flush()
  const blocking = join(directory, 'audit-000000000021.jsonl')
  mkdirSync(blocking)
  audit.record(entry(1))
  await assert.rejects(audit.flush(), { code: 'store_failed' })
  assert.ok(audit.failing)
  audit.record(entry(2))
  await assert.rejects(audit.flush(), { code: 'store_failed' })
  rmSync(blocking, { recursive: true })
  await audit.flush()
  assert.equal(audit.failing, false)
  await audit.close()
  assert.equal((await seqs(directory)).at(-1), 22)
})

test('the trail of a signer has every operation and no secret, and what was answered is in it after a kill', async (t) => {
  const signer = await startedSigner(t)
  const { client } = signer
  const key = await client.generate({ use: 'message', algorithm: 'EC-P256' })
  const data = signedInfoFor(signatureNamed('SHA512withECDSA')?.uri ?? '')
  await client.sign({ key: key.id, purpose: 'message', algorithm: 'SHA512withECDSA', data })
  await assert.rejects(client.sign({ key: key.id, purpose: 'crl', algorithm: 'SHA512withECDSA', data }), {
    code: 'policy',
  })
  await assert.rejects(client.unlock('wrong horse'), { code: 'pin_incorrect' })
  await client.csr({ key: key.id, subject: [{ oid: '2.5.4.3', value: 'A Person' }] })
  await signer.program.kill('SIGKILL')
  const directory = join(signer.directory, 'audit')
  const text = readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('')
  for (const secret of [PIN, 'wrong horse', 'A Person', 'SignedInfo', data.toString('base64').slice(0, 40)])
    assert.equal(text.includes(secret), false, secret)
  const trail: (string | undefined)[][] = []
  for await (const { op, purpose, outcome } of readTrail(directory)) trail.push([op, purpose, outcome])
  assert.deepEqual(trail, [
    ['start', undefined, 'ok'],
    ['unlock', undefined, 'ok'],
    ['generate', undefined, 'ok'],
    ['sign', 'message', 'ok'],
    ['sign', 'crl', 'policy'],
    ['unlock', undefined, 'pin_incorrect'],
    ['csr', undefined, 'ok'],
  ])
})
