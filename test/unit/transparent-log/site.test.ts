// Who may read what over HTTP, and what is told of it.
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { closeHttp, listen, systemClock } from '#host'
import { networks, type Site, siteServer } from '#transparent-log'
import { rateLimit } from '../../../transparent-log/rate-limit.ts'
import { hearing } from './fixture.ts'

const hello: Site = async (method, path, body) => {
  if (path === 'fails') throw new Error('a secret')
  if (path === 'echo') return { status: 200, body: await body() }
  if (path === 'forever') return { status: 200, body: Buffer.from('x'), immutable: true }
  return path === 'hello' ? { status: 200, type: 'text/plain', body: Buffer.from(`${method} hello`) } : undefined
}

async function started(t: TestContext, allow: readonly string[] = ['127.0.0.0/8']) {
  const log = hearing()
  const server = siteServer({ sites: { '/': hello, '/deep/er/': hello }, allow, log })
  const { port } = await listen(server, '127.0.0.1', 0)
  t.after(() => closeHttp(server, 0))
  return { url: `http://127.0.0.1:${port}`, log }
}

test('the longest prefix answers; what is nowhere is not found', async (t) => {
  const { url } = await started(t)
  assert.equal(await (await fetch(`${url}/hello?x=1`)).text(), 'GET hello')
  assert.equal(await (await fetch(`${url}/deep/er/hello`)).text(), 'GET hello')
  for (const path of ['/', '/deep/hello', '/hello/', '/%68ello', '/deep/er', '//hello'])
    assert.equal((await fetch(`${url}${path}`)).status, 404, path)
})

test('what never changes may be kept, nothing else; a HEAD tells of it without it', async (t) => {
  const { url } = await started(t)
  assert.equal((await fetch(`${url}/hello`)).headers.get('cache-control'), 'no-store')
  assert.match((await fetch(`${url}/forever`)).headers.get('cache-control') ?? '', /immutable/)
  const head = await fetch(`${url}/hello`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '9', ''])
})

test('a body is bounded, and what goes wrong inside is told to the log only', async (t) => {
  const { url, log } = await started(t)
  const post = (size: number) => fetch(`${url}/echo`, { method: 'POST', body: Buffer.alloc(size) })
  assert.equal((await (await post(1000)).arrayBuffer()).byteLength, 1000)
  assert.equal((await post(1_000_000)).status, 413)
  const failed = await fetch(`${url}/fails`)
  assert.deepEqual([failed.status, await failed.text()], [500, ''])
  assert.ok(log.lines.some(({ level }) => level === 'error'))
})

test('only the networks that are named may read', async (t) => {
  for (const allow of [['10.0.0.0/8', '::1'], ['127.0.0.2'], ['2001:db8::/32']]) {
    const { url } = await started(t, allow)
    const refused = await fetch(`${url}/hello`)
    assert.equal(refused.status, 403, allow.join())
    assert.match(await refused.text(), /not among those/)
  }
  for (const allow of [['127.0.0.1'], ['0.0.0.0/0']]) {
    const { url } = await started(t, allow)
    assert.equal((await fetch(`${url}/hello`)).status, 200, allow.join())
  }
  for (const text of ['', 'localhost', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8', '::1/129', '10.0.0.256'])
    assert.throws(() => networks([text]), RangeError, text)
})

test('so many at once, then so many a second; a clock that jumps gives nothing away', () => {
  let now = 0
  const may = rateLimit({ perSecond: 2, atOnce: 3 }, { ...systemClock, now: () => new Date(now) })
  const taken = (asked: number) => Array.from({ length: asked }, () => may()).filter(Boolean).length
  assert.equal(taken(10), 3)
  now += 500
  assert.equal(taken(10), 1)
  now += 86_400_000
  assert.equal(taken(10), 3)
  now -= 86_400_000
  assert.equal(taken(10), 0)
  now += 1_000
  assert.equal(taken(10), 2)
})
