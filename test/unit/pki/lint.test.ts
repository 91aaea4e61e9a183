// Every lint rule catches what it is for, in the bytes of a real draft, and a sound draft of every profile passes them all.
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import test from 'node:test'
import { type Certificate, type KeyUsage, oids, parseCertificate, readDer, write, writeName } from '#trust'
import { type DraftInput, draftCertificate } from '../../../pki/draft.ts'
import { keyIdentifier } from '../../../pki/key-identifier.ts'
import { LINTS, lint, lintFaults } from '../../../pki/lint.ts'
import { PROFILES, type Profile, type ProfileName, type SubjectRules, subjectRule } from '../../../pki/profiles.ts'

const spki = (key: KeyObject) => new Uint8Array(key.export({ type: 'spki', format: 'der' }))
const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const issuerKey = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey
const issuerKeyId = keyIdentifier(spki(issuerKey))
const DAY = 86_400_000
const start = new Date('2026-01-01T00:00:00Z')

const attribute = (oid: string, value: string) => ({ oid, value })
const institution = [
  attribute(oids.country, 'EE'),
  attribute(oids.organization, 'Rahvastikuregister OÜ'),
  attribute(oids.businessCategory, 'GOV'),
  attribute(oids.commonName, 'Rahvastikuregister OÜ'),
  attribute(oids.serialNumber, '70000001'),
]
const withoutClass = institution.filter(({ oid }) => oid !== oids.businessCategory)
const plain = [attribute(oids.organization, 'Test'), attribute(oids.commonName, 'Test thing')]

interface Change {
  readonly draft?: Partial<DraftInput>
  readonly profile?: Partial<Profile>
  readonly subject?: readonly { oid: string; value: string }[]
  readonly key?: KeyObject
  readonly rules?: SubjectRules
  /** What the lint is told; the draft is built by `profile` above. */
  readonly judge?: Partial<Profile>
}

let issuer: Certificate

async function build(
  name: ProfileName,
  { draft = {}, profile = {}, subject, key = ec, rules = 'Basic', judge = {} }: Change = {},
) {
  const built: Profile = { ...PROFILES[name], ...profile }
  const institutional = name === 'signing' ? institution : name === 'authentication' ? withoutClass : plain
  const bytes = await draftCertificate({
    profile: built,
    serialNumber: Buffer.from('5a'.repeat(16), 'hex'),
    issuer: issuer.subject.der,
    subject: nameOf(subject ?? institutional),
    spki: spki(key),
    publicKey: key,
    issuerKeyId,
    subjectKeyId: keyIdentifier(spki(key)),
    notBefore: start,
    notAfter: new Date(start.getTime() + 300 * DAY),
    dnsNames: name === 'tls' ? ['service.example.ee'] : [],
    ipAddresses: [],
    ...(built.locations
      ? {
          locations: {
            crl: 'http://ca.example/crl',
            issuer: 'http://ca.example/issuing.cer',
            ocsp: 'http://ocsp.example/',
          },
        }
      : {}),
    signing: { key: 'P-256', hash: 'SHA-256' },
    ...draft,
  })
  return {
    draft: parseCertificate(bytes),
    profile: { ...built, ...judge },
    subjectRule: subjectRule(name, rules),
    issuer,
    issuerKeyId,
  }
}

const nameOf = (attributes: readonly { oid: string; value: string }[]) => writeName(attributes)

/** Names of the rules that object. */
async function objections(name: ProfileName, change: Change = {}): Promise<readonly string[]> {
  return lintFaults(await build(name, change)).map(({ rule }) => rule)
}

