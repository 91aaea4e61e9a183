import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ConfigurationError, readConfigurationDirectory } from '#global-configuration'
import {
  type ConfigurationVersion,
  parseClientId,
  parseServerId,
  type SharedParameters,
  writeSharedParameters,
} from '#protocol'
import { parseCertificate } from '#trust'
import { needsVectors, vector, vectorPath } from '../../vectors.ts'
import { testKey } from '../protocol/configuration/keys.ts'
import { authentication, other, owner, registry, sharedSample } from '../protocol/configuration/sample.ts'

function folderWith(t: TestContext, shared: SharedParameters, version: ConfigurationVersion = 6): string {
  const folder = mkdtempSync(join(tmpdir(), 'saadik-layout-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'instance-identifier'), 'ZZ\n')
  mkdirSync(join(folder, 'ZZ'))
  writeFileSync(join(folder, 'ZZ', 'shared-params.xml'), writeSharedParameters(shared, version))
  writeFileSync(
    join(folder, 'ZZ', 'shared-params.xml.metadata'),
    JSON.stringify({ configurationVersion: String(version) }),
  )
  return folder
}

test('who is who', async (t) => {
  const current = await readConfigurationDirectory(folderWith(t, sharedSample(6)))
  assert.equal(current.exists(owner), true)
  assert.equal(current.exists(registry), true)
  assert.equal(current.exists({ ...owner, subsystemCode: 'registry' }), false)
  assert.equal(current.exists({ ...owner, memberCode: '900100 ' }), false)
  assert.equal(current.exists({ ...owner, instance: 'zz' }), false)
  assert.equal(current.memberName(registry), 'Registry Office')
  assert.equal(current.memberName({ ...owner, memberCode: 'nobody' }), undefined)
  assert.equal(current.inGlobalGroup(registry, { instance: 'ZZ', groupCode: 'readers' }), true)
  // A member in a group is not its subsystems (wire-conf §1.2: equality is exact).
  assert.equal(current.inGlobalGroup(owner, { instance: 'ZZ', groupCode: 'readers' }), false)
  assert.equal(current.inGlobalGroup(registry, { instance: 'YY', groupCode: 'readers' }), false)
  assert.equal(current.inGlobalGroup(registry, { instance: 'ZZ', groupCode: 'nobody' }), false)
})

test('which server', async (t) => {
  const current = await readConfigurationDirectory(folderWith(t, sharedSample(6)))
  assert.equal(current.serverOf(authentication)?.id.serverCode, 'ss-a')
  assert.equal(current.serverOf(testKey('another').certificate), undefined)
  assert.deepEqual(
    current.serversFor(registry).map(({ id }) => id.serverCode),
    ['ss-a', 'ss-b'],
  )
  assert.deepEqual(
    current.serversFor(owner).map(({ id }) => id.serverCode),
    ['ss-a'],
  )
  assert.deepEqual(current.serversFor({ ...owner, subsystemCode: 'plain' }), [])
  const server = current.server({ instance: 'ZZ', memberClass: 'GOV', memberCode: '900100', serverCode: 'ss-a' })
  assert.deepEqual(server?.maintenance, { message: 'back at noon' })
  assert.equal(server?.clients.size, 3)
  assert.equal(
    current.server({ instance: 'ZZ', memberClass: 'COM', memberCode: other.memberCode, serverCode: 'ss-a' }),
    undefined,
  )
})

test('version 2 finds servers by SHA-1; where two list one certificate, the last counts', async (t) => {
  const second = await readConfigurationDirectory(folderWith(t, sharedSample(2), 2))
  assert.equal(second.serverOf(authentication)?.id.serverCode, 'ss-a')
  const sample = sharedSample(6)
  const servers = sample.servers.map((server) => ({
    ...server,
    authCertHashes: sample.servers[0]?.authCertHashes ?? [],
  }))
  const both = await readConfigurationDirectory(folderWith(t, { ...sample, servers }))
  assert.equal(both.serverOf(authentication)?.id.serverCode, 'ss-b')
})

test('the chain sent is the leaf and the intermediates, without the root (wire-message §1.3)', async (t) => {
  if (!needsVectors(t)) return
  const [ca, ica, auth1] = ['ca', 'ica', 'auth1'].map((name) =>
    parseCertificate(vector('recorded/certs', `${name}.pem`)),
  )
  assert.ok(ca && ica && auth1)
  const sample = sharedSample(6)
  const withAuthorities = (...intermediates: readonly (typeof ca)[]) =>
    sample.authorities.map((authority) => ({
      ...authority,
      top: { certificate: ca, ocsp: [] },
      intermediates: intermediates.map((certificate) => ({ certificate, ocsp: [] })),
    }))
  const current = await readConfigurationDirectory(folderWith(t, { ...sample, authorities: withAuthorities(ica) }))
  const issuer = auth1.issuer.text === ica.subject.text ? [auth1, ica] : [auth1]
  assert.deepEqual(current.chain(auth1), issuer)
  assert.deepEqual(current.chain(ica), [ica])
  // Nobody known above: the certificate itself.
  const stranger = testKey('stranger').certificate
  assert.deepEqual(current.chain(stranger), [stranger])
})

test("a layout without dates never expires; the reference's are read", async (t) => {
  if (!needsVectors(t)) return
  const dev = await readConfigurationDirectory(vectorPath('globalconf/globalconf_good2_v3'))
  assert.equal(dev.instance, 'DEV')
  assert.equal(dev.version, 3)
  assert.equal(dev.private, undefined)
  assert.equal(dev.timestampingIntervalSeconds, 60)
  assert.equal(dev.isExpired(new Date('9999-01-01')), false)
  assert.equal(dev.exists(parseClientId('DEV/COM/1234/TestService')), true)
  const recorded = await readConfigurationDirectory(vectorPath('recorded/globalconf'))
  assert.equal(recorded.isExpired(new Date('2036-10-01T14:21:18Z')), true)
  assert.equal(recorded.isExpired(new Date('2036-10-01T14:21:17Z')), false)
  assert.equal(recorded.serverOf(parseCertificate(vector('recorded/certs/auth1.pem')))?.id.serverCode, 'SS1')
  assert.equal(recorded.serverOf(parseCertificate(vector('recorded/certs/auth2-ec.pem')))?.id.serverCode, 'SS2')
  assert.equal(recorded.server(parseServerId('TEST/COM/1111/SS1'))?.address, '127.0.0.3')
})

test('what is no layout is refused; another instance that is none is passed over', async (t) => {
  const unreadable = (error: unknown) => error instanceof ConfigurationError && error.code === 'directory_unreadable'
  const folder = folderWith(t, sharedSample(6))
  mkdirSync(join(folder, 'broken'))
  writeFileSync(join(folder, 'broken', 'shared-params.xml'), '<conf/>')
  cpSync(join(folder, 'ZZ'), join(folder, 'copy'), { recursive: true })
  assert.deepEqual((await readConfigurationDirectory(folder)).instances, ['ZZ'])
  writeFileSync(join(folder, 'ZZ', 'shared-params.xml.metadata'), '{"configurationVersion":"9"}')
  await assert.rejects(readConfigurationDirectory(folder), unreadable)
  writeFileSync(
    join(folder, 'ZZ', 'shared-params.xml.metadata'),
    '{"configurationVersion":"6","expirationDate":"soon"}',
  )
  await assert.rejects(readConfigurationDirectory(folder), unreadable)
  writeFileSync(join(folder, 'ZZ', 'shared-params.xml.metadata'), '[')
  await assert.rejects(readConfigurationDirectory(folder), unreadable)
  writeFileSync(join(folder, 'instance-identifier'), 'XX')
  await assert.rejects(readConfigurationDirectory(folder), unreadable)
  rmSync(join(folder, 'instance-identifier'))
  await assert.rejects(readConfigurationDirectory(folder), unreadable)
  await assert.rejects(readConfigurationDirectory(join(folder, 'nowhere')), unreadable)
})
