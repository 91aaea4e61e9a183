import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { writeAnchor } from '#protocol'
import { pem } from '#trust'
import { CentralServerError } from '../../../central-server/error.ts'
import { difference } from '../../../central-server/registry/entries.ts'
import { readFederation } from '../../../central-server/registry/federation.ts'
import { certificates, country } from './country.ts'

/** The faults of a document, one a line, without the heading. */
function faultsOf(document: unknown): string[] {
  try {
    readFederation(document)
  } catch (error) {
    assert.ok(error instanceof CentralServerError)
    assert.equal(error.code, 'federation_invalid')
    return error.message.split('\n').slice(1)
  }
  return []
}

const server = country.securityServers?.[0]
const authority = country.authorities?.[0]
assert.ok(server && authority)

test('a whole document has no faults, and neither has the least one', () => {
  assert.deepEqual(faultsOf(country), [])
  assert.deepEqual(
    faultsOf({
      instance: 'ZZ',
      memberClasses: { GOV: 'State' },
      members: [{ class: 'GOV', code: '1', name: 'One' }],
      managementService: { provider: 'GOV/1' },
    }),
    [],
  )
})

test('all faults of shape are named at once, with their place', () => {
  const faults = faultsOf({
    ...country,
    instance: 'a/b',
    surprise: 1,
    memberClasses: { GOV: '' },
    members: [{ class: 'GOV', code: '1', name: 'bell\u0007', subsystem: [] }],
    securityServers: [{ ...server, owner: 'GOV/1/registry', address: 'http://x/', clients: ['GOV'] }],
    authorities: [{ ...authority, certificate: 'AAAA', profile: 'Unknown', ocsp: [{ url: 'ftp://x' }] }],
    settings: { ocspFreshnessSeconds: 0, ocspFetchIntervalSeconds: 5 },
    trustedAnchors: ['<html/>', 'relative.xml', '/nowhere/anchor.xml'],
  })
  const places = [
    'instance',
    'surprise',
    'memberClasses.GOV',
    'members[0].name',
    'members[0].subsystem',
    'securityServers[0].owner',
    'securityServers[0].address',
    'securityServers[0].clients[0]',
    'authorities[0].certificate',
    'authorities[0].profile',
    'authorities[0].ocsp[0].url',
    'settings.ocspFreshnessSeconds',
    'settings.ocspFetchIntervalSeconds',
    'trustedAnchors[0]',
    'trustedAnchors[1]',
    'trustedAnchors[2]',
  ]
  assert.deepEqual(faults.map((fault) => fault.split(':')[0]).sort(), places.sort())
})

test('all faults of sense are named at once, with their place', () => {
  const anchor = (instance: string) =>
    Buffer.from(
      writeAnchor({ instance, sources: [{ url: 'http://x/externalconf', certificates: [certificates.first] }] }),
    ).toString()
  const faults = faultsOf({
    ...country,
    members: [
      ...country.members,
      { class: 'GOV', code: '1', name: 'Twice', subsystems: [{ code: 'registry' }] },
      { class: 'NGO', code: '3', name: 'No class' },
    ],
    securityServers: [
      { ...server, clients: ['GOV/1/registry', 'GOV/1/registry', 'GOV/9'] },
      { ...server, code: 'ss-c', clients: [] },
      { ...server, owner: 'GOV/8', authenticationCertificates: [] },
      { ...server, authenticationCertificates: [] },
    ],
    globalGroups: [
      { code: 'security-server-owners', description: 'ours' },
      { code: 'a', description: 'a', members: ['GOV/7', 'GOV/1', 'GOV/1'] },
      { code: 'a', description: 'b' },
    ],
    authorities: [authority, { ...authority, name: 'Another' }],
    timestampingAuthorities: [
      { name: 'TSA', url: 'http://x', certificate: pem('CERTIFICATE', certificates.tsa.der) },
      { name: 'TSA', url: 'http://x', certificate: pem('CERTIFICATE', certificates.ca.der) },
    ],
    managementService: { provider: 'GOV/6' },
    settings: { ocspFreshnessSeconds: 60, timestampingIntervalSeconds: 60, monitoringClient: 'GOV/5' },
    trustedAnchors: [anchor('YY'), anchor('YY'), anchor('ZZ')],
  })
  const places = [
    'members[2]',
    'members[2].subsystems[0]',
    'members[3].class',
    'securityServers[0].clients[1]',
    'securityServers[0].clients[2]',
    'securityServers[1].authenticationCertificates[0]',
    'securityServers[2].owner',
    'securityServers[3]',
    'globalGroups[0].code',
    'globalGroups[1].members[0]',
    'globalGroups[1].members[2]',
    'globalGroups[2].code',
    'authorities[1]',
    'authorities[1].intermediates[0]',
    'timestampingAuthorities[1].name',
    'timestampingAuthorities[1].certificate',
    'managementService.provider',
    'settings.monitoringClient',
    'settings.timestampingIntervalSeconds',
    'trustedAnchors[1]',
    'trustedAnchors[2]',
  ]
  assert.deepEqual(faults.map((fault) => fault.split(':')[0]).sort(), places.sort())
})

