// The global configuration: documents written and read, documents and signed directories of strangers.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  type Anchor,
  CONFIGURATION_VERSIONS,
  ProtocolError,
  parseAnchor,
  parseMonitoringClient,
  parseOcspFetchInterval,
  parsePrivateParameters,
  parseSharedParameters,
  parseSignedDirectory,
  parseVerifyNextUpdate,
  partFileName,
  trustMaterial,
  verifySignedDirectory,
  writeAnchor,
  writeMonitoringClient,
  writeOcspFetchInterval,
  writePrivateParameters,
  writeSharedParameters,
  writeSignedDirectory,
  writeVerifyNextUpdate,
} from '#protocol'
import { encodeBase64, signatureFor } from '#trust'
import { keys, privateSample, registry, sharedSample } from '../unit/protocol/configuration/sample.ts'
import { bears, property } from './campaign.ts'
import { byLine, byTag, mutated, shuffled, XML_TOKENS } from './mutate.ts'
import { vectorFiles } from './seeds.ts'

const NOW = new Date('2031-01-01T00:00:00Z')
const anchor: Anchor = {
  generatedAt: NOW,
  instance: 'ZZ',
  sources: [{ url: 'http://cs.example/internalconf', certificates: [keys.internal.certificate] }],
}
const documents = [
  writeAnchor(anchor),
  writePrivateParameters(privateSample),
  writeMonitoringClient(registry),
  writeOcspFetchInterval(60),
  writeVerifyNextUpdate(false),
  ...CONFIGURATION_VERSIONS.map((version) => writeSharedParameters(sharedSample(version), version)),
  ...vectorFiles('globalconf').filter((file) => file.length < 40_000 && file.includes('<?xml')),
].map((bytes) => Buffer.from(bytes))

const VALUES = [
  ...[
    '<cert>',
    '</cert>',
    '<cert>AAAA</cert>',
    '<id>',
    'id0',
    ' id="id0"',
    'true',
    '2',
    '-1',
    '999999999999999',
    '1e9',
    '2030-02-31T00:00:00Z',
    'http://',
    'file:///',
    'javascript:x',
    '<member id="id0">',
    '<ocspFreshnessSeconds>0</ocspFreshnessSeconds>',
  ],
  ...XML_TOKENS,
]
const readers: readonly ((xml: Uint8Array) => unknown)[] = [
  parseAnchor,
  parsePrivateParameters,
  parseMonitoringClient,
  parseOcspFetchInterval,
  parseVerifyNextUpdate,
  (xml) => trustMaterial(parseSharedParameters(xml, 2), []),
  (xml) => trustMaterial(parseSharedParameters(xml, 6), []),
]
property(
  'documents of strangers',
  { short: 400, long: 30_000 },
  fc.oneof(mutated(documents, VALUES), shuffled(documents.map(String), byTag, VALUES).map(Buffer.from)),
  (xml) =>
    // Every reader, also those whose document it is not.
    readers.map((read) => bears(() => read(xml), ProtocolError) !== undefined).some(Boolean),
)

const text = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 20 })
  .map((value) => `x${value.replaceAll(/[^\t\n\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')}x`)
property(
  'shared parameters: what is written is read',
  { short: 80, long: 8_000 },
  fc.tuple(fc.constantFrom(...CONFIGURATION_VERSIONS), text, text, text, fc.integer({ min: 1, max: 1e6 })),
  ([version, code, name, address, seconds]) => {
    const sample = sharedSample(version)
    const changed = {
      ...sample,
      sources: sample.sources.map((source) => ({ ...source, address })),
      members: sample.members.map((member) => ({ ...member, name, subsystems: [...member.subsystems, { code }] })),
      groups: [...sample.groups, { code, description: name, members: [registry] }],
      ocspFreshnessSeconds: seconds,
    }
    const read = parseSharedParameters(writeSharedParameters(changed, version), version)
    assert.equal(read.sources[0]?.address, version === 2 ? undefined : address)
    assert.equal(read.members[0]?.name, name)
    assert.equal(read.members[1]?.subsystems.at(-1)?.code, code)
    assert.deepEqual(read.groups.at(-1)?.members, [registry])
    assert.equal(read.groups.at(-1)?.description, name)
    assert.equal(read.ocspFreshnessSeconds, seconds)
    return true
  },
)

