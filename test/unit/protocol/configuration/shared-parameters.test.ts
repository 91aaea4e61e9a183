import assert from 'node:assert/strict'
import test from 'node:test'
import {
  CONFIGURATION_VERSIONS,
  type ConfigurationVersion,
  ProtocolError,
  parseSharedParameters,
  type SharedParameters,
  writeSharedParameters,
} from '#protocol'
import { digest } from '#trust'
import { needsTools } from '../../../tools.ts'
import { needsVectors, vector } from '../../../vectors.ts'
import { authentication, other, owner, registry, sharedSample } from './sample.ts'
import { schemaFaults } from './schemas.ts'

const malformed = (error: unknown) => error instanceof ProtocolError && error.code === 'malformed_configuration'
const text = (parameters: SharedParameters, version: ConfigurationVersion) =>
  Buffer.from(writeSharedParameters(parameters, version)).toString('utf8')
const read = (xml: string, version: ConfigurationVersion = 6) => parseSharedParameters(Buffer.from(xml), version)

/** Certificates by their hash: the parsed objects hold functions and lazy fields. */
const plain = (value: unknown) =>
  JSON.parse(
    JSON.stringify(value, (key, each) =>
      key === 'certificate' || key === 'internal' || key === 'external'
        ? (Array.isArray(each) ? each : [each]).map((one) => one?.sha256)
        : key === 'authCertHashes'
          ? each.map((hash: { data: number[] }) => Buffer.from(hash.data ?? hash).toString('hex'))
          : each,
    ),
  )

for (const version of CONFIGURATION_VERSIONS) {
  test(`version ${version}: what is written validates against X-Road's schema`, (t) => {
    if (!needsTools(t, 'xmllint') || !needsVectors(t)) return
    assert.equal(
      schemaFaults(writeSharedParameters(sharedSample(version), version), `v${version}/shared-parameters.xsd`),
      '',
    )
  })
}

test('version 6 says everything: what is read is what was written', () => {
  assert.deepEqual(plain(read(text(sharedSample(6), 6), 6)), plain(sharedSample(6)))
})

test('older versions leave out what they cannot say, and nothing else', () => {
  const written = (version: ConfigurationVersion) => read(text(sharedSample(version), version), version)
  const [v2, v3, v4, v5] = ([2, 3, 4, 5] as const).map(written)
  assert.deepEqual(v2?.sources, [])
  assert.equal(v2?.authorities[0]?.acme, undefined)
  assert.equal(v3?.sources.length, 2)
  assert.deepEqual(v3?.authorities[0]?.acme, {
    directoryUrl: 'https://acme.example.org/dir',
    ipAddress: '192.0.2.1, 192.0.2.2',
  })
  assert.equal(v4?.authorities[0]?.acme?.signingProfileId, 'seal')
  assert.equal(v4?.members[0]?.subsystems[0]?.name, undefined)
  assert.equal(v5?.members[0]?.subsystems[0]?.name, 'Main registry')
  assert.deepEqual(v5?.servers[0]?.maintenance, { message: 'back at noon' })
  assert.equal(v5?.tsas[0]?.costType, undefined)
  assert.equal(v5?.authorities[0]?.csrFormat, undefined)
  for (const parameters of [v2, v3, v4, v5]) {
    assert.equal(parameters?.members.length, 2)
    assert.equal(parameters?.groups.length, 2)
    assert.equal(parameters?.ocspFreshnessSeconds, 3600)
  }
})

test('the hash of an authentication certificate is SHA-1 in version 2, SHA-256 later', () => {
  assert.deepEqual(
    Buffer.from(read(text(sharedSample(2), 2), 2).servers[0]?.authCertHashes[0] ?? []),
    Buffer.from(digest('SHA-1', authentication.der)),
  )
  assert.throws(() => writeSharedParameters(sharedSample(2), 6), malformed)
  assert.throws(() => read(text(sharedSample(2), 2), 6), malformed)
})

test('versions without maintenance drop the subsystems of a server in maintenance, not its members (wire-conf §3.2)', () => {
  for (const version of [2, 3, 4] as const) {
    const [server, another] = read(text(sharedSample(version), version), version).servers
    assert.deepEqual(server?.clients, [owner, other])
    assert.deepEqual(another?.clients, [other, registry])
  }
  assert.deepEqual(read(text(sharedSample(5), 5), 5).servers[0]?.clients, [owner, registry, other])
})

test('ids count depth first, and the owner is not repeated as a client', () => {
  const xml = text(sharedSample(6), 6)
  assert.deepEqual(
    [...xml.matchAll(/<(member|subsystem) id="(id\d)"/g)].map((match) => match.slice(1)),
    [
      ['member', 'id0'],
      ['subsystem', 'id1'],
      ['subsystem', 'id2'],
      ['member', 'id3'],
    ],
  )
  assert.deepEqual(
    [...xml.matchAll(/<(owner|client)>(\w+)</g)].map((match) => match.slice(1).join(' ')),
    ['owner id0', 'client id1', 'client id3', 'owner id3', 'client id1'],
  )
})

