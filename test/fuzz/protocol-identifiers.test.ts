// What one line says: identifiers, paths, patterns, targets, versions.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  acceptableTarget,
  type ClientId,
  compilePattern,
  decodeClientId,
  decodeServerId,
  decodeServiceId,
  decodeServicePath,
  idKey,
  ProtocolError,
  parseClientId,
  parseServerId,
  sameId,
  shortId,
  supportsVersion,
  XRoadFault,
} from '#protocol'
import { bears, property } from './campaign.ts'
import { clientId, SEGMENTS, serverId, serviceId } from './identifiers.ts'
import { mutated } from './mutate.ts'

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
