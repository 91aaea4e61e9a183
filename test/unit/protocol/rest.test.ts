// REST heads: known answers for every hashed byte sequence (wire-message §3.4–3.6), and what is refused.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import {
  buildRestRequest,
  buildRestResponse,
  checkRestConsistency,
  parseRestRequest,
  parseRestResponse,
  type RestRequestHead,
  restRequestHash,
  XRoadFault,
} from '#protocol'

const sha512 = (...chunks: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha512')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest()
}

const TARGET = '/r1/TEST/COM/200/Sub/svc/items?limit=5'
const CLIENT = ['X-Road-Client', 'TEST/COM/100/Cli']
const REQUEST_ID = '5d7f5a86-55f3-4f5e-9a0c-2f0c5d1f7b11'
const NEW_ID = 'TEST-8b6b5c1e-0f6e-4a39-8f0a-6f6a3b9a2f10'

function build(rawHeaders: readonly string[], target = TARGET, method = 'POST'): RestRequestHead {
  return buildRestRequest({ method, target, rawHeaders, requestId: REQUEST_ID, newId: () => NEW_ID })
}

const text = (head: { bytes: Uint8Array }): string => Buffer.from(head.bytes).toString()

function refused(make: () => unknown, code: string, what?: string): void {
  assert.throws(make, (error) => {
    assert.ok(error instanceof XRoadFault, String(error))
    assert.equal(error.code, code, what ?? error.message)
    return true
  })
}

test('the request head of the dossier, byte for byte', () => {
  const head = build([
    'Host',
    'x',
    'Content-Type',
    'application/json',
    'Accept',
    '*/*',
    ...CLIENT,
    'User-Agent',
    'curl',
  ])
  assert.equal(
    text(head),
    'POST\r\n/r1/TEST/COM/200/Sub/svc/items?limit=5\r\nContent-Type:application/json\r\nAccept:*/*\r\nX-Road-Client:TEST/COM/100/Cli\r\n' +
      `x-road-request-id:${REQUEST_ID}\r\nx-road-id:${NEW_ID}\r\n`,
  )
  assert.deepEqual(
    { ...head, bytes: 0, headers: 0 },
    {
      bytes: 0,
      headers: 0,
      method: 'POST',
      target: TARGET,
      query: 'limit=5',
      client: { instance: 'TEST', memberClass: 'COM', memberCode: '100', subsystemCode: 'Cli' },
      service: { instance: 'TEST', memberClass: 'COM', memberCode: '200', subsystemCode: 'Sub', serviceCode: 'svc' },
      servicePath: '/items',
      id: NEW_ID,
      requestId: REQUEST_ID,
    },
  )
  assert.deepEqual({ ...parseRestRequest(head.bytes), bytes: 0 }, { ...head, bytes: 0 })
})

test('the thirteen headers that are never transported, and the two that are ours', () => {
  const dropped = [
    'Transfer-Encoding',
    'Keep-Alive',
    'Proxy-Authenticate',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Upgrade',
    'Connection',
    'User-Agent',
    'Host',
    'Content-Length',
    'Server',
    'Expect',
  ]
  const head = build([
    ...CLIENT,
    ...dropped.flatMap((name) => [name, 'x', name.toUpperCase(), 'y']),
    'X-Road-Request-Id',
    'theirs',
    'X-ROAD-REQUEST-HASH',
    'theirs',
    'Cookie',
    'a=1',
    'X-Road-Service',
    'kept',
  ])
  assert.deepEqual(head.headers, [
    CLIENT,
    ['Cookie', 'a=1'],
    ['X-Road-Service', 'kept'],
    ['x-road-request-id', REQUEST_ID],
    ['x-road-id', NEW_ID],
  ])
  for (const name of dropped) {
    refused(
      () =>
        parseRestRequest(
          Buffer.from(
            `GET\r\n${TARGET}\r\n${name}:x\r\nX-Road-Client:TEST/COM/100\r\nx-road-request-id:1\r\nx-road-id:1\r\n`,
          ),
        ),
      'server.serverproxy.service_failed.internal_error',
      name,
    )
  }
})

