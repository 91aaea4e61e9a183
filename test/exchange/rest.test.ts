// REST messages between two real servers: what the information systems see, what both logs hold, what an auditor takes away.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { LogListing } from '#security-server/contract'
import { CLIENT, CLIENT_HEADER, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import { logged } from '../federation/process.ts'

let pair: Pair
before(async () => {
  pair = await startPair()
})
after(() => pair?.stop())

test('a GET goes through and its answer carries the X-Road headers', async () => {
  const answer = await pair.call('/items/7?x=1&y=%C3%B6', {
    headers: { 'X-Road-Id': 'rest-get-1', 'X-Road-UserId': 'EE1' },
  })
  assert.equal(answer.status, 200, await answer.clone().text())
  assert.deepEqual(await answer.json(), { id: '7', method: 'GET' })
  assert.equal(answer.headers.get('x-road-id'), 'rest-get-1')
  assert.equal(answer.headers.get('x-road-client'), CLIENT)
  assert.equal(answer.headers.get('x-road-service'), 'TEST/GOV/1111/registry/items')
  assert.match(answer.headers.get('x-road-request-hash') ?? '', /^[A-Za-z0-9+/]{86}==$/)
  const seen = pair.service.seen.at(-1)
  assert.equal(seen?.url, '/items/7?x=1&y=%C3%B6')
  assert.ok(seen?.rawHeaders.includes('X-Road-UserId') || seen?.rawHeaders.includes('x-road-userid'))
})

test('a body goes both ways, whatever its type and size', async () => {
  for (const size of [0, 1, 2000, 64 * 1024, 64 * 1024 + 1, 3_000_000]) {
    const body = randomBytes(size)
    const answer = await pair.call('/count', {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/octet-stream' },
    })
    assert.equal(answer.status, 200)
    assert.deepEqual(await answer.json(), { bytes: size, sha256: createHash('sha256').update(body).digest('hex') })
    const back = await pair.call(`/big/${size}`)
    assert.equal((await back.arrayBuffer()).byteLength, size)
  }
})

test('statuses, redirects, empty answers and HEAD come back as the service gave them', async () => {
  for (const status of [201, 204, 304, 404, 500, 503]) {
    const answer = await pair.call(`/status/${status}`, { redirect: 'manual' })
    assert.equal(answer.status, status)
    assert.equal(answer.headers.get('x-road-error'), null)
    await answer.arrayBuffer()
  }
  const redirect = await pair.call('/redirect', { redirect: 'manual' })
  assert.equal(redirect.status, 302)
  assert.equal(redirect.headers.get('location'), 'http://127.0.0.1:1/elsewhere')
  const head = await pair.call('/items/1', { method: 'HEAD' })
  assert.equal(head.status, 200)
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS'])
    assert.equal((await pair.call('/items/1', { method })).status, 200)
})

test('cookies are relayed and never remembered', async () => {
  const first = await pair.call('/cookie')
  assert.deepEqual(first.headers.getSetCookie(), ['a=1', 'b=2'])
  assert.equal(await (await pair.call('/cookie')).text(), 'no cookie')
})

test('a service cannot forge the X-Road headers of its answer', async () => {
  const answer = await pair.call('/claims', { headers: { 'X-Road-Id': 'honest' } })
  assert.equal(answer.headers.get('x-road-id'), 'honest')
  assert.notEqual(answer.headers.get('x-road-request-hash'), 'forged')
})

test('both sides hold request and answer', async () => {
  await pair.call('/items/9', { headers: { 'X-Road-Id': 'logged-both' } })
  for (const [server, side, member] of [
    [pair.consumer, 'consumer', CLIENT],
    [pair.provider, 'provider', 'TEST/GOV/1111/registry'],
  ] as const) {
    const { records } = await server.control.get<LogListing>('/log?order=oldest&id=logged-both')
    assert.deepEqual(
      records.map((record) => [record.side, record.direction, record.member]),
      [
        [side, 'request', member],
        [side, 'response', member],
      ],
    )
  }
})

test('a hundred at once all come back, each with its own answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => (await pair.call(`/items/${index}`)).json()),
  )
  assert.deepEqual(
    answers.map((answer) => (answer as { id: string }).id),
    Array.from({ length: 100 }, (_, index) => `${index}`),
  )
})

test('health and status tell the truth', async () => {
  const health = await fetch(pair.consumer.health)
  assert.equal(health.status, 200, await health.clone().text())
  const ok = { ok: true }
  assert.deepEqual(((await health.json()) as { checks: object }).checks, {
    keys: ok,
    ocsp: ok,
    configuration: ok,
    log: ok,
    timestamps: ok,
    transparency: ok,
  })
})

test('the client is named on every request', async () => {
  const answer = await fetch(`${pair.consumer.client}${SERVICE_PATH}/items/1`)
  assert.equal(answer.status, 500)
  assert.equal(answer.headers.get('x-road-error'), 'server.clientproxy.invalid_client_identifier')
  const body = (await answer.json()) as { type: string; message: string; detail: string }
  assert.deepEqual(Object.keys(body).sort(), ['detail', 'message', 'type'])
  assert.ok(await logged(body.detail, pair.consumer.process), 'the id of the error is in the log')
  assert.equal((await fetch(`${pair.consumer.client}${SERVICE_PATH}/items/1`, { headers: CLIENT_HEADER })).status, 200)
})
