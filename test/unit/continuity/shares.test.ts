import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import {
  ContinuityError,
  formatManifest,
  holdCeremony,
  newBatchKey,
  openingKey,
  openShare,
  parseManifest,
  Recipients,
  type Share,
  unwrap,
} from '#continuity'

const refused = (code: ContinuityError['code'], message?: RegExp) => ({
  name: ContinuityError.name,
  code,
  ...(message === undefined ? {} : { message }),
})
const NAMES = ['Kask', 'Saar', 'Tamm', 'Mets', 'Kuusk']
const FACTS = { instance: 'DEMO', embassy: 'DEMO/GOV/70000003/embassy', version: 1, threshold: 3 }

/** Every second custodian has a key of the old kind: whatever one's own age makes. */
const identities = await Promise.all(
  NAMES.map((_, index) => (index % 2 ? generateX25519Identity() : generateHybridIdentity())),
)
const recipients = await Promise.all(identities.map(identityToRecipient))
const custodians = new Map(NAMES.map((name, index) => [name, recipients[index] ?? '']))
const { manifest, sealed } = await holdCeremony(FACTS, custodians)
const shares: readonly Share[] = await Promise.all(
  NAMES.map((name, index) => openShare(sealed.get(name) ?? '', identities[index] ?? '')),
)

test('three of five open, two do not, and it does not matter which three', async () => {
  const key = newBatchKey()
  const wrapped = await new Recipients([manifest.recipient]).wrap(key)
  for (const chosen of [
    [0, 1, 2],
    [4, 2, 0],
    [1, 3, 4, 0],
    [0, 1, 2, 3, 4],
  ]) {
    const identity = await openingKey(
      manifest,
      chosen.flatMap((index) => shares[index] ?? []),
    )
    assert.deepEqual(Buffer.from(await unwrap(wrapped, identity)), Buffer.from(key))
  }
  await assert.rejects(openingKey(manifest, shares.slice(0, 2)), refused('too_few_shares'))
  await assert.rejects(openingKey(manifest, []), refused('too_few_shares'))
  const [one, two] = shares
  assert.ok(one && two)
  await assert.rejects(openingKey(manifest, [one, two, one]), refused('too_few_shares'))
})

test('a wrong share names its custodian', async () => {
  for (const [index, share] of shares.entries()) {
    const altered = Buffer.from(share.share)
    altered[3] = (altered[3] ?? 0) ^ 1
    const brought = shares.with(index, { ...share, share: altered })
    await assert.rejects(openingKey(manifest, brought), refused('wrong_share', new RegExp(share.custodian)))
  }
  const [first] = shares
  assert.ok(first)
  for (const other of [{ version: 2 }, { instance: 'EE' }, { custodian: 'Saar' }, { custodian: 'Nobody' }])
    await assert.rejects(openingKey(manifest, [{ ...first, ...other }, ...shares.slice(1)]), refused('wrong_share'))
})

test('shares of another ceremony make no key of this one', async () => {
  const other = await holdCeremony(FACTS, custodians)
  const swapped = { ...manifest, custodians: other.manifest.custodians }
  const theirs = await Promise.all(
    NAMES.map((name, index) => openShare(other.sealed.get(name) ?? '', identities[index] ?? '')),
  )
  await assert.rejects(openingKey(swapped, theirs), refused('wrong_key'))
})

test('a share opens for its custodian alone', async () => {
  await assert.rejects(openShare(sealed.get('Kask') ?? '', identities[1] ?? ''), refused('wrong_key'))
  await assert.rejects(openShare('no share', identities[0] ?? ''), refused('wrong_key'))
  await assert.rejects(openShare('x'.repeat(100_000), identities[0] ?? ''), refused('malformed_share'))
  await assert.rejects(holdCeremony(FACTS, new Map([...custodians, ['Lepp', 'no key']])), refused('wrong_key'))
})

test('a manifest is read as it was written, and says no more than it may', () => {
  const text = formatManifest(manifest)
  assert.deepEqual(
    parseManifest(text).custodians.map(({ name }) => name),
    NAMES,
  )
  assert.equal(formatManifest(parseManifest(text)), text)
  for (const [from, to] of [
    ['v1', 'v2'],
    ['threshold 3', 'threshold 1'],
    ['threshold 3', 'threshold 6'],
    ['threshold 3', 'threshold 03'],
    ['version 1', 'version 0'],
    ['custodian Saar', 'custodian Kask'],
    ['custodian Saar', 'custodian  Saar'],
    ['recipient age1pq1', 'recipient age1'],
    ['\nversion', '\nversions'],
  ] as const)
    assert.throws(() => parseManifest(text.replace(from, to)), refused('malformed_manifest'), `${from} → ${to}`)
  assert.throws(() => parseManifest(text.trimEnd()), refused('malformed_manifest'))
})
