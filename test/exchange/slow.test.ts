// Those who stop in the middle of what they send (issue: Bad input, slow clients). The idle limit is a second here. Whoever stops is
// told `io_error` and cut off; nothing of it is logged, and everybody else goes on.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { LogListing } from '#security-server/contract'
import { pem } from '#trust'
import { CLIENT, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import { honest, ROGUE_CLIENT, type Rogue, requestHead, startRogue, transport } from '../federation/rogue.ts'

let pair: Pair
let rogue: Rogue
before(async () => {
  const config = { limits: { idleSeconds: 1 }, configuration: { intervalSeconds: 1 } }
  pair = await startPair({
    services: (url) => [{ code: 'items', url, access: [{ subject: CLIENT }, { subject: ROGUE_CLIENT }] }],
    providerConfig: config,
    consumerConfig: config,
  })
  rogue = await startRogue(pair.state)
})
after(async () => {
  await rogue?.stop()
  await pair?.stop()
})

async function recordsOf(server: Pair['consumer'], queryId: string): Promise<number> {
  return (await server.control.get<LogListing>(`/log?queryId=${queryId}`)).records.length
}

for (const [what, sent] of [
  ['before its body is more than small', 1_000],
  ['in the middle of a long body', 300_000],
] as const)
  test(`an information system that stops ${what}`, async () => {
    const socket = connect(8080, pair.consumer.address)
    const chunks: Buffer[] = []
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(
      `POST ${SERVICE_PATH}/count HTTP/1.1\r\nHost: x\r\nX-Road-Client: ${CLIENT}\r\nX-Road-Id: slow-${sent}\r\nContent-Length: 1000000\r\n\r\n`,
    )
    socket.write(Buffer.alloc(sent))
    while (!/\r\n\r\n.*}/s.test(Buffer.concat(chunks).toString())) await once(socket, 'data')
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 500[\s\S]*x-road-error: server\.clientproxy\.io_error/i)
    socket.destroy()
    for (const server of [pair.consumer, pair.provider]) assert.equal(await recordsOf(server, `slow-${sent}`), 0)
    assert.equal((await pair.call('/items/1')).status, 200)
  })

test('a security server that stops in its message', async () => {
  const path = 'TEST/GOV/1111/registry/items'
  const body = Buffer.alloc(200_000)
  const message = transport(
    await honest(rogue, 'request', requestHead(path, { method: 'POST', path: '/count', id: 'slow-peer' }), body),
  )
  const identity = { key: rogue.authKey, cert: pem('CERTIFICATE', rogue.authCertificate.der) }
  const ask = async (bytes: number): Promise<string> => {
    const socket = connectTls({ host: pair.provider.address, port: 5500, rejectUnauthorized: false, ...identity })
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${message.contentType}\r\nContent-Length: ${message.body.length}\r\nx-hash-algorithm: SHA-512\r\nx-road-message-type: REST\r\nx-proxy-version: 7.8.0\r\nx-road-request-id: 00000000-0000-4000-8000-000000000000\r\n\r\n`,
    )
    socket.write(message.body.subarray(0, bytes))
    while (!/Envelope>|x-road-rest-response/.test(Buffer.concat(chunks).toString())) await once(socket, 'data')
    socket.destroy()
    return Buffer.concat(chunks).toString()
  }
  // Until the provider has the rogue in its configuration it refuses it for that.
  let answer = await ask(150_000)
  for (let left = 50; left > 0 && answer.includes('ssl_authentication_failed'); left -= 1) answer = await ask(150_000)
  assert.match(answer, /<faultcode>server\.serverproxy\.(service_failed\.)?io_error<\/faultcode>/)
  assert.equal(await recordsOf(pair.provider, 'slow-peer'), 0)
  assert.equal((await pair.call('/items/1')).status, 200)
})
