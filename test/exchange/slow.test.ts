// Information systems and services that stop: in the middle of what they send, of what they take, or before they answer (issue: Bad
// input; wire-client §3.7). The limits are a second here. Each is told its fault, or cut off where nobody could be told; it is counted,
// the log keeps what was whole and nothing else, and everybody else goes on.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLIENT, CLIENT_HEADER, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import { readABitAndChatter, readABitAndStop, textOf } from '../federation/sockets.ts'
import { leaves, until } from '../federation/traces.ts'

const CONSUMER = 'server.clientproxy'
const PROVIDER = 'server.serverproxy'
/** Above the time of a service, so that a service that stops is told by its own server. */
const IDLE_SECONDS = 1.5
/** More than the buffers of all kernels and streams on the way hold. */
const LARGE = 48 * 1024 * 1024
/** Both were asked; nothing came that could be evidence. */
const ASKED = { consumer: 'request', provider: 'request' }
const SERVED = { consumer: 'request,response', provider: 'request,response' }

let pair: Pair
/** A service that takes the connection and reads nothing from it. */
let deaf: Server
const deafTo = new Set<Socket>()
/** An information system that opens a connection to 8443 and says nothing. */
let silent: Socket

before(async () => {
  deaf = createServer({ pauseOnConnect: true }, (socket) => void deafTo.add(socket.on('error', () => {})))
  deaf.listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  const { port } = deaf.address() as { port: number }
  const common = { timeoutSeconds: 1, access: [{ subject: CLIENT }] }
  const config = { limits: { idleSeconds: IDLE_SECONDS } }
  pair = await startPair({
    services: (url) => [
      { code: 'items', url, ...common },
      { code: 'deaf', url: `http://127.0.0.1:${port}`, ...common },
    ],
    providerConfig: config,
    consumerConfig: config,
  })
  silent = connect(8443, pair.consumer.address).on('error', () => {})
  silent.resume()
})
after(async () => {
  silent?.destroy()
  await pair?.stop()
  for (const socket of deafTo) socket.destroy()
  deaf?.close()
})

function informationSystem(target: string, id: string, more: string): Socket {
  const socket = connect(8080, pair.consumer.address)
  socket.on('error', () => {})
  socket.write(`${target} HTTP/1.1\r\nHost: x\r\nX-Road-Client: ${CLIENT}\r\nX-Road-Id: ${id}\r\n${more}\r\n`)
  return socket
}

for (const [what, sent] of [
  ['before the first byte of its body', 0],
  ['before its body is more than small', 1_000],
  ['in the middle of a long body', 300_000],
] as const)
  test(`an information system that stops ${what}`, async () => {
    const id = `stops-${sent}`
    await leaves(pair, id, { counts: [`consumer.${CONSUMER}.io_error`] }, async () => {
      const socket = informationSystem(`POST ${SERVICE_PATH}/count`, id, 'Content-Length: 1000000\r\n')
      socket.write(Buffer.alloc(sent))
      const answer = await textOf(socket, /\r\n\r\n.*}/s)
      assert.match(answer, /^HTTP\/1\.1 500[\s\S]*x-road-error: server\.clientproxy\.io_error/i)
      assert.match(answer, /stalled/)
    })
  })

test('an information system that is slow, but does not stop, is served', async () => {
  const traces = { ...SERVED, counts: ['consumer.ok'], keeps: [1, 1] } as const
  await leaves(pair, 'trickles', traces, async () => {
    const socket = informationSystem(
      `POST ${SERVICE_PATH}/count`,
      'trickles',
      'Content-Length: 100000\r\nConnection: close\r\n',
    )
    // More than the idle limit in all, never as much at a time.
    for (let left = 8; left > 0; left -= 1) {
      socket.write(Buffer.alloc(12_500))
      await sleep((IDLE_SECONDS * 1000) / 5)
    }
    assert.match(await textOf(socket), /^HTTP\/1\.1 200[\s\S]*"bytes":100000/)
  })
})

test('an information system that stops to read its answer is cut off; the answer stays evidence', async () => {
  const traces = { ...SERVED, counts: ['consumer.ok', 'provider.ok'], keeps: [1, 1] } as const
  await leaves(pair, 'unread', traces, async () => {
    const socket = informationSystem(`GET ${SERVICE_PATH}/big/${LARGE}`, 'unread', 'Connection: close\r\n')
    assert.ok((await readABitAndStop(socket, IDLE_SECONDS)) < LARGE)
  })
})

test('an information system that reads nothing of its answer, but keeps sending empty lines, is cut off too', async () => {
  const traces = { ...SERVED, counts: ['consumer.ok', 'provider.ok'], keeps: [1, 1] } as const
  await leaves(pair, 'chatters', traces, async () => {
    const socket = informationSystem(`GET ${SERVICE_PATH}/big/${LARGE}`, 'chatters', '')
    assert.ok((await readABitAndChatter(socket, IDLE_SECONDS)) < LARGE)
  })
})

async function ask(path: string, id: string, body?: Uint8Array<ArrayBuffer>): Promise<[number, string | null]> {
  const answer = await fetch(`${pair.consumer.client}${path}`, {
    ...(body === undefined ? {} : { method: 'POST', body }),
    headers: { ...CLIENT_HEADER, 'X-Road-Id': id },
  })
  await answer.arrayBuffer()
  return [answer.status, answer.headers.get('x-road-error')]
}

for (const [what, path] of [
  ['never answers', 'never'],
  ['cuts the connection', 'cut'],
  ['answers garbage', 'garbage'],
  ['cuts a short answer', 'cut-body/1000'],
  ['cuts a long answer', 'cut-body/300000'],
  ['stops in a short answer', 'stall-body/1000'],
  ['stops in a long answer', 'stall-body/300000'],
] as const)
  test(`a service that ${what}`, async () => {
    const code = `${PROVIDER}.io_error`
    const id = `service ${what}`
    await leaves(pair, id, { ...ASKED, counts: [`consumer.${code}`, `provider.${code}`] }, async () =>
      assert.deepEqual(await ask(`${SERVICE_PATH}/${path}`, id), [500, code]),
    )
  })

test('a service that reads nothing of a long request', async () => {
  const code = `${PROVIDER}.io_error`
  const traces = { ...ASKED, counts: [`consumer.${code}`, `provider.${code}`], keeps: [1, 1] } as const
  await leaves(pair, 'deaf', traces, async () =>
    assert.deepEqual(await ask('/r1/TEST/GOV/1111/registry/deaf/x', 'deaf', new Uint8Array(LARGE)), [500, code]),
  )
})

test('a service that is slow, but not for longer than its time, is waited for', async () => {
  await leaves(pair, 'slow', { ...SERVED, counts: ['consumer.ok', 'provider.ok'] }, async () =>
    assert.deepEqual(await ask(`${SERVICE_PATH}/slow/500`, 'slow'), [200, null]),
  )
})

test('an information system that never begins its TLS handshake is cut off', async () => {
  // The limit is that of both servers, half a minute; it began with the first test.
  await until(async () => silent.closed, 60)
})
