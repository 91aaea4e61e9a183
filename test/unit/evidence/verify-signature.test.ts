// What verifyMessage accepts from others, and what it refuses: wire-message §6.3 row by row, and the attacks that the reference lets pass.
import assert from 'node:assert/strict'
import { constants, generateKeyPairSync, sign as signWith } from 'node:crypto'
import { test } from 'node:test'
import {
  C14N_EXCLUSIVE,
  C14N_INCLUSIVE,
  EvidenceError,
  type MessagePart,
  signMessage,
  type VerifyInput,
  verifyMessage,
} from '#evidence'
import type { ClientId, TrustMaterial } from '#protocol'
import { digest, encodeBase64, oids, signatureNamed } from '#trust'
import { CLIENT, FRESHNESS_SECONDS, foundCountry, type Holder, issue, NOW, named, signatureOf } from './authority.ts'
import { type Craft, certificateDigest, craft, SIGNED_PROPERTIES } from './crafted.ts'

const country = foundCountry()
const member = country.member('EC-P256')
const rsa = country.member('RSA-2048')
const ocsp = await country.ocsp(member.certificate)
const rsaOcsp = await country.ocsp(rsa.certificate)

const message = Buffer.from('GET\r\n/r1/DEMO/GOV/1/a/b\r\n')
const attachment = Buffer.from('attachment')

function part(name: string, bytes: Uint8Array): MessagePart {
  return { name, digest: digest('SHA-512', bytes), bytes }
}

const plain = [part('/message.xml', message)]
const withAttachment = [...plain, part('/attachment1', attachment)]
const toMessage = { uri: '/message.xml', bytes: message }
const toAttachment = { uri: '/attachment1', bytes: attachment }

function judge(signature: Uint8Array, more: Partial<VerifyInput> = {}) {
  return verifyMessage({ signature, parts: plain, signer: CLIENT, trust: country.trust, at: NOW, ...more })
}

function codeOf(signature: Uint8Array, more: Partial<VerifyInput> = {}): string {
  try {
    return `accepted as ${judge(signature, more).form}`
  } catch (error) {
    assert.ok(error instanceof EvidenceError, String((error as Error).stack))
    return error.code
  }
}

function crafted(more: Partial<Craft> = {}): Uint8Array {
  return craft({ holder: member, ocsp: [ocsp], references: [toMessage, SIGNED_PROPERTIES], ...more })
}

const transforms = (inner: string) => `<D:Transforms>${inner}</D:Transforms>`
const exclusive = transforms(`<D:Transform Algorithm="${C14N_EXCLUSIVE}"/>`)

// --- forms that others make

test('accepted: wrapper or bare, inclusive or exclusive, with and without line breaks', () => {
  for (const bare of [false, true])
    for (const kind of ['inclusive', 'exclusive'] as const)
      for (const transform of ['', exclusive, transforms(`<D:Transform Algorithm="${C14N_INCLUSIVE}"/>`)]) {
        const references = [
          toMessage,
          transform === '' ? SIGNED_PROPERTIES : { ...SIGNED_PROPERTIES, transforms: transform },
        ]
        const signature = crafted({ bare, references, canonicalization: { kind } })
        assert.equal(codeOf(signature), 'accepted as plain')
        const wrapped = Buffer.from(signature)
          .toString()
          .replace(/(<ds:SignatureValue>)([^<]{40})/, '$1&#13;\n$2&#13;\n')
        assert.equal(codeOf(Buffer.from(wrapped)), 'accepted as plain')
      }
})

test('accepted: a reference for each part, in any order', () => {
  const references = [toAttachment, SIGNED_PROPERTIES, toMessage]
  assert.equal(codeOf(crafted({ references }), { parts: withAttachment }), 'accepted as references')
})

test('accepted: other prefixes than X-Road knows', () => {
  assert.equal(codeOf(crafted({ prefixes: { ds: '', xades: 'XAdES' } })), 'accepted as plain')
  assert.equal(codeOf(crafted({ prefixes: { ds: 'D', xades: '' } })), 'accepted as plain')
})

