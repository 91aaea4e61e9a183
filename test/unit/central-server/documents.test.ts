import assert from 'node:assert/strict'
import test from 'node:test'
import {
  CONFIGURATION_VERSIONS,
  parseMonitoringClient,
  parseOcspFetchInterval,
  parsePrivateParameters,
  parseSharedParameters,
  parseVerifyNextUpdate,
  shortId,
} from '#protocol'
import { digest } from '#trust'
import { type PartBytes, writeParts } from '../../../central-server/publication/documents.ts'
import { Facts } from '../../../central-server/registry/entries.ts'
import { readFederation } from '../../../central-server/registry/federation.ts'
import { needsTools } from '../../tools.ts'
import { needsVectors } from '../../vectors.ts'
import { testKey } from '../protocol/configuration/keys.ts'
import { schemaFaults } from '../protocol/configuration/schemas.ts'
import { certificates, country } from './country.ts'

const key = (source: 'internal' | 'external', active: boolean) => ({
  id: source,
  source,
  active,
  certificate: testKey(source).certificate,
  addedAt: new Date(),
})
const around = {
  instance: 'ZZ',
  address: 'cs.example.org:8090',
  keys: [key('internal', true), key('internal', false), key('external', true)],
}
const facts = new Facts(readFederation(country))
const bytesOf = (parts: readonly PartBytes[], identifier: string) => {
  const part = parts.find(({ contentIdentifier }) => contentIdentifier === identifier)
  assert.ok(part, identifier)
  return part.bytes
}

for (const version of CONFIGURATION_VERSIONS) {
  test(`version ${version}: every part validates against X-Road's schema`, (t) => {
    if (!needsVectors(t) || !needsTools(t, 'xmllint')) return
    const parts = writeParts(facts, version, around)
    for (const [identifier, schema] of [
      ['SHARED-PARAMETERS', `v${version}/shared-parameters.xsd`],
      ['PRIVATE-PARAMETERS', `v${version === 2 ? 2 : 3}/private-parameters.xsd`],
      ['MONITORING', 'monitoring-conf.xsd'],
      ['FETCHINTERVAL', 'ocsp-fetchinterval-conf.xsd'],
      ['NEXTUPDATE', 'ocsp-nextupdate-conf.xsd'],
    ] as const)
      assert.equal(schemaFaults(bytesOf(parts, identifier), schema), '', identifier)
  })
}

test('what was registered is what is published', () => {
  const parts = writeParts(facts, 6, around)
  const shared = parseSharedParameters(bytesOf(parts, 'SHARED-PARAMETERS'), 6)
  assert.deepEqual(
    shared.servers.map(({ id, address, clients, maintenance, authCertHashes }) => [
      shortId(id),
      address,
      clients.map(shortId),
      maintenance,
      authCertHashes.map((hash) => Buffer.from(hash).toString('hex')),
    ]),
    [
      ['ZZ/COM/2/ss-b', undefined, ['ZZ/COM/2', 'ZZ/COM/2/client'], { message: 'back at noon' }, []],
      [
        'ZZ/GOV/1/ss-a',
        'ss-a.example.org',
        ['ZZ/GOV/1', 'ZZ/COM/2/client', 'ZZ/GOV/1/registry'],
        undefined,
        [certificates.first.sha256],
      ],
    ],
  )
  assert.deepEqual(
    shared.groups.map(({ code, members }) => [code, members.map(shortId)]),
    [
      ['security-server-owners', ['ZZ/COM/2', 'ZZ/GOV/1']],
      ['readers', ['ZZ/COM/2/client', 'ZZ/GOV/1']],
    ],
  )
  // Both keys of the internal source, the one to come too.
  assert.deepEqual(
    shared.sources.map(({ address, internal, external }) => [address, internal.length, external.length]),
    [['cs.example.org:8090', 2, 1]],
  )
  assert.equal(shared.authorities[0]?.top.ocsp[0]?.certificate?.sha256, certificates.ocsp.sha256)
  assert.equal(shared.authorities[0]?.intermediates[0]?.certificate.sha256, certificates.intermediate.sha256)
  assert.match(shared.authorities[0]?.profile ?? '', /^ee\.ria\.xroad\..*\.BasicCertificateProfileInfoProvider$/)
  const priv = parsePrivateParameters(bytesOf(parts, 'PRIVATE-PARAMETERS'))
  assert.equal(priv.managementService.address, 'https://cs.example.org:4001/managementservice/')
  assert.equal(shortId(priv.managementService.provider), 'ZZ/GOV/1/management')
  const monitoring = parseMonitoringClient(bytesOf(parts, 'MONITORING'))
  assert.equal(monitoring && shortId(monitoring), 'ZZ/GOV/1/management')
  assert.equal(parseOcspFetchInterval(bytesOf(parts, 'FETCHINTERVAL')), 600)
  assert.equal(parseVerifyNextUpdate(bytesOf(parts, 'NEXTUPDATE')), false)
})

test('time-stamping authorities are published in the order of the document, which is the order in which they are asked', () => {
  const [tsa] = country.timestampingAuthorities ?? []
  assert.ok(tsa)
  const names = ['Second by name', 'A third', 'First']
  const document = { ...country, timestampingAuthorities: names.map((name) => ({ ...tsa, name })) }
  for (const version of CONFIGURATION_VERSIONS) {
    const parts = writeParts(new Facts(readFederation(document)), version, around)
    const { tsas } = parseSharedParameters(bytesOf(parts, 'SHARED-PARAMETERS'), version)
    assert.deepEqual(
      tsas.map(({ name }) => name),
      names,
    )
  }
})

test('version 2 has SHA-1 hashes; versions below 5 hide the subsystems of a server in maintenance', () => {
  const second = parseSharedParameters(bytesOf(writeParts(facts, 2, around), 'SHARED-PARAMETERS'), 2)
  assert.deepEqual(
    Buffer.from(second.servers[1]?.authCertHashes[0] ?? []),
    Buffer.from(digest('SHA-1', certificates.first.der)),
  )
  assert.deepEqual(second.servers[0]?.clients.map(shortId), ['ZZ/COM/2'])
  const fifth = parseSharedParameters(bytesOf(writeParts(facts, 5, around), 'SHARED-PARAMETERS'), 5)
  assert.deepEqual(fifth.servers[0]?.clients.map(shortId), ['ZZ/COM/2', 'ZZ/COM/2/client'])
})

test('only shared parameters leave the instance; optional parts are there when they say something', () => {
  const parts = writeParts(facts, 6, around)
  assert.deepEqual(
    parts.filter(({ sources }) => sources.includes('external')).map(({ contentIdentifier }) => contentIdentifier),
    ['SHARED-PARAMETERS'],
  )
  const { settings: _, ...plain } = country
  assert.deepEqual(
    writeParts(new Facts(readFederation(plain)), 6, around).map(({ contentIdentifier }) => contentIdentifier),
    ['SHARED-PARAMETERS', 'PRIVATE-PARAMETERS'],
  )
})

test('the same facts make the same bytes', () => {
  const again = writeParts(new Facts(readFederation({ ...country, members: country.members.toReversed() })), 6, around)
  assert.deepEqual(again, writeParts(facts, 6, around))
})