test('documents that are none', () => {
  for (const document of [undefined, null, 1, 'x', [], {}]) assert.notDeepEqual(faultsOf(document), [])
  assert.notDeepEqual(faultsOf({ ...country, members: 'all' }), [])
  assert.notDeepEqual(faultsOf(JSON.parse('{"__proto__": {"instance": "ZZ"}}')), [])
})

test('certificates come as base64 of DER or PEM, as PEM, or by absolute path, and mean the same', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'saadik-federation-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { der } = certificates.first
  const text = pem('CERTIFICATE', der)
  writeFileSync(join(folder, 'a.pem'), text)
  writeFileSync(join(folder, 'a.der'), der)
  const base64 = Buffer.from(der).toString('base64')
  const forms = [
    base64,
    base64.replace(/.{64}/g, '$&\n'),
    Buffer.from(text).toString('base64'),
    text,
    join(folder, 'a.pem'),
    join(folder, 'a.der'),
  ]
  const entries = forms.map((form) =>
    readFederation({ ...country, securityServers: [{ ...server, authenticationCertificates: [form] }] }),
  )
  for (const each of entries) assert.deepEqual(each, entries[0])
  assert.notDeepEqual(
    faultsOf({ ...country, securityServers: [{ ...server, authenticationCertificates: ['a.pem'] }] }),
    [],
  )
})

test('the difference of two documents is said in words, and is none between equals in any order', () => {
  const before = readFederation(country)
  assert.deepEqual(difference(before, before).changes, [])
  const turned = readFederation({
    ...country,
    members: country.members.toReversed(),
    securityServers: country.securityServers?.toReversed(),
    memberClasses: Object.fromEntries(Object.entries(country.memberClasses).reverse()),
  })
  assert.deepEqual(difference(before, turned).changes, [])
  const after = readFederation({
    ...country,
    members: [
      { class: 'GOV', code: '1', name: 'Ministry of X', subsystems: [{ code: 'management' }, { code: 'registry' }] },
      { class: 'COM', code: '2', name: 'Ettevõte & OÜ', subsystems: [{ code: 'client' }, { code: 'new' }] },
    ],
    securityServers: [{ ...server, address: 'elsewhere', clients: ['GOV/1/registry', 'COM/2/new'] }],
    timestampingAuthorities: [],
  })
  assert.deepEqual(difference(before, after).changes.toSorted(), [
    'member GOV/1 changed: name',
    'registration COM/2/client on COM/2/ss-b removed',
    'registration COM/2/client on GOV/1/ss-a removed',
    'registration COM/2/new on GOV/1/ss-a added',
    'security server COM/2/ss-b removed',
    'security server GOV/1/ss-a changed: address',
    'subsystem COM/2/new added',
    'subsystem GOV/1/registry changed: name',
    'time-stamping authority TSA removed',
  ])
  const back = difference(after, before)
  assert.equal(back.changes.length, 9)
})

test('an authority is called after its certificate unless it has a name', () => {
  const named = (name: string | undefined) =>
    readFederation({ ...country, authorities: [{ ...authority, ...(name !== undefined && { name }) }] })
      .filter(({ kind }) => kind === 'authority')
      .map(({ key }) => key)
  assert.deepEqual(named(undefined), ['Example CA'])
  assert.deepEqual(named('Other'), ['Other'])
})
