// The PostgreSQL under the message log, the registry and the authorities goes away: what is asked is refused and says why, what is given
// out is given out further, nothing that was acknowledged is lost, and all resume by themselves.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { controlClient, runtimeSocket } from '#host'
import { requestSubject } from '#protocol'
import {
  buildOcspRequest,
  buildTimestampRequest,
  digest,
  parseCertificate,
  parseOcspResponse,
  parseTimestampResponse,
} from '#trust'
import { type Pair, startPair } from '../federation/pair.ts'
import type { State } from '../federation/state.ts'
import { recordsOf, until } from '../federation/traces.ts'
import { asAdmin, type Cluster, freshDatabase, missingPostgres, startCluster } from '../postgres.ts'

const skip = missingPostgres() === undefined ? false : `SKIPPED, NOT PROVED: ${missingPostgres()}`
const unreachable = (error: { code?: string; remote?: { code?: string } }) =>
  error.code === 'control_failed' && error.remote?.code === 'store_unreachable'

let cluster: Cluster
let state: State
let pair: Pair
let database: string
before(async () => {
  if (skip !== false) return
  cluster = await startCluster()
  const postgres = await freshDatabase(cluster.folder)
  database = postgres.database
  const store = { postgres }
  const server = (schema: string) => ({ store: { postgres: { ...postgres, schema } } })
  pair = await startPair({
    providerConfig: server('provider'),
    consumerConfig: server('consumer'),
    central: { intervalSeconds: 1, config: { store } },
    authorities: { ca: { store }, ocsp: { store, cacheSeconds: 0 }, tsa: { store } },
  })
  state = pair.state
})
after(async () => {
  await pair?.stop()
  await cluster?.remove()
})

test('exchange: it stops rather than goes unlogged, and goes on by itself with all that was logged', {
  skip,
}, async () => {
  const { consumer, provider } = pair
  const exchange = async (id: string) => {
    const answer = await pair.call('/items/1', { headers: { 'X-Road-Id': id } })
    return answer.headers.get('x-road-error') ?? String(answer.status)
  }
  const servers = [consumer, provider]
  assert.equal(await exchange('before'), '200')
  for (const signal of ['QUIT', 'INT'] as const) {
    await cluster.stop(signal)
    const served = pair.service.seen.length
    assert.match(await exchange(`without-${signal}`), /logging_failed$/)
    assert.equal(pair.service.seen.length, served)
    await until(async () => (await fetch(consumer.health)).status === 503)
    assert.match(await (await fetch(consumer.health)).text(), /log/)
    await cluster.start()
    for (const server of servers) await until(async () => (await fetch(server.health)).status === 200)
    assert.equal(await exchange(`after-${signal}`), '200')
  }
  // A crash of both servers and of the database at once.
  await Promise.all([...servers.map((server) => server.process.kill('SIGKILL')), cluster.stop('QUIT')])
  await cluster.start()
  await Promise.all(servers.map((server) => server.start()))
  await until(async () => (await exchange('restarted')) === '200')
  for (const id of ['before', 'after-QUIT', 'after-INT', 'restarted'])
    for (const server of servers) assert.equal(await recordsOf(server, id), 'request,response', id)
  for (const id of ['without-QUIT', 'without-INT']) assert.equal(await recordsOf(provider, id), '')
})

test('central server: it gives out what it has, refuses changes, and goes on', { skip }, async () => {
  await state.applyFederation((federation) => {
    federation['members'].push({ class: 'COM', code: '3', name: 'Before' })
  })
  const listed = async () =>
    JSON.stringify(await asAdmin(cluster.folder, 'SELECT * FROM central_server.entry', database))
  assert.match(await listed(), /Before/)
  const given = async () => (await fetch(`${state.centralUrl}/internalconf`)).status
  for (const signal of ['QUIT', 'INT'] as const) {
    await cluster.stop(signal)
    const change = state.applyFederation((federation) => {
      federation['members'].push({ class: 'COM', code: `lost-${signal}`, name: 'Never' })
    })
    await assert.rejects(change, unreachable)
    assert.equal(await given(), 200)
    await cluster.start()
    assert.match(await listed(), /Before/)
    assert.doesNotMatch(await listed(), /Never/)
  }
  await state.applyFederation((federation) => {
    federation['members'] = federation['members'].filter(({ name }: { name: string }) => name !== 'Never')
    federation['members'].push({ class: 'COM', code: '4', name: 'After' })
  })
  assert.match(await listed(), /After/)

  await state.stopCentral()
  await cluster.stop()
  await assert.rejects(state.startCentral(), /cannot start: the database .* does not answer/)
  await cluster.start()
  await state.startCentral()
  assert.match(await listed(), /After/)
})

test('authorities: no certificate, no OCSP answer, no time-stamp without their database; all of them with it', {
  skip,
}, async () => {
  const { authorities } = state
  const { signer } = state.server('P')
  const key = await signer.generate({ use: 'message', algorithm: 'EC-P256' })
  const facts = {
    instance: 'TEST',
    memberClass: 'GOV',
    memberCode: '1111',
    memberName: 'M',
    serverCode: 'P',
    dnsName: 'p',
    country: 'EE',
  }
  const csr = await signer.csr({ key: key.id, subject: requestSubject('Basic', 'signing', facts) })
  const first = parseCertificate(await authorities.issue('signing', csr))
  const post = async (url: string, type: string, body: Uint8Array) =>
    new Uint8Array(
      await (
        await fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body: new Uint8Array(body) })
      ).arrayBuffer(),
    )
  const standing = () =>
    post(
      authorities.ocspUrl,
      'application/ocsp-request',
      buildOcspRequest(first, parseCertificate(authorities.issuing)),
    )
  const query = buildTimestampRequest({ digest: 'SHA-256', imprint: digest('SHA-256', Buffer.from('x')) })
  // As many as it takes: the TSA sets numbers aside in advance.
  const stamp = async () => parseTimestampResponse(await post(authorities.tsaUrl, 'application/timestamp-query', query))
  const ready = async () =>
    Promise.all(
      ['ocsp', 'tsa'].map(async (name) => {
        const status = controlClient(runtimeSocket(authorities.directory, name))
        return (await status.get<{ ready: boolean; reason?: string }>('/status')).ready
      }),
    )
  assert.equal(parseOcspResponse(await standing()).responses[0]?.status, 'good')
  await cluster.stop('QUIT')
  await assert.rejects(authorities.issue('signing', csr), unreachable)
  await assert.rejects(authorities.revoke(first.der), unreachable)
  assert.equal(Buffer.from(await standing()).toString('hex'), '30030a0103')
  await until(async () => (await stamp()).token === undefined)
  assert.equal((await ready())[0], false)
  await cluster.start()
  assert.equal(parseOcspResponse(await standing()).responses[0]?.status, 'good')
  assert.ok((await stamp()).token)
  await authorities.issue('signing', csr)
  await authorities.revoke(first.der)
  assert.equal(parseOcspResponse(await standing()).responses[0]?.status, 'revoked')
  assert.deepEqual(await ready(), [true, true])
})
