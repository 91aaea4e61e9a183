// `saadik/client` against real servers: what a developer at an institution does with it, and what goes wrong for them.
import assert from 'node:assert/strict'
import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:net'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import {
  AnswerError,
  createClient,
  exchangeOf,
  type FetchInit,
  NetworkError,
  type RestService,
  TimeoutError,
  type TlsOptions,
  type XRoadClient,
  XRoadError,
} from '#client'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { type SelfSigned, selfSigned } from '../federation/self-signed.ts'

interface Paths {
  '/items/{id}': {
    get: {
      parameters: { path: { id: string }; query?: { x?: number } }
      responses: { 200: { content: { 'application/json': { id: string; method: string } } } }
    }
    put: {
      parameters: { path: { id: string } }
      requestBody: { content: { 'application/json': { name: string } } }
      responses: { 200: { content: { 'application/json': { id: string; method: string } } } }
    }
  }
  '/count': {
    post: {
      requestBody: { content: { 'application/json': { name: string } } }
      responses: { 200: { content: { 'application/json': { bytes: number; sha256: string } } } }
    }
  }
  '/status/{status}': {
    get: {
      parameters: { path: { status: number } }
      responses: { 200: { content: { 'text/plain': string } }; default: { content: { 'text/plain': string } } }
    }
  }
}

/** May connect with its registered certificate only. */
const STRICT = 'TEST/GOV/3333/strict'

let pair: Pair
let xroad: XRoadClient
let items: RestService<Paths>
let registered: SelfSigned
before(async () => {
  registered = await selfSigned('registered')
  pair = await startPair({
    more: [
      {
        code: 'T',
        owner: 'GOV/3333',
        subsystems: ['strict'],
        clients: [{ id: STRICT, connection: 'HTTPS', tlsCertificates: [registered.cert] }],
      },
    ],
    services: (url) => [
      { code: 'items', url, timeoutSeconds: 5, access: [CLIENT, STRICT].map((subject) => ({ subject })) },
    ],
  })
  xroad = createClient({ securityServer: pair.consumer.client, client: CLIENT, userId: 'EE38203190108' })
  items = xroad.service<Paths>('TEST/GOV/1111/registry/items')
})
after(() => {
  xroad?.close()
  return pair?.stop()
})

test('fetch gives the answer of the service, and the exchange it came in', async () => {
  const response = await items.fetch('/echo?q=õ b', { id: 'client-1', issue: 'case 9', representedParty: 'COM/123' })
  assert.equal(response.status, 200)
  const seen = pair.service.seen.at(-1)
  assert.equal(seen?.url, '/echo?q=%C3%B5%20b')
  const headers = new Map<string, string>()
  for (let i = 0; i < (seen?.rawHeaders.length ?? 0); i += 2)
    headers.set(seen?.rawHeaders[i]?.toLowerCase() ?? '', seen?.rawHeaders[i + 1] ?? '')
  assert.equal(headers.get('x-road-userid'), 'EE38203190108')
  assert.equal(headers.get('x-road-issue'), 'case 9')
  assert.equal(headers.get('x-road-represented-party'), 'COM/123')
  const exchange = exchangeOf(response)
  assert.equal(exchange.id, 'client-1')
  assert.equal(exchange.client, CLIENT)
  assert.equal(exchange.service, 'TEST/GOV/1111/registry/items')
  assert.match(exchange.requestHash ?? '', /^[A-Za-z0-9+/]{86}==$/)
  assert.match(await response.text(), /^GET /)
})

test('bodies of every kind go out, and large ones stream both ways', async () => {
  const bytes = randomBytes(3_000_000)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000)
  }
  const bodies = [
    bytes,
    pieces(),
    Readable.from(pieces()),
    new Blob([bytes]),
    new Blob([bytes]).stream(),
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  ]
  for (const body of bodies) {
    const answer = await items.fetch('/count', { method: 'POST', body })
    assert.deepEqual(await answer.json(), { bytes: bytes.length, sha256 })
  }
  const form = await items.fetch('/echo', { method: 'POST', body: new URLSearchParams({ a: 'b c' }) })
  assert.match(form.headers.get('content-type') ?? '', /^application\/x-www-form-urlencoded/)
  assert.equal(await form.text(), 'a=b+c')
  let got = 0
  for await (const chunk of (await items.fetch('/big/5000000')).body ?? []) got += chunk.byteLength
  assert.equal(got, 5_000_000)
})

