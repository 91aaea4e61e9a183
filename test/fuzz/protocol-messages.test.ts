// What one line or one head says: identifiers, targets, patterns, media types, versions, REST heads.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  acceptableTarget,
  buildRestRequest,
  buildRestResponse,
  type ClientId,
  compilePattern,
  decodeClientId,
  decodeServerId,
  decodeServiceId,
  decodeServicePath,
  idKey,
  mediaType,
  ProtocolError,
  parseClientId,
  parseRestRequest,
  parseRestResponse,
  parseServerId,
  restRequestHash,
  type ServerId,
  type ServiceId,
  sameId,
  shortId,
  supportsVersion,
  XRoadFault,
} from '#protocol'
import { REST_REQUEST, REST_RESPONSE } from '../unit/evidence/messages.ts'
import { bears, property } from './campaign.ts'
import { byLine, mutated, shuffled } from './mutate.ts'
import { recordedHeads } from './seeds.ts'

/** What identifiers and paths are attacked with. */
const SEGMENTS = [
  ...[
    '/',
    '//',
    '.',
    '..',
    '/../',
    '/./',
    '%2F',
    '%2f',
    '%5C',
    '%00',
    '%0D%0A',
    '%25',
    '%2525',
    '%',
    '%2',
    '%GG',
    '%C3',
    '%C3%28',
    '%ED%A0%80',
    '%F0%9F%98%80',
    '%EF%BB%BF',
    '%E2%80%8B',
  ],
  ...[
    ';',
    ';a=b',
    '..;x',
    '%2e%2e',
    '%2E.',
    ':',
    '\\',
    '?',
    '#',
    '*',
    '**',
    '\\*',
    '\\\\',
    ' ',
    '\t',
    '\r\n',
    '\u0000',
    'é',
    '\uFEFF',
    '__proto__',
    'a'.repeat(256),
    '[',
    ']',
    '{',
    '}',
    '@',
    '+',
  ],
]

/** A part that identifiers may have. */
const part = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.constantFrom('a', 'B', 'a/b', 'a%2Fb', 'a;b', 'õ', '%25', 'a b', 'a:b', '...'),
  )
  .filter(
    (text) =>
      bears(() => decodeClientId(`a/b/${encodeURIComponent(text.toWellFormed())}`), ProtocolError) !== undefined,
  )

const clientId: fc.Arbitrary<ClientId> = fc
  .tuple(part, part, part, fc.option(part, { nil: undefined }))
  .map(([instance, memberClass, memberCode, subsystemCode]) => ({
    instance,
    memberClass,
    memberCode,
    ...(subsystemCode === undefined ? {} : { subsystemCode }),
  }))
const serverId: fc.Arbitrary<ServerId> = fc
  .tuple(part, part, part, part)
  .map(([instance, memberClass, memberCode, serverCode]) => ({ instance, memberClass, memberCode, serverCode }))
const serviceId: fc.Arbitrary<ServiceId> = fc
  .tuple(part, part, part, part, part)
  .map(([instance, memberClass, memberCode, subsystemCode, serviceCode]) => ({
    instance,
    memberClass,
    memberCode,
    subsystemCode,
    serviceCode,
  }))

property(
  'identifiers: the key is read back as what it is the key of',
  400,
  fc.tuple(clientId, serverId, serviceId),
  ([client, server, service]) => {
    assert.deepEqual(decodeClientId(idKey(client)), client)
    assert.deepEqual(decodeServerId(idKey(server)), server)
    assert.deepEqual(decodeServiceId(idKey(service)), service)
    assert.match(idKey(client) + idKey(server) + idKey(service), /^[!-~]*$/)
    return true
  },
)

property(
  'identifiers: two that differ have different keys',
  400,
  fc.tuple(clientId, clientId, fc.nat(3)),
  ([a, b, field]) => {
    const key = (['instance', 'memberClass', 'memberCode', 'subsystemCode'] as const)[field] ?? 'instance'
    const near: ClientId = { ...a, [key]: b[key] ?? 'x' }
    for (const other of [b, near]) assert.equal(idKey(a) === idKey(other), sameId(a, other))
    return true
  },
)

