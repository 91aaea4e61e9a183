// Security servers that stop, as providers and as consumers: before they answer, in the middle of an answer or of a request, while they
// should take one (issue: Bad input; wire-message §6.4). The limits are a second or two here. Each gets its fault, or is cut off where
// nobody could be told; it is counted, the log keeps what was whole and nothing else, and everybody else goes on.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { pem } from '#trust'
import { CLIENT, CLIENT_HEADER, type Pair, startPair } from '../federation/pair.ts'
import {
  honest,
  honestAnswer,
  httpAnswer,
  ROGUE_CLIENT,
  type Rogue,
  requestHead,
  startRogue,
  transport,
} from '../federation/rogue.ts'
import { readABitAndStop, textOf } from '../federation/sockets.ts'
import { counted, leaves, recordsOf, type Traces, until } from '../federation/traces.ts'

const CONSUMER = 'server.clientproxy'
const PROVIDER = 'server.serverproxy'
const ROGUE_SERVICE = '/r1/TEST/GOV/6666/rogue/any/x'
const IDLE_SECONDS = 1
/** More than the buffers of all kernels and streams on the way hold. */
const LARGE = 48 * 1024 * 1024

let pair: Pair
let rogue: Rogue

before(async () => {
  const access = [{ subject: CLIENT }, { subject: ROGUE_CLIENT }]
  const config = { limits: { idleSeconds: IDLE_SECONDS }, configuration: { intervalSeconds: 1 } }
  pair = await startPair({
    services: (url) => [{ code: 'items', url, timeoutSeconds: 5, access }],
    providerConfig: config,
    consumerConfig: { ...config, peers: { connectTimeoutSeconds: 2, responseTimeoutSeconds: 2 } },
  })
  rogue = await startRogue(pair.state)
  // Both servers learn of the rogue with their next configuration.
  const close = await rogue.serve(honestAnswer(rogue))
  await until(async () => (await ask('known')).status === 200)
  await close()
  await until(async () =>
    (await textOf(await sending(await request('known', 10)), /Envelope>|--\r\n$/)).includes('rest-response'),
  )
})
after(async () => {
  await rogue?.stop()
  await pair?.stop()
})

async function ask(id: string, body?: Uint8Array<ArrayBuffer>): Promise<{ status: number; code: string | null }> {
  const answer = await fetch(`${pair.consumer.client}${ROGUE_SERVICE}`, {
    ...(body === undefined ? {} : { method: 'POST', body }),
    headers: { ...CLIENT_HEADER, 'X-Road-Id': id },
  })
  await answer.arrayBuffer()
  return { status: answer.status, code: answer.headers.get('x-road-error') }
}

test('an information system that goes while its answer is awaited', async () => {
  // The request was logged, signed and sent; the answer is waited for a little longer, as evidence.
  const close = await rogue.serveAs((socket) => void socket.resume())
  await leaves(pair, 'gone', { counts: [`consumer.${CONSUMER}.io_error`], consumer: 'request' }, async () => {
    const socket = connect(8080, pair.consumer.address)
    socket.on('error', () => {})
    socket.write(`GET ${ROGUE_SERVICE} HTTP/1.1\r\nHost: x\r\nX-Road-Client: ${CLIENT}\r\nX-Road-Id: gone\r\n\r\n`)
    await until(async () => (await recordsOf(pair.consumer, 'gone')) === 'request')
    socket.destroy()
  })
  await close()
})

// ---- security servers that provide

async function provided(
  id: string,
  code: string,
  conduct: (socket: TLSSocket) => void,
  body?: Uint8Array<ArrayBuffer>,
  traces: Omit<Traces, 'counts'> = { consumer: 'request' },
): Promise<void> {
  const close = await rogue.serveAs(conduct)
  try {
    await leaves(pair, id, { ...traces, counts: [`consumer.${code}`] }, async () =>
      assert.deepEqual(await ask(id, body), { status: 500, code }),
    )
  } finally {
    await close()
  }
}

/** Sends these bytes to whatever is asked, and then nothing more. */
const answers = (bytes: Buffer | (() => Promise<Buffer>)) => (socket: TLSSocket) =>
  void socket.once('data', async () => {
    socket.resume()
    socket.write(typeof bytes === 'function' ? await bytes() : bytes)
  })

test('a provider that never answers', async () => {
  await provided('mute', `${CONSUMER}.io_error`, (socket) => void socket.resume())
})