test.before(async () => {
  const root = await draftCertificate({
    profile: PROFILES.issuing,
    serialNumber: Buffer.from('41'.repeat(16), 'hex'),
    issuer: nameOf([attribute(oids.commonName, 'Root')]),
    subject: nameOf([attribute(oids.commonName, 'Issuing')]),
    spki: spki(issuerKey),
    publicKey: issuerKey,
    issuerKeyId,
    subjectKeyId: issuerKeyId,
    notBefore: start,
    notAfter: new Date(start.getTime() + 400 * DAY),
    dnsNames: [],
    ipAddresses: [],
    signing: { key: 'P-256', hash: 'SHA-256' },
  })
  issuer = parseCertificate(root)
})

for (const name of ['issuing', 'authentication', 'signing', 'tls', 'ocsp', 'tsa'] as const) {
  for (const [kind, key] of [
    ['EC', ec],
    ['RSA', rsa],
  ] as const) {
    test(`a sound ${name} draft for an ${kind} key passes`, async () => {
      assert.deepEqual(lintFaults(await build(name, { key })), [])
    })
  }
}

test('a root signing itself passes', async () => {
  const subject = nameOf(plain)
  const { issuer: _, ...input } = await build('root', { draft: { issuer: subject, subject }, key: issuerKey })
  assert.deepEqual(lintFaults(input), [])
})

for (const [rules, use, subject] of [
  ['Basic', 'authentication', withoutClass],
  ['FiVRK', 'authentication', finnish('FI', 'DEV/ss1/GOV')],
  ['FiVRK', 'signing', finnish('FI', 'DEV/ss1/GOV')],
  ['Ejbca', 'authentication', [attribute(oids.country, 'DEMO'), attribute(oids.commonName, 'ss1')]],
  [
    'Ejbca',
    'signing',
    [attribute(oids.country, 'DEMO'), attribute(oids.organization, 'GOV'), attribute(oids.commonName, '1234')],
  ],
] as const) {
  test(`a ${use} subject of the ${rules} profile passes`, async () => {
    assert.deepEqual(await objections(use, { rules, subject }), [])
  })
}

