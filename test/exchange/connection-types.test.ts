// How information systems must connect, client by client: HTTP, HTTPS, HTTPS NOAUTH (wire-client §1.2, §1.3).
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:https'
import { after, before, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import { SERVICE_PATH } from '../federation/pair.ts'
import { type SelfSigned, selfSigned } from '../federation/self-signed.ts'
import { startService, type TestService } from '../federation/service.ts'
import { type State, type StateServer, startState } from '../federation/state.ts'

const REFUSED = 'server.clientproxy.ssl_authentication_failed'
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
const client = (code: string) => `TEST/GOV/2222/${code}`

let state: State
let service: TestService
let consumer: StateServer
let pinned: SelfSigned
let second: SelfSigned
let expired: SelfSigned
let early: SelfSigned
let stranger: SelfSigned

before(async () => {
  const day = 86_400_000
  ;[pinned, second, expired, early, stranger] = await Promise.all([
    selfSigned('first'),
    selfSigned('second'),
    selfSigned('expired', { from: new Date(Date.now() - 2 * day), until: new Date(Date.now() - day) }),
    selfSigned('early', { from: new Date(Date.now() + day), until: new Date(Date.now() + 2 * day) }),
    // The same name as a pinned one: nothing but the whole certificate counts.
    selfSigned('first'),
  ])
  service = await startService()
  const codes = ['plain', 'open', 'strict', 'empty']
  state = await startState({
    servers: [
      {
        code: 'P',
        owner: 'GOV/1111',
        subsystems: ['registry'],
        clients: [
          {
            id: 'TEST/GOV/1111/registry',
            connection: 'HTTP',
            services: [{ code: 'items', url: service.url, access: codes.map((code) => ({ subject: client(code) })) }],
          },
        ],
      },
      {
        code: 'C',
        owner: 'GOV/2222',
        subsystems: codes,
        clients: [
          { id: client('plain'), connection: 'HTTP' },
          { id: client('open'), connection: 'HTTPS NOAUTH' },
          {
            id: client('strict'),
            connection: 'HTTPS',
            tlsCertificates: [pinned, second, expired, early].map(({ cert }) => cert),
          },
          { id: client('empty'), connection: 'HTTPS' },
        ],
      },
    ],
  })
  consumer = state.server('C')
})
after(async () => {
  await state?.stop()
  await service?.stop()
})

/** The X-Road-Error of an answer, or its status. */
async function overHttp(code: string): Promise<string> {
  const answer = await fetch(`${consumer.client}${SERVICE_PATH}/items/1`, {
    headers: { 'X-Road-Client': client(code) },
  })
  await answer.text()
  return answer.headers.get('x-road-error') ?? `${answer.status}`
}

async function overTls(code: string, tls: ConnectionOptions = {}): Promise<string> {
  const call = request(`${consumer.clientTls}${SERVICE_PATH}/items/1`, {
    headers: { 'X-Road-Client': client(code) },
    rejectUnauthorized: false,
    agent: false,
    ...tls,
  })
  call.end()
  const [answer] = await once(call, 'response')
  answer.resume()
  await once(answer, 'end')
  return answer.headers['x-road-error'] ?? `${answer.statusCode}`
}

const identity = ({ key, cert }: SelfSigned) => ({ key, cert })

test('HTTP: whatever the connection', async () => {
  assert.equal(await overHttp('plain'), '200')
  assert.equal(await overTls('plain'), '200')
  assert.equal(await overTls('plain', identity(stranger)), '200')
})

test('HTTPS NOAUTH: over TLS, whoever comes', async () => {
  assert.equal(await overHttp('open'), REFUSED)
  for (const maxVersion of VERSIONS) {
    assert.equal(await overTls('open', { maxVersion }), '200')
    assert.equal(await overTls('open', { maxVersion, ...identity(stranger) }), '200')
    assert.equal(await overTls('open', { maxVersion, ...identity(expired) }), '200')
  }
})

test('HTTPS: with exactly one of the registered certificates, while it is in force', async () => {
  assert.equal(await overHttp('strict'), REFUSED)
  for (const maxVersion of VERSIONS) {
    assert.equal(await overTls('strict', { maxVersion, ...identity(pinned) }), '200')
    assert.equal(await overTls('strict', { maxVersion, ...identity(second) }), '200')
    assert.equal(await overTls('strict', { maxVersion }), REFUSED, 'no certificate')
    for (const wrong of [stranger, expired, early])
      assert.equal(await overTls('strict', { maxVersion, ...identity(wrong) }), REFUSED)
  }
})

test('HTTPS without a registered certificate: nobody', async () => {
  assert.equal(await overHttp('empty'), REFUSED)
  assert.equal(await overTls('empty'), REFUSED)
  assert.equal(await overTls('empty', identity(pinned)), REFUSED)
})

test('the client of the request counts, on each request of a connection', async () => {
  const socket = connect({ host: consumer.address, port: 8443, rejectUnauthorized: false, ...identity(pinned) })
  await once(socket, 'secureConnect')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const ask = (code: string, connection: string) =>
    socket.write(
      `GET ${SERVICE_PATH}/items/1 HTTP/1.1\r\nHost: x\r\nX-Road-Client: ${client(code)}\r\nConnection: ${connection}\r\n\r\n`,
    )
  ask('strict', 'keep-alive')
  ask('empty', 'close')
  await once(socket, 'close')
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 500 [\s\S]*ssl_authentication_failed/)
})

