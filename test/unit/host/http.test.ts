import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import test, { type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { healthServer, httpGet, httpPost, listen } from '#host'

async function serving(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  const { port } = await listen(server, '127.0.0.1', 0)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${port}`
}

const limits = { timeoutMs: 5_000, maxBytes: 1000 }

test('posts the bytes of a view as they are and hands back status, type and bytes', async (t) => {
  const url = await serving(t, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    response.writeHead(418, { 'Content-Type': 'application/ocsp-response' })
    response.end(
      JSON.stringify({
        got: Buffer.concat(chunks).toString('hex'),
        type: request.headers['content-type'],
        accept: request.headers.accept,
      }),
    )
  })
  const view = Buffer.from('xxabcxx').subarray(2, 5)
  const answer = await httpPost(url, view, {
    ...limits,
    contentType: 'application/ocsp-request',
    accept: 'application/ocsp-response',
  })
  assert.equal(answer.status, 418)
  assert.equal(answer.contentType, 'application/ocsp-response')
  assert.deepEqual(JSON.parse(Buffer.from(answer.body).toString()), {
    got: '616263',
    type: 'application/ocsp-request',
    accept: 'application/ocsp-response',
  })
})

test('redirects are answers, compressed bodies stay compressed, proxies of the environment are not used', async (t) => {
  const url = await serving(t, (request, response) => {
    if (request.url === '/away') response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()
    else response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('hello'))
  })
  const before = process.env['http_proxy']
  process.env['http_proxy'] = 'http://127.0.0.1:1'
  t.after(() => {
    if (before === undefined) delete process.env['http_proxy']
    else process.env['http_proxy'] = before
  })
  assert.equal((await httpGet(`${url}/away`, limits)).status, 302)
  assert.deepEqual(Buffer.from((await httpGet(url, limits)).body), gzipSync('hello'))
})

test('an answer that is too long, never comes, or comes from nobody', async (t) => {
  const url = await serving(t, (request, response) => {
    if (request.url === '/declared') response.writeHead(200, { 'Content-Length': 5000 }).end('x'.repeat(5000))
    if (request.url === '/streamed') response.writeHead(200).end('x'.repeat(5000))
    if (request.url === '/slow') {
      response.writeHead(200)
      response.write('x')
    }
  })
  await assert.rejects(httpGet(`${url}/declared`, limits), { code: 'answer_too_large' })
  await assert.rejects(httpGet(`${url}/streamed`, limits), { code: 'answer_too_large' })
  // The bound is for the whole answer, not for its first byte.
  await assert.rejects(httpGet(`${url}/slow`, { ...limits, timeoutMs: 200 }), { code: 'timed_out' })
  await assert.rejects(httpGet('http://127.0.0.1:1/', limits), (error: Error) => {
    assert.equal((error as NodeJS.ErrnoException).code, 'unreachable')
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    return true
  })
  await assert.rejects(httpGet('file:///etc/passwd', limits), TypeError)
})

test('a port that is taken is an error that names it', async (t) => {
  const url = new URL(await serving(t, () => undefined))
  await assert.rejects(listen(createServer(), '127.0.0.1', Number(url.port)), {
    code: 'EADDRINUSE',
    message: new RegExp(url.port),
  })
})

test('health is 200 only while every check holds', async (t) => {
  let ok = true
  const server = healthServer(() => {
    if (!ok) return { keys: { ok: true }, log: { ok: false, detail: 'disk full' } }
    return { keys: { ok: true }, log: { ok: true } }
  })
  const { port } = await listen(server, '127.0.0.1', 0)
  t.after(() => server.close())
  const url = `http://127.0.0.1:${port}/`
  const read = async () => {
    const { status, body } = await httpGet(url, limits)
    return { status, body: JSON.parse(Buffer.from(body).toString()) as unknown }
  }
  assert.deepEqual(await read(), {
    status: 200,
    body: { status: 'ok', checks: { keys: { ok: true }, log: { ok: true } } },
  })
  ok = false
  assert.deepEqual(await read(), {
    status: 503,
    body: { status: 'failing', checks: { keys: { ok: true }, log: { ok: false, detail: 'disk full' } } },
  })
  assert.equal((await httpPost(url, new Uint8Array(), { ...limits, contentType: 'text/plain' })).status, 405)
})
