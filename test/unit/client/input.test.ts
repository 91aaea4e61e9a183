// Mistakes of a calling program are TypeErrors before anything is sent; nothing that it gives can become something else on the wire.
import assert from 'node:assert/strict'
import test from 'node:test'
import { createClient } from '#client'
import { answer, replay } from './replay.ts'

const OK = answer('application/json', '{}', 'HTTP/1.1 200 OK\r\nx-road-request-hash: x')
const SERVICE = 'TEST/COM/1111/SVC/echo'

test('addresses and identifiers', () => {
  const client = 'TEST/COM/1/SUB'
  for (const securityServer of ['', 'ss:8080', 'ftp://ss', 'http://ss/r1', 'http://u:p@ss', 'http://ss?x'])
    assert.throws(() => createClient({ securityServer, client }), TypeError, securityServer)
  const securityServer = 'http://ss:8080'
  for (const id of [
    '',
    'TEST',
    'TEST/COM',
    'TEST/COM/1/SUB/X',
    'TEST//1',
    'TEST/COM/..',
    'TEST/COM/%',
    `TEST/COM/${'1'.repeat(256)}`,
  ])
    assert.throws(() => createClient({ securityServer, client: id }), TypeError, id)
  for (const timeout of [0, -1, 1.5, Number.NaN])
    assert.throws(() => createClient({ securityServer, client, timeout }), TypeError)
  assert.throws(() => createClient({ securityServer, client, tls: { ca: 'x' } }), /https/)
  const https = 'https://ss:8443'
  assert.throws(() => createClient({ securityServer: https, client, tls: { pinned: 'x' } }), TypeError)
  assert.throws(() => createClient({ securityServer: https, client, tls: { pinned: 'x', ca: 'y' } }), TypeError)
  const xroad = createClient({ securityServer, client })
  for (const id of ['', client, `${SERVICE}/v1/x`, 'TEST/COM/1/SUB/.'])
    assert.throws(() => xroad.soap(id), TypeError, id)
  assert.throws(() => xroad.service(`${SERVICE}/v1`), /no version/)
  assert.throws(
    () => xroad.service({ instance: 'T', memberClass: 'C', memberCode: '1', serviceCode: 's' }),
    /subsystem/,
  )
})

test('identifiers with characters of their own are escaped once, in URL and header', async (t) => {
  const { xroad, seen } = await replay(t, OK, 'TEST/COM/1%2F2/süb')
  await xroad
    .service({ instance: 'TEST', memberClass: 'COM', memberCode: '1', subsystemCode: 'a/b', serviceCode: 'ö' })
    .fetch('')
  assert.equal(seen[0]?.url, '/r1/TEST/COM/1/a%2Fb/%C3%B6')
  assert.equal(seen[0]?.headers['x-road-client'], 'TEST/COM/1%2F2/s%C3%BCb')
})

test('paths and queries', async (t) => {
  const { xroad, seen } = await replay(t, OK)
  const service = xroad.service(SERVICE)
  for (const path of ['x', '/a#b', '/50%', '/%zz']) await assert.rejects(service.fetch(path), TypeError, path)
  for (const value of ['', '.', '..', undefined])
    await assert.rejects(service.get('/items/{id}', { path: { id: value as string } }), TypeError)
  await assert.rejects(service.get('/items/{id}', { path: {} }), /\{id\}/)
  await assert.rejects(service.get('/items/{constructor}', { path: {} }), TypeError)
  assert.equal(seen.length, 0)
  await service.fetch('/a/../b%2e?x=1 2&y=õ"<>\r\n')
  await service.get('/items/{id}', { path: { id: 'a/b?c#d%' }, query: { q: ['1', 'ö&='], no: undefined, n: 0 } })
  assert.deepEqual(
    seen.map(({ url }) => url.slice(url.indexOf('echo') + 4)),
    ['/a/../b%2e?x=1%202&y=%C3%B5%22%3C%3E%0D%0A', '/items/a%2Fb%3Fc%23d%25?q=1&q=%C3%B6%26%3D&n=0'],
  )
})

test('headers', async (t) => {
  const { xroad, seen } = await replay(t, OK)
  const service = xroad.service(SERVICE)
  for (const userId of ['', ' x', 'a\r\nX-Road-Client: b', 'õ', 'x'.repeat(256)])
    await assert.rejects(service.fetch('', { userId }), TypeError, userId)
  await assert.rejects(service.fetch('', { representedParty: 'a/b/c' }), TypeError)
  await assert.rejects(service.fetch('', { securityServer: 'a/b/c' }), TypeError)
  await assert.rejects(service.fetch('', { method: 'DELETE', body: 'x' }), /does not deliver/)
  for (const method of ['CONNECT', 'BREW', 'GET / HTTP/1.1'])
    await assert.rejects(service.fetch('', { method }), TypeError, method)
  assert.equal(seen.length, 0)
  await service.fetch('', {
    headers: { 'x-road-client': 'OTHER', 'X-ROAD-ID': 'forged', Accept: 'text/csv' },
    id: 'mine',
  })
  assert.equal(seen[0]?.headers['x-road-client'], 'TEST/COM/2222/CLI')
  assert.equal(seen[0]?.headers['x-road-id'], 'mine')
  assert.equal(seen[0]?.headers['accept'], 'text/csv')
  await service.post('/x', { body: { a: 1 } })
  assert.equal(seen[1]?.headers['content-type'], 'application/json')
  assert.match(String(seen[1]?.headers['x-road-id']), /^[0-9a-f-]{36}$/)
  await service.post('/x', { body: 'text' })
  assert.equal(seen[2]?.body.toString(), '"text"')
  const travel = { 'Content-Length': '1', 'Transfer-Encoding': 'gzip', Host: 'other', Connection: 'upgrade' }
  await service.fetch('/x', { method: 'POST', body: 'whole', headers: travel })
  assert.equal(seen[3]?.body.toString(), 'whole')
  assert.notEqual(seen[3]?.headers['host'], 'other')
})