test('what a client is given at registration is what it may use at once; what is taken away it may not', async () => {
  const apply = (tlsCertificates: readonly string[]) =>
    consumer.control.post('/apply', {
      clients: [
        { id: client('plain'), connection: 'HTTP' },
        { id: client('open'), connection: 'HTTPS NOAUTH' },
        { id: client('strict'), connection: 'HTTPS', tlsCertificates },
        { id: client('empty'), connection: 'HTTPS' },
      ],
    })
  await apply([stranger.cert])
  assert.equal(await overTls('strict', identity(stranger)), '200')
  assert.equal(await overTls('strict', identity(pinned)), REFUSED)
  await apply([pinned.cert])
})

test('no session is resumed: a resumed one shows no certificate', async () => {
  for (const maxVersion of VERSIONS) {
    const options = { host: consumer.address, port: 8443, rejectUnauthorized: false, maxVersion }
    const first = connect({ ...options, ...identity(pinned) })
    const sessions: Buffer[] = []
    first.on('session', (session: Buffer) => sessions.push(session))
    await once(first, 'secureConnect')
    // An answer comes after everything that the handshake had to say, session tickets too.
    first.write('GET /verificationconf HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    first.resume()
    await once(first, 'close')
    const session = sessions.at(-1) ?? first.getSession()
    assert.equal(await overTls('strict', { maxVersion, session }), REFUSED)
    const again = connect({ ...options, ...identity(pinned), session })
    await once(again, 'secureConnect')
    assert.equal(again.isSessionReused(), false)
    again.destroy()
    assert.equal(await overTls('strict', { maxVersion, session, ...identity(pinned) }), '200')
  }
})

test('the certificate of 8443 is one of its own, the same after a restart; TLS 1.1 is not spoken', async () => {
  const shown = async () => {
    const socket = connect({ host: consumer.address, port: 8443, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { fingerprint256, subjectaltname } = socket.getPeerCertificate()
    socket.destroy()
    return { fingerprint256, subjectaltname }
  }
  const before = await shown()
  assert.match(before.subjectaltname ?? '', new RegExp(`IP Address:${consumer.address}`))
  await consumer.restart()
  assert.deepEqual(await shown(), before)
  const old = connect({
    host: consumer.address,
    port: 8443,
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  await assert.rejects(once(old, 'secureConnect'))
})

test('bytes that are no TLS on 8443 leave it sound', async () => {
  await assert.rejects(fetch(`http://${consumer.address}:8443/`))
  assert.equal(await overTls('plain'), '200')
})
