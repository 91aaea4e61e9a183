import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import * as pkijs from 'pkijs'
import {
  type Certificate,
  isAuthenticationCertificate,
  isSigningCertificate,
  KEY_USAGES,
  type KeyUsage,
  oids,
  parseCertificate,
  readDer,
  write,
} from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { haveVectors, needsVectors, vector, vectorPath } from '../../vectors.ts'
import { authority, certify, END, extension, START } from './certify.ts'
import { mangle } from './gallery.ts'

/** Everything that is a certificate in the outside vectors. */
function* outsideCertificates(): Generator<[string, Buffer]> {
  for (const name of readdirSync(vectorPath('recorded', 'certs'))) yield [name, vector('recorded', 'certs', name)]
  for (const folder of ['globalconf', 'recorded'])
    for (const name of readdirSync(vectorPath(folder), { recursive: true, encoding: 'utf8' }).sort()) {
      if (!name.endsWith('.xml')) continue
      const xml = vector(folder, name).toString()
      let index = 0
      for (const [, text = ''] of xml.matchAll(/<(?:\w+:)?(?:cert|verificationCert)>([^<]+)</g)) {
        index += 1
        yield [`${name} ${index}`, Buffer.from(text, 'base64')]
      }
    }
}

if (!haveVectors()) test('outside certificates', (t) => void needsVectors(t))
else
  for (const [name, bytes] of outsideCertificates())
    test(`${name}: as node and openssl read it`, async (t) => {
      const ours = parseCertificate(bytes)
      agree(ours, new X509Certificate(bytes))
      await t.test('pkijs too', () => {
        const theirs = pkijs.Certificate.fromBER(new Uint8Array(ours.der))
        assert.equal(
          Buffer.from(theirs.serialNumber.valueBlock.valueHexView).toString('hex').replace(/^00/, ''),
          hexSerial(ours),
        )
        assert.equal(theirs.notAfter.value.getTime(), ours.notAfter.getTime())
        assert.deepEqual(Buffer.from(theirs.tbsView), Buffer.from(ours.tbs))
        assert.deepEqual(Buffer.from(theirs.signatureValue.valueBlock.valueHexView), Buffer.from(ours.signature))
        const usage = theirs.extensions?.find((one) => one.extnID === oids.keyUsage)
        assert.equal(usage === undefined, ours.keyUsage === undefined)
      })
      await t.test('openssl too', (inner) => {
        if (!needsTools(inner, 'openssl')) return
        const { stdout } = tool(
          'openssl',
          ['x509', '-inform', 'DER', '-noout', '-ext', 'keyUsage,extendedKeyUsage,basicConstraints'],
          {
            input: ours.der,
          },
        )
        assert.deepEqual(usageOf(stdout), ours.keyUsage ?? [])
        assert.equal(/CA:TRUE/.test(stdout), ours.isCa)
        assert.equal(/Extended Key Usage: critical/.test(stdout), ours.extendedKeyUsageCritical)
      })
    })

const hexSerial = (certificate: Certificate) => {
  const digits = certificate.serialNumber.toString(16)
  return digits.length % 2 === 0 ? digits : `0${digits}`
}

const NAMES: Readonly<Record<string, KeyUsage>> = {
  'Digital Signature': 'digitalSignature',
  'Non Repudiation': 'nonRepudiation',
  'Key Encipherment': 'keyEncipherment',
  'Data Encipherment': 'dataEncipherment',
  'Key Agreement': 'keyAgreement',
  'Certificate Sign': 'keyCertSign',
  'CRL Sign': 'cRLSign',
  'Encipher Only': 'encipherOnly',
  'Decipher Only': 'decipherOnly',
}

function usageOf(text: string): (KeyUsage | undefined)[] {
  const [, line = ''] = /X509v3 Key Usage:.*\n\s*(.*)/.exec(text) ?? []
  return line === '' ? [] : line.split(', ').map((name) => NAMES[name])
}

function agree(ours: Certificate, theirs: X509Certificate): void {
  assert.deepEqual(Buffer.from(ours.der), theirs.raw)
  assert.equal(hexSerial(ours), theirs.serialNumber.toLowerCase())
  assert.equal(ours.notBefore.getTime(), theirs.validFromDate.getTime())
  assert.equal(ours.notAfter.getTime(), theirs.validToDate.getTime())
  assert.equal(ours.sha1, theirs.fingerprint.replaceAll(':', '').toLowerCase())
  assert.equal(ours.sha256, theirs.fingerprint256.replaceAll(':', '').toLowerCase())
  assert.equal(ours.isCa, theirs.ca)
  // Node calls the extended one so.
  assert.deepEqual(ours.extendedKeyUsage, theirs.keyUsage ?? [])
  assert.ok(ours.publicKey.equals(theirs.publicKey))
  assert.deepEqual(Buffer.from(ours.spki), theirs.publicKey.export({ type: 'spki', format: 'der' }))
  assert.deepEqual(ours.criticalUnknown, [])
}

