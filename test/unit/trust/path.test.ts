import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Certificate, issued, oids, parseCertificate, pem, readDer, verifyPath, write } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vector } from '../../vectors.ts'
import { authority, certify, END, extension, type Holder, keyPair, NOW, START } from './certify.ts'

const none = { name: 'TrustError', code: 'cannot_create_cert_path' }
const refused = { name: 'TrustError', code: 'invalid_cert_path' }

const scratch = mkdtempSync(join(tmpdir(), 'saadik-path-'))
after(() => rmSync(scratch, { recursive: true }))

const root = authority('Root')
const middle = authority('Middle', { issuer: root })
const lower = authority('Lower', { issuer: middle })
const leafOf = (issuer: Holder, more: object = {}) =>
  certify({ name: 'leaf', issuer, keyUsage: ['digitalSignature'], ...more })

/** openssl's verdict on the same path at the same moment. */
function opensslAgrees(
  leaf: Certificate,
  anchor: Certificate,
  extra: readonly Certificate[],
  at: Date,
  verdict: boolean,
) {
  const write = (name: string, certificates: readonly Certificate[]) =>
    writeFileSync(join(scratch, name), certificates.map((one) => pem('CERTIFICATE', one.der)).join(''))
  write('leaf.pem', [leaf])
  write('anchor.pem', [anchor])
  write('extra.pem', extra)
  const { status, stderr } = tool(
    'openssl',
    [
      ...[
        'verify',
        '-partial_chain',
        '-trusted',
        'anchor.pem',
        ...(extra.length > 0 ? ['-untrusted', 'extra.pem'] : []),
      ],
      ...['-attime', String(Math.floor(at.getTime() / 1000)), 'leaf.pem'],
    ],
    { cwd: scratch },
  )
  assert.equal(status === 0, verdict, stderr)
}

interface Case {
  readonly why: string
  readonly leaf: Holder
  readonly anchor?: Holder
  readonly extra?: readonly Holder[]
  readonly at?: Date
  /** The path's length, or what is thrown. */
  readonly expected: number | typeof none | typeof refused
  /** Where openssl judges otherwise; the case says why. */
  readonly openssl?: boolean
}

const renewedKey = keyPair()
const expiredMiddle = authority('Renewed', {
  issuer: root,
  key: renewedKey,
  notAfter: new Date('2031-01-01T00:00:00Z'),
})
const freshMiddle = authority('Renewed', { issuer: root, key: renewedKey })
const otherRoot = authority('Other root')
const crossKey = keyPair()
const crossElsewhere = authority('Cross', { issuer: otherRoot, key: crossKey })
const crossHere = authority('Cross', { issuer: root, key: crossKey })
const weak = authority('Weak', { issuer: root, kind: 'RSA-1024' })
const unknownCritical = { more: [extension('1.2.3.4', true, write.nul())] }
const constrained = { more: [extension(oids.nameConstraints, true, write.sequence())] }