test('accepted: SHA-256 for the message, SigningCertificateV2', () => {
  const references = [
    { ...toMessage, digest: 'SHA-256' as const },
    { ...SIGNED_PROPERTIES, digest: 'SHA-384' as const },
  ]
  assert.equal(
    codeOf(crafted({ references, signingCertificate: certificateDigest(member, 'SigningCertificateV2', 'SHA-256') })),
    'accepted as plain',
  )
})

test('accepted: RSA-PSS', () => {
  const algorithm = signatureNamed('SHA512withRSAandMGF1')
  assert.ok(algorithm)
  const sign = (data: Uint8Array) =>
    signWith('sha512', data, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 })
  assert.equal(
    codeOf(crafted({ holder: rsa, ocsp: [rsaOcsp], algorithm: { uri: algorithm.uri, sign } })),
    'accepted as plain',
  )
  const pkcs1 = { uri: algorithm.uri, sign: (data: Uint8Array) => signatureOf(rsa.privateKey, data) }
  assert.equal(codeOf(crafted({ holder: rsa, ocsp: [rsaOcsp], algorithm: pkcs1 })), 'invalid_signature_value')
})

test('accepted: comments, which canonical XML drops', () => {
  const signature = Buffer.from(crafted()).toString().replace('<ds:SignedInfo>', '<ds:SignedInfo><!-- hello -->')
  assert.equal(codeOf(Buffer.from(signature)), 'accepted as plain')
})

// --- coverage (rows 3 and 6)

test('refused: a signature over nothing but its own properties', () => {
  assert.equal(codeOf(crafted({ references: [SIGNED_PROPERTIES] })), 'malformed_signature')
})

test('refused: a signature that does not cover its properties', () => {
  assert.equal(codeOf(crafted({ references: [toMessage] })), 'malformed_signature')
})

test('refused: an attachment that no reference covers', () => {
  assert.equal(codeOf(crafted(), { parts: withAttachment }), 'malformed_signature')
})

test('refused: a reference to what did not come', () => {
  assert.equal(codeOf(crafted({ references: [toMessage, toAttachment, SIGNED_PROPERTIES] })), 'malformed_signature')
  const foobar = { uri: '/foobar.xml', bytes: message }
  assert.equal(codeOf(crafted({ references: [foobar, SIGNED_PROPERTIES] })), 'malformed_signature')
})

test('refused: an attachment digest that another algorithm made', () => {
  const references = [toMessage, { ...toAttachment, digest: 'SHA-256' as const }, SIGNED_PROPERTIES]
  const parts = [...plain, { name: '/attachment1', digest: digest('SHA-512', attachment) }]
  assert.equal(codeOf(crafted({ references }), { parts }), 'invalid_signature_value')
})

test('refused: another message, another attachment', () => {
  assert.equal(codeOf(crafted(), { parts: [part('/message.xml', attachment)] }), 'invalid_signature_value')
  const references = [toMessage, toAttachment, SIGNED_PROPERTIES]
  assert.equal(
    codeOf(crafted({ references }), { parts: [...plain, part('/attachment1', message)] }),
    'invalid_signature_value',
  )
})

test('refused: more references than Java takes, and the same one twice', () => {
  const many = Array.from({ length: 29 }, (_, index) => ({ uri: `/attachment${index + 1}`, bytes: attachment }))
  const parts = [...plain, ...many.map(({ uri, bytes }) => part(uri, bytes))]
  assert.equal(
    codeOf(crafted({ references: [toMessage, ...many, SIGNED_PROPERTIES] }), { parts }),
    'malformed_signature',
  )
  assert.equal(
    codeOf(crafted({ references: [toMessage, ...many.slice(1), SIGNED_PROPERTIES] }), { parts: parts.toSpliced(1, 1) }),
    'accepted as references',
  )
  assert.equal(codeOf(crafted({ references: [toMessage, toMessage, SIGNED_PROPERTIES] })), 'malformed_signature')
})