test('typed calls: parameters go where they belong, answers are values', async () => {
  const one = await items.get('/items/{id}', { path: { id: 'a b' }, query: { x: 1 } })
  assert.ok(one.ok)
  assert.equal(one.data.method, 'GET')
  assert.equal(pair.service.seen.at(-1)?.url, '/items/a%20b?x=1')
  const put = await items.put('/items/{id}', { path: { id: '7' }, body: { name: 'x' } })
  assert.deepEqual(put.ok && put.data, { id: '7', method: 'PUT' })
  const posted = await items.post('/count', { body: { name: 'x' } })
  assert.equal(posted.ok && posted.data.bytes, '{"name":"x"}'.length)
})

test('an error of the service is an answer, not an exception', async () => {
  for (const status of [400, 404, 500, 503]) {
    const answer = await items.get('/status/{status}', { path: { status } })
    assert.ok(!answer.ok)
    assert.equal(answer.status, status)
  }
  const nothing = await items.fetch('/status/204')
  assert.equal(nothing.status, 204)
  assert.equal(nothing.body, null)
})

test('an X-Road-Error that the service made up is not taken for one', async () => {
  const response = await items.fetch('/claims')
  assert.equal(await response.text(), 'claims')
})

test('an error of X-Road is an XRoadError that says whose it is and what to do', async () => {
  const refused = await xroad
    .service('TEST/GOV/1111/registry/nothing')
    .fetch('/x')
    .catch((error) => error)
  assert.ok(refused instanceof XRoadError, String(refused))
  assert.equal(refused.code, 'server.serverproxy.unknown_service')
  assert.equal(refused.reason, 'unknown_service')
  assert.equal(refused.side, 'provider')
  assert.equal(refused.status, 500)
  assert.equal(refused.header, refused.code)
  assert.match(refused.detail ?? '', /^[0-9a-f-]{36}$/)
  assert.match(refused.message, /listMethods/)

  const stranger = createClient({ securityServer: pair.consumer.client, client: 'TEST/GOV/2222/other' })
  const unknown = await stranger
    .service('TEST/GOV/1111/registry/items')
    .get('/items/1', { headers: { Accept: 'text/xml' } })
    .catch((error) => error)
  assert.ok(unknown instanceof XRoadError)
  assert.equal(unknown.side, 'consumer')
  assert.equal(unknown.reason, 'unknown_member')
  assert.ok(unknown.text.length > 0 && unknown.detail)
  stranger.close()
})

test('a service that cuts the connection is an error of X-Road; a silent security server is a timeout', async () => {
  const cut = await items.fetch('/cut').catch((error) => error)
  assert.ok(cut instanceof XRoadError, String(cut))
  assert.equal(cut.side, 'provider')

  const impatient = createClient({ securityServer: pair.consumer.client, client: CLIENT, timeout: 200 })
  const late = await impatient
    .service('TEST/GOV/1111/registry/items')
    .fetch('/slow/2000')
    .catch((error) => error)
  assert.ok(late instanceof TimeoutError, String(late))
  assert.equal(late.milliseconds, 200)
  impatient.close()
})

test('a signal ends a call, before and within the answer', async () => {
  const early = items.fetch('/never', { signal: AbortSignal.timeout(100) })
  await assert.rejects(early, { name: 'TimeoutError' })
  const controller = new AbortController()
  const response = await items.fetch('/big/8000000', { signal: controller.signal })
  const reader = response.body?.getReader()
  await reader?.read()
  controller.abort(new Error('enough'))
  await assert.rejects(async () => {
    while (!(await reader?.read())?.done);
  }, /enough/)
})