test('a provider that stops in the head of its answer', async () => {
  await provided('half-head', `${CONSUMER}.io_error`, answers(Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: multi')))
})

/** The beginning of an answer that nobody could object to. */
async function beginning(bodyBytes: number, sent: number): Promise<Buffer> {
  const head = requestHead('TEST/GOV/6666/rogue/any', { path: '/x' })
  const body = Buffer.alloc(bodyBytes, 'y')
  return httpAnswer(transport(await honest(rogue, 'response', head, body))).subarray(0, sent)
}

for (const [what, id, bodyBytes, sent] of [
  ['at the first part of its answer', 'first-part', 100, 250],
  ['before the signature of a short answer', 'no-signature', 100, 1_200],
  ['in the middle of a long answer', 'half-body', 1_000_000, 400_000],
] as const) {
  const code = `${CONSUMER}.service_failed.io_error`
  test(`a provider that stops ${what}`, async () => {
    await provided(
      `${id}-stop`,
      code,
      answers(() => beginning(bodyBytes, sent)),
    )
  })
  test(`a provider that cuts ${what}`, async () => {
    await provided(`${id}-cut`, code, (socket) =>
      socket.once('data', async () => void socket.end(await beginning(bodyBytes, sent))),
    )
  })
}

test('a provider that stops to take a long request', async () => {
  // Nothing of it was whole, so nothing of it is logged.
  await provided('unheard', `${CONSUMER}.io_error`, (socket) => void socket.pause(), new Uint8Array(LARGE), {})
})

test('a provider that takes the connection and shakes no hand', async () => {
  const open = new Set<Socket>()
  const mute = createServer((socket) => void open.add(socket.on('error', () => {})))
  mute.listen(5500, rogue.address)
  await once(mute, 'listening')
  const code = `${CONSUMER}.ssl_authentication_failed`
  await leaves(pair, 'no-handshake', { counts: [`consumer.${code}`] }, async () =>
    assert.deepEqual(await ask('no-handshake'), { status: 500, code }),
  )
  for (const socket of open) socket.destroy()
  mute.close()
})

// ---- security servers that consume

/** A request of the rogue's, as the bytes that go over its connection. */
async function request(id: string, bodyBytes: number, path = '/count'): Promise<Buffer> {
  const head = requestHead('TEST/GOV/1111/registry/items', { method: 'POST', path, id })
  const { contentType, body } = transport(await honest(rogue, 'request', head, Buffer.alloc(bodyBytes, 'z')))
  const lines = [
    'POST / HTTP/1.1',
    'Host: x',
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
    'x-hash-algorithm: SHA-512',
    'x-road-message-type: REST',
    'x-proxy-version: 7.8.0',
    'Connection: close',
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body])
}

async function sending(bytes: Uint8Array): Promise<TLSSocket> {
  const identity = { key: rogue.authKey, cert: pem('CERTIFICATE', rogue.authCertificate.der) }
  const socket = connectTls({ host: pair.provider.address, port: 5500, rejectUnauthorized: false, ...identity })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  socket.write(bytes)
  return socket
}

for (const [what, id, after, more] of [
  ['in its first part', 'in-ocsp', 'application/ocsp-response', 100],
  ['in the middle of a long body', 'in-body', 'application/x-road-rest-body', 100_000],
  ['before its signature is whole', 'in-signature', 'signature/bdoc', 200],
] as const)
  test(`a consumer that stops ${what}`, async () => {
    const code = `${PROVIDER}.io_error`
    await leaves(pair, id, { counts: [`provider.${code}`] }, async () => {
      const whole = await request(id, 200_000)
      const found = whole.indexOf(after)
      assert.ok(found > 0)
      const answer = await textOf(await sending(whole.subarray(0, found + more)), /Envelope>/)
      assert.match(answer, /^HTTP\/1\.1 200/)
      assert.match(answer, new RegExp(`<faultcode>${code}</faultcode>`))
    })
  })

test('a consumer that stops to read its answer', async () => {
  const code = `provider.${PROVIDER}.io_error`
  const before = await counted(pair.provider, code)
  // Its request was whole; the answer was not, and nothing but a whole answer is signed.
  await leaves(pair, 'unread-peer', { counts: [], provider: 'request' }, async () => {
    const socket = await sending(await request('unread-peer', 10, `/big/${LARGE}`))
    assert.ok((await readABitAndStop(socket, IDLE_SECONDS)) < LARGE)
  })
  assert.equal(await counted(pair.provider, code), before + 1)
})