test('refused: a batch without its chain, with another chain, or with something beside it', async () => {
  const { xml, chain, chainResult } = await signMessage(withAttachment, await country.signer(member), NOW)
  const other = await signMessage(
    [part('/message.xml', attachment), part('/attachment1', message)],
    await country.signer(member),
    NOW,
  )
  assert.ok(chain && chainResult && other.chain && other.chainResult)
  const parts = withAttachment
  assert.equal(codeOf(xml, { parts, chain, chainResult }), 'accepted as batch')
  assert.equal(codeOf(xml, { parts }), 'malformed_signature')
  assert.equal(codeOf(xml, { parts, chainResult }), 'malformed_signature')
  assert.equal(codeOf(xml, { parts, chain: other.chain, chainResult }), 'malformed_signature.invalid_hash_chain_ref')
  assert.equal(
    codeOf(xml, {
      parts: [part('/message.xml', attachment), part('/attachment1', message)],
      chain: other.chain,
      chainResult: other.chainResult,
    }),
    'invalid_signature_value',
  )
  assert.equal(
    codeOf(xml, { parts: [...parts, part('/attachment2', message)], chain, chainResult }),
    'malformed_signature.hashchain_unused_inputs',
  )
  assert.equal(codeOf(xml, { parts: plain, chain, chainResult }), 'malformed_signature.invalid_hash_chain_ref')
  const references = [{ uri: '/sig-hashchainresult.xml', bytes: chainResult }, toMessage, SIGNED_PROPERTIES]
  assert.equal(codeOf(crafted({ references }), { parts, chain, chainResult }), 'malformed_signature')
})

test('chain parts beside a plain signature prove nothing and harm nothing', async () => {
  const { chain, chainResult } = await signMessage(withAttachment, await country.signer(member), NOW)
  assert.ok(chain && chainResult)
  assert.equal(codeOf(crafted(), { chain, chainResult }), 'accepted as plain')
  assert.equal(codeOf(crafted(), { parts: withAttachment, chain, chainResult }), 'malformed_signature')
})

// --- structure: what is read is what was hashed

const genuine = Buffer.from(crafted()).toString()

function edited(pattern: string | RegExp, replacement: string): Uint8Array {
  const text = genuine.replace(pattern, replacement)
  assert.notEqual(text, genuine, `nothing matches ${pattern}`)
  return Buffer.from(text)
}

const signedProperties = /<xades:SignedProperties.*<\/xades:SignedProperties>/s.exec(genuine)?.[0] ?? ''
const forgedProperties = signedProperties.replace(/<xades:SigningTime>[^<]*/, '<xades:SigningTime>2001-01-01T00:00:00Z')

