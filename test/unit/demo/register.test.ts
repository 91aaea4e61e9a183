import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { after, before } from 'node:test'
import { inflateSync } from 'node:zlib'
import { parse } from 'yaml'
import { type AccessLine, registerApi } from '../../../demo/population-register/api.ts'
import { openRegister } from '../../../demo/population-register/store.ts'

const store = openRegister(':memory:')
const lines: AccessLine[] = []
const server = createServer(registerApi(store, (line) => lines.push(line)) as RequestListener)
let base = ''

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.close()
  server.closeAllConnections()
  store.close()
})

const CODE = '38203190108'
const ADDRESS = { street: 'Kase 1', postalCode: '51001', municipality: 'Tartu linn', county: 'Tartu maakond' }

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly json: Record<string, unknown>
}

async function call(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(base + path, init)
  return {
    status: response.status,
    headers: response.headers,
    json: (await response.json()) as Record<string, unknown>,
  }
}

const put = (code: string, body: unknown, headers: Record<string, string> = {}) =>
  call(`/persons/${code}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

const fields = (answer: Answer) => (answer.json['errors'] as { field: string }[]).map(({ field }) => field)

test('a search is paged, ordered and folds accents', async () => {
  const first = await call('/persons?name=oun&pageSize=5')
  assert.equal(first.status, 200)
  const persons = first.json['persons'] as { surname: string; personalCode: string }[]
  assert.equal(persons.length, 5)
  assert.ok(persons.every(({ surname }) => surname === 'Õun'))
  assert.ok((first.json['total'] as number) > 5)
  const next = await call(first.json['next'] as string)
  assert.equal(next.json['page'], 2)
  const codes = new Set(
    [...persons, ...(next.json['persons'] as { personalCode: string }[])].map(({ personalCode }) => personalCode),
  )
  assert.equal(codes.size, 10)
})

test('the pages of a search hold everyone exactly once', async () => {
  const seen = new Set<string>()
  let path: string | undefined = '/persons?birthYear=1984&pageSize=100'
  let total = 0
  while (path) {
    const page: Answer = await call(path)
    total = page.json['total'] as number
    for (const { personalCode } of page.json['persons'] as { personalCode: string }[]) seen.add(personalCode)
    path = page.json['next'] as string | undefined
  }
  assert.equal(seen.size, total)
})

test('all faults of a search are reported at once', async () => {
  const answer = await call('/persons?birthYear=x&page=0&pageSize=101&surname=Tamm&name=a&name=b')
  assert.equal(answer.status, 400)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
  assert.deepEqual(fields(answer).sort(), ['birthYear', 'name', 'page', 'pageSize', 'surname'])
})

test('quotes, wildcards and statements in a name are only letters', async () => {
  for (const name of ["'; DROP TABLE person; --", '%', '_', '\\', '"']) {
    const answer = await call(`/persons?name=${encodeURIComponent(name)}`)
    assert.deepEqual([answer.status, answer.json['total']], [200, 0], name)
  }
  assert.ok(store.count() >= 10_000)
})

test('one person, and clear answers for nobody and nonsense', async () => {
  const found = await call(`/persons/${CODE}`)
  assert.equal(found.json['surname'], 'Rebane')
  assert.equal((await call('/persons/47101010033')).status, 404)
  assert.equal((await call('/persons/47101010034')).status, 400)
  assert.equal((await call('/persons/..%2f..%2fetc')).status, 400)
  assert.equal((await call('/nothing')).status, 404)
})

test('the photo is a PNG whose pixels unpack, the same for one person and another for the next', async () => {
  const read = async (code: string) => {
    const response = await fetch(`${base}/persons/${code}/photo`)
    assert.equal(response.headers.get('content-type'), 'image/png')
    const bytes = Buffer.from(await response.arrayBuffer())
    assert.equal(bytes.length, Number(response.headers.get('content-length')))
    return bytes
  }
  const photo = await read(CODE)
  assert.equal(photo.subarray(1, 4).toString(), 'PNG')
  const width = photo.readUInt32BE(16)
  const height = photo.readUInt32BE(20)
  const length = photo.readUInt32BE(33)
  assert.equal(photo.subarray(37, 41).toString(), 'IDAT')
  assert.equal(inflateSync(photo.subarray(41, 41 + length)).length, height * (1 + width * 3))
  assert.deepEqual(await read(CODE), photo)
  assert.notDeepEqual(await read('39003070106'), photo)
})

test('an update keeps its ETag promise', async () => {
  const before = await fetch(`${base}/persons/${CODE}`)
  const etag = before.headers.get('etag') ?? ''
  await before.arrayBuffer()
  const change = { givenName: 'Sten', surname: 'Rebane-Õun', address: ADDRESS }
  const updated = await put(CODE, change, { 'If-Match': etag })
  assert.deepEqual([updated.status, updated.json['surname']], [200, 'Rebane-Õun'])
  assert.notEqual(updated.headers.get('etag'), etag)
  assert.equal((await put(CODE, change, { 'If-Match': etag })).status, 412)
  assert.equal((await put(CODE, change, { 'If-Match': 'W/"1"' })).status, 412)
  assert.equal((await put(CODE, change)).status, 200)
  const found = await call('/persons?name=oun%20sten&birthYear=1982')
  assert.ok((found.json['persons'] as { personalCode: string }[]).some(({ personalCode }) => personalCode === CODE))
})

test('what may not be updated is refused, field by field', async () => {
  const answer = await put(CODE, {
    givenName: '',
    surname: 'x'.repeat(201),
    dateOfBirth: '1900-01-01',
    admin: true,
    address: { ...ADDRESS, postalCode: '12', street: 'a\u0000b', planet: 'Mars' },
  })
  assert.equal(answer.status, 400)
  assert.deepEqual(fields(answer).sort(), [
    'address.planet',
    'address.postalCode',
    'address.street',
    'admin',
    'dateOfBirth',
    'givenName',
    'surname',
  ])
  assert.equal(
    (await call(`/persons/${CODE}`, { method: 'PUT', body: '{}', headers: { 'Content-Type': 'text/plain' } })).status,
    415,
  )
  assert.equal(
    (await call(`/persons/${CODE}`, { method: 'PUT', body: '{', headers: { 'Content-Type': 'application/json' } }))
      .status,
    400,
  )
  assert.equal((await put('47101010033', { givenName: 'A', surname: 'B', address: ADDRESS })).status, 404)
  const large = await put(CODE, { givenName: 'A'.repeat(70_000) })
  assert.equal(large.status, 413)
  const deleted = await call(`/persons/${CODE}`, { method: 'DELETE' })
  assert.deepEqual([deleted.status, deleted.headers.get('allow')], [405, 'GET, HEAD, PUT'])
})

test('the access line names who asked and nothing they sent', async () => {
  lines.length = 0
  await call('/persons?name=secret', {
    headers: {
      'X-Road-Client': 'DEMO/GOV/70000002/client',
      'X-Road-Id': 'abc',
      Authorization: 'Bearer secret',
      Cookie: 'secret',
    },
  })
  assert.deepEqual(lines, [
    { method: 'GET', path: '/persons', status: 200, client: 'DEMO/GOV/70000002/client', messageId: 'abc' },
  ])
})

test('the OpenAPI document names every path and method that the API answers', async () => {
  const response = await fetch(`${base}/openapi.yaml`)
  const document = parse(await response.text()) as { openapi: string; paths: Record<string, Record<string, unknown>> }
  assert.match(document.openapi, /^3\./)
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => ['get', 'put', 'post', 'delete'].includes(key))
      .map((method) => `${method} ${path}`),
  )
  assert.deepEqual(operations.sort(), [
    'get /persons',
    'get /persons/{personalCode}',
    'get /persons/{personalCode}/photo',
    'put /persons/{personalCode}',
  ])
})