const cases: Record<string, readonly (readonly [string, ProfileName, Change])[]> = {
  serialNumber: [
    ['short', 'tls', { draft: { serialNumber: Uint8Array.of(1) } }],
    ['of 20 octets', 'tls', { draft: { serialNumber: Buffer.from('5a'.repeat(20), 'hex') } }],
  ],
  issuerName: [['of another CA', 'tls', { draft: { issuer: nameOf(plain) } }]],
  lifetime: [
    ['longer than the profile', 'tls', { judge: { validSeconds: 86_400 } }],
    ['backwards', 'tls', { draft: { notBefore: start, notAfter: start } }],
  ],
  insideIssuer: [
    ['past its end', 'tls', { draft: { notAfter: new Date(start.getTime() + 401 * DAY) } }],
    ['before its beginning', 'tls', { draft: { notBefore: new Date(start.getTime() - DAY) } }],
  ],
  subjectAttributes: [
    ['no member class', 'signing', { subject: withoutClass }],
    ['a second name', 'tls', { subject: [...plain, attribute(oids.commonName, 'Other')] }],
    ['an attribute of no profile', 'tls', { subject: [...plain, attribute(oids.emailAddress, 'a@b.ee')] }],
    ['empty', 'tls', { subject: [] }],
    ['two in one RDN', 'tls', { draft: { subject: twoInOne() } }],
  ],
  subjectValues: [
    ['65 characters of name', 'tls', { subject: [attribute(oids.commonName, 'ä'.repeat(65))] }],
    ['a small country', 'tls', { subject: [...plain, attribute(oids.country, 'ee')] }],
    ['a blank before', 'tls', { subject: [attribute(oids.commonName, ' x')] }],
    ['a line feed', 'tls', { subject: [attribute(oids.commonName, 'a\nb')] }],
    [
      'a code that Java escapes',
      'signing',
      { subject: institution.map((a) => (a.oid === oids.serialNumber ? attribute(a.oid, '1+1') : a)) },
    ],
    ['a Finnish serial of two parts', 'signing', { rules: 'FiVRK', subject: finnish('FI', 'DEV/ss1') }],
    ['a Finn from Estonia', 'signing', { rules: 'FiVRK', subject: finnish('EE', 'DEV/ss1/GOV') }],
  ],
  subjectEncoding: [
    [
      'a serial number that PrintableString cannot hold',
      'tls',
      { subject: [...plain, attribute(oids.serialNumber, 'a_b')] },
    ],
  ],
  keyStrength: [
    ['RSA-1024', 'tls', { key: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey }],
    ['exponent 3', 'tls', { key: generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey }],
    ['secp256k1', 'tls', { key: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey }],
    ['Ed25519', 'tls', { key: generateKeyPairSync('ed25519').publicKey }],
  ],
  basicConstraints: [
    ['a CA that is none', 'issuing', { judge: { pathLength: 0 }, profile: withoutPathLength('issuing') }],
    ['an end entity that is a CA', 'tls', { profile: { pathLength: 0 }, judge: withoutPathLength('tls') }],
    ['a deeper CA', 'issuing', { profile: { pathLength: 3 }, judge: { pathLength: 0 } }],
  ],
  keyUsage: [
    [
      'keyCertSign on a seal',
      'signing',
      { profile: { keyUsage: usage('nonRepudiation', 'keyCertSign') }, judge: { keyUsage: PROFILES.signing.keyUsage } },
    ],
    [
      'enciphering with EC',
      'tls',
      {
        profile: { keyUsage: usage('digitalSignature', 'keyEncipherment') },
        judge: { keyUsage: PROFILES.tls.keyUsage },
      },
    ],
  ],
  extendedKeyUsage: [
    [
      'a purpose more',
      'tsa',
      {
        profile: { extendedKeyUsage: { purposes: [oids.timeStamping, oids.clientAuth], critical: true } },
        judge: { extendedKeyUsage: PROFILES.tsa.extendedKeyUsage } as Partial<Profile>,
      },
    ],
    [
      'a TSA not critically',
      'tsa',
      {
        profile: { extendedKeyUsage: { purposes: [oids.timeStamping], critical: false } },
        judge: { extendedKeyUsage: PROFILES.tsa.extendedKeyUsage } as Partial<Profile>,
      },
    ],
    [
      'any on a seal',
      'signing',
      {
        profile: { extendedKeyUsage: { purposes: [oids.clientAuth], critical: false } },
        judge: { extendedKeyUsage: undefined } as never,
      },
    ],
  ],
  onePurpose: [
    ['both', 'signing', { profile: { keyUsage: usage('digitalSignature', 'nonRepudiation') } }],
    ['none', 'signing', { profile: { keyUsage: usage('keyAgreement') } }],
  ],
  noCheck: [
    ['missing on a responder', 'ocsp', { profile: { noCheck: false }, judge: { noCheck: true } }],
    ['on anybody else', 'tls', { profile: { noCheck: true }, judge: { noCheck: false } }],
  ],
  keyIdentifiers: [["another issuer's", 'tls', { draft: { issuerKeyId: new Uint8Array(20) } }]],
  alternativeNames: [
    ['none for a service', 'tls', { draft: { dnsNames: [] } }],
    ['some for a TSA', 'tsa', { draft: { dnsNames: ['tsa.example.ee'] } }],
    ['a wildcard', 'tls', { draft: { dnsNames: ['*.example.ee'] } }],
    ['a blank', 'tls', { draft: { dnsNames: ['a b'] } }],
    ['an empty label', 'tls', { draft: { dnsNames: ['a..ee'] } }],
    ['a label of 64', 'tls', { draft: { dnsNames: ['a'.repeat(64)] } }],
  ],
  locations: [
    ['https', 'tls', { draft: { locations: { crl: 'https://ca.example/crl', issuer: 'http://ca.example/i' } } }],
    ['missing', 'tls', { profile: { locations: false }, judge: { locations: true } }],
    ['on a responder that has none', 'ocsp', { profile: { locations: true }, judge: { locations: false } }],
  ],
}