const STRUCTURES: Record<string, Uint8Array> = {
  'no XML': Buffer.from('foobar'),
  'no signature': Buffer.from('<asic:XAdESSignatures xmlns:asic="http://uri.etsi.org/02918/v1.2.1#"/>'),
  'another root': edited(/asic:XAdESSignatures/g, 'asic:Signatures'),
  'a DOCTYPE': edited('<asic:', '<!DOCTYPE x [<!ENTITY e "e">]><asic:'),
  'two signatures': edited(/<ds:Signature .*<\/ds:Signature>/s, '$&$&'),
  'something beside the signature': edited('<ds:Signature ', '<x/><ds:Signature '),
  'a second Object': edited('<ds:Object>', `<ds:Object>${signedProperties}</ds:Object><ds:Object>`),
  'forged properties, the genuine ones kept elsewhere': edited(
    signedProperties,
    `${forgedProperties}<x>${signedProperties}</x>`,
  ),
  'forged properties, the genuine ones kept in KeyInfo': Buffer.from(
    genuine
      .replace(signedProperties, forgedProperties.replace('Id="signed-properties"', 'Id="signed-properties2"'))
      .replace('</ds:KeyInfo>', `${signedProperties}</ds:KeyInfo>`),
  ),
  'two SignedProperties': edited(
    signedProperties,
    forgedProperties.replace('Id="signed-properties"', 'Id="other"') + signedProperties,
  ),
  'two SignedInfo': edited(/<ds:SignedInfo>.*<\/ds:SignedInfo>/s, '$&$&'),
  'two SignatureValue': edited(/<ds:SignatureValue>[^<]*<\/ds:SignatureValue>/, '$&$&'),
  'two KeyInfo': edited(/<ds:KeyInfo>.*<\/ds:KeyInfo>/s, '$&$&'),
  'two SigningCertificate': crafted({ signingCertificate: certificateDigest(member, 'SigningCertificate').repeat(2) }),
  'an Id that stands twice': edited('<ds:KeyInfo>', '<ds:KeyInfo Id="signed-properties">'),
  'no SignedProperties': edited(signedProperties, ''),
  'no certificate': edited(/<ds:X509Data>.*<\/ds:X509Data>/s, ''),
  'no SigningCertificate': crafted({ signingCertificate: '' }),
  'a certificate that is none': edited(/<ds:X509Certificate>[^<]*/, '<ds:X509Certificate>QUJD'),
  'elements inside a value': edited('<ds:SignatureValue>', '<ds:SignatureValue><x/>'),
  'an instruction inside a value': edited('<ds:SignatureValue>', '<ds:SignatureValue><?x?>'),
  'base64 without padding': edited(/(<ds:SignatureValue>[^<=]*)=+/, '$1'),
  'base64 with stray bits': edited(/([AQgw])==<\/ds:SignatureValue>/, 'B==</ds:SignatureValue>'),
  'base64 with other characters': edited('<ds:SignatureValue>', '<ds:SignatureValue>*'),
  'an unknown signature algorithm': crafted({
    algorithm: {
      uri: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
      sign: (data) => signatureOf(member.privateKey, data),
    },
  }),
  'an unknown canonicalization': edited(C14N_INCLUSIVE, 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments'),
  'SHA-1 for the message': crafted({ references: [{ ...toMessage, digest: 'SHA-1' }, SIGNED_PROPERTIES] }),
  'SHA-1 for the certificate': crafted({
    signingCertificate: certificateDigest(member, 'SigningCertificate', 'SHA-1'),
  }),
  'a transform of the message': crafted({ references: [{ ...toMessage, transforms: exclusive }, SIGNED_PROPERTIES] }),
  'an XPath transform': crafted({
    references: [
      toMessage,
      {
        ...SIGNED_PROPERTIES,
        transforms: transforms(
          '<D:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><D:XPath>self::x</D:XPath></D:Transform>',
        ),
      },
    ],
  }),
  'an XSLT transform': crafted({
    references: [
      toMessage,
      {
        ...SIGNED_PROPERTIES,
        transforms: transforms('<D:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>'),
      },
    ],
  }),
  'two transforms': crafted({
    references: [
      toMessage,
      { ...SIGNED_PROPERTIES, transforms: transforms(`<D:Transform Algorithm="${C14N_EXCLUSIVE}"/>`.repeat(2)) },
    ],
  }),
  'a reference to the whole document': crafted({
    references: [toMessage, SIGNED_PROPERTIES, { uri: '', bytes: message }],
  }),
  'a reference to another element': crafted({
    references: [toMessage, SIGNED_PROPERTIES, { uri: '#signature', bytes: message }],
  }),
  'a time that is none': edited(/<xades:SigningTime>[^<]*/, '<xades:SigningTime>yesterday'),
  'no OCSP answer': crafted({ ocsp: [] }),
  'too many OCSP answers': crafted({ ocsp: Array.from({ length: 17 }, () => ocsp) }),
}

for (const [name, signature] of Object.entries(STRUCTURES))
  test(`refused: ${name}`, () => {
    assert.ok(['malformed_signature', 'invalid_xml'].includes(codeOf(signature)), codeOf(signature))
  })

test('refused: properties that were changed', () => {
  assert.equal(codeOf(edited(signedProperties, forgedProperties)), 'invalid_signature_value')
})

test('refused: properties that name another certificate', () => {
  const other = country.member('EC-P256')
  for (const local of ['SigningCertificate', 'SigningCertificateV2'] as const) {
    assert.equal(codeOf(crafted({ signingCertificate: certificateDigest(other, local) })), 'malformed_signature')
    const both = certificateDigest(member, 'SigningCertificate') + certificateDigest(other, 'SigningCertificateV2')
    assert.equal(codeOf(crafted({ signingCertificate: both })), 'malformed_signature')
  }
})

test('refused: another certificate of the same key', () => {
  // KeyInfo is not signed; the digest in the properties is.
  const twin = { certificate: country.member('EC-P256').certificate, privateKey: member.privateKey }
  assert.equal(
    codeOf(crafted({ holder: twin, signingCertificate: certificateDigest(member, 'SigningCertificate') })),
    'malformed_signature',
  )
})

// --- rows 4 and 5

async function signedBy(holder: Holder): Promise<Uint8Array> {
  return crafted({ holder, ocsp: [await country.ocsp(holder.certificate)] })
}

test('refused: a certificate that is not for signing', async () => {
  const holder = country.member('EC-P256', {
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsage: [oids.clientAuth],
  })
  assert.equal(codeOf(await signedBy(holder)), 'malformed_signature')
})

test('refused: the signature of another member; subsystems speak through their own', async () => {
  assert.equal(codeOf(await signedBy(country.member('EC-P256', { code: '70000002' }))), 'incorrect_certificate')
  const other: ClientId = { ...CLIENT, memberClass: 'COM' }
  assert.equal(codeOf(crafted(), { signer: other }), 'incorrect_certificate')
  assert.equal(codeOf(crafted(), { signer: { ...CLIENT, subsystemCode: 'another' } }), 'accepted as plain')
  const { subsystemCode: _, ...owner } = CLIENT
  assert.equal(codeOf(crafted(), { signer: owner }), 'accepted as plain')
})

test('refused: a certificate from which no member can be read', async () => {
  assert.equal(codeOf(await signedBy(country.member('EC-P256', { subject: named('nobody') }))), 'incorrect_certificate')
})

// --- rows 6 and 8

test('refused: the signature of another key', () => {
  const other = country.member('EC-P256')
  const holder = { certificate: member.certificate, privateKey: other.privateKey }
  assert.equal(codeOf(crafted({ holder })), 'invalid_signature_value')
})

test('refused: a key of another kind than the algorithm', () => {
  const algorithm = {
    uri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
    sign: (data: Uint8Array) => signatureOf(member.privateKey, data),
  }
  assert.equal(codeOf(crafted({ algorithm })), 'invalid_signature_value')
})

test('refused: an RSA key that policy calls weak', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const holder = country.member('EC-P256', { keyPair: { privateKey, publicKey } })
  const algorithm = {
    uri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
    sign: (data: Uint8Array) => signatureOf(privateKey, data),
  }
  assert.equal(
    codeOf(crafted({ holder, ocsp: [await country.ocsp(holder.certificate)], algorithm })),
    'invalid_signature_value',
  )
})

