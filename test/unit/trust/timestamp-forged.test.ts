// Tokens that an approved authority has truly signed and that still are not what they must be, beside those that are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Certificate, digest, oids, readDer, write } from '#trust'
import { NOW } from './certify.ts'
import { DATA, forged, judge, refused, root, type TokenParts, tsa } from './stamper.ts'

test('a token made anew over the same parts stands, which is what makes the next tests tell something', async () => {
  assert.equal(judge(await forged(() => undefined)).tsa, tsa.certificate)
})

const attribute = (oid: string, ...values: readonly Uint8Array[]) =>
  write.sequence(write.oid(oid), write.set(...values))
const placeOf = (attributes: readonly Uint8Array[], oid: string) =>
  attributes.findIndex((one) => readDer(one).child(0).oid() === oid)
const swap =
  (oid: string, ...by: readonly Uint8Array[]) =>
  ({ attributes }: TokenParts) =>
    void attributes.splice(placeOf(attributes, oid), 1, ...by)
const drop = (oid: string) => swap(oid)
const naming = (oid: string, id: Uint8Array) => attribute(oid, write.sequence(write.sequence(id)))
const sha = (name: 'SHA-1' | 'SHA-256' | 'SHA-512', one: Certificate) => write.octets(digest(name, one.der))

for (const [why, change, stands] of [
  ['no content type attribute', drop(oids.contentType)],
  [
    'another content type attribute',
    swap(oids.contentType, attribute(oids.contentType, write.oid('1.2.840.113549.1.7.1'))),
  ],
  ['no digest attribute', drop(oids.messageDigest)],
  ['no signing certificate attribute', drop(oids.signingCertificateV2)],
  [
    'a signing certificate attribute of another',
    swap(
      oids.signingCertificateV2,
      naming(oids.signingCertificateV2, write.sequence(sha('SHA-256', root.certificate))),
    ),
  ],
  [
    'a signing certificate named by an unknown digest',
    swap(
      oids.signingCertificateV2,
      naming(
        oids.signingCertificateV2,
        write.sequence(write.sequence(write.oid('1.2.3')), sha('SHA-256', tsa.certificate)),
      ),
    ),
  ],
  [
    'a signing certificate named by SHA-512',
    swap(
      oids.signingCertificateV2,
      naming(
        oids.signingCertificateV2,
        write.sequence(write.sequence(write.oid('2.16.840.1.101.3.4.2.3')), sha('SHA-512', tsa.certificate)),
      ),
    ),
    true,
  ],
  [
    'a signing certificate of RFC 2634',
    swap(oids.signingCertificateV2, naming(oids.signingCertificate, write.sequence(sha('SHA-1', tsa.certificate)))),
    true,
  ],
  [
    'a signing certificate of RFC 2634, another',
    swap(oids.signingCertificateV2, naming(oids.signingCertificate, write.sequence(sha('SHA-1', root.certificate)))),
  ],
  ['an attribute twice', (p) => void p.attributes.push(p.attributes[0] ?? write.nul())],
  ['an attribute of two values', (p) => void p.attributes.push(attribute('1.2.3', write.nul(), write.integer(1)))],
  ['an attribute nobody knows', (p) => void p.attributes.push(attribute('1.2.3', write.nul())), true],
  ['no attributes', (p) => void p.signer.splice(3, 1)],
  [
    'two signers',
    (p) => void p.data.splice(-1, 1, write.set(write.sequence(...p.signer), write.sequence(write.integer(1)))),
  ],
  ['no signer', (p) => void p.data.splice(-1, 1, write.set())],
  [
    'a signer of another serial number',
    (p) => void p.signer.splice(1, 1, write.sequence(tsa.certificate.issuer.der, write.integer(1))),
  ],
  [
    'a signer by key identifier',
    (p) => void p.signer.splice(1, 1, write.tagged(0, false, digest('SHA-1', tsa.certificate.keyBits))),
    true,
  ],
  [
    'a signer by another key identifier',
    (p) => void p.signer.splice(1, 1, write.tagged(0, false, digest('SHA-1', DATA))),
  ],
  ['a digest of SHA-1', (p) => void p.signer.splice(2, 1, write.sequence(write.oid('1.3.14.3.2.26')))],
  [
    'a digest that is not the signature’s',
    (p) => void p.signer.splice(2, 1, write.sequence(write.oid('2.16.840.1.101.3.4.2.1'))),
  ],
  [
    'a signature algorithm of another digest',
    (p) => void p.signer.splice(4, 1, write.sequence(write.oid('1.2.840.10045.4.3.2'))),
  ],
  ['a signature algorithm of SHA-1', (p) => void p.signer.splice(4, 1, write.sequence(write.oid('1.2.840.10045.4.1')))],
  [
    'another kind of content',
    (p) => {
      p.contentType = '1.2.840.113549.1.7.1'
    },
  ],
  ['no content', (p) => void p.data.splice(2, 1, write.sequence(write.oid(oids.tstInfo)))],
  ['unsigned attributes', (p) => void p.signer.push(write.tagged(1, true, attribute('1.2.3', write.nul()))), true],
  [
    'a field after the unsigned attributes',
    (p) => void p.signer.push(write.tagged(1, true, attribute('1.2.3', write.nul())), write.nul()),
  ],
  ['revocation lists', (p) => void p.data.splice(-1, 0, write.tagged(1, true, write.sequence())), true],
  ['certificates twice', (p) => void p.data.splice(-1, 0, p.data[3] ?? write.nul())],
  ['no certificates', (p) => void p.data.splice(3, 1), true],
  [
    'seventeen certificates',
    (p) =>
      void p.data.splice(
        3,
        1,
        write.tagged(0, true, Buffer.concat(Array.from({ length: 17 }, () => root.certificate.der))),
      ),
  ],
  ['TSTInfo of version 2', (p) => void p.info.splice(0, 1, write.integer(2))],
  ['TSTInfo without time', (p) => void p.info.splice(4)],
  ['a time in UTCTime', (p) => void p.info.splice(4, 1, write.validity(NOW))],
  [
    'a time before the certificate',
    (p) => void p.info.splice(4, 1, write.generalizedTime(new Date('2029-12-31T23:59:59Z'))),
  ],
  ['fields out of order', (p) => void p.info.push(write.integer(1), write.boolean(true))],
  [
    'all optional fields',
    (p) =>
      void p.info.push(
        write.sequence(write.integer(1)),
        write.boolean(true),
        write.integer(5),
        write.tagged(0, true, write.tagged(4, true, tsa.certificate.subject.der)),
        write.tagged(1, true, write.sequence(write.oid('1.2.3'), write.octets(Buffer.of(5, 0)))),
      ),
    true,
  ],
  [
    'a critical extension nobody knows',
    (p) =>
      void p.info.push(
        write.tagged(1, true, write.sequence(write.oid('1.2.3'), write.boolean(true), write.octets(Buffer.of(5, 0)))),
      ),
  ],
  [
    'an imprint of another length',
    (p) =>
      void p.info.splice(
        2,
        1,
        write.sequence(write.sequence(write.oid('2.16.840.1.101.3.4.2.3')), write.octets(Buffer.alloc(63))),
      ),
  ],
  [
    'an imprint by an unknown digest',
    (p) =>
      void p.info.splice(
        2,
        1,
        write.sequence(write.sequence(write.oid('1.2.840.113549.2.5')), write.octets(Buffer.alloc(16))),
      ),
  ],
] as const satisfies readonly (readonly [string, Parameters<typeof forged>[0], true?])[])
  test(`${stands ? 'stands' : 'refused'}: ${why}`, async () => {
    const der = await forged(change)
    if (stands) assert.equal(judge(der).tsa, tsa.certificate)
    else
      assert.throws(() => judge(der), {
        name: 'TrustError',
        code: /^(timestamp_invalid|malformed_|unsupported_algorithm)/,
      })
  })

test('content changed under the old attributes', async () => {
  const der = await forged((p) => void p.info.splice(3, 1, write.integer(7)), { resign: false })
  assert.throws(() => judge(der), refused)
})