test('order, spelling, duplicates and bytes above ASCII are kept', () => {
  const head = build([
    'b',
    '2',
    'A',
    '1',
    'b',
    '3',
    ...CLIENT,
    'X-Road-ID',
    'mine',
    'Latin',
    'p\u00e4iv\u00e4',
    'Empty',
    '',
  ])
  assert.equal(
    text(head),
    `POST\r\n${TARGET}\r\nb:2\r\nA:1\r\nb:3\r\nX-Road-Client:TEST/COM/100/Cli\r\nX-Road-ID:mine\r\nLatin:päivä\r\nEmpty:\r\nx-road-request-id:${REQUEST_ID}\r\n`,
  )
  assert.equal(head.id, 'mine')
  assert.deepEqual(parseRestRequest(head.bytes).headers, head.headers)
})

test('X-Road headers are read', () => {
  const head = build([
    ...CLIENT,
    'X-Road-UserId',
    'EE1',
    'X-Road-UserId',
    'EE2',
    'X-Road-Issue',
    '12',
    'X-Road-Represented-Party',
    'COM/1',
    'X-Road-Security-Server',
    'TEST/COM/200/ss%2F1',
    'X-Road-Id',
    'a',
    'X-Road-Id',
    'b',
  ])
  assert.deepEqual([head.userId, head.issue, head.representedParty, head.id], ['EE1', '12', 'COM/1', 'b'])
  assert.deepEqual(head.securityServer, { instance: 'TEST', memberClass: 'COM', memberCode: '200', serverCode: 'ss/1' })
  assert.equal(build(['x-road-client', 'TEST/COM/100']).client.subsystemCode, undefined)
})

test('targets: service path and query stay raw', () => {
  const parts = (target: string) => {
    const { servicePath, query, service } = build(CLIENT, target)
    return [service.serviceCode, servicePath, query]
  }
  assert.deepEqual(parts('/r1/T/C/1/s/svc'), ['svc', '', undefined])
  assert.deepEqual(parts('/r1/T/C/1/s/svc/'), ['svc', '/', undefined])
  assert.deepEqual(parts('/r1/T/C/1/s/svc?'), ['svc', '', ''])
  assert.deepEqual(parts('/r1/T/C/1/s/svc/a%20b//c;v=1?x=%2F&y=?z/..'), ['svc', '/a%20b//c;v=1', 'x=%2F&y=?z/..'])
  assert.deepEqual(parts('/r1/T/C/1/s/s%2Fv%20c/x'), ['s/v c', '/x', undefined])
})

test('malformed requests are internal_error, the client has a code of its own', () => {
  const code = 'server.clientproxy.internal_error'
  for (const target of [
    '/r1/T/C/1/s',
    '/r1/T/C/1//svc',
    '/r1/T/C/1/ /svc',
    '/r1/T/C/1/%20/svc',
    '/r1/T/C/../s/svc',
    '/r1/T/C/1/%2e/svc',
    '/r1/T/C/1/%zz/svc',
    '/r1/T/C/1/%FF/svc',
    '/r1/T/C/1/%00/svc',
    `/r1/T/C/1/${'x'.repeat(256)}/svc`,
    '/r2/T/C/1/s/svc',
    '/r1',
    '',
    '/r1/T/C/1/s/svc#f',
    '/r1/T/C/1/s/svc?a|b',
    '/r1/T/C/1/s/svc/ö',
    '/r1/T/C/1/s/svc\r\nX:y',
  ]) {
    refused(() => build(CLIENT, target), code, target)
  }
  for (const method of ['get', 'CONNECT', 'PROPFIND', '', 'GET ', 'GET\r\nx'])
    refused(() => build(CLIENT, TARGET, method), code, method)
  for (const client of [
    'TEST',
    'TEST/COM',
    'TEST/COM/1/a/b',
    'TEST//1',
    'TEST/COM/%',
    'TEST/COM/a b',
    'TEST/COM/..',
    'TEST/COM/%2e%2e',
    '',
    `TEST/COM/${'1'.repeat(256)}`,

    'TEST/COM/1/',
  ]) {
    refused(() => build(['X-Road-Client', client]), code, client)
  }
  for (const [name, value] of [
    ['X-Road-Id', ''],
    ['X-Road-Id', ' '],
    ['X-Road-Id', 'x'.repeat(256)],
    ['X-Road-Security-Server', 'TEST/COM/1'],
    ['X-Road-Security-Server', 'TEST/COM/1/../x'],
    ['X-Road-Represented-Party', 'a/b/c'],
    ['X-Road-Represented-Party', ''],
    ['X', 'a\r\nb'],
    ['X', 'a\u0000b'],
    ['X', 'a\u0100b'],
    ['X Y', 'a'],
    ['', 'a'],
    ['X:Y', 'a'],
  ]) {
    refused(() => build([...CLIENT, name ?? '', value ?? '']), code, `${name}: ${value}`)
  }
  refused(
    () =>
      buildRestRequest({
        method: 'GET',
        target: TARGET,
        rawHeaders: CLIENT,
        requestId: 'x'.repeat(256),
        newId: () => NEW_ID,
      }),
    code,
  )
  assert.equal(build([...CLIENT, 'X-Road-Id', 'x'.repeat(255)]).id.length, 255)
  refused(() => build([]), 'server.clientproxy.invalid_client_identifier')
  refused(() => build([...CLIENT, 'x-road-client', 'TEST/COM/100/Cli']), 'server.clientproxy.invalid_client_identifier')
})