const root = authority('Root')

test('own certificates: node agrees, openssl verifies', (t) => {
  for (const kind of ['P-256', 'P-384', 'RSA-2048'] as const) {
    const { certificate } = certify({
      name: `leaf ${kind}`,
      kind,
      issuer: root,
      keyUsage: ['digitalSignature', 'decipherOnly'],
      purposes: [oids.clientAuth, oids.serverAuth],
    })
    agree(certificate, new X509Certificate(certificate.der))
    assert.ok(new X509Certificate(certificate.der).verify(root.publicKey))
    if (!needsTools(t, 'openssl')) return
    const { status, stdout } = tool('openssl', ['x509', '-inform', 'DER', '-noout', '-text', '-certopt', 'ext_error'], {
      input: certificate.der,
    })
    assert.equal(status, 0)
    assert.match(stdout, /Digital Signature, Decipher Only/)
    assert.doesNotMatch(stdout, /<Not Supported>|error/i)
  }
})

test('every key usage by itself and all together', () => {
  for (const keyUsage of [...KEY_USAGES.map((usage) => [usage]), [...KEY_USAGES]])
    assert.deepEqual(certify({ name: 'x', keyUsage }).certificate.keyUsage, keyUsage)
  assert.equal(certify({ name: 'x' }).certificate.keyUsage, undefined)
})

test('OCSP addresses and DNS names', () => {
  const uri = (text: string) => write.tagged(6, false, Buffer.from(text))
  const access = (method: string, text: string) => write.sequence(write.oid(method), uri(text))
  const { certificate } = certify({
    name: 'x',
    more: [
      extension(
        oids.authorityInfoAccess,
        false,
        write.sequence(
          access(oids.caIssuers, 'http://ca.example/ca.cer'),
          access(oids.ocspAccess, 'http://ocsp.example/'),
          access(oids.ocspAccess, 'ldap://ocsp.example/'),
          access(oids.ocspAccess, 'file:///etc/passwd'),
        ),
      ),
      extension(
        oids.subjectAltName,
        false,
        write.sequence(write.tagged(2, false, Buffer.from('a.example')), uri('http://b.example')),
      ),
    ],
  })
  assert.deepEqual(certificate.ocspUrls, ['http://ocsp.example/'])
  assert.deepEqual(certificate.dnsNames, ['a.example'])
})

test('critical extensions that nothing here understands are remembered', () => {
  const { certificate } = certify({
    name: 'x',
    more: [
      extension('1.2.3.4', true, write.nul()),
      extension(oids.nameConstraints, true, write.sequence()),
      extension('1.2.3.5', false, write.nul()),
    ],
  })
  assert.deepEqual(certificate.criticalUnknown, ['1.2.3.4', oids.nameConstraints])
})

test('the same bytes give the same object, PEM as well as DER, and not the caller’s buffer', () => {
  const bytes = Buffer.from(certify({ name: 'memo' }).certificate.der)
  const first = parseCertificate(bytes)
  assert.equal(parseCertificate(Buffer.from(bytes)), first)
  const text = Buffer.from(`-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`)
  assert.equal(parseCertificate(text), first)
  assert.equal(parseCertificate(text), first)
  const subject = first.subject.text
  bytes.fill(0)
  assert.equal(parseCertificate(first.der), first)
  assert.equal(first.subject.text, subject)
})

/** The certificate with its fields changed: outer parts, then TBS fields. The signature is left as it was. */
function altered(change: (fields: Uint8Array[], outer: Uint8Array[]) => void): Uint8Array {
  const [tbs, algorithm, signature] = readDer(certify({ name: 'x' }).certificate.der).children()
  assert.ok(tbs && algorithm && signature)
  const fields = tbs.children().map((field) => field.raw)
  const outer = [algorithm.raw, signature.raw]
  change(fields, outer)
  return write.sequence(write.sequence(...fields), ...outer)
}

const put = (index: number, value: Uint8Array) => altered((fields) => void fields.splice(index, 1, value))

