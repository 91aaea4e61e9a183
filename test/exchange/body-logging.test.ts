// Messages whose bodies are not logged (wire-message §9.2): nothing of what the information systems say is on any disk, also while it is on its
// way; the evidence that remains is never more than INDETERMINATE, and proves the digests of all that was said.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import type { Report } from '#evidence'
import { filesWith } from '../federation/canary.ts'
import { assertPassed, entriesOf, evidenceOf, type Leg, verdictOf } from '../federation/evidence.ts'
import { CLIENT, CLIENT_HEADER, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import { envelope, multipart } from '../federation/soap.ts'
import type { StateServer } from '../federation/state.ts'
import { bodiesOf, recordsOf, until } from '../federation/traces.ts'

const PROVIDER = 'TEST/GOV/1111/registry'
const LOGGED = 'TEST/GOV/1111/open'
const CANARY = 'canary-of-the-body'
/** Beyond what lies in a record itself. */
const LARGE = `${CANARY} `.repeat(20_000)

/** More than the buffers of all kernels and streams on the way hold. */
const ENDLESS = `${CANARY} `.repeat(2_000_000)

let pair: Pair
/** A service that takes the connection and reads nothing from it. */
let deaf: Server
const deafTo = new Set<Socket>()

before(async () => {
  deaf = createServer({ pauseOnConnect: true }, (socket) => void deafTo.add(socket.on('error', () => {})))
  deaf.listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  const { port } = deaf.address() as AddressInfo
  const services = (url: string) => [
    { code: 'items', url, access: [{ subject: CLIENT }] },
    { code: 'deaf', url: `http://127.0.0.1:${port}`, access: [{ subject: CLIENT }] },
    { wsdl: `${url}/soap.wsdl`, access: [{ subject: CLIENT }] },
  ]
  pair = await startPair({
    services,
    // Off but for one, on but for one: the two ways to say it.
    providerConfig: { messageLog: { bodyLogging: { enabled: false, except: { localProducers: [LOGGED] } } } },
    consumerConfig: { messageLog: { bodyLogging: { except: { remoteProducers: [PROVIDER] } } } },
  })
  const { service, provider, state } = pair
  await state.applyFederation((federation) => {
    federation['members'][0].subsystems.push({ code: 'open' })
    federation['securityServers'][0].clients.push('GOV/1111/open')
  })
  const access = [{ subject: CLIENT }]
  await provider.control.post('/apply', {
    clients: [
      { id: PROVIDER, connection: 'HTTP', services: services(service.url) },
      { id: LOGGED, connection: 'HTTP', services: [{ code: 'items', url: service.url, access }] },
    ],
  })
  const known = () => fetch(`${pair.consumer.client}/r1/${LOGGED}/items/items/1`, { headers: CLIENT_HEADER })
  await until(async () => (await known()).status === 200)
})
after(async () => {
  await pair?.stop()
  for (const socket of deafTo) socket.destroy()
  deaf?.close()
})

const sha512 = (bytes: string | Uint8Array) => createHash('sha512').update(bytes).digest('hex')

async function rest(id: string, path: string, body?: string) {
  const headers = { 'X-Road-Client': CLIENT, 'X-Road-Id': id, 'X-Canary': CANARY, 'Content-Type': 'text/plain' }
  const init = body === undefined ? { headers } : { method: 'POST', headers, body }
  const answer = await fetch(`${pair.consumer.client}${path}`, init)
  return { status: answer.status, text: await answer.text() }
}

/** What all four records of an exchange say: the reduced form, and the digests of everything else. */
async function withheld(id: string, leg: Leg, digests: Readonly<Record<string, string>>): Promise<Report[]> {
  const reports: Report[] = []
  for (const [server, member] of [
    [pair.consumer, CLIENT],
    [pair.provider, PROVIDER],
  ] as const) {
    const container = await evidenceOf(server, member, id, leg)
    const entries = await entriesOf(container)
    assert.ok(!Buffer.concat([...entries.values()]).includes(CANARY), 'the container')
    assert.deepEqual(
      [...entries.keys()].filter((name) => name.startsWith('attachment')),
      [],
    )
    const report = await verdictOf(server, container)
    assert.deepEqual(
      [report.verdict, report.indication, report.subIndication],
      ['indeterminate', 'INDETERMINATE', 'SIGNED_DATA_NOT_FOUND'],
    )
    assert.deepEqual(
      report.checks.filter(({ ok }) => !ok).map(({ name }) => name),
      ['withheld parts'],
    )
    const proven = new Map(report.provenDigests?.map(({ name, value }) => [name, value]))
    assert.match(proven.get('message.xml') ?? '', /^[0-9a-f]{128}$/)
    proven.delete('message.xml')
    assert.deepEqual(Object.fromEntries(proven), digests)
    reports.push(report)
  }
  // Both sides prove the digest of the same message.
  assert.deepEqual(reports[0]?.provenDigests, reports[1]?.provenDigests)
  return reports
}

async function nowhere(): Promise<void> {
  for (const { directory } of [pair.consumer, pair.provider]) assert.deepEqual(await filesWith(directory, CANARY), [])
}

const bodiesHere = async () => (await bodiesOf(pair.consumer)) + (await bodiesOf(pair.provider))

for (const [what, id, body] of [
  ['small', 'rest-small', CANARY],
  ['large', 'rest-large', LARGE],
] as const)
  test(`REST, ${what}: path, query, other headers and bodies, of both directions`, async () => {
    const answer = await rest(id, `${SERVICE_PATH}/echo/${CANARY}?q=${CANARY}`, body)
    assert.deepEqual(answer, { status: 200, text: body })
    await until(async () => (await bodiesHere()) === 0)
    for (const leg of ['requestOnly', 'responseOnly'] as const)
      for (const { message } of await withheld(id, leg, { attachment1: sha512(body) }))
        assert.deepEqual([message?.protocol, message?.id], ['REST', id])
    await nowhere()
    const entries = await entriesOf(await evidenceOf(pair.consumer, CLIENT, id, 'requestOnly'))
    assert.match(
      `${entries.get('message.xml')}`,
      /^POST\r\n\/r1\/TEST\/GOV\/1111\/registry\/items\r\n(x-road-[^\r]*\r\n)+$/i,
    )
  })

test('REST without a body', async () => {
  await rest('rest-none', `${SERVICE_PATH}/echo/${CANARY}`)
  await withheld('rest-none', 'requestOnly', {})
  await nowhere()
})

for (const [what, id, content] of [
  ['small', 'soap-small', CANARY],
  ['large', 'soap-large', LARGE],
] as const)
  test(`SOAP with attachments, ${what}`, async () => {
    const body = multipart('isB', [
      [
        'Content-Type: text/xml',
        envelope('count', id, { body: `<mark>${CANARY}</mark>`, header: `<x:issue>case</x:issue>` }),
      ],
      [`Content-Type: a/b\r\nX-Name: ${CANARY}`, content],
      ['Content-Type: a/b', `second ${content}`],
    ])
    const answer = await fetch(pair.consumer.client, {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/related; type="text/xml"; boundary=isB' },
      body: new Uint8Array(body),
    })
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /countResponse/)
    await until(async () => (await bodiesHere()) === 0)
    const digests = { attachment1: sha512(content), attachment2: sha512(`second ${content}`) }
    const [report] = await withheld(id, 'requestOnly', digests)
    assert.equal(report?.message?.protocol, 'SOAP')
    await withheld(id, 'responseOnly', {})
    await nowhere()
    const entries = await entriesOf(await evidenceOf(pair.provider, PROVIDER, id, 'responseOnly'))
    assert.match(`${entries.get('message.xml')}`, /<xroad:issue>case<\/xroad:issue>.*<xroad:countResponse\/>/)
  })

test('while it is on its way it waits on the disk unreadable, and is gone with a crash', async () => {
  const { provider } = pair
  const waiting = rest('waiting', `/r1/${PROVIDER}/deaf/x`, ENDLESS)
  await until(async () => (await recordsOf(provider, 'waiting')) === 'request' && (await bodiesOf(provider)) === 1, 60)
  await nowhere()
  await provider.process.kill()
  assert.equal((await waiting).status, 500)
  assert.equal(await bodiesOf(provider), 1, 'what the crash left')
  await nowhere()
  await provider.start()
  assert.equal(await bodiesOf(provider), 0)
  await until(async () => (await rest('again', `${SERVICE_PATH}/items/1`)).status === 200)
})

test('the subsystem that is excepted is logged whole, on both sides', async () => {
  const answer = await rest('kept', `/r1/${LOGGED}/items/echo`, LARGE)
  assert.equal(answer.text, LARGE)
  for (const [server, member] of [
    [pair.consumer, CLIENT],
    [pair.provider, LOGGED],
  ] as [StateServer, string][])
    for (const leg of ['requestOnly', 'responseOnly'] as const)
      assertPassed(await verdictOf(server, await evidenceOf(server, member, 'kept', leg)))
})