test('parameters that no document can hold are refused', () => {
  const sample = sharedSample(6)
  const [server] = sample.servers
  const nobody = { ...owner, memberCode: 'nobody' }
  assert.throws(() => text({ ...sample, sources: [] }, 3), malformed)
  assert.ok(text({ ...sharedSample(2), sources: [] }, 2))
  assert.throws(() => text({ ...sample, servers: [{ ...server, clients: [owner, nobody] } as never] }, 6), malformed)
  assert.throws(() => text({ ...sample, members: [...sample.members, ...sample.members] }, 6), malformed)
  assert.throws(() => text({ ...sample, memberClasses: [] }, 6), malformed)
})

for (const [file, version] of [
  ['globalconf/signed/V3/20240408142911166434000/shared-params.xml', 3],
  ['globalconf/signed/V6/20251110170000548026000/shared-params.xml', 6],
  ['globalconf/signed-rotated-key/V6/20251110170100462771000/shared-params.xml', 6],
  ['globalconf/globalconf_good2_v3/DEV/shared-params.xml', 3],
  ['recorded/signed-configuration/V6/shared-params.xml', 6],
  ['recorded/globalconf/TEST/shared-params.xml', 6],
] as const) {
  test(`the reference's ${file} is read, written again and validates`, (t) => {
    if (!needsVectors(t)) return
    const parameters = parseSharedParameters(vector(file), version)
    assert.equal(parameters.servers.length, 2)
    assert.equal(parameters.unreadable, undefined)
    const written = writeSharedParameters(parameters, version)
    if (needsTools(t, 'xmllint')) assert.equal(schemaFaults(written, `v${version}/shared-parameters.xsd`), '')
    const again = plain(parseSharedParameters(written, version))
    // Version 3 of a real central server carries version 4's profile ids, which ours does not.
    if (version !== 3) assert.deepEqual(again, plain(parameters))
    else assert.deepEqual(again.servers, plain(parameters).servers)
  })
}

test("known answers from the reference's version 6", (t) => {
  if (!needsVectors(t)) return
  const parameters = parseSharedParameters(vector('globalconf/signed/V6/20251110170000548026000/shared-params.xml'), 6)
  assert.equal(parameters.instance, 'DEV')
  assert.deepEqual(
    parameters.servers.map(({ id, clients }) => [
      id.serverCode,
      clients.map(({ memberCode, subsystemCode }) => `${memberCode}/${subsystemCode ?? ''}`),
    ]),
    [
      ['SS0', ['1234/', '1234/MANAGEMENT', '1234/TestService', '1234/TestSaved', '4321/TestClient']],
      ['SS1', ['4321/', '4321/TestClient', '1234/test-consumer']],
    ],
  )
  // PEM text inside base64 (wire-conf §3.4).
  assert.equal(parameters.authorities[0]?.top.certificate.subject.text, 'CN=Test CA,O=Test')
  assert.equal(parameters.authorities[1]?.csrFormat, 'PEM')
  assert.deepEqual(parameters.groups[0]?.members, [
    { instance: 'DEV', memberClass: 'COM', memberCode: '1234' },
    { instance: 'DEV', memberClass: 'COM', memberCode: '4321' },
  ])
})

test('any prefixes, comments, CDATA, another order and elements of later versions are read', () => {
  const xml = text(sharedSample(6), 6)
    .replaceAll('ns2:', 'a:')
    .replace('xmlns:ns2', 'xmlns:a')
    .replaceAll('ns3:', '')
    .replace('xmlns:ns3=', 'xmlns:x=')
    .replace(/<conf ([^>]*)>/, '<x:conf $1>')
    .replace('</conf>', '<future xmlns="urn:later">7</future></x:conf>')
    .replace('<instanceIdentifier>ZZ<', '<instanceIdentifier>Z<!-- one --><![CDATA[Z]]><')
  const [, settings = ''] = /(<globalSettings>[\s\S]*<\/globalSettings>)/.exec(xml) ?? []
  const turned = xml.replace(settings, '').replace('<source>', `${settings}<source>`)
  assert.deepEqual(plain(read(turned)), plain(sharedSample(6)))
})