test('received request heads: only the canonical layout is read', () => {
  const good = `GET\r\n${TARGET}\r\nX-Road-Client:TEST/COM/100\r\nx-road-request-id:1\r\nx-road-id:2\r\n`
  assert.equal(parseRestRequest(Buffer.from(good)).requestId, '1')
  const code = 'server.serverproxy.service_failed.internal_error'
  for (const bad of [
    '',
    'GET',
    'GET\r\n',
    `GET\r\n${TARGET}`,
    good.slice(0, -2),
    good.slice(0, -1),
    `${good}\r\n`,
    good.replaceAll('\r\n', '\n'),
    `\uFEFF${good}`,
    `\r\n${good}`,
    good.replace('x-road-request-id', 'X-Road-Request-Id'),
    good.replace('x-road-request-id:1\r\n', ''),
    good.replace('x-road-id:2\r\n', ''),
    good.replace('X-Road-Client:', 'X-Road-Client'),
    good.replace('GET', 'BREW'),
    good.replace('?limit=5', '#f'),
    good.replace('limit=5', 'a|b'),
    good.replace('/r1/', '//r1/'),
    good.replace('items', 'ö'),
    good.replace('TEST/COM/100', 'TEST/COM'),
    good.replace('x-road-id:2', 'x-road-id:\u0100'),
    good.replace('x-road-id:2', 'x-road-id:\u0000'),
    good.replace('x-road-id:2', `x-road-id:${'2'.repeat(256)}`),
    good.replace('x-road-id:2', 'x-road-id:a\rb'),
    good.replace('x-road-id', 'x road id'),
    good.replace('x-road-id', ''),
    `${good}${'a:b\r\n'.repeat(1001)}`,
  ]) {
    refused(() => parseRestRequest(Buffer.from(bad)), code, JSON.stringify(bad.slice(0, 200)))
  }
  refused(() => parseRestRequest(Buffer.from(good.replace('limit=5', 'a=\u00ff'), 'latin1')), code)
  const noClient = good.replace('X-Road-Client:TEST/COM/100\r\n', '')
  for (const bad of [
    noClient,
    noClient.replace('x-road-id', 'X-Road-Client:T/C/1\r\nx-road-client:T/C/1\r\nx-road-id'),
  ]) {
    refused(() => parseRestRequest(Buffer.from(bad)), 'server.serverproxy.service_failed.invalid_client_identifier')
  }
})

const REQUEST = build([...CLIENT, 'X-Road-Id', 'id 1'], '/r1/TEST/COM/200/Sub%20x/svc')
const HASH = restRequestHash(sha512(REQUEST.bytes))

function answer(rawHeaders: readonly string[], status = 200, reason = 'OK') {
  return buildRestResponse({ status, reason, rawHeaders, request: REQUEST, requestId: REQUEST_ID, requestHash: HASH })
}

