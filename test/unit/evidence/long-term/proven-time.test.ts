// Until when a time-stamp stands, and what docs/policy.md says of it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { believe, LongTermError, readToken } from '#evidence'
import { type DigestName, digest, oids } from '#trust'
import { foundCountry, issue, type KeyKind, NOW, named } from '../authority.ts'

const DAY = 24 * 3600_000
const [, policy = ''] = readFileSync(resolve(import.meta.dirname, '../../../../docs/policy.md'), 'utf8').split(
  'relied on until',
)
const relied = (what: string) => new RegExp(`^\\| ${what} +\\| (.*?) +\\|$`, 'm').exec(policy)?.[1]

async function standing(kind: KeyKind, name: DigestName, notAfter: Date): Promise<readonly [string, string]> {
  const country = foundCountry(kind)
  const by = issue({
    kind,
    subject: named('Demo TSA'),
    issuer: country.ca,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.timeStamping],
    notBefore: new Date(NOW.getTime() - 20 * 365 * DAY),
    notAfter,
  })
  const genTime = new Date(NOW.getTime() - 5 * 365 * DAY)
  const token = readToken(await country.stamp(digest(name, Buffer.from('x')), { digest: name, by, genTime }))
  const { until, because } = believe(token, [by.certificate]).standing
  return [until.toISOString().slice(0, 10), because]
}

test('the certificate of the authority ends, or an algorithm is relied on no longer, whatever is earlier', async () => {
  const [early, late] = [new Date('2027-03-04T00:00:00Z'), new Date('2040-03-04T00:00:00Z')]
  for (const name of ['SHA-256', 'SHA-512', 'SHA3-512'] as const)
    assert.deepEqual(await standing('EC-P256', name, late), [
      '2040-03-04',
      `the certificate of CN=Demo TSA,O=Demo & Söhne \\<\\"test\\"\\>,C=EE ends`,
    ])
  const [rsa, because] = await standing('RSA-2048', 'SHA-512', late)
  assert.equal(rsa, relied('RSA with PKCS#1 v1.5, of any length'))
  assert.match(because, /relies on RSA with PKCS#1 v1.5 of 2048 bits no longer/)
  assert.equal((await standing('RSA-2048', 'SHA-512', early))[0], '2027-03-04')
  assert.equal((await standing('EC-P256', 'SHA-224', late))[0], relied('SHA-224'))
  assert.equal(relied('SHA-256, SHA-384, SHA-512, SHA-3, EC keys'), 'no date')
})

test('a token that is none, and one of nobody who is believed', async () => {
  const country = foundCountry()
  assert.throws(
    () => readToken(Buffer.from('x')),
    (error) => error instanceof LongTermError && error.code === 'malformed_timestamps',
  )
  const token = readToken(await country.stamp(digest('SHA-512', Buffer.from('x'))))
  assert.throws(
    () => believe(token, []),
    (error) => error instanceof LongTermError && error.code === 'timestamp_invalid',
  )
})