test('a security server that is not there is a NetworkError; one that is none, an AnswerError', async () => {
  const nobody = createServer()
  await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve))
  const { port } = nobody.address() as { port: number }
  await new Promise((resolve) => nobody.close(resolve))
  const lost = createClient({ securityServer: `http://127.0.0.1:${port}`, client: CLIENT })
  const refused = await lost
    .service('TEST/GOV/1111/registry/items')
    .fetch('')
    .catch((error) => error)
  assert.ok(refused instanceof NetworkError, String(refused))
  assert.equal(refused.code, 'ECONNREFUSED')
  assert.match(refused.message, /is it running/)

  // The service itself, asked directly.
  const direct = createClient({ securityServer: pair.service.url, client: CLIENT })
  await assert.rejects(direct.service('TEST/GOV/1111/registry/items').fetch('/x'), AnswerError)
  direct.close()
})

test('a refusal is told behind a body that the server still reads, and ends one that has no end', async () => {
  const stranger = createClient({ securityServer: pair.consumer.client, client: 'TEST/GOV/2222/other' })
  const refusal = (body: FetchInit['body']) =>
    stranger
      .service('TEST/GOV/1111/registry/items')
      .fetch('/count', { method: 'POST', ...(body && { body }) })
      .catch((error) => error)
  const refused = await refusal(new Blob([new Uint8Array(200_000)]).stream())
  assert.ok(refused instanceof XRoadError, String(refused))
  assert.equal(refused.reason, 'unknown_member')

  let closed: (value?: unknown) => void
  const closing = new Promise((resolve) => {
    closed = resolve
  })
  async function* endless() {
    try {
      for (;;) yield Buffer.alloc(64 * 1024)
    } finally {
      closed()
    }
  }
  // The server closes while we write: its answer may be lost on the way.
  const ended = await refusal(endless())
  assert.ok(ended instanceof XRoadError || ended instanceof NetworkError, String(ended))
  await closing
  stranger.close()
})

test('a body that fails while it is read fails the call with its own error', async () => {
  async function* broken() {
    yield Buffer.from('begins')
    throw new Error('the disk is gone')
  }
  await assert.rejects(items.fetch('/count', { method: 'POST', body: broken() }), /the disk is gone/)
  const missing = createReadStream('no such file')
  await assert.rejects(items.fetch('/count', { method: 'POST', body: missing }), (error) => {
    assert.ok(error instanceof Error && !(error instanceof NetworkError))
    return 'code' in error && error.code === 'ENOENT'
  })
})

test('TLS: the certificate of the security server is pinned, our own is shown', async () => {
  const server = pair.state.server('T')
  const shown = connect({ host: server.address, port: 8443, rejectUnauthorized: false })
  await once(shown, 'secureConnect')
  const pinned = shown.getPeerX509Certificate()?.toString() ?? ''
  shown.destroy()
  const { cert, key } = registered
  const outcome = async (tls?: TlsOptions) => {
    const client = createClient({ securityServer: server.clientTls, client: STRICT, ...(tls && { tls }) })
    try {
      return (await client.service('TEST/GOV/1111/registry/items').fetch('/items/1')).status
    } catch (error) {
      assert.ok(error instanceof NetworkError || error instanceof XRoadError, String(error))
      return error instanceof XRoadError ? error.reason : error.code
    } finally {
      client.close()
    }
  }
  assert.equal(await outcome({ pinned, cert, key }), 200)
  assert.equal(await outcome({ pinned: new X509Certificate(pinned).fingerprint256, cert, key }), 200)
  assert.equal(await outcome({ pinned: [registered.cert, pinned], cert, key }), 200)
  assert.equal(await outcome({ pinned }), 'ssl_authentication_failed', 'no client certificate')
  assert.equal(await outcome({ pinned, ...(await selfSigned('registered')) }), 'ssl_authentication_failed')
  assert.equal(await outcome({ pinned: registered.cert, cert, key }), 'CERTIFICATE_NOT_PINNED')
  assert.equal(await outcome({ ca: pinned, cert, key }), 200, 'the name stands in the certificate')
  assert.match(String(await outcome()), /SELF_SIGNED/)
})