function trusting(more: Partial<TrustMaterial['authorities'][number]>): TrustMaterial {
  return { ...country.trust, authorities: country.trust.authorities.map((authority) => ({ ...authority, ...more })) }
}

test('refused: a CA that is not approved, or not for signing, or of another instance', () => {
  assert.equal(codeOf(crafted(), { trust: { ...country.trust, authorities: [] } }), 'cannot_create_cert_path')
  assert.equal(codeOf(crafted(), { trust: trusting({ authenticationOnly: true }) }), 'cannot_create_cert_path')
  assert.equal(codeOf(crafted(), { trust: trusting({ instance: 'OTHER' }) }), 'cannot_create_cert_path')
  const impostor = issue({ subject: named('Demo CA'), ca: true, keyUsage: ['keyCertSign'] })
  assert.equal(codeOf(crafted(), { trust: trusting({ certificate: impostor.certificate }) }), 'cannot_create_cert_path')
})

test('a CA for authentication only does not hide one for signing', () => {
  const [authority] = country.trust.authorities
  assert.ok(authority)
  const authorities = [authority, { ...authority, authenticationOnly: true }]
  assert.equal(codeOf(crafted(), { trust: { ...country.trust, authorities } }), 'accepted as plain')
})

test('refused: a certificate before and after its time', () => {
  const { notBefore, notAfter } = member.certificate
  const trust = { ...country.trust, ocspFreshnessSeconds: 1e9, verifyNextUpdate: false }
  assert.equal(codeOf(crafted(), { trust, at: new Date(notBefore.getTime() - 1000) }), 'invalid_cert_path')
  assert.equal(codeOf(crafted(), { trust, at: new Date(notAfter.getTime() + 1000) }), 'invalid_cert_path')
})

