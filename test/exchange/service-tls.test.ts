// TLS between the provider's security server and its service (wire-client §1.4): pinned leaves, the machine's authorities, own certificate.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, createSecureContext, type TLSSocket } from 'node:tls'
import type { HostError } from '#host'
import { CLIENT, CLIENT_HEADER, type Pair, startPair } from '../federation/pair.ts'
import { type SelfSigned, selfSigned } from '../federation/self-signed.ts'

const REFUSED = 'server.serverproxy.ssl_authentication_failed'

interface Seen {
  readonly name: string | false | null
  readonly alpn: string | false | null
  /** SHA-256 of what the security server presented. */
  readonly presented: string | undefined
}

const OPENAPI = {
  openapi: '3.0.3',
  info: { title: 'Test', version: '1' },
  servers: [{ url: '/' }],
  paths: { '/x': { get: {} } },
}

let pinned: SelfSigned
let other: SelfSigned
let trusted: SelfSigned
const seen: Seen[] = []
const servers: Server[] = []
let pair: Pair
let folder: string
let rightUrl: string
let wrongUrl: string
let systemUrl: string

/** A service over https; it has another certificate for those who name `localhost`. */
async function serve(identity: SelfSigned, named?: SelfSigned): Promise<number> {
  const server = createServer(
    {
      key: identity.key,
      cert: identity.cert,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
      SNICallback: (name, done) => done(null, name === 'localhost' && named ? createSecureContext(named) : undefined),
    },
    (request, response) => {
      const socket = request.socket as TLSSocket
      seen.push({
        name: (socket as TLSSocket & { servername: string | false | null }).servername,
        alpn: socket.alpnProtocol,
        presented: socket.getPeerX509Certificate()?.fingerprint256,
      })
      response.end(request.url === '/openapi.json' ? JSON.stringify(OPENAPI) : 'secret')
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  return (server.address() as AddressInfo).port
}

before(async () => {
  ;[pinned, other, trusted] = await Promise.all([selfSigned('pinned'), selfSigned('other'), selfSigned('trusted')])
  folder = await mkdtemp(join(tmpdir(), 'saadik-service-tls-'))
  // What the operator of the machine trusts, as OpenSSL finds it.
  await writeFile(join(folder, 'authorities.pem'), trusted.cert)
  const [right, wrong, system, shared] = [
    await serve(pinned),
    await serve(other),
    await serve(trusted),
    await serve(other, pinned),
  ]
  rightUrl = `https://127.0.0.1:${right}`
  wrongUrl = `https://127.0.0.1:${wrong}`
  systemUrl = `https://127.0.0.1:${system}`
  const access = [{ subject: CLIENT }]
  const services = [
    { code: 'right', url: rightUrl, access },
    { code: 'wrong', url: wrongUrl, access },
    { code: 'named', url: `https://localhost:${shared}`, access },
    { code: 'unnamed', url: `https://127.0.0.1:${shared}`, access },
    { code: 'self', url: rightUrl, tls: 'system', access },
    { code: 'system', url: systemUrl, tls: 'system', access },
    { code: 'misnamed', url: `https://127.0.0.2:${system}`, tls: 'system', access },
  ]
  process.env['SSL_CERT_FILE'] = join(folder, 'authorities.pem')
  pair = await startPair({ services: () => [] })
  delete process.env['SSL_CERT_FILE']
  await pair.provider.control.post('/apply', {
    clients: [{ id: 'TEST/GOV/1111/registry', connection: 'HTTP', tlsCertificates: [pinned.cert], services }],
  })
})
after(async () => {
  await pair?.stop()
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  await rm(folder, { recursive: true, force: true })
})

/** The X-Road-Error, or the body. */
async function ask(service: string): Promise<string> {
  const answer = await fetch(`${pair.consumer.client}/r1/TEST/GOV/1111/registry/${service}`, { headers: CLIENT_HEADER })
  const text = await answer.text()
  return answer.headers.get('x-road-error') ?? text
}

test('a registered leaf is accepted, whoever made it and whatever it is called', async () => {
  assert.equal(await ask('right'), 'secret')
})

test('another leaf is refused, and nothing is said to it', async () => {
  const before = seen.length
  assert.equal(await ask('wrong'), REFUSED)
  assert.equal(seen.length, before)
})

test('the service is named, so that a shared front end shows the right certificate', async () => {
  assert.equal(await ask('named'), 'secret')
  assert.equal(seen.at(-1)?.name, 'localhost')
  assert.equal(await ask('unnamed'), REFUSED, 'an address is not a name')
})

test("'system': the machine's authorities and the name decide, not the pins", async () => {
  assert.equal(await ask('self'), REFUSED, 'pinned for its client, trusted by nobody')
  assert.equal(await ask('system'), 'secret')
  assert.equal(seen.at(-1)?.alpn, 'http/1.1')
  assert.match(await ask('misnamed'), /^server\.serverproxy\.(ssl_authentication_failed|network_error)$/)
})

test('the server presents its internal TLS certificate, the one of 8443', async () => {
  const socket = connect({ host: pair.provider.address, port: 8443, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const own = socket.getPeerX509Certificate()?.fingerprint256
  socket.destroy()
  for (const service of ['right', 'system']) {
    assert.equal(await ask(service), 'secret')
    assert.equal(seen.at(-1)?.presented, own)
  }
})

test('a description is had from whom the service is had from', async () => {
  const apply = (service: object, tlsCertificates = [pinned.cert]) =>
    pair.provider.control.post<{ changes: string[] }>('/apply', {
      clients: [
        {
          id: 'TEST/GOV/1111/registry',
          connection: 'HTTP',
          tlsCertificates,
          services: [{ code: 'right', access: [{ subject: CLIENT }], ...service }],
        },
      ],
    })
  const openapi = (url: string) => ({ openapi: `${url}/openapi.json` })
  const before = seen.length
  for (const [service, pins] of [
    [openapi(wrongUrl), undefined],
    [{ ...openapi(rightUrl), tls: 'system' }, undefined],
    [openapi(rightUrl), []],
    [{ ...openapi(wrongUrl), url: 'http://127.0.0.1:1/' }, undefined],
  ] as const)
    await assert.rejects(
      apply(service, pins && [...pins]),
      (error) => (error as HostError).remote?.code === 'invalid_services',
    )
  assert.equal(seen.length, before, 'and nothing is said to others')
  for (const service of [
    { ...openapi(systemUrl), tls: 'system' },
    { ...openapi(systemUrl), url: 'http://127.0.0.1:1/' },
  ])
    await apply(service)
  await apply(openapi(rightUrl))
  assert.equal(await ask('right/x'), 'secret')
})

test('a pin that is taken away counts at once, also for connections that stand open', async () => {
  assert.equal(await ask('right'), 'secret')
  await pair.provider.control.post('/apply', {
    clients: [
      {
        id: 'TEST/GOV/1111/registry',
        connection: 'HTTP',
        tlsCertificates: [other.cert],
        services: [{ code: 'right', url: rightUrl, access: [{ subject: CLIENT }] }],
      },
    ],
  })
  assert.equal(await ask('right'), REFUSED)
})

test('a service that does not speak TLS, or not at all', async () => {
  await pair.provider.control.post('/apply', {
    clients: [
      {
        id: 'TEST/GOV/1111/registry',
        connection: 'HTTP',
        tlsCertificates: [pinned.cert],
        services: [
          { code: 'cleartext', url: pair.service.url.replace('http:', 'https:'), access: [{ subject: CLIENT }] },
          { code: 'nobody', url: 'https://127.0.0.1:1', access: [{ subject: CLIENT }] },
        ],
      },
    ],
  })
  assert.equal(await ask('cleartext'), REFUSED)
  assert.equal(await ask('nobody'), 'server.serverproxy.network_error')
})
