import assert from 'node:assert/strict'
import test from 'node:test'
import { supportsVersion } from '#protocol'

test('the precedence example of SemVer 2.0.0 §11 holds', () => {
  const ascending = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ]
  for (const [left, version] of ascending.entries()) {
    for (const [right, minimum] of ascending.entries())
      assert.equal(supportsVersion(version, minimum), left >= right, `${version} ${minimum}`)
  }
})

test('what X-Road servers send (wire-message §2.1)', () => {
  assert.ok(supportsVersion('7.8.0', '7.6.0'))
  assert.ok(supportsVersion('7.6.0', '7.6.0'))
  assert.ok(supportsVersion('7.8.1-SNAPSHOT-20261123000000git0000000', '7.6.0'))
  assert.ok(supportsVersion('7.6.0+build.5', '7.6.0'))
  assert.ok(!supportsVersion('7.6.0-x', '7.6.0'))
  assert.ok(!supportsVersion('7.5.9', '7.6.0'))
})

test('what is missing or no version is not supported', () => {
  for (const version of [
    undefined,
    '',
    '7',
    '7.6',
    'v7.6.0',
    '7.6.0.1',
    '07.6.0',
    '7.6.0-01',
    '7.6.0-',
    '7.6.0-a..b',
    '7.6.0 ',
    `7.6.0-${'a'.repeat(300)}`,
    '9999999999.0.0',
  ]) {
    assert.ok(!supportsVersion(version, '7.6.0'), String(version))
  }
  assert.throws(() => supportsVersion('7.6.0', 'seven'), TypeError)
})
