import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { ConfigurationSource } from '#protocol'
import { type TestKey, testKey } from '../protocol/configuration/keys.ts'
import { type Bench, bench } from './bench.ts'
import type { TestSource } from './source.ts'

const [first, second, third] = [testKey('first'), testKey('second'), testKey('third')]
const expiresAt = new Date('2030-01-01T00:10:00Z')

/** A source that lists these keys, so that they may sign later. */
function listing({ address }: TestSource, ...keys: readonly TestKey[]): ConfigurationSource[] {
  return [{ address, internal: keys.map(({ certificate }) => certificate), external: [] }]
}

const keptFile = ({ directory }: Bench, name: string) => join(directory, '.verified', 'ZZ', name)

test('the last good copy is used when no source answers, and says when it expires', async (t) => {
  const made = await bench(t)
  const central = await made.source()
  await central.publish({ key: first, expiresAt })
  await made.open(central.anchor(first))
  await central.close()
  const client = await made.open(central.anchor(first))
  const current = client.current()
  assert.equal(current?.instance, 'ZZ')
  assert.equal(current?.isExpired(made.now), false)
  assert.ok(client.status().lastError)
  // Valid to the last second, not beyond (wire-conf §2.8).
  assert.equal(current?.isExpired(expiresAt), false)
  assert.equal(current?.isExpired(new Date(expiresAt.getTime() + 1)), true)
  // Expired, it is still the picture there is, and still says so after a start.
  made.now = new Date('2030-01-02T00:00:00Z')
  const later = (await made.open(central.anchor(first))).current()
  assert.equal(later?.isExpired(made.now), true)
})

test('nothing at all is a client without a configuration that goes on trying', async (t) => {
  const made = await bench(t)
  const central = await made.source()
  const client = await made.open(central.anchor(first))
  assert.equal(client.current(), undefined)
  assert.ok(client.status().lastError)
  await central.publish({ key: first, expiresAt })
  const heard = new Promise((resolve) => client.onChange(resolve))
  // By itself, soon: there is no traffic without one.
  await heard
  assert.equal(client.current()?.instance, 'ZZ')
})

for (const [name, change] of Object.entries<(made: Bench) => void>({
  'a part that was changed': (made) => {
    const folder = keptFile(made, '.')
    for (const part of readdirSync(folder).filter((file) => file.endsWith('.part'))) {
      const text = readFileSync(join(folder, part), 'utf8')
      writeFileSync(join(folder, part), text.replace('ss-a.example.org', 'ss-evil.example.org'))
    }
  },
  'a part that is gone': (made) => {
    const folder = keptFile(made, '.')
    for (const part of readdirSync(folder).filter((file) => file.endsWith('.part'))) rmSync(join(folder, part))
  },
  'a directory that was changed': (made) => {
    const text = readFileSync(keptFile(made, 'directory'), 'utf8')
    writeFileSync(keptFile(made, 'directory'), text.replace('Expire-date: 2030', 'Expire-date: 2040'))
  },
  'a directory that was cut': (made) => {
    writeFileSync(keptFile(made, 'directory'), readFileSync(keptFile(made, 'directory')).subarray(0, 300))
  },
})) {
  test(`a kept copy with ${name} is not used`, async (t) => {
    const made = await bench(t)
    const central = await made.source()
    await central.publish({ key: first, expiresAt })
    await made.open(central.anchor(first))
    await central.close()
    change(made)
    const client = await made.open(central.anchor(first))
    assert.equal(client.current(), undefined)
    assert.ok(made.lines.some((line) => line.startsWith('warn the kept copy')))
  })
}

test('the plain copy is written for others and never read back', async (t) => {
  const made = await bench(t)
  const central = await made.source()
  await central.publish({ key: first, expiresAt })
  await made.open(central.anchor(first))
  const shared = join(made.directory, 'ZZ', 'shared-params.xml')
  const good = readFileSync(shared, 'utf8')
  writeFileSync(shared, good.replace('ss-a.example.org', 'ss-evil.example.org'))
  const client = await made.open(central.anchor(first))
  assert.equal(client.current()?.shared.servers[0]?.address, 'ss-a.example.org')
  assert.equal(readFileSync(shared, 'utf8'), good)
})

test('a key that the configuration listed before it signed is believed with the old anchor, also at the next start', async (t) => {
  const made = await bench(t)
  const central = await made.source()
  const anchor = central.anchor(first)
  // Unlisted: refused.
  await central.publish({ key: first, expiresAt })
  const client = await made.open(anchor)
  await central.publish({ key: second, expiresAt, shared: { sources: listing(central, second) } })
  await assert.rejects(client.refresh())
  // Published first, activated later; twice.
  await central.publish({ key: first, expiresAt, shared: { sources: listing(central, first, second) } })
  await client.refresh()
  await central.publish({
    key: second,
    expiresAt,
    shared: { sources: listing(central, second, third), ocspFreshnessSeconds: 2 },
  })
  await client.refresh()
  await central.publish({
    key: third,
    expiresAt,
    shared: { sources: listing(central, third), ocspFreshnessSeconds: 3 },
  })
  await client.refresh()
  assert.equal(client.current()?.shared.ocspFreshnessSeconds, 3)
  await central.close()
  assert.equal((await made.open(anchor)).current()?.shared.ocspFreshnessSeconds, 3)
  // Without what vouches for the key, its copy is anybody's.
  rmSync(keptFile(made, 'vouchers/1.directory'))
  assert.equal((await made.open(anchor)).current(), undefined)
})

test("a voucher that the anchor's key did not sign vouches for nobody", async (t) => {
  const made = await bench(t)
  const central = await made.source()
  const anchor = central.anchor(first)
  // Whoever owns the folder: a configuration of his own, and a voucher of his own for its key.
  const forger = await bench(t)
  const his = await forger.source()
  await his.publish({ key: second, expiresAt, shared: { sources: listing(his, second, third) } })
  const client = await forger.open(his.anchor(second))
  await his.publish({ key: third, expiresAt, shared: { sources: listing(his, third) } })
  await client.refresh()
  assert.ok(existsSync(keptFile(forger, 'vouchers/1.directory')))
  made.now = forger.now
  await central.close()
  forger.lines.length = 0
  assert.equal((await forger.open(anchor)).current(), undefined)
  assert.ok(forger.lines.some((line) => /kept copy/.test(line)))
})

test('a new anchor that lists the key needs no vouchers', async (t) => {
  const made = await bench(t)
  const central = await made.source()
  await central.publish({ key: first, expiresAt, shared: { sources: listing(central, first, second) } })
  const client = await made.open(central.anchor(first))
  await central.publish({ key: second, expiresAt })
  await client.refresh()
  assert.ok(existsSync(keptFile(made, 'vouchers')))
  await made.open(central.anchor(second))
  assert.equal(existsSync(keptFile(made, 'vouchers')), false)
  await central.close()
  assert.equal((await made.open(central.anchor(second))).current()?.instance, 'ZZ')
})

test('parts that nothing names any more are removed', async (t) => {
  const made = await bench(t)
  const central = await made.source()
  await central.publish({ key: first, expiresAt })
  const client = await made.open(central.anchor(first))
  for (const ocspFreshnessSeconds of [1, 2, 3]) {
    await central.publish({ key: first, expiresAt, shared: { ocspFreshnessSeconds } })
    await client.refresh()
  }
  assert.equal(readdirSync(keptFile(made, '.')).filter((file) => file.endsWith('.part')).length, 2)
})
