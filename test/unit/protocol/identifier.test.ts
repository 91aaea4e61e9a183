import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type ClientId,
  clientOf,
  decodeClientId,
  decodeServerId,
  decodeServiceId,
  idKey,
  memberOf,
  ProtocolError,
  parseClientId,
  parseServerId,
  type ServerId,
  type ServiceId,
  sameId,
  shortId,
  typedId,
} from '#protocol'

const refused = (make: () => unknown): void =>
  assert.throws(make, (error) => error instanceof ProtocolError && error.code === 'invalid_identifier')

const MEMBER: ClientId = { instance: 'DEMO', memberClass: 'GOV', memberCode: '1' }
const SUBSYSTEM: ClientId = { ...MEMBER, subsystemCode: 'sub' }
const SERVICE: ServiceId = { ...SUBSYSTEM, serviceCode: 'svc' }
const SERVER: ServerId = { ...MEMBER, serverCode: 'ss' }

test('text forms', () => {
  assert.deepEqual([MEMBER, SUBSYSTEM, SERVICE, SERVER].map(shortId), [
    'DEMO/GOV/1',
    'DEMO/GOV/1/sub',
    'DEMO/GOV/1/sub/svc',
    'DEMO/GOV/1/ss',
  ])
  assert.deepEqual([MEMBER, SUBSYSTEM, SERVICE, SERVER].map(typedId), [
    'MEMBER:DEMO/GOV/1',
    'SUBSYSTEM:DEMO/GOV/1/sub',
    'SERVICE:DEMO/GOV/1/sub/svc',
    'SERVER:DEMO/GOV/1/ss',
  ])
  assert.equal(shortId({ ...SERVICE, serviceVersion: 'v1' }), 'DEMO/GOV/1/sub/svc/v1')
  assert.deepEqual(parseClientId('DEMO/GOV/1/sub'), SUBSYSTEM)
  assert.deepEqual(parseClientId('DEMO/GOV/1'), MEMBER)
  assert.deepEqual(parseServerId('DEMO/GOV/1/ss'), SERVER)
  assert.deepEqual(clientOf(SERVICE), SUBSYSTEM)
  assert.deepEqual(memberOf(SERVICE), MEMBER)
})

test('equality is exact, by type and field', () => {
  assert.ok(sameId(SUBSYSTEM, { ...SUBSYSTEM }))
  assert.ok(!sameId(SUBSYSTEM, MEMBER))
  assert.ok(!sameId(SUBSYSTEM, { ...SUBSYSTEM, subsystemCode: 'SUB' }))
  // A subsystem and a security server of the same name are not the same.
  assert.ok(!sameId({ ...MEMBER, subsystemCode: 'ss' }, SERVER))
  // The short form does not tell these apart; equality and key do.
  const [left, right] = [
    { ...MEMBER, memberCode: '1/a', subsystemCode: 'b' },
    { ...MEMBER, subsystemCode: 'a/b' },
  ]
  assert.equal(shortId(left), shortId(right))
  assert.ok(!sameId(left, right))
  assert.notEqual(idKey(left), idKey(right))
})

test('keys are the percent-encoded header form, and read back', () => {
  for (const part of [
    'plain',
    'with space',
    'a/b',
    'a%2Fb',
    '100%',
    'ö',
    '日本',
    "!$&'()*+,;=:@-._~",
    '\u{1F600}',
    '"<>|\\^`{}[]#?',
  ]) {
    const id = { ...MEMBER, subsystemCode: part }
    assert.deepEqual(decodeClientId(idKey(id)), id, part)
  }
  assert.equal(
    idKey({ ...MEMBER, subsystemCode: "a b/ö!$&'()*+,;=:@-._~" }),
    "DEMO/GOV/1/a%20b%2F%C3%B6!$&'()*+,;=:@-._~",
  )
})

test('wire forms have the right number of parts', () => {
  assert.deepEqual(decodeServiceId('DEMO/GOV/1/sub/svc'), SERVICE)
  assert.deepEqual(decodeServerId('DEMO/GOV/1/ss'), SERVER)
  for (const value of [
    '',
    'DEMO',
    'DEMO/GOV',
    'DEMO/GOV/1/sub/svc',
    'DEMO/GOV/1/',
    '/DEMO/GOV/1',
    'DEMO//1',
    'DEMO/ /1',
  ])
    refused(() => decodeClientId(value))
  for (const value of ['DEMO/GOV/1', 'DEMO/GOV/1/ss/x']) refused(() => decodeServerId(value))
  for (const value of ['DEMO/GOV/1/sub', 'DEMO/GOV/1/sub/svc/v1']) refused(() => decodeServiceId(value))
})

test('parts are decoded once, strictly', () => {
  assert.equal(decodeClientId('DEMO/GOV/a%2Fb').memberCode, 'a/b')
  assert.equal(decodeClientId('DEMO/GOV/%2525').memberCode, '%25')
  for (const part of [
    '%',
    '%2',
    '%zz',
    '%C3%28',
    '%FF',
    'a b',
    'ö',
    'a"b',
    'a|b',
    'a?b',
    'a#b',
    '%00',
    '%0D%0A',
    '%7F',
    '%C2%85',
    '%EF%BB%BF',
    '%E2%80%8B',
    '%20',
    '.',
    '..',
    '%2E%2e',
    'x'.repeat(256),
    '%C3%B6'.repeat(256),
  ]) {
    refused(() => decodeClientId(`DEMO/GOV/${part}`))
  }
  assert.equal(decodeClientId(`DEMO/GOV/${'%C3%B6'.repeat(255)}`).memberCode.length, 255)
})

test('in configuration files the legacy rule holds', () => {
  for (const part of [
    'a:b',
    'a;b',
    'a\\b',
    'a%b',
    '\u0001',
    'x\uFEFF',
    'x\u200B',
    '',
    ' ',
    '..',
    'x'.repeat(256),
    '\uD800',
  ])
    refused(() => parseClientId(`DEMO/GOV/${part}`))
  for (const part of ['a b', 'ö', "a'(b),-.=?+", 'x'.repeat(255)])
    assert.equal(parseClientId(`DEMO/GOV/${part}`).memberCode, part)
  for (const text of ['', 'DEMO', 'DEMO/GOV', 'DEMO/GOV/1/s/x']) refused(() => parseClientId(text))
  for (const text of ['DEMO/GOV/1', 'DEMO/GOV/1/s/x']) refused(() => parseServerId(text))
})