property(
  'identifiers in headers and files',
  600,
  fc.oneof(
    mutated(['DEMO/GOV/1/sub', 'DEMO/GOV/1', 'a/b/c/d/e', 'a%20b/c/d/%C3%B5'].map(Buffer.from), SEGMENTS).map((bytes) =>
      bytes.toString(),
    ),
    fc.array(fc.constantFrom('a', ...SEGMENTS), { maxLength: 8 }).map((list) => list.join('/')),
  ),
  (text) => {
    const client = bears(() => decodeClientId(text), ProtocolError)?.value
    if (client) assert.deepEqual(decodeClientId(idKey(client)), client)
    const service = bears(() => decodeServiceId(text), ProtocolError)?.value
    if (service) assert.deepEqual(decodeServiceId(idKey(service)), service)
    bears(() => decodeServerId(text), ProtocolError)
    // What people may write has one reading, which is also its short form.
    for (const parse of [parseClientId, parseServerId]) {
      const written = bears(() => parse(text), ProtocolError)?.value
      if (written) assert.equal(shortId(written), text)
    }
    return client !== undefined || service !== undefined
  },
)

/** The meaning of a pattern, by trying everything. */
function globbed(pattern: string, path: string): boolean {
  const tokens = [...pattern.matchAll(/\\[*\\]|\*+|[\s\S]/g)].map(([token]) => token)
  const from = (index: number, at: number): boolean => {
    const token = tokens[index]
    if (token === undefined) return at === path.length
    if (!token.startsWith('*')) {
      const text = token.length > 1 ? token.slice(1) : token
      return path.startsWith(text, at) && from(index + 1, at + text.length)
    }
    for (let to = at; to <= path.length; to += 1) {
      if (from(index + 1, to)) return true
      if (token === '*' && path[to] === '/') return false
    }
    return false
  }
  return from(0, 0)
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'a', '*', '**', '\\*', '\\\\', '\\'), maxLength: 9 })
property(
  'endpoint patterns mean what they say',
  800,
  fc.tuple(letters, fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', 'a'), maxLength: 9 })),
  ([pattern, path]) => {
    const compiled = bears(() => compilePattern({ method: '*', path: `/${pattern}` }), ProtocolError)
    const decoded = bears(() => decodeServicePath(`/${path}`), XRoadFault)
    if (!compiled || !decoded) return false
    const expected = globbed(`/${pattern}`, `/${path}`)
    assert.equal(compiled.value('GET', decoded.value), expected)
    return expected
  },
)
property(
  'patterns and paths of strangers',
  400,
  fc.tuple(
    mutated(['/persons/*', '/a/**/b', '**', '/\\*'].map(Buffer.from), SEGMENTS),
    mutated([Buffer.from('/persons/1/photo')], SEGMENTS),
  ),
  ([pattern, path]) => {
    const compiled = bears(() => compilePattern({ method: 'GET', path: pattern.toString() }), ProtocolError)
    const decoded = bears(() => decodeServicePath(path.toString()), XRoadFault)
    for (const segment of decoded?.value ?? []) assert.doesNotMatch(segment, /[/\\?#%\p{Cc}]|^\.\.?$/u)
    return compiled !== undefined && decoded !== undefined && compiled.value('GET', decoded.value)
  },
)

property(
  'targets',
  400,
  mutated(['/r1/DEMO/GOV/1/sub/service/a/b?c=d&e', '/', '/r1/a/b/c/d/e'].map(Buffer.from), SEGMENTS),
  (bytes) => {
    const target = bytes.toString('latin1')
    const entered = acceptableTarget(target)
    // What enters stays below the root however it is resolved.
    if (entered) assert.equal(new URL(`http://h${target}`).host, 'h')
    return entered
  },
)

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

const VERSIONS = ['7.8.0', '7.6.0-x.1', '0.0.1+b', '10.20.30']
property(
  'versions are in one order',
  300,
  fc.tuple(
    ...[0, 1].map(() =>
      fc.oneof(
        fc.constantFrom(...VERSIONS),
        fc
          .tuple(fc.nat(12), fc.nat(12), fc.nat(12), fc.constantFrom('', '-a', '-a.1', '-1', '-a.b', '+x'))
          .map(([a, b, c, d]) => `${a}.${b}.${c}${d}`),
      ),
    ),
  ),
  ([a = '', b = '']) => {
    // Total, and the same both ways only for what ranks alike.
    assert.ok(supportsVersion(a, b) || supportsVersion(b, a))
    assert.ok(supportsVersion(a, a))
    return supportsVersion(a, b)
  },
)
property(
  'versions of strangers',
  200,
  mutated(VERSIONS.map(Buffer.from), ['.', '-', '+', '0', '9'.repeat(300), '..', ' ', '-0', '.01']),
  (bytes) => supportsVersion(bytes.toString('latin1'), '0.0.0'),
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