test('the response head: what the service may not say is removed, five lines appended', () => {
  const head = answer([
    'Content-Type',
    'application/json',
    'Connection',
    'close',
    'Date',
    'now',
    'X-Road-Id',
    'theirs',
    'x-road-client',
    'theirs',
    'X-ROAD-REQUEST-ID',
    'theirs',
    'X-Road-Request-Hash',
    'theirs',
    'X-Road-Service',
    'kept',
    'X-Road-Error',
    'kept',
  ])
  assert.equal(
    text(head),
    `200\r\nOK\r\nContent-Type:application/json\r\nDate:now\r\nX-Road-Service:kept\r\nX-Road-Error:kept\r\nx-road-id:id 1\r\nx-road-client:TEST/COM/100/Cli\r\nx-road-service:TEST/COM/200/Sub%20x/svc\r\nx-road-request-id:${REQUEST_ID}\r\nx-road-request-hash:${HASH}\r\n`,
  )
  assert.deepEqual({ ...parseRestResponse(head.bytes), bytes: 0 }, { ...head, bytes: 0 })
  checkRestConsistency(REQUEST, parseRestResponse(head.bytes), HASH)
  assert.equal(text(answer([], 999, '')).slice(0, 7), '999\r\n\r\n')
  assert.deepEqual({ ...parseRestResponse(answer([], 404, '').bytes), bytes: 0 }, { ...answer([], 404, ''), bytes: 0 })
})

test('garbage from a service is http_error', () => {
  const code = 'server.serverproxy.http_error'
  for (const status of [0, 99, 100, 101, 199, 1000, 200.5, Number.NaN])
    refused(() => answer([], status), code, String(status))
  refused(() => answer([], 200, 'OK\r\nX: y'), code)
  refused(() => answer(['X', 'a\nb']), code)
  refused(() => answer(['X Y', 'a']), code)
})

test('received response heads that lack what they must have are refused', () => {
  const good = text(answer(['A', 'b']))
  const code = 'server.clientproxy.service_failed.internal_error'
  for (const bad of [
    '',
    '200',
    good.slice(0, -2),
    good.replace('200', '20'),
    good.replace('200', '1000'),
    good.replace('200', '100'),
    good.replace('200', '+20'),
    good.replace('OK', 'O\u0001K'),
    good.replace(/x-road-id:.*\r\n/, ''),
    good.replace(/x-road-request-hash:.*\r\n/, ''),
    good.replace(/x-road-client:.*\r\n/, ''),
    good.replace(/x-road-service:.*\r\n/, ''),
    good.replace(/x-road-request-id:.*\r\n/, ''),
    good.replace(/x-road-id:.*\r\n/, 'x-road-id:\r\n'),
    good.replace(HASH, 'abc='),
    good.replace(HASH, HASH.slice(0, -4)),
    good.replace(HASH, `${HASH.slice(0, -3)}X==`),
    good.replace('TEST/COM/100/Cli', 'TEST'),
    good.replace('Sub%20x/svc', 'Sub'),
    good.replace('A:b', 'Content-Length:5'),
    good.replace('A:b', 'no colon'),
  ]) {
    refused(() => parseRestResponse(Buffer.from(bad)), code, JSON.stringify(bad))
  }
})

test('a response to another request is inconsistent', () => {
  const other = { instance: 'TEST', memberClass: 'COM', memberCode: '9' }
  const response = parseRestResponse(answer([]).bytes)
  for (const changed of [
    { ...response, client: other },
    { ...response, service: { ...response.service, serviceCode: 'other' } },
    { ...response, id: 'other' },
    { ...response, requestId: 'other' },
    { ...response, requestHash: 'other' },
  ]) {
    refused(() => checkRestConsistency(REQUEST, changed, HASH), 'server.clientproxy.inconsistent_response')
  }
})

test('request hash: the known answer of wire-message §3.6', () => {
  assert.equal(
    restRequestHash(sha512('H'), sha512('B')),
    'Mmwdw3I+hgiE/WqgDbcHld/DHt9DyBVS5Ge/wIzR8+rA0yQFI8yGloi5Nge/7bn8WclA3HNpqR7AwgO4utSLHQ==',
  )
  assert.equal(restRequestHash(sha512('H')), sha512('H').toString('base64'))
  assert.equal(restRequestHash(sha512('H'), sha512('')), sha512(sha512('H'), sha512('')).toString('base64'))
})
