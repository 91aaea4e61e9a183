// Descriptions are fetched over the connection of their service, within bounds, and what goes wrong tells no address (wire-client §1.4).
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import type { Log } from '#host'
import { parseServerId, XRoadFault } from '#protocol'
import { openCaller } from '../../../security-server/provider/call.ts'
import { descriptionFetcher } from '../../../security-server/provider/describe.ts'
import { type LocalService, openServices } from '../../../security-server/services/index.ts'
import { type SelfSigned, selfSigned } from '../../federation/self-signed.ts'
import { placeIn } from '../../stores.ts'
import { scratch } from '../host/scratch.ts'

const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} }
const MIB = 1024 * 1024

const answer: RequestListener = ({ url = '' }, response) => {
  const [, name] = url.split(/[/?]/)
  if (name === 'moved') return void response.writeHead(302, { Location: '/text' }).end()
  if (name === 'untyped') return void response.end('untyped')
  if (name === 'long') return void response.end(Buffer.alloc(10 * MIB + 1))
  if (name === 'cut')
    return void response.writeHead(200, { 'Content-Length': '10' }).write('cut', () => response.destroy())
  response.writeHead(200, { 'Content-Type': 'application/x-yaml' }).end(url)
}

async function serve(t: TestContext, identity?: SelfSigned): Promise<string> {
  const server = identity === undefined ? createServer(answer) : createTlsServer({ ...identity }, answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `${identity ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A fetcher, and services at these addresses whose client has pinned this certificate. */
async function opened(t: TestContext, pin: SelfSigned, urls: readonly string[]) {
  const server = parseServerId('TEST/GOV/1/ss')
  const fetchText = () => Promise.reject(new Error('nothing is described'))
  const services = await openServices({ place: placeIn(scratch(t), 'services'), server, fetchText, log: SILENT })
  const id = 'TEST/GOV/1/registry'
  await services.apply({
    clients: [
      {
        id,
        connection: 'HTTP',
        tlsCertificates: [pin.cert],
        services: urls.map((url, index) => ({ code: `s${index}`, url, access: [] })),
      },
    ],
  })
  const caller = openCaller({ services, ownTls: await selfSigned('own'), connectTimeoutMs: 5_000 })
  t.after(async () => {
    await caller.close()
    services.close()
  })
  const [client] = services.snapshot().clients
  assert.ok(client)
  return { fetch: descriptionFetcher(caller), services: services.snapshot().services(client.id) }
}

const first = ([service]: readonly LocalService[]): LocalService => service ?? assert.fail('no service')

test('over http: status, type and bytes as they are; redirects are not followed', async (t) => {
  const url = await serve(t)
  const { fetch, services } = await opened(t, await selfSigned('pinned'), [url])
  const got = await fetch(`${url}/text?a=1`, first(services))
  assert.deepEqual([got.status, got.contentType], [200, 'application/x-yaml'])
  assert.equal(Buffer.from(got.body).toString(), '/text?a=1')
  assert.equal((await fetch(`${url}/moved`, first(services))).status, 302)
  assert.equal((await fetch(`${url}/untyped`, first(services))).contentType, '')
})

test('over https: what the client has pinned, and nothing else', async (t) => {
  const [pinned, other] = [await selfSigned('pinned'), await selfSigned('other')]
  const [right, wrong] = [await serve(t, pinned), await serve(t, other)]
  const { fetch, services } = await opened(t, pinned, [right])
  assert.equal((await fetch(`${right}/text`, first(services))).status, 200)
  await refused(fetch(`${wrong}/text`, first(services)), 'ssl_authentication_failed')
})

test('a service over http that is described over https: by the authorities of the machine', async (t) => {
  const pinned = await selfSigned('pinned')
  const [plain, secure] = [await serve(t), await serve(t, pinned)]
  const { fetch, services } = await opened(t, pinned, [plain])
  await refused(fetch(`${secure}/text`, first(services)), 'ssl_authentication_failed')
})

test('too long, cut short, not there', async (t) => {
  const url = await serve(t)
  const { fetch, services } = await opened(t, await selfSigned('pinned'), [url])
  await refused(fetch(`${url}/long`, first(services)), 'io_error')
  await refused(fetch(`${url}/cut`, first(services)), 'io_error')
  await refused(fetch('http://127.0.0.1:1/', first(services)), 'network_error')
  await refused(fetch('http://no-such-host.invalid/', first(services)), 'unknown_host')
})

async function refused(fetching: Promise<unknown>, code: string): Promise<void> {
  const error = await fetching.then(() => assert.fail('it was fetched')).catch((error) => error)
  assert.ok(error instanceof XRoadFault, String(error))
  assert.equal(error.code, `server.serverproxy.${code}`)
  assert.doesNotMatch(error.message, /127\.|invalid/)
}
