// Media types and REST heads: built here, read on the other side, and what strangers make of them.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  buildRestRequest,
  buildRestResponse,
  idKey,
  mediaType,
  ProtocolError,
  parseRestRequest,
  parseRestResponse,
  restRequestHash,
  XRoadFault,
} from '#protocol'
import { REST_REQUEST, REST_RESPONSE } from '../unit/evidence/messages.ts'
import { bears, property } from './campaign.ts'
import { clientId, SEGMENTS, serviceId } from './identifiers.ts'
import { byLine, mutated, shuffled } from './mutate.ts'
import { recordedHeads } from './seeds.ts'

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-+._'), minLength: 1, maxLength: 10 })
const parameters = fc.uniqueArray(fc.tuple(token, fc.string({ maxLength: 10 })), {
  maxLength: 4,
  selector: ([name]) => name.toLowerCase(),
})
property(
  'media types: what is written is read',
  200,
  fc.tuple(token, token, parameters, fc.constantFrom('', ' ', '  ')),
  ([a, b, list, space]) => {
    const text = `${a}/${b}${list.map(([name, value]) => `${space};${space}${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`).join('')}`
    const read = mediaType(text)
    assert.equal(read.type, `${a}/${b}`.toLowerCase())
    assert.deepEqual(
      [...read.parameters],
      list.map(([name, value]) => [name.toLowerCase(), value]),
    )
    return true
  },
)
const TYPES = [
  'multipart/mixed; charset=UTF-8; boundary=xtop',
  'text/xml;charset="utf-8"',
  'a//b; c="d\\"e";;',
  'application/xop+xml; type="text/xml"; start="<a@b>"',
]
const PIECES = [
  ';',
  '=',
  '"',
  '\\',
  '\\"',
  ' ',
  '/',
  'boundary',
  'boundary=',
  ';a=',
  '\r\n',
  '\t',
  '\u00A0',
  '\u0000',
  ' '.repeat(999),
  ';'.repeat(99),
  'charset=utf-8',
]
property(
  'media types of strangers',
  600,
  mutated(TYPES.map(Buffer.from), PIECES),
  (bytes) => bears(() => mediaType(bytes.toString('latin1').slice(0, 16_384)), ProtocolError) !== undefined,
)

const header = fc.tuple(
  fc.oneof(
    token,
    fc.constantFrom(
      'X-Road-Client',
      'x-road-id',
      'x-road-request-id',
      'X-Road-UserId',
      'Host',
      'Connection',
      'x-road-service',
      '__proto__',
    ),
  ),
  fc.string({
    unit: fc.constantFrom('a', ' ', ':', '\t', 'é', '/', ',', '"', '%', '=', '\r', '\n', '\u0100'),
    maxLength: 6,
  }),
)
const exchange = fc.record({
  client: clientId,
  service: serviceId,
  path: fc.constantFrom('', '/', '/a/b', '/a%20b', '//'),
  query: fc.constantFrom('', '?', '?a=b', '?a=b?c'),
  extra: fc.array(header, { maxLength: 5 }),
  method: fc.constantFrom('GET', 'POST', 'PUT', 'TRACE'),
  status: fc.integer({ min: 200, max: 999 }),
  reason: fc.string({ unit: fc.constantFrom('O', 'k', ' ', 'é'), maxLength: 5 }),
})

property(
  'REST heads: what is built is read on the other side',
  300,
  exchange,
  ({ client, service, path, query, extra, method, status, reason }) => {
    const built = bears(
      () =>
        buildRestRequest({
          method,
          target: `/r1/${idKey(service)}${path}${query}`,
          rawHeaders: ['X-Road-Client', idKey(client), ...extra.flat()],
          requestId: 'request',
          newId: () => 'made',
        }),
      XRoadFault,
    )
    if (!built) return false
    const { bytes, ...request } = built.value
    const { bytes: received, ...read } = parseRestRequest(bytes)
    assert.deepEqual(read, request)
    assert.deepEqual(read.client, client)
    assert.deepEqual(read.service, service)
    assert.ok(Buffer.from(received).equals(bytes))
    const requestHash = restRequestHash(Buffer.alloc(64, 1))
    const response = bears(
      () =>
        buildRestResponse({
          status,
          reason,
          rawHeaders: extra.flat(),
          request: built.value,
          requestId: 'request',
          requestHash,
        }),
      XRoadFault,
    )
    if (!response) return false
    assert.deepEqual(parseRestResponse(response.value.bytes), response.value)
    return true
  },
)

const heads = [REST_REQUEST, REST_RESPONSE, ...recordedHeads()]
const LINES = [
  '\r\n',
  '\n',
  '\r',
  ':',
  ' ',
  'X-Road-Client:DEMO/GOV/1\r\n',
  'x-road-request-id:\r\n',
  'x-road-id: \r\n',
  'Host:a\r\n',
  '\u0000',
  'GET',
  '200',
  ' HTTP/1.1',
  'é',
  ...SEGMENTS,
]
property(
  'REST heads of strangers',
  800,
  fc.oneof(
    mutated(heads, LINES),
    shuffled(
      heads.map((head) => head.toString()),
      byLine,
      LINES,
    ).map(Buffer.from),
  ),
  (bytes) => {
    let taken = false
    for (const parse of [parseRestRequest, parseRestResponse]) {
      const read = bears<{ headers: readonly (readonly [string, string])[] }>(() => parse(bytes), XRoadFault)
      if (!read) continue
      taken = true
      // One layout only: written again it is the same, so what was hashed is what was read.
      const [first, second] = bytes.toString().split('\r\n', 2)
      const again = [
        `${first}\r\n${second}\r\n`,
        ...read.value.headers.map(([name, value]) => `${name}:${value}\r\n`),
      ].join('')
      assert.equal(again, bytes.toString())
    }
    return taken
  },
)
property(
  'REST requests of information systems',
  400,
  fc.tuple(mutated([Buffer.from('/r1/DEMO/GOV/1/sub/service/a?b')], SEGMENTS), fc.array(header, { maxLength: 6 })),
  ([target, extra]) => {
    const rawHeaders = ['X-Road-Client', 'DEMO/GOV/1/c', ...extra.flat()]
    const built = bears(
      () =>
        buildRestRequest({
          method: 'GET',
          target: target.toString('latin1'),
          rawHeaders,
          requestId: 'r',
          newId: () => 'i',
        }),
      XRoadFault,
    )
    if (built) parseRestRequest(built.value.bytes)
    return built !== undefined
  },
)
