// A central server as it runs: its own process, a signer of its own, real HTTP; and a configuration client that believes it.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { CentralServerStatus, SigningKey } from '#central-server/contract'
import { type ConfigurationClient, openConfiguration } from '#global-configuration'
import { controlClient, createLog, HostError, httpGet, runtimeSocket, systemClock } from '#host'
import { parseAnchor, verifySignedDirectory } from '#protocol'
import { parseCertificate } from '#trust'
import { freshAddress, startProcess, type TestProcess } from '../../federation/process.ts'
import { startSigner } from '../../federation/state.ts'
import { country } from './country.ts'

const directory = await mkdtemp(join(tmpdir(), 'saadik-central-process-'))
const host = freshAddress()
const base = `http://${host}:8090`
const configFile = join(directory, 'central-server.yaml')
const control = controlClient(runtimeSocket(join(directory, 'central'), 'control'))
const log = createLog({ process: 'test', level: 'error' })
let signer: Awaited<ReturnType<typeof startSigner>>
let central: TestProcess
let client: ConfigurationClient

const start = () => startProcess('central-server/main.ts', ['--config', configFile])
const get = (path: string) => httpGet(base + path, { timeoutMs: 5_000, maxBytes: 1 << 20 })
const refused = (code: string) => (error: unknown) => error instanceof HostError && error.remote?.code === code

async function open(): Promise<ConfigurationClient> {
  client?.stop()
  client = await openConfiguration({
    anchorFile: join(directory, 'anchor.xml'),
    directory: join(directory, 'configuration'),
    intervalSeconds: 3600,
    clock: systemClock,
    log,
  })
  return client
}

