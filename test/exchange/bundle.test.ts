// From an exchange to a bundle that an auditor judges far away: with the anchor and the log's key, which he has from elsewhere, and nothing else.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { stringify } from 'yaml'
import { controlPaths, type LogListing, type SecurityServerStatus } from '#security-server/contract'
import { type Pair, startPair } from '../federation/pair.ts'
import type { StateServer } from '../federation/state.ts'
import { until } from '../federation/traces.ts'
import { TestLog } from '../unit/verification/auditor.ts'

const root = resolve(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'saadik-bundle-'))
const BODY = 'what the office says'

let pair: Pair
before(async () => {
  pair = await startPair({
    providerConfig: { messageLog: { bodyLogging: { enabled: false } } },
  })
  const answer = await pair.call('/echo', { method: 'POST', body: BODY, headers: { 'X-Road-Id': 'bundled' } })
  assert.equal(answer.status, 200, await answer.text())
})
after(async () => {
  await pair?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function saadik(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(root, 'bin', 'saadik.js'), ...args], { encoding: 'utf8', cwd: folder })
}

const statusOf = (server: StateServer) => server.control.get<SecurityServerStatus>(controlPaths.status)

/** The bundle of the request in that server's log, once a checkpoint has its record. */
async function bundleOf(server: StateServer): Promise<string> {
  const { records } = await server.control.get<LogListing>(`${controlPaths.log}?id=bundled`)
  const seq = records.find(({ direction }) => direction === 'request')?.seq ?? 0
  await server.control.get(`${controlPaths.container(seq)}?force=1`)
  await until(async () => (await statusOf(server)).transparency.sealedRecords >= seq)
  const file = join(folder, `${server.code}.asice.evidence.zip`)
  const config = join(server.directory, '..', 'security-server.yaml')
  const got = saadik('log', 'get', String(seq), '--bundle', '--config', config, '-o', file)
  assert.equal(got.status, 0, got.stderr)
  return file
}

/** A list that names the server's log, and the witnesses that the auditor wants to have seen it. */
async function listOf(server: StateServer, witnesses = ''): Promise<string> {
  const { keys } = (await statusOf(server)).transparency
  const policy = `${keys.map((key) => `log ${key}\n`).join('')}${witnesses === '' ? 'quorum none\n' : witnesses}`
  const file = join(folder, `${server.code}-${witnesses.length}.yaml`)
  writeFileSync(file, stringify({ format: 'saadik pinned trust 1', logs: [{ policy }] }))
  return file
}

interface Row {
  readonly kind: string
  readonly entry: string | null
  readonly verdict: string
  readonly indication?: string
  readonly subIndication?: string | null
  readonly signerName?: string
  readonly proof?: { readonly state: string; readonly origin: string; readonly record: { readonly side: string } }
  readonly provenDigests?: readonly { readonly name: string; readonly value: string }[]
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly code?: string }[]
}

function verify(...args: readonly string[]) {
  const { status, stdout, stderr } = saadik('verify', '--json', ...args)
  assert.ok(stdout.startsWith('{'), stderr)
  return { status, files: (JSON.parse(stdout) as { files: readonly Row[] }).files }
}

test('the consumer’s bundle: valid, by the configuration that came along and that the anchor vouches for', async () => {
  const { consumer, state } = pair
  const bundle = await bundleOf(consumer)
  const { status, files } = verify('--anchor', state.anchor, '--pinned', await listOf(consumer), bundle)
  assert.equal(status, 0, JSON.stringify(files))
  const [container, whole] = files
  assert.deepEqual([container?.verdict, container?.indication, whole?.kind], ['valid', 'TOTAL-PASSED', 'bundle'])
  assert.ok(whole?.checks.some(({ name, ok }) => name === 'configuration in the bundle' && ok))
  const { origin } = (await statusOf(consumer)).transparency
  assert.deepEqual([container?.proof?.state, container?.proof?.origin], ['included', origin])
  assert.equal(container?.proof?.record.side, 'consumer')
  assert.ok(container?.signerName)
})

test('the provider keeps no bodies: what remains is judged, and what is not there is proven by digest', async () => {
  const { provider, state } = pair
  const { status, files } = verify(
    '--anchor',
    state.anchor,
    '--pinned',
    await listOf(provider),
    await bundleOf(provider),
  )
  assert.equal(status, 1)
  const [container] = files
  assert.deepEqual(
    [container?.verdict, container?.indication, container?.subIndication],
    ['indeterminate', 'INDETERMINATE', 'SIGNED_DATA_NOT_FOUND'],
  )
  assert.deepEqual(
    container?.checks.filter(({ ok }) => !ok).map(({ code }) => code),
    ['asic_withheld'],
  )
  // The log committed to what was said, not to what it kept.
  assert.equal(container?.proof?.state, 'included')
  const body = container?.provenDigests?.find(({ name }) => name === 'attachment1')
  assert.equal(body?.value, createHash('sha512').update(BODY).digest('hex'))
})

test('another anchor, another log, witnesses who have seen nothing', async () => {
  const { consumer, provider, state } = pair
  const bundle = await bundleOf(consumer)
  const foreign = verify('--anchor', state.anchor, '--pinned', await listOf(provider), bundle)
  assert.equal(foreign.status, 1)
  assert.deepEqual(
    foreign.files[0]?.checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name}: ${code}`),
    ['inclusion in the log: unsigned'],
  )
  const strangers = new TestLog().policy(2).replace(/^log.*\n/, '')
  const unseen = verify('--anchor', state.anchor, '--pinned', await listOf(consumer, strangers), bundle)
  assert.deepEqual(
    [unseen.status, unseen.files[0]?.verdict, unseen.files[0]?.proof?.state],
    [1, 'indeterminate', 'not witnessed'],
  )
  const alone = verify('--pinned', await listOf(consumer), bundle)
  assert.deepEqual([alone.status, alone.files[0]?.verdict], [1, 'indeterminate'])
  assert.ok(alone.files[0]?.checks.some(({ code }) => code === 'nobody_believed'))
})

test('its archive: chain, proofs that lie beside, every container', async () => {
  const { consumer, state } = pair
  const { messageLog } = await statusOf(consumer)
  for (let seq = 1; seq <= messageLog.records; seq += 1)
    await consumer.control.get(`${controlPaths.container(seq)}?force=1`)
  await until(async () => (await statusOf(consumer)).transparency.sealedRecords >= messageLog.records)
  const run = saadik('archive', 'run', '--config', join(consumer.directory, '..', 'security-server.yaml'))
  assert.equal(run.status, 0, run.stderr)
  const trust = ['--anchor', state.anchor, '--pinned', await listOf(consumer)]
  const { status, files } = verify(...trust, '--after', 'first', join(consumer.directory, 'archive'))
  assert.equal(status, 0, JSON.stringify(files))
  assert.deepEqual(
    files.map(({ kind, proof }) => (kind === 'container' ? proof?.state : kind)),
    [...Array.from({ length: messageLog.records }, () => 'included'), 'archive'],
  )
})