property(
  'small documents: what is written is read',
  100,
  fc.record({ seconds: fc.nat(2_147_483_647), flag: fc.boolean(), instance: text, code: text }),
  ({ seconds, flag, instance, code }) => {
    assert.equal(parseOcspFetchInterval(writeOcspFetchInterval(seconds)), seconds)
    assert.equal(parseVerifyNextUpdate(writeVerifyNextUpdate(flag)), flag)
    assert.equal(parseAnchor(writeAnchor({ ...anchor, instance })).instance, instance)
    const client = { ...registry, instance, subsystemCode: code }
    assert.deepEqual(parseMonitoringClient(writeMonitoringClient(client)), client)
    return true
  },
)

const signer = keys.internal
const directory = Buffer.from(
  await writeSignedDirectory(
    {
      version: 6,
      expiresAt: NOW,
      parts: [
        {
          contentIdentifier: 'SHARED-PARAMETERS',
          instance: 'ZZ',
          location: '/V6/1/shared-params.xml',
          bytes: Buffer.from('a'),
        },
        { contentIdentifier: 'FETCHINTERVAL', instance: 'ZZ', location: '/V6/1/f.xml', bytes: Buffer.from('b') },
      ],
      certificate: signer.certificate,
      algorithm: signatureFor(signer.certificate.publicKey),
    },
    signer.sign,
  ),
)
const directories = [
  directory,
  ...vectorFiles('globalconf').filter(
    (file) => /^(Content|content)-/.test(file.toString('latin1', 0, 8)) && file.length < 40_000,
  ),
]
const { signed, boundary, signature } = parseSignedDirectory(directory)
const LINES = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '--',
    `--${boundary}`,
    `--${boundary}--`,
    `\r\n--${boundary}\r\n`,
    ':',
    ';',
    "instance=''",
    'Version: 7\r\n',
    'Version: 2\r\n',
    'Expire-date: 2030-13-01T00:00:00Z\r\n',
    'Expire-date: 2031-01-01T00:00Z\r\n',
  ],
  ...[
    'Content-identifier: PRIVATE-PARAMETERS\r\n',
    'Content-file-name: ../a\r\n',
    'Content-location: \r\n',
    ' folded\r\n',
    '=',
    'AAAA',
    '"',
    "'",
    '__proto__: a\r\n',
    'Hash-algorithm-id: http://www.w3.org/2000/09/xmldsig#sha1\r\n',
    'boundary=',
  ],
]
const changedLines = (seeds: readonly Buffer[]) =>
  fc.oneof(
    mutated(seeds, LINES),
    shuffled(
      seeds.map((seed) => seed.toString('latin1')),
      byLine,
      LINES,
    ).map((lines) => Buffer.from(lines, 'latin1')),
  )

property('signed directories of strangers', 500, changedLines(directories), (bytes) => {
  const parsed = bears(() => parseSignedDirectory(bytes), ProtocolError)
  const verified = bears(() => verifySignedDirectory(bytes, [signer.certificate], NOW), ProtocolError)
  // What is believed is what was signed.
  if (verified) assert.ok(Buffer.from(parsed?.value.signed ?? []).equals(signed))
  return parsed !== undefined
})

property(
  'signed directories of authorities that err',
  { short: 200, long: 15_000 },
  changedLines([Buffer.from(signed)]),
  async (inner) => {
    const fresh = encodeBase64(await signer.sign(inner))
    const [before = '', after = ''] = directory.toString('latin1').split(Buffer.from(signed).toString('latin1'))
    const bytes = Buffer.from(
      before + inner.toString('latin1') + after.replace(encodeBase64(signature), fresh),
      'latin1',
    )
    const verified = bears(() => verifySignedDirectory(bytes, [signer.certificate], NOW), ProtocolError)
    for (const part of verified?.value.parts ?? [])
      assert.match(partFileName(part) ?? 'none', /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)
    return verified !== undefined
  },
)
