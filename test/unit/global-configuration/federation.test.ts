import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { AllowedFederations } from '#global-configuration'
import { testKey } from '../protocol/configuration/keys.ts'
import { authentication, other, registry } from '../protocol/configuration/sample.ts'
import { type Bench, bench } from './bench.ts'
import { sharedOf, type TestSource } from './source.ts'

const own = testKey('own')
const foreign = testKey('foreign')
const expiresAt = new Date('2030-01-01T00:10:00Z')
const abroad = { ...registry, instance: 'YY' }

/** ZZ federates with YY, whose external configuration is published at `partner`. */
async function federate(central: TestSource, partner: TestSource): Promise<void> {
  await partner.publish({ key: foreign, expiresAt, instance: 'YY', external: true, shared: sharedOf('YY') })
  const url = `http://${partner.address}/externalconf`
  await central.publish({
    key: own,
    expiresAt,
    private: { anchors: [{ instance: 'YY', sources: [{ url, certificates: [foreign.certificate] }] }] },
  })
}

async function federation(
  t: Parameters<typeof bench>[0],
): Promise<{ made: Bench; central: TestSource; partner: TestSource }> {
  const made = await bench(t)
  const [central, partner] = await Promise.all([made.source(), made.source()])
  await federate(central, partner)
  return { made, central, partner }
}

test('nobody is let in unless the owner says so', async (t) => {
  const { made, central, partner } = await federation(t)
  for (const allowed of [undefined, 'none', [], ['XX'], ['YY', 'none']] as (AllowedFederations | undefined)[]) {
    const current = (await made.open(central.anchor(own), allowed)).current()
    assert.deepEqual(current?.instances, ['ZZ'])
    assert.equal(current?.exists(abroad), false)
    assert.equal(current?.members('YY'), undefined)
  }
  assert.deepEqual(partner.requests, [])
  for (const allowed of ['all', ['yy'], ['XX', 'YY'], ['all', 'XX']] as AllowedFederations[]) {
    const current = (await made.open(central.anchor(own), allowed)).current()
    assert.deepEqual(current?.instances, ['ZZ', 'YY'])
    assert.equal(current?.exists(abroad), true)
    assert.equal(current?.memberName(abroad), 'Registry Office')
    assert.deepEqual(current?.members('YY'), sharedOf('YY').members)
    assert.equal(current?.serversFor(abroad).length, 2)
  }
})

test("a federated instance adds its members, servers, groups and authorities; rules stay the own one's", async (t) => {
  const { made, central } = await federation(t)
  const current = (await made.open(central.anchor(own), 'all')).current()
  assert.ok(current)
  assert.equal(current.trust.authorities.filter(({ instance }) => instance === 'YY').length, 2)
  assert.equal(
    current.inGlobalGroup({ ...other, instance: 'YY' }, { instance: 'YY', groupCode: 'security-server-owners' }),
    true,
  )
  assert.equal(
    current.inGlobalGroup({ ...other, instance: 'YY' }, { instance: 'ZZ', groupCode: 'security-server-owners' }),
    false,
  )
  // Both instances list this certificate for a server of theirs: the own one has the last word.
  assert.equal(current.serverOf(authentication)?.id.instance, 'ZZ')
  assert.ok(existsSync(join(made.directory, 'YY', 'shared-params.xml')))
  assert.equal(existsSync(join(made.directory, 'YY', 'private-params.xml')), false)
})

test('a partner that fails does not fail the rest, and disappears when its copy expires', async (t) => {
  const { made, central, partner } = await federation(t)
  const client = await made.open(central.anchor(own), 'all')
  await partner.close()
  await client.refresh()
  assert.match(client.status().federatedErrors?.['YY'] ?? '', /externalconf/)
  assert.equal(client.status().lastError, undefined)
  assert.equal(client.current()?.exists(abroad), true)
  // No download in between: who looks after its expiry does not see it.
  made.now = new Date(expiresAt.getTime() + 1)
  assert.deepEqual(client.current()?.instances, ['ZZ'])
  assert.equal(client.current()?.exists(abroad), false)
})

test("a partner's kept copy is used after a start without it", async (t) => {
  const { made, central, partner } = await federation(t)
  await made.open(central.anchor(own), 'all')
  await Promise.all([partner.close(), central.close()])
  assert.deepEqual((await made.open(central.anchor(own), 'all')).current()?.instances, ['ZZ', 'YY'])
  assert.deepEqual((await made.open(central.anchor(own), 'none')).current()?.instances, ['ZZ'])
})

test('a partner that is no longer one is forgotten, on disk too', async (t) => {
  const { made, central } = await federation(t)
  const client = await made.open(central.anchor(own), 'all')
  await central.publish({ key: own, expiresAt })
  await client.refresh()
  assert.deepEqual(client.current()?.instances, ['ZZ'])
  assert.equal(existsSync(join(made.directory, 'YY')), false)
  assert.equal(existsSync(join(made.directory, '.verified', 'YY')), false)
})

test('a partner speaks for itself only', async (t) => {
  const { made, central, partner } = await federation(t)
  // Signed by YY, about ZZ; then about ZZ under the name of YY.
  for (const [instance, shared] of [
    ['ZZ', sharedOf('ZZ')],
    ['YY', sharedOf('ZZ')],
  ] as const) {
    await partner.publish({
      key: foreign,
      expiresAt,
      instance,
      external: true,
      shared: { ...shared, ocspFreshnessSeconds: 1 },
    })
    const client = await made.open(central.anchor(own), 'all')
    assert.deepEqual(client.current()?.instances, ['ZZ'])
    assert.equal(client.current()?.shared.ocspFreshnessSeconds, 3600)
    assert.ok(client.status().federatedErrors?.['YY'])
  }
  // And what it says of itself is not believed under a key of ours.
  await partner.publish({ key: own, expiresAt, instance: 'YY', external: true, shared: sharedOf('YY') })
  const client = await made.open(central.anchor(own), 'all')
  assert.deepEqual(client.current()?.instances, ['ZZ'])
})

test('an instance with an odd name stays inside the folder', async (t) => {
  for (const instance of ['..', '.verified', 'a/b', 'õ ü', "x'y(z)*!~"]) {
    const made = await bench(t)
    const central = await made.source()
    const shared = sharedOf(instance)
    await central.publish({ key: own, expiresAt, instance, shared })
    const client = await made.open({ ...central.anchor(own), instance })
    assert.equal(client.current()?.instance, instance, client.status().lastError ?? 'no error')
    await central.close()
    assert.equal((await made.open({ ...central.anchor(own), instance })).current()?.instance, instance)
    assert.deepEqual(
      made.lines.filter((line) => line.startsWith('error')),
      [],
    )
  }
})