test('refused: revoked, unknown, stale, superseded, of another, by another', async () => {
  const { certificate } = member
  const stranger = issue({
    subject: named('Stranger'),
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.ocspSigning],
  })
  const before = (seconds: number) => new Date(NOW.getTime() - seconds * 1000)
  const info = 'invalid_cert_path.incorrect_validation_info'
  const cases: [string, Uint8Array, string][] = [
    ['good', await country.ocsp(certificate), 'accepted as plain'],
    ['revoked', await country.ocsp(certificate, { status: 'revoked' }), 'invalid_cert_path.cert_validation'],
    ['unknown', await country.ocsp(certificate, { status: 'unknown' }), 'invalid_cert_path.cert_validation'],
    ['just fresh', await country.ocsp(certificate, { thisUpdate: before(FRESHNESS_SECONDS - 1) }), 'accepted as plain'],
    ['stale', await country.ocsp(certificate, { thisUpdate: before(FRESHNESS_SECONDS + 2) }), info],
    ['superseded', await country.ocsp(certificate, { nextUpdate: before(2) }), info],
    ['of another', rsaOcsp, info],
    ['by a stranger', await country.ocsp(certificate, { by: stranger }), info],
    ['no DER', Buffer.from('not an answer'), info],
  ]
  for (const [name, answer, expected] of cases) assert.equal(codeOf(crafted({ ocsp: [answer] })), expected, name)
  assert.equal(
    codeOf(crafted({ ocsp: [rsaOcsp, ocsp] })),
    'accepted as plain',
    'answers are found by what they are about',
  )
  const superseded = await country.ocsp(certificate, { nextUpdate: before(2) })
  assert.equal(
    codeOf(crafted({ ocsp: [superseded] }), { trust: { ...country.trust, verifyNextUpdate: false } }),
    'accepted as plain',
  )
})

test("an answer about another CA's certificate with the same serial number does not hide the right one", async () => {
  const foreign = foundCountry()
  const twin = foreign.member('EC-P256', { serialNumber: Number(member.certificate.serialNumber) })
  assert.equal(codeOf(crafted({ ocsp: [await foreign.ocsp(twin.certificate), ocsp] })), 'accepted as plain')
})

test('the first thing that is wrong is the one that is told', () => {
  // A signature by another member over another message: who signed is judged before what (rows 5 and 6).
  const other = country.member('EC-P256', { code: '70000002' })
  const signature = crafted({ holder: other })
  assert.equal(codeOf(signature, { parts: [part('/message.xml', attachment)] }), 'incorrect_certificate')
  const forged = Buffer.from(
    genuine.replace(/<ds:SignatureValue>[^<]*/, `<ds:SignatureValue>${encodeBase64(Buffer.alloc(64, 7))}`),
  )
  assert.equal(codeOf(forged), 'invalid_signature_value')
})
