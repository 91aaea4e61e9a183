// `transparency` and `witness` in the configuration file: what is refused, and in which words.
import assert from 'node:assert/strict'
import test from 'node:test'
import { formatVerifierKey, verifierKey } from '#transparency'
import { securityServerSchema } from '../../../../security-server/config.ts'
import { transparencySchema, witnessSchema } from '../../../../security-server/transparency/index.ts'
import { quorumOf } from '../../../../security-server/transparency/settings.ts'

const key = (type: 'note' | 'cosignature', name: string) =>
  formatVerifierKey(verifierKey(type, name, Buffer.alloc(32, name.length)))
const witness = (name: string) => ({ url: `http://${name}.example:5580/witness/`, key: key('cosignature', name) })

function faults(
  schema: { safeParse(value: unknown): { error?: { issues: readonly { path: PropertyKey[] }[] } } },
  value: unknown,
) {
  return (schema.safeParse(value).error?.issues ?? []).map(({ path }) => path.join('.'))
}

test('nothing has to be said', () => {
  const settings = transparencySchema.parse({})
  assert.deepEqual([settings.witnesses, settings.stopAfterSeconds, settings.listen], [[], 14_400, undefined])
  assert.equal(quorumOf(settings), 0)
})

test('a quorum is more than half, unless another is named that can be reached', () => {
  const of = (count: number) =>
    transparencySchema.parse({ witnesses: ['a', 'bb', 'ccc', 'dddd'].slice(0, count).map(witness) })
  assert.deepEqual(
    [1, 2, 3, 4].map((count) => quorumOf(of(count))),
    [1, 2, 2, 3],
  )
  assert.deepEqual(faults(transparencySchema, { witnesses: [witness('a')], quorum: 2 }), ['quorum'])
  assert.equal(quorumOf(transparencySchema.parse({ witnesses: [witness('a'), witness('bb')], quorum: 1 })), 1)
})

test('keys, addresses and networks are what they must be', () => {
  assert.equal(
    transparencySchema.parse({ witnesses: [witness('a')] }).witnesses[0]?.url,
    'http://a.example:5580/witness',
  )
  const bad = (change: object) => faults(transparencySchema, { witnesses: [{ ...witness('a'), ...change }] })
  assert.deepEqual(bad({ key: 'a+12345678+AAAA' }), ['witnesses.0.key'])
  assert.deepEqual(bad({ key: key('note', 'a') }), ['witnesses.0.key'])
  assert.deepEqual(bad({ url: 'ftp://a' }), ['witnesses.0.url'])
  assert.deepEqual(bad({ url: 'http://a/?x' }), ['witnesses.0.url'])
  assert.deepEqual(faults(transparencySchema, { witnesses: [witness('a'), witness('a')] }), ['witnesses'])
  assert.deepEqual(faults(transparencySchema, { listen: { host: '::', allow: ['everybody'] } }), ['listen.allow.0'])
  assert.deepEqual(faults(transparencySchema, { stopAfterSeconds: 0 }), ['stopAfterSeconds'])
  assert.deepEqual(faults(witnessSchema, { logs: [] }), ['logs'])
  assert.deepEqual(faults(witnessSchema, { logs: [{ key: key('cosignature', 'w') }] }), ['logs.0.key'])
})

test('a witness must be reachable', () => {
  const file = {
    directory: '/nowhere',
    server: 'A/B/C/D',
    anchor: '/nowhere/anchor.xml',
    signer: { socket: '/nowhere/s', tokenFile: '/nowhere/t' },
    listen: {},
    witness: { logs: [{ key: key('note', 'log') }] },
  }
  assert.deepEqual(faults(securityServerSchema, file), ['witness'])
  assert.deepEqual(faults(securityServerSchema, { ...file, transparency: { listen: { host: '127.0.0.1' } } }), [])
})
