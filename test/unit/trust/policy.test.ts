// docs/policy.md and the tables of the code say the same.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CURVES, digestNamed, MAXIMUM_RSA_BITS, MINIMUM_RSA_BITS, NOTE_ALGORITHMS, oids, signatureNamed } from '#trust'
import { KEY_POLICY, PROFILES } from '../../../pki/profiles.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const policy = readFileSync(join(root, 'docs', 'policy.md'), 'utf8')
const source = readFileSync(join(root, 'trust', 'algorithms.ts'), 'utf8')

/** First cells of the table under a heading. */
function rows(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = policy.split(`## ${heading}\n`)
  const [body = ''] = section.split('\n## ')
  return body
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** What the code's table names, read from its text: the table itself is not exported. */
const named = (pattern: RegExp) => [...source.matchAll(pattern)].map(([, name = '']) => name).sort()

test('digests', () => {
  const names = rows('Digests').map(([name = '']) => name)
  assert.deepEqual([...names].sort(), named(/name: '(SHA3?-\d+)'/g))
  for (const name of names) assert.ok(digestNamed(name))
})

test('signatures', () => {
  const table = rows('Signatures')
  assert.deepEqual(table.map(([name = '']) => name).sort(), named(/name: '(SHA\d+with\w+)'/g))
  for (const [name = '', key] of table) assert.equal(signatureNamed(name)?.key, key)
})

test('keys', () => {
  const [rsa, ec] = rows('Keys')
  assert.ok(rsa?.[1]?.startsWith(`${MINIMUM_RSA_BITS} to ${MAXIMUM_RSA_BITS} bits`))
  const curves = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' } as Record<string, string>
  assert.equal(ec?.[1], CURVES.map((curve) => curves[curve]).join(', '))
})

test('keys of signed notes', () => {
  const table = rows('Keys of signed notes').map(([name, publicKey, signature]) => [
    name,
    { publicKey: Number(publicKey), signature: Number(signature) },
  ])
  assert.deepEqual(Object.fromEntries(table), NOTE_ALGORITHMS)
})

test('what keys may sign', () => {
  const code = readFileSync(join(root, 'signer', 'policy.ts'), 'utf8')
  const [, body = ''] = /const ALLOWED[^{]*\{([^}]*)\}/.exec(code) ?? []
  const allowed = [...body.matchAll(/(\w+): \[([^\]]*)\]/g)].map(([, use, purposes = '']) => [
    use,
    purposes.replaceAll("'", ''),
  ])
  assert.equal(allowed.length, 9)
  assert.deepEqual(rows('What our keys may sign'), allowed)
})

test('certificates of the CA', () => {
  const purpose = new Map<string, string>(Object.entries(oids).map(([name, oid]) => [oid, name]))
  const profiles = Object.values(PROFILES).map(({ name, keyUsage, extendedKeyUsage, validSeconds }) => [
    name,
    keyUsage.rsa.join(', '),
    keyUsage.ec.join(', '),
    [
      ...(extendedKeyUsage?.purposes ?? []).map((oid) => purpose.get(oid)),
      ...(extendedKeyUsage?.critical ? ['critical'] : []),
    ].join(', '),
    `${validSeconds / 86_400} days`,
  ])
  assert.deepEqual(rows('Certificates that our CA issues'), profiles)
  assert.ok(policy.includes(`RSA of ${KEY_POLICY.rsaBits.join(', ').replace(/, (\d+)$/, ' or $1')} bits`))
  assert.deepEqual([...KEY_POLICY.curves], [...CURVES])
})