test('a CA, TSA or key with a certificate that cannot be read is left out and named; the rest stands', () => {
  const broken = Buffer.from('not a certificate').toString('base64')
  const xml = text(sharedSample(6), 6)
    .replace(/(<topCA>\s*<cert>)[^<]*/, `$1${broken}`)
    .replace(/(<approvedTSA>[\s\S]*?<cert>)[^<]*/, `$1${broken}`)
    .replace(/(<internalVerificationCert>)[^<]*/, `$1${broken}`)
  const parameters = read(xml)
  assert.equal(parameters.authorities.length, 0)
  assert.equal(parameters.tsas.length, 0)
  assert.equal(parameters.sources[0]?.internal.length, 1)
  assert.equal(parameters.servers.length, 2)
  assert.equal(parameters.unreadable?.length, 3)
})

test('hostile and broken documents are refused', () => {
  const good = text(sharedSample(6), 6)
  const cases: Record<string, (xml: string) => string> = {
    nothing: () => '',
    'not XML': () => 'MIIB',
    'cut off': (xml) => xml.slice(0, -20),
    'two roots': (xml) => `${xml}<conf/>`,
    'a document type': (xml) => xml.replace('?>', '?><!DOCTYPE conf>'),
    entities: (xml) => xml.replace('?>', '?><!DOCTYPE c [<!ENTITY a "aaaa">]>').replace('>ZZ<', '>&a;<'),
    'an undeclared entity': (xml) => xml.replace('>ZZ<', '>&zz;<'),
    'another encoding': (xml) => xml.replace('UTF-8', 'ISO-8859-1'),
    'another root': (xml) => xml.replaceAll('ns3:conf', 'ns3:other'),
    'a root of no namespace': (xml) => xml.replaceAll('ns3:conf', 'conf'),
    'a root of another namespace': (xml) => xml.replace('http://x-road.eu/xsd/xroad.xsd', 'urn:x'),
    'an undeclared prefix': (xml) =>
      xml.replaceAll('<ns2:memberCode>', '<zz:memberCode>').replaceAll('</ns2:memberCode>', '</zz:memberCode>'),
    'qualified where it should not be': (xml) => xml.replaceAll('globalSettings', 'ns3:globalSettings'),
    'identifier parts without a namespace': (xml) => xml.replaceAll('ns2:memberCode', 'memberCode'),
    'no instance': (xml) => xml.replace(/<instanceIdentifier>.*<\/instanceIdentifier>/, ''),
    'a blank instance': (xml) => xml.replace('>ZZ</instanceIdentifier>', '>  </instanceIdentifier>'),
    'two instances': (xml) => xml.replace(/(<instanceIdentifier>.*<\/instanceIdentifier>)/, '$1$1'),
    'no settings': (xml) => xml.replace(/<globalSettings>[\s\S]*<\/globalSettings>/, ''),
    'elements inside a text': (xml) => xml.replace('>ZZ</instanceIdentifier>', '><b>ZZ</b></instanceIdentifier>'),
    'a freshness of nothing': (xml) => xml.replace('>3600<', '>0<'),
    'a freshness that is no number': (xml) => xml.replace('>3600<', '>1e9<'),
    'a freshness without end': (xml) => xml.replace('>3600<', '>99999999999999999999<'),
    'a client that is nobody': (xml) => xml.replace('<client>id1<', '<client>id9<'),
    'an id of two': (xml) => xml.replace('id="id1"', 'id="id0"'),
    'an owner that is a subsystem': (xml) => xml.replace('<owner>id0<', '<owner>id1<'),
    'a hash that is none': (xml) => xml.replace(/(<authCertHash>)[^<]*/, '$1AAAA'),
    'a hash that is not base64': (xml) => xml.replace(/(<authCertHash>)[^<]*/, '$1!!!!'),
    'a member of no kind': (xml) => xml.replace('objectType="MEMBER"', 'objectType="SERVICE"'),
    'a member with a subsystem': (xml) => xml.replace('objectType="SUBSYSTEM"', 'objectType="MEMBER"'),
    'a subsystem without one': (xml) => xml.replace('objectType="MEMBER"', 'objectType="SUBSYSTEM"'),
    'a kind without namespace': (xml) => xml.replace('ns2:objectType="MEMBER"', 'objectType="MEMBER"'),
    'nesting without end': (xml) => xml.replace('<source>', `${'<a>'.repeat(50)}${'</a>'.repeat(50)}<source>`),
    'attributes without end': (xml) =>
      xml.replace('<source>', `<source ${Array.from({ length: 99 }, (_, i) => `a${i}="1"`).join(' ')}>`),
  }
  for (const [name, change] of Object.entries(cases)) {
    const changed = change(good)
    assert.notEqual(changed, good, name)
    assert.throws(() => read(changed), malformed, name)
  }
  assert.throws(() => parseSharedParameters(Buffer.alloc((32 << 20) + 1, 0x20), 6), malformed)
  assert.throws(() => parseSharedParameters(Buffer.from([0xff, 0xfe, 0x3c, 0x00]), 6), malformed)
})
