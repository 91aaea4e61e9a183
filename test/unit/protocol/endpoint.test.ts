// Paths and patterns (wire-client §3.1.6, §5.3, §5.4). Where we judge otherwise than the reference, the table says so, and so
// does docs/divergences.md.
import assert from 'node:assert/strict'
import test from 'node:test'
import { acceptableTarget, compilePattern, decodeServicePath, ProtocolError, XRoadFault } from '#protocol'

test('targets at the listener: the table of wire-client §3.1.6', () => {
  const table: readonly (readonly [path: string, accepted: boolean])[] = [
    ['/r1/a/../b', true],
    ['/r1/a/./b', true],
    ['/r1/..', true],
    ['/r1/../..', false],
    ['/../r1/a', false],
    ['/r1/a/%2e%2e/b', false],
    ['/r1/a/%2E%2E', false],
    ['/r1/a/.%2e/b', false],
    ['/r1/a/%2e/b', false],
    ['/r1/a/%2E%2E%2Fx', true],
    ['/r1//a', false],
    ['/r1/a//', false],
    ['//r1/a', false],
    ['/r1/a/', true],
    ['/r1/a%25', false],
    ['/r1/a%5C', false],
    ['/r1/a%5c', false],
    ['/r1/a%0A', false],
    ['/r1/a%7F', false],
    ['/r1/a%00', false],
    ['/r1/a%1f', false],
    ['/r1/a%C3%28', false],
    ['/r1/a%FF', false],
    ['/r1/a/..;/b', false],
    ['/r1/a/..;x=1', false],
    ['/r1/a/.;x', false],
    ['/r1/a/%2e%2e;x', false],
    ['/r1/;x/a', false],
    ['/r1/a;v=1', true],
    ['/r1/a%20b', true],
    ['/r1/a%23b', true],
    ['/r1/a%3Fb', true],
    ['/r1/%C3%B6', true],
    ['/r1/a%2Fb', true],
    ['/r1/...', true],
    ['/r1/a..b', true],
    ['/r1/a|b', false],
    ['/r1/a"b', false],
    ['/r1/aöb', false],
    ['/r1/a b', false],
    ['/r1/a\\b', false],
    ['/r1/a{b}', false],
    ['/r1/a[b]', false],
    ['/r1/a^b', false],
    ['/r1/a`b', false],
    ['/r1/a<b>', false],
    ['/r1/a#b', false],
    ['/r1/a%', false],
    ['/r1/a%2', false],
    ['/r1/a%zz', false],
    ['/', true],
    ['', false],
    ['r1/a', false],
    ['http://host/r1/a', false],
    ['*', false],
  ]
  for (const [path, accepted] of table) {
    assert.equal(acceptableTarget(path), accepted, path)
    assert.equal(acceptableTarget(`${path}?q=1`), accepted, `${path}?q=1`)
  }
})

test('queries: what the URI parser of a reference provider takes', () => {
  for (const query of ['', 'a=b&c=d', 'a=%20', 'a=b/c?d', 'a[]=1', "a='(x)'*!$,;:@+~", '%00%25%5C%C3', '//../..'])
    assert.ok(acceptableTarget(`/r1/a?${query}`), query)
  for (const query of ['a|b', 'a{b}', 'a"b', 'a^b', 'a`b', 'a b', 'ä', 'a#b', 'a\\b', '%', '%2', '%zz', '<', '\u0001'])
    assert.ok(!acceptableTarget(`/r1/a?${query}`), query)
})

test('service paths are decoded segment by segment', () => {
  const table: readonly (readonly [raw: string, decoded: readonly string[]])[] = [
    ['', []],
    ['/', ['']],
    ['/a', ['a']],
    ['/a/', ['a', '']],
    ['/a//b', ['a', '', 'b']],
    ['/a%20b', ['a b']],
    ['/%C3%B6', ['ö']],
    ['/a%2Db', ['a-b']],
    ['/a..b', ['a..b']],
    ['/v1..2/...', ['v1..2', '...']],
    ['/a;v=1/b', ['a;v=1', 'b']],
    ['/a%22%5B%7C', ['a"[|']],
  ]
  for (const [raw, decoded] of table) assert.deepEqual(decodeServicePath(raw), decoded, raw)
})