const CASES: readonly Case[] = [
  { why: 'issued by the anchor', leaf: leafOf(root), expected: 1 },
  { why: 'one in between', leaf: leafOf(middle), extra: [middle], expected: 2 },
  { why: 'two in between, in the wrong order', leaf: leafOf(lower), extra: [middle, lower], expected: 3 },
  { why: 'strangers among the candidates', leaf: leafOf(middle), extra: [otherRoot, lower, middle], expected: 2 },
  { why: 'an intermediate as anchor', leaf: leafOf(lower), anchor: middle, extra: [lower], expected: 2 },
  { why: 'the anchor among the candidates', leaf: leafOf(root), extra: [root], expected: 1 },
  { why: 'the one in between is missing', leaf: leafOf(middle), expected: none },
  { why: 'another root', leaf: leafOf(root), anchor: otherRoot, expected: none },
  { why: 'the same name, another key', leaf: leafOf(root), anchor: authority('Root'), expected: none },
  // RFC 5280 §4.1.2.5: notAfter is within; openssl takes it for the first moment after.
  { why: 'valid to the last second', leaf: leafOf(root), at: END, expected: 1, openssl: false },
  { why: 'valid from the first second', leaf: leafOf(root), at: START, expected: 1 },
  { why: 'expired', leaf: leafOf(root, { notAfter: new Date(NOW.getTime() - 1000) }), expected: refused },
  { why: 'not yet valid', leaf: leafOf(root, { notBefore: new Date(NOW.getTime() + 1000) }), expected: refused },
  {
    why: 'the one in between has expired',
    leaf: leafOf(expiredMiddle),
    extra: [expiredMiddle],
    expected: refused,
  },
  {
    why: 'the one in between has expired and was renewed',
    leaf: leafOf(expiredMiddle),
    extra: [expiredMiddle, freshMiddle],
    expected: 2,
  },
  {
    why: 'the anchor has expired',
    leaf: leafOf(authority('Old', { notAfter: new Date('2031-01-01T00:00:00Z') })),
    anchor: authority('Unrelated'),
    expected: none,
  },
  {
    // openssl takes the first certificate of that name and does not come back.
    why: 'certified by two roots, the wrong one first',
    leaf: leafOf(crossHere),
    extra: [crossElsewhere, crossHere],
    expected: 2,
    openssl: false,
  },
  { why: 'by something that is no CA', leaf: leafOf(leafOf(root)), extra: [], expected: none },
  {
    why: 'in between something that is no CA',
    ...below(certify({ name: 'Not a CA', issuer: root, keyUsage: ['keyCertSign'] })),
    expected: refused,
  },
  {
    why: 'in between a CA that must not sign certificates',
    ...below(certify({ name: 'Mute', issuer: root, ca: true, keyUsage: ['cRLSign'] })),
    expected: refused,
  },
  {
    why: 'in between a CA that says nothing of its use',
    ...below(certify({ name: 'Silent', issuer: root, ca: true })),
    expected: 2,
  },
  // 1024 bits pass openssl's default security level.
  { why: 'a weak key in between', leaf: leafOf(weak), extra: [weak], expected: none, openssl: true },
  { why: 'an unknown critical extension', leaf: leafOf(root, unknownCritical), expected: refused },
  {
    why: 'an unknown critical extension in between',
    ...below(authority('Odd', { issuer: root, ...unknownCritical })),
    expected: refused,
  },
  {
    // openssl understands them; nobody here asks for them.
    why: 'name constraints in between',
    ...below(authority('Narrow', { issuer: root, ...constrained })),
    expected: refused,
    openssl: true,
  },
  ...pathLengths(),
]

function below(issuer: Holder): { leaf: Holder; extra: readonly Holder[] } {
  return { leaf: leafOf(issuer), extra: [issuer] }
}

function pathLengths(): readonly Case[] {
  const short = authority('Short root', { pathLength: 0 })
  const under = authority('Under', { issuer: short })
  const zero = authority('Zero', { issuer: root, pathLength: 0 })
  const beneath = authority('Beneath', { issuer: zero })
  const one = authority('One', { issuer: root, pathLength: 1 })
  const within = authority('Within', { issuer: one, pathLength: 0 })
  return [
    { why: 'path length 0 of the anchor, none between', leaf: leafOf(short), anchor: short, expected: 1 },
    {
      why: 'path length 0 of the anchor, one between',
      leaf: leafOf(under),
      anchor: short,
      extra: [under],
      expected: refused,
    },
    { why: 'path length 0 in between, kept', leaf: leafOf(zero), extra: [zero], expected: 2 },
    { why: 'path length 0 in between, exceeded', leaf: leafOf(beneath), extra: [zero, beneath], expected: refused },
    { why: 'path lengths 1 and 0', leaf: leafOf(within), extra: [one, within], expected: 3 },
  ]
}