for (const [why, der] of [
  ['a part more beside the signature', altered((_, outer) => void outer.push(write.nul()))],
  ['no signature', altered((_, outer) => void outer.pop())],
  ['version 4', put(0, write.tagged(0, true, write.integer(3)))],
  ['a negative version', put(0, write.tagged(0, true, write.integer(-1)))],
  ['two versions', put(0, write.tagged(0, true, Buffer.concat([write.integer(2), write.integer(2)])))],
  ['extensions in version 1', altered((fields) => void fields.shift())],
  ['extensions twice', altered((fields) => void fields.push(fields[7] ?? write.nul()))],
  ['a unique id after the extensions', altered((fields) => void fields.push(write.tagged(2, false, Buffer.of(0, 1))))],
  ['a field that does not belong there', altered((fields) => void fields.push(write.tagged(4, true, write.nul())))],
  ['another algorithm inside', put(2, write.sequence(write.oid('1.2.840.10045.4.3.4')))],
  ['a serial number that is an ENUMERATED', put(1, write.enumerated(1))],
  ['a validity of three times', put(4, write.sequence(...[START, END, END].map(write.validity)))],
  ['a validity without end', put(4, write.sequence(write.validity(START)))],
  ['a key of three parts', put(6, write.sequence(write.sequence(), write.bits(Buffer.of(1)), write.nul()))],
  ['no extensions in their tag', put(7, write.tagged(3, true, Buffer.alloc(0)))],
  ['text', Buffer.from('not a certificate')],
  ['nothing', Buffer.alloc(0)],
  ['a PEM of something else', Buffer.from('-----BEGIN X-----\nAQID\n-----END X-----')],
  ['64 KiB and more', Buffer.concat([Buffer.from('3083020000', 'hex'), Buffer.alloc(0x20000)])],
] as const)
  test(`refused: ${why}`, () => {
    assert.throws(
      () => parseCertificate(der),
      (error: Error & { code?: string }) => {
        assert.equal(error.name, 'TrustError')
        assert.match(error.code ?? '', /^malformed_(certificate|der)$/)
        return true
      },
    )
  })

for (const [why, more] of [
  ['an extension twice', [extension('1.2.3', false, write.nul()), extension('1.2.3', false, write.nul())]],
  ['an extension without a value', [write.sequence(write.oid('1.2.3'))]],
  ['an extension with only its criticality', [write.sequence(write.oid('1.2.3'), write.boolean(true))]],
  [
    'an extension of four parts',
    [write.sequence(write.oid('1.2.3'), write.boolean(true), write.octets(Buffer.of(5, 0)), write.nul())],
  ],
  ['a criticality of 01', [write.sequence(write.oid('1.2.3'), Buffer.of(1, 1, 1), write.octets(Buffer.of(5, 0)))]],
  [
    'two values in a key usage',
    [extension(oids.keyUsage, true, Buffer.concat([write.bits(Buffer.of(0x80)), write.nul()]))],
  ],
  ['a key usage that is a NULL', [extension(oids.keyUsage, true, write.nul())]],
  ['65 extensions', Array.from({ length: 65 }, (_, index) => extension(`1.2.${index}`, false, write.nul()))],
] as const)
  test(`refused: ${why}`, () => {
    assert.throws(
      () => certify({ name: 'x', more }),
      (error: Error & { code?: string }) => {
        assert.match(error.code ?? '', /^malformed_(certificate|der)$/)
        return true
      },
    )
  })

test('every octet of a certificate changed: an answer or a TrustError, never anything else', () => {
  const { certificate } = certify({
    name: 'mangled',
    issuer: root,
    keyUsage: ['digitalSignature'],
    purposes: [oids.clientAuth],
    more: [extension(oids.subjectAltName, false, write.sequence(write.tagged(2, false, Buffer.from('a.example'))))],
  })
  mangle((bytes) => parseCertificate(bytes).subject.text, certificate.der)
})

test('a signature with SHA-1 can be shown, not believed', () => {
  const der = altered((fields, outer) => {
    const sha1 = write.sequence(write.oid('1.2.840.113549.1.1.5'), write.nul())
    fields[2] = sha1
    outer[0] = sha1
  })
  const certificate = parseCertificate(der)
  assert.equal(certificate.signatureAlgorithm, undefined)
  assert.equal(certificate.subject.text, 'CN=x,O=Test,C=FI')
})

test('a certificate of version 1 has no extensions', () => {
  const certificate = parseCertificate(
    altered((fields) => {
      fields.shift()
      fields.pop()
    }),
  )
  assert.equal(certificate.keyUsage, undefined)
  assert.equal(certificate.isCa, false)
})

// wire-conf §5.1
for (const [keyUsage, purposes, authentication, signing] of [
  [['digitalSignature'], [], true, false],
  [['keyEncipherment'], [], true, false],
  [['dataEncipherment'], [], true, false],
  [['keyAgreement'], [], false, false],
  [['keyCertSign'], [], false, false],
  [['nonRepudiation'], [], false, true],
  [['nonRepudiation'], [oids.clientAuth], true, true],
  [['digitalSignature', 'nonRepudiation'], [], true, true],
  [undefined, [oids.clientAuth], true, false],
  [undefined, [oids.serverAuth], false, false],
  [undefined, [], false, false],
] as const)
  test(`key usage ${keyUsage?.join() ?? 'not stated'}, purposes ${purposes.length === 0 ? 'none' : purposes.join()}`, () => {
    const { certificate } = certify({
      name: 'x',
      ...(keyUsage ? { keyUsage } : {}),
      ...(purposes.length > 0 ? { purposes } : {}),
    })
    assert.equal(isAuthenticationCertificate(certificate), authentication)
    assert.equal(isSigningCertificate(certificate), signing)
  })