test('whatever two readers may understand differently is access_denied', () => {
  const refusedPaths = [
    '/..',
    '/a/../b',
    '/.',
    '/a/./b',
    '/%2e%2e/a',
    '/a/%2E%2E',
    '/.%2e',
    '/%2e',
    '/..;',
    '/..;x=1/b',
    '/.;x',
    '/%2e%2e;x',
    '/a%2Fb',
    '/a%2fb',
    '/..%2f..%2fc',
    '/a%5Cb',
    '/a%3Fb',
    '/a%23b',
    '/a%25b',
    '/a%252e',
    '/%252e%252e',
    '/a%00',
    '/a%0A',
    '/a%7F',
    '/a%C2%85',
    '/a%C3%28',
    '/%FF',
    '/a|b',
    '/a b',
    '/ö',
    '/a"b',
    '/a#b',
    '/a?b',
    '/a%',
    '/a%2',
    '/a%zz',
    'a',
    '\\',
  ]
  for (const raw of refusedPaths) {
    assert.throws(
      () => decodeServicePath(raw),
      (error) => error instanceof XRoadFault && error.code === 'server.serverproxy.access_denied',
      raw,
    )
  }
})

const allows = (pattern: string, raw: string, method = 'GET'): boolean => {
  const [first = '', second = ''] = pattern.split(' ')
  return compilePattern({ method: first, path: second })(method, decodeServicePath(raw))
}

test('patterns: * stays in its segment, ** crosses', () => {
  const table: readonly (readonly [pattern: string, raw: string, allowed: boolean])[] = [
    ['/a', '/a', true],
    ['/a', '/a/', false],
    ['/a', '/A', false],
    ['/a', '', false],
    ['/', '/', true],
    ['/*', '/', true],
    ['/*', '/a', true],
    ['/*', '/a/b', false],
    ['/*/b', '/a/b', true],
    ['/*/b', '//b', true],
    ['/*/b', '/a/c/b', false],
    ['/a/*', '/a', false],
    ['/a/*', '/a/', true],
    ['/a/**', '/a', false],
    ['/a/**', '/a/', true],
    ['/a/**', '/a/b/c', true],
    ['/**/z', '/a/b/z', true],
    ['/**/z', '/z', false],
    ['**', '', true],
    ['**', '/a/b', true],
    ['**/z', '/z', true],
    ['/a***', '/a/b', true],
    // The reference's * takes all it can and never gives back; ours may stand before a literal.
    ['/boats/*.json', '/boats/a.json', true],
    ['/boats/*.json', '/boats/a.b.json', true],
    ['/boats/*.json', '/boats/a.xml', false],
    ['/*a*b*', '/xxaxxbxx', true],
    ['/*a*b*', '/xxbxxaxx', false],
    // Not a regular expression.
    ['/x?', '/x', false],
    ['/x.', '/xy', false],
    ['/(x)', '/(x)', true],
    ['/[x]', '/%5Bx%5D', true],
    // Literal asterisk and backslash.
    ['/a\\*', '/a*', true],
    ['/a\\*', '/ab', false],
    ['/a\\*', '/a%2A', true],
    // Patterns are compared with what the path means, not with how it is written.
    ['/ö', '/%C3%B6', true],
    ['/a b', '/a%20b', true],
    ['/a%20b', '/a%20b', false],
  ]
  for (const [path, raw, allowed] of table) {
    assert.equal(compilePattern({ method: '*', path })('GET', decodeServicePath(raw)), allowed, `${path} ${raw}`)
  }
})

test('methods', () => {
  assert.ok(allows('GET /a', '/a', 'GET'))
  assert.ok(allows('get /a', '/a', 'GET'))
  assert.ok(allows('* /a', '/a', 'PATCH'))
  assert.ok(!allows('GET /a', '/a', 'HEAD'))
})

test('patterns that cannot be meant are refused', () => {
  for (const [method, path] of [
    ['FETCH', '/a'],
    ['', '/a'],
    ['GET', ''],
    ['GET', 'a'],
    ['GET', '*'],
    ['GET', '*/a'],
    ['GET', `/${'a'.repeat(1100)}`],
    ['GET', `/${'*a'.repeat(33)}`],
  ] as const) {
    assert.throws(
      () => compilePattern({ method, path }),
      (error) => error instanceof ProtocolError && error.code === 'invalid_endpoint',
      `${method} ${path}`,
    )
  }
})

test('matching is linear in the path for each wildcard: no path takes long', () => {
  const hard = compilePattern({ method: '*', path: `/${'*a'.repeat(30)}b` })
  assert.ok(!hard('GET', ['a'.repeat(8000)]))
  const crossing = compilePattern({ method: '*', path: `/${'**/'.repeat(30)}b` })
  assert.ok(!crossing('GET', Array<string>(4000).fill('a')))
})
