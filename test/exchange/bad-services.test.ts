// Services whose answers are no HTTP, or lie about themselves: raw bytes, as no HTTP library would send them (issue: Bad input).
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CLIENT, CLIENT_HEADER, type Pair, startPair } from '../federation/pair.ts'
import { leaves } from '../federation/traces.ts'

let pair: Pair
let raw: Server
/** What the raw service says to whatever it is asked. */
let answer: Buffer | string = ''

before(async () => {
  raw = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answer))
  })
  raw.listen(0, '127.0.0.1')
  await once(raw, 'listening')
  const { port } = raw.address() as { port: number }
  const common = { timeoutSeconds: 2, access: [{ subject: CLIENT }] }
  pair = await startPair({
    services: (url) => [
      { code: 'items', url, ...common },
      { code: 'raw', url: `http://127.0.0.1:${port}`, ...common },
    ],
  })
})
after(async () => {
  await pair?.stop()
  raw?.close()
})

async function call(id: string): Promise<{ status: number; code: string | null; body: Buffer; headers: Headers }> {
  const got = await fetch(`${pair.consumer.client}/r1/TEST/GOV/1111/registry/raw/x`, {
    headers: { ...CLIENT_HEADER, 'X-Road-Id': id, 'Accept-Encoding': 'identity' },
  })
  const body = Buffer.from(await got.arrayBuffer())
  return { status: got.status, code: got.headers.get('x-road-error'), body, headers: got.headers }
}

const OK = 'HTTP/1.1 200 OK\r\n'

for (const [what, bytes] of [
  ['says nothing', ''],
  ['speaks TLS', Buffer.from('160301020001', 'hex')],
  ['speaks HTTP/2', Buffer.from('000000040000000000', 'hex')],
  ['speaks HTTP/0.9', '<html>hello</html>'],
  ['has no status', 'HTTP/1.1 \r\n\r\n'],
  ['switches protocols unasked', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
  ['sends a head without end', `${OK}X: ${'y'.repeat(100_000)}`],
  ['has two lengths', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
  ['has a length and chunks', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['has a length that is none', `${OK}Content-Length: -1\r\n\r\n`],
  ['sends chunks that are none', `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`],
  ['ends within its chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`],
  ['ends within its head', `${OK}Content-Len`],
  ['has a header that is none', `${OK}X y\r\n\r\n`],
  ['has a NUL in a header', `${OK}X: a\0b\r\nContent-Length: 0\r\n\r\n`],
] as const)
  test(`a service that ${what}`, async () => {
    answer = bytes
    const code = 'server.serverproxy.io_error'
    const asked = { consumer: 'request', provider: 'request' }
    await leaves(pair, what, { ...asked, counts: [`consumer.${code}`, `provider.${code}`] }, async () => {
      const got = await call(what)
      assert.deepEqual([got.status, got.code], [500, code])
    })
  })

for (const [what, bytes, expected] of [
  ['says more than it announced', `${OK}Content-Length: 5\r\n\r\nhello, and more`, 'hello'],
  ['announces nothing and ends', `${OK}\r\nhello`, 'hello'],
  [
    'says that it will answer, and answers',
    `HTTP/1.1 103 Early Hints\r\n\r\n${OK}Content-Length: 5\r\n\r\nhello`,
    'hello',
  ],
] as const)
  test(`a service that ${what} is understood`, async () => {
    answer = bytes
    const served = { consumer: 'request,response', provider: 'request,response' }
    await leaves(pair, what, { ...served, counts: ['consumer.ok', 'provider.ok'] }, async () =>
      assert.equal(`${(await call(what)).body}`, expected),
    )
  })

test('a bomb is passed on as it is: nothing is unpacked on the way', async () => {
  const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024))
  const head = `${OK}Content-Type: application/gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`
  answer = Buffer.concat([Buffer.from(head), bomb])
  const got = await call('bomb')
  assert.equal(got.status, 200)
  assert.ok(got.body.equals(bomb))
})