/** Asks until it is so; the test's own time limit ends it. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await pause(50)
}

before(async () => {
  signer = await startSigner(join(directory, 'signer'))
  await writeFile(
    configFile,
    stringify({
      directory: 'central',
      signer: { socket: signer.socket, tokenFile: signer.tokenFile },
      listen: { host, port: 8090 },
      address: `${host}:8090`,
      intervalSeconds: 1,
      expireSeconds: 5,
    }),
  )
  central = await start()
})

after(async () => {
  client?.stop()
  await central?.stop()
  signer?.client.close()
  await signer?.process.stop()
  await rm(directory, { recursive: true, force: true })
})

test('before a federation there is nothing: 404, and a status that says why', async () => {
  const status = await control.get<CentralServerStatus>('/status')
  assert.equal(status.ready, false)
  assert.match(status.reason ?? '', /no federation/)
  assert.equal((await get('/internalconf?version=6')).status, 404)
  await assert.rejects(control.get('/anchor'), refused('no_federation'))
  await assert.rejects(control.post('/publish'), refused('no_federation'))
  await assert.rejects(control.post('/apply', { ...country, members: 1 }), refused('federation_invalid'))
})

test('a federation is applied, published, and believed by a client with the anchor', async () => {
  const { changes, published } = await control.post<{ changes: string[]; published: boolean }>('/apply', country)
  assert.ok(changes.includes('member GOV/1 added'))
  assert.equal(published, true)
  assert.deepEqual(await control.post('/apply', country), { changes: [], published: true })
  await writeFile(join(directory, 'anchor.xml'), await control.get<string>('/anchor?source=internal'))
  const current = (await open()).current()
  assert.equal(current?.instance, 'ZZ')
  assert.equal(current?.version, 6)
  assert.equal(current?.ocspFetchIntervalSeconds, 600)
  assert.equal(client.status().source, `${base}/internalconf`)
  const status = await control.get<CentralServerStatus>('/status')
  assert.equal(status.ready, true)
  assert.deepEqual([status.members, status.subsystems, status.securityServers], [2, 3, 2])
})

test('distribution keeps to wire-conf §2.2', async () => {
  const { sources } = parseAnchor(Buffer.from(await control.get<string>('/anchor?source=internal')))
  const directoryAt = async (path: string) =>
    verifySignedDirectory((await get(path)).body, sources[0]?.certificates ?? [], new Date())
  // No version asked for is version 2.
  assert.equal((await directoryAt('/internalconf')).version, 2)
  for (const version of [2, 3, 4, 5, 6])
    assert.equal((await directoryAt(`/internalconf?version=${version}`)).version, version)
  assert.equal((await get('/externalconf?version=6')).status, 200)
  for (const path of [
    '/internalconf?version=7',
    '/internalconf?version=1',
    '/internalconf?version=6&version=5',
    '/internalconf?version=..%2F..',
    '/internalconf/',
    '/INTERNALCONF',
    '/',
    '/V6',
    '/V6/internalconf',
    '/V6/../../registry.sqlite',
    '/V6/%2e%2e/%2e%2e/registry.sqlite',
    '/V6/20300101000000123456789/shared-params.xml',
    '/registry.sqlite',
  ])
    assert.equal((await get(path)).status, 404, path)
  const { parts } = await directoryAt('/internalconf?version=6')
  for (const { location } of parts) assert.equal((await get(location)).status, 200)
  assert.equal((await get(`${parts[0]?.location}.metadata`)).status, 404)
})

test('keys are rotated: listed first, activated when all know it, and an old anchor goes on working', async () => {
  const added = await control.post<SigningKey>('/keys', { source: 'internal' })
  assert.equal(added.active, false)
  assert.ok(added.activatableAt)
  await assert.rejects(control.post(`/keys/${added.id}/activate`), refused('key_refused'))
  await until(async () => {
    await client.refresh()
    return Date.now() > Date.parse(added.activatableAt ?? '')
  })
  assert.equal((await control.post<SigningKey>(`/keys/${added.id}/activate`, {})).active, true)
  await client.refresh()
  const anchor = parseAnchor(Buffer.from(await control.get<string>('/anchor?source=internal')))
  assert.equal(anchor.sources[0]?.certificates.length, 2)
  const signedBy = verifySignedDirectory(
    (await get('/internalconf?version=6')).body,
    anchor.sources[0]?.certificates ?? [],
    new Date(),
  )
  assert.equal(signedBy.certificate.sha256, parseCertificate(Buffer.from(added.certificate, 'base64')).sha256)
  const old = (await control.get<SigningKey[]>('/keys')).find(({ source, active }) => source === 'internal' && !active)
  await control.post(`/keys/${old?.id}/delete`, {})
  await client.refresh()
  assert.equal(client.current()?.shared.sources[0]?.internal.length, 1)
  // The client's anchor is still the first one. Its next start, too, believes the key.
  assert.equal((await open()).status().lastError, undefined)
  await assert.rejects(control.post('/keys/unknown/activate', {}), refused('unknown_key'))
})

test('without its signer the last good configuration is given out until it expires, and the status says why', async () => {
  await client.refresh()
  await signer.process.stop()
  await until(async () => (await control.get<CentralServerStatus>('/status')).ready === false)
  assert.match((await control.get<CentralServerStatus>('/status')).lastError ?? '', /signer/)
  const { changes, published } = await control.post<{ changes: string[]; published: boolean }>('/apply', {
    ...country,
    settings: { ocspFreshnessSeconds: 4242 },
  })
  assert.deepEqual([changes.length, published], [1, false])
  await until(() => client.current()?.isExpired(new Date()) === true)
  assert.equal((await get('/internalconf?version=6')).status, 200)
  await assert.rejects(client.refresh())
  // Also by a central server that starts without a signer.
  await central.kill('SIGKILL')
  const starting = start()
  await until(async () => (await get('/internalconf?version=6').catch(() => undefined))?.status === 200)
  signer.client.close()
  signer = await startSigner(join(directory, 'signer'))
  central = await starting
  await until(async () => (await control.get<CentralServerStatus>('/status')).ready)
  await client.refresh()
  assert.equal(client.current()?.shared.ocspFreshnessSeconds, 4242)
  assert.equal(client.current()?.isExpired(new Date()), false)
})

test('a client that starts while the central server is away uses the copy it kept', async () => {
  await client.refresh()
  await central.kill('SIGKILL')
  const again = await open()
  assert.equal(again.current()?.instance, 'ZZ')
  assert.equal(again.current()?.shared.ocspFreshnessSeconds, 4242)
  assert.ok(again.status().lastError)
  central = await start()
  await again.refresh()
  assert.equal(again.status().lastError, undefined)
})

test('a configuration file that is wrong is refused with all its faults', async () => {
  const file = join(directory, 'wrong.yaml')
  await writeFile(
    file,
    stringify({
      directory: 'x',
      signer: {},
      listen: { host, port: 8090 },
      address: 'http://x/',
      intervalSeconds: 60,
      expireSeconds: 60,
      surprise: 1,
    }),
  )
  const refusedStart = await startProcess('central-server/main.ts', ['--config', file], { ready: false })
  assert.notEqual(await refusedStart.exited, 0)
  for (const place of ['signer.socket', 'signer.tokenFile', 'address', 'surprise'])
    assert.ok(refusedStart.output().includes(place), place)
})
