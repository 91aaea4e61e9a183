// `saadik verify` as scripts see it: exit codes, a JSON that keeps its shape, and who is believed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { after, type TestContext } from 'node:test'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vectorPath } from '../../vectors.ts'

const main = resolve(import.meta.dirname, '../../../cli/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'saadik-verify-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const conf = vectorPath('globalconf', 'globalconf_good2_v3')
const asic = (name: string) => vectorPath('asic', `${name}.asice`)

function verify(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'verify', ...args], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const KEYS = [
  'file',
  'entry',
  'kind',
  'verdict',
  'indication',
  'subIndication',
  'signer',
  'signerName',
  'signedAt',
  'certificate',
  'ocsp',
  'timestamp',
  'message',
  'provenDigests',
  'proof',
  'opinions',
  'lasting',
  'believed',
  'checks',
]
/** Of a file that is no container, or none that can be opened. */
const FILE_KEYS = ['file', 'entry', 'kind', 'verdict', 'containers', 'archive', 'checks']

interface Answer {
  readonly schema: string
  readonly totals: { readonly verdicts: Record<string, number>; readonly passedOver: number }
  readonly files: readonly {
    readonly file: string
    readonly entry: string | null
    readonly kind: string
    readonly verdict: string
    readonly checks: readonly { readonly ok: boolean }[]
  }[]
}

test('0 when all are valid, and every key is always there', (t) => {
  if (!needsVectors(t)) return
  const { status, stdout } = verify(
    '--conf',
    conf,
    '--json',
    asic('valid-signed-message'),
    asic('valid-non-batch-rest'),
  )
  assert.equal(status, 0, stdout)
  const { schema, files } = JSON.parse(stdout) as Answer
  assert.equal(schema, 'saadik-verification-1')
  assert.deepEqual(
    files.map(({ verdict }) => verdict),
    ['valid', 'valid'],
  )
  for (const file of files) {
    assert.deepEqual(Object.keys(file), KEYS)
    assert.ok(file.checks.every(({ ok }) => ok))
  }
})

test('1 when any is invalid, even beside an unreadable one; 2 when only unreadable ones spoil it', (t) => {
  if (!needsVectors(t)) return
  const garbage = join(folder, 'garbage.asice')
  writeFileSync(garbage, 'not a container')
  const absent = join(folder, 'absent.asice')
  assert.equal(verify('--conf', conf, asic('valid-signed-message'), asic('invalid-digest'), garbage).status, 1)
  const { status, stdout } = verify('--conf', conf, '--json', asic('valid-signed-message'), garbage, absent)
  assert.equal(status, 2)
  const { files } = JSON.parse(stdout) as Answer
  assert.deepEqual(
    files.map(({ verdict }) => verdict),
    ['valid', 'unreadable', 'unreadable'],
  )
  for (const file of files) assert.deepEqual(Object.keys(file), file.kind === 'container' ? KEYS : FILE_KEYS)
})

test('people see the verdict first, then who, when and every check', (t) => {
  if (!needsVectors(t)) return
  const { stdout } = verify('--conf', conf, asic('invalid-digest'))
  assert.match(stdout, /^INVALID {2}/)
  assert.match(stdout, /signer +DEV\/COM\/4321\/TestClient/)
  assert.match(stdout, /✘ .*invalid_signature_value/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no colour goes into a pipe
  assert.doesNotMatch(stdout, /\u001b/)
})

function zipped(t: TestContext): string | undefined {
  if (!needsVectors(t) || !needsTools(t, 'zip', 'cp')) return undefined
  assert.equal(tool('cp', ['-r', conf, join(folder, 'verificationconf')]).status, 0)
  const made = tool('zip', ['-q', '-r', 'conf.zip', 'verificationconf'], { cwd: folder })
  assert.equal(made.status, 0, made.stderr)
  return join(folder, 'conf.zip')
}

test('the configuration may be a folder, the folder around it, or the zip', (t) => {
  const zip = zipped(t)
  if (zip === undefined) return
  for (const where of [zip, folder, join(folder, 'verificationconf')]) {
    const { status, stderr } = verify('--conf', where, asic('valid-signed-message'))
    assert.equal(status, 0, `${where}: ${stderr}`)
  }
})

test('without somebody to believe there is no verdict', (t) => {
  if (!needsVectors(t)) return
  const nobody = verify(asic('valid-signed-message'))
  assert.equal(nobody.status, 2)
  assert.match(nobody.stderr, /whom to believe\?/)
  const wrong = verify('--conf', join(folder, 'nothing'), asic('valid-signed-message'))
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /nothing cannot be read/)
  const unvouched = verify('--configuration', conf, asic('valid-signed-message'))
  assert.equal(unvouched.status, 64)
  assert.match(unvouched.stderr, /--configuration needs --anchor/)
  assert.equal(verify('--anchor', join(folder, 'nothing.xml'), asic('valid-signed-message')).status, 2)
})