for (const { why, leaf, anchor = root, extra = [], at = NOW, expected, openssl } of CASES)
  test(why, (t) => {
    const certificates = extra.map((one) => one.certificate)
    const judge = () => verifyPath(leaf.certificate, anchor.certificate, certificates, at)
    if (typeof expected === 'number') {
      const path = judge()
      assert.equal(path.length, expected)
      assert.equal(path[0], leaf.certificate)
      assert.ok(issued(anchor.certificate, path.at(-1) as Certificate))
    } else assert.throws(judge, expected)
    if (!needsTools(t, 'openssl')) return
    const verdict = openssl ?? typeof expected === 'number'
    opensslAgrees(leaf.certificate, anchor.certificate, certificates, at, verdict)
  })

test('an anchor beyond its life carries nothing', () => {
  const old = authority('Old', { notAfter: new Date('2031-01-01T00:00:00Z') })
  assert.throws(() => verifyPath(leafOf(old).certificate, old.certificate, [], NOW), refused)
})

test('an anchor is not its own leaf', () => {
  assert.throws(() => verifyPath(root.certificate, root.certificate, [], NOW), none)
})

test('no bit of a certificate can be changed', () => {
  const { certificate } = leafOf(root)
  const [, , signature] = readDer(certificate.der).children()
  assert.ok(signature)
  const start = certificate.der.length - signature.content.length
  for (let at = start + 1; at < certificate.der.length; at += 1) {
    const changed = Buffer.from(certificate.der)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(issued(root.certificate, parseCertificate(changed)), false, `octet ${at}`)
  }
  const serial = Buffer.from(certificate.der)
  const at = serial.indexOf(Buffer.from(write.integer(certificate.serialNumber)))
  serial[at + 3] = (serial[at + 3] ?? 0) ^ 1
  assert.throws(() => verifyPath(parseCertificate(serial), root.certificate, [], NOW), none)
})

test('a verdict is kept for these two certificates and no others', () => {
  const leaf = leafOf(root).certificate
  for (let again = 0; again < 3; again += 1) {
    assert.equal(issued(root.certificate, leaf), true)
    assert.equal(issued(authority('Root').certificate, leaf), false)
  }
})

test('cross-certificates in a ring end', () => {
  const names = Array.from({ length: 8 }, (_, index) => `Ring ${index}`)
  const keys = names.map(() => keyPair())
  const ring = names.flatMap((name, index) =>
    names.map((other, by) => {
      const issuer = authority(other, { key: keys[by] as Holder })
      return authority(name, { key: keys[index] as Holder, issuer }).certificate
    }),
  )
  const leaf = leafOf(authority('Ring 0', { key: keys[0] as Holder }))
  assert.throws(() => verifyPath(leaf.certificate, root.certificate, ring, NOW), none)
})

test('a path of more than eight is not looked for', () => {
  let issuer = root
  const between: Holder[] = []
  for (let index = 0; index < 9; index += 1) {
    issuer = authority(`Level ${index}`, { issuer })
    between.push(issuer)
  }
  const extra = between.map((one) => one.certificate)
  assert.equal(verifyPath(leafOf(between[6] as Holder).certificate, root.certificate, extra, NOW).length, 8)
  assert.throws(() => verifyPath(leafOf(between[7] as Holder).certificate, root.certificate, extra, NOW), none)
})

test('the recorded certificates, with and without the intermediate authority', (t) => {
  if (!needsVectors(t)) return
  const read = (name: string) => parseCertificate(vector('recorded', 'certs', `${name}.pem`))
  const at = new Date('2026-11-23T14:25:00Z')
  const ca = read('ca')
  for (const name of [
    'auth1',
    'auth2',
    'auth1-ec',
    'auth2-ec',
    'sign1',
    'sign2',
    'sign1-ec',
    'sign2-ec',
    'ocsp',
    'tsa',
    'ica',
  ])
    assert.equal(verifyPath(read(name), ca, [read('ica')], at).length, 1, name)
  assert.throws(() => verifyPath(read('conf'), ca, [read('ica')], at), none)
  assert.throws(() => verifyPath(read('sign1'), ca, [], new Date('2026-11-23T14:20:00Z')), refused)
  assert.throws(() => verifyPath(read('sign1'), ca, [], new Date('2037-01-01T00:00:00Z')), refused)
})