for (const [rule, list] of Object.entries(cases)) {
  for (const [what, name, change] of list) {
    test(`${rule}: ${what}`, async () => {
      const found = await objections(name, change)
      assert.ok(found.includes(rule), `objections: ${found.join(', ') || 'none'}`)
    })
  }
}

// @peculiar/x509 cannot be made to write these mistakes, so the draft's bytes are changed (its signature is for show anyway).
const patched: Record<string, readonly [string, (der: Buffer) => Buffer]> = {
  serialNumber: ['negative', (der) => patch(der, `0210${'5a'.repeat(16)}`, `0210da${'5a'.repeat(15)}`)],
  version: ['v2', (der) => patch(der, 'a003020102', 'a003020101')],
  timeEncoding: ['GeneralizedTime for 2026', (der) => regrow(der)],
  knownExtensions: [
    'netscape-comment instead of a subject key identifier',
    (der) => patch(der, '0603551d0e', '0603551d7f'),
  ],
}
for (const [rule, [what, change]] of Object.entries(patched)) {
  test(`${rule}: ${what}`, async () => {
    const input = await build('tls')
    const tbs = change(Buffer.from(input.draft.tbs))
    const draft = { ...input.draft, tbs, serialNumber: readDer(tbs).child(1).integer() }
    const found = lintFaults({ ...input, draft }).map((fault) => fault.rule)
    assert.ok(found.includes(rule), `objections: ${found.join(', ') || 'none'}`)
  })
}

test('every rule is proved above', () => {
  assert.deepEqual([...new Set([...Object.keys(cases), ...Object.keys(patched)])].sort(), Object.keys(LINTS).sort())
})

test('a refusal names every fault with its clause', async () => {
  const input = await build('tls', { draft: { serialNumber: Uint8Array.of(1), dnsNames: [] } })
  assert.throws(
    () => lint(input),
    (error: Error & { code?: string }) =>
      error.code === 'lint_refused' &&
      /serialNumber \(RFC 5280 §4\.1\.2\.2\).*alternativeNames \(RFC 5280 §4\.2\.1\.6\)/.test(error.message),
  )
})

function usage(...usages: readonly KeyUsage[]): Profile['keyUsage'] {
  return { rsa: usages, ec: usages }
}

function withoutPathLength(name: ProfileName): Partial<Profile> {
  return { ...PROFILES[name], pathLength: undefined } as never
}

function finnish(country: string, serial: string) {
  return [
    attribute(oids.country, country),
    attribute(oids.organization, 'Väestö'),
    attribute(oids.serialNumber, serial),
    attribute(oids.commonName, '1234'),
  ]
}

function twoInOne(): Uint8Array {
  const pair = (oid: string, value: string) => write.sequence(write.oid(oid), write.utf8(value))
  return write.sequence(write.set(pair(oids.commonName, 'a'), pair(oids.organization, 'b')))
}

function patch(der: Buffer, from: string, to: string): Buffer {
  const hex = der.toString('hex')
  assert.ok(hex.includes(from), 'nothing to patch')
  return Buffer.from(hex.replace(from, to), 'hex')
}

/** Rewrites notBefore as GeneralizedTime; lengths of Validity and of the whole grow by two. */
function regrow(der: Buffer): Buffer {
  const utc = Buffer.from('260101000000Z', 'latin1')
  const at = der.indexOf(Buffer.concat([Buffer.of(0x17, utc.length), utc]))
  assert.ok(at > 0, 'nothing to patch')
  const longer = Buffer.concat([der.subarray(0, at), Buffer.of(0x18, 15), Buffer.from('20'), der.subarray(at + 2)])
  longer[at - 1] = (longer[at - 1] ?? 0) + 2
  assert.equal(longer[1], 0x82)
  longer.writeUInt16BE(longer.readUInt16BE(2) + 2, 2)
  return longer
}
