import assert from 'node:assert/strict'
import { constants, createPublicKey, generateKeyPairSync, sign as signWith } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  checkKey,
  type DigestName,
  derToRawEcdsa,
  digest,
  digestByOid,
  digestByUri,
  digestNamed,
  equalBytes,
  hasher,
  hmac,
  publicKeyFromSpki,
  rawToDerEcdsa,
  readDer,
  readSignatureIdentifier,
  type SignatureAlgorithm,
  signatureByOid,
  signatureByUri,
  signatureFor,
  signatureNamed,
  verifySignature,
  write,
  writeSignatureIdentifier,
} from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { keyPair, spkiOf } from './certify.ts'
import { flips, hex } from './gallery.ts'

const DIGESTS = ['SHA-1', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512', 'SHA3-256', 'SHA3-384', 'SHA3-512'] as const
const SIGNATURES = ['256', '384', '512'].flatMap((bits) => [
  `SHA${bits}withRSA`,
  `SHA${bits}withECDSA`,
  `SHA${bits}withRSAandMGF1`,
])

// FIPS 180-4 and FIPS 202, "abc"
const ABC: Readonly<Record<DigestName, string>> = {
  'SHA-1': 'a9993e364706816aba3e25717850c26c9cd0d89d',
  'SHA-224': '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7',
  'SHA-256': 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  'SHA-384': 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  'SHA-512':
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  'SHA3-256': '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532',
  'SHA3-384': 'ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25',
  'SHA3-512':
    'b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0',
}

for (const name of DIGESTS)
  test(`${name} of abc, whole and in pieces`, () => {
    const expected = hex(ABC[name])
    assert.deepEqual(Buffer.from(digest(name, Buffer.from('abc'))), expected)
    assert.deepEqual(Buffer.from(digest(name, Buffer.from('a'), Buffer.alloc(0), Buffer.from('bc'))), expected)
    const state = hasher(name)
    state.update(Buffer.from('ab'))
    const other = state.copy()
    state.update(Buffer.from('c'))
    other.update(Buffer.from('x'))
    assert.deepEqual(Buffer.from(state.digest()), expected)
    assert.notDeepEqual(Buffer.from(other.digest()), expected)
    assert.equal(digestNamed(name)?.length, expected.length)
  })

test('HMAC as RFC 4231 has it, in one piece or in many', () => {
  const [key, data] = [Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?')]
  const expected = hex('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
  assert.deepEqual(hmac('SHA-256', key, data), expected)
  assert.deepEqual(hmac('SHA-256', key, data.subarray(0, 5), data.subarray(5)), expected)
  assert.notDeepEqual(hmac('SHA-256', Buffer.from('jefe'), data), expected)
})

test('a digest of nothing is the digest of the empty string', () => {
  assert.deepEqual(digest('SHA-256'), digest('SHA-256', Buffer.alloc(0)))
})

test('the tables find their own entries by every name', () => {
  for (const name of DIGESTS) {
    const entry = digestNamed(name.toLowerCase())
    assert.ok(entry)
    assert.equal(digestByUri(entry.uri), entry)
    assert.equal(digestByOid(entry.oid), entry)
  }
  for (const name of SIGNATURES) {
    const entry = signatureNamed(name)
    assert.ok(entry, name)
    assert.equal(signatureByUri(entry.uri), entry)
    assert.equal(signatureByOid(entry.oid), entry.key === 'rsa-pss' ? undefined : entry)
    assert.equal(readSignatureIdentifier(readDer(writeSignatureIdentifier(entry))), entry)
  }
})

test('the URIs are the wire’s (wire-message §3.1, §4.2)', () => {
  const uris = {
    'SHA-1': 'http://www.w3.org/2000/09/xmldsig#sha1',
    'SHA-224': 'http://www.w3.org/2001/04/xmldsig-more#sha224',
    'SHA-256': 'http://www.w3.org/2001/04/xmlenc#sha256',
    'SHA-384': 'http://www.w3.org/2001/04/xmldsig-more#sha384',
    'SHA-512': 'http://www.w3.org/2001/04/xmlenc#sha512',
    'SHA3-256': 'http://www.w3.org/2007/05/xmldsig-more#sha3-256',
    'SHA3-512': 'http://www.w3.org/2007/05/xmldsig-more#sha3-512',
  }
  for (const [name, uri] of Object.entries(uris)) assert.equal(digestByUri(uri)?.name, name)
  assert.equal(signatureByUri('http://www.w3.org/2001/04/xmldsig-more#rsa-sha512')?.name, 'SHA512withRSA')
  assert.equal(signatureByUri('http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1')?.name, 'SHA512withRSAandMGF1')
  assert.equal(signatureByUri('http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512')?.name, 'SHA512withECDSA')
})

test('nothing signs with SHA-1 or MD5', () => {
  for (const name of ['SHA1withRSA', 'MD5withRSA', 'SHA1withECDSA', 'constructor', '__proto__', ''])
    assert.equal(signatureNamed(name), undefined)
  assert.equal(signatureByUri('http://www.w3.org/2000/09/xmldsig#rsa-sha1'), undefined)
  assert.equal(signatureByOid('1.2.840.113549.1.1.5'), undefined)
  assert.equal(digestNamed('MD5'), undefined)
})

const PSS = (digestOid: string, mgfOid: string, salt: number) =>
  write.sequence(
    write.oid('1.2.840.113549.1.1.10'),
    write.sequence(
      write.tagged(0, true, write.sequence(write.oid(digestOid), write.nul())),
      write.tagged(
        1,
        true,
        write.sequence(write.oid('1.2.840.113549.1.1.8'), write.sequence(write.oid(mgfOid), write.nul())),
      ),
      write.tagged(2, true, write.integer(salt)),
    ),
  )
const SHA256 = '2.16.840.1.101.3.4.2.1'
const SHA512 = '2.16.840.1.101.3.4.2.3'

for (const [why, identifier] of [
  ['another digest in MGF1', PSS(SHA256, SHA512, 32)],
  ['a shorter salt', PSS(SHA256, SHA256, 20)],
  ['no salt', PSS(SHA256, SHA256, 0)],
  ['SHA-1', PSS('1.3.14.3.2.26', '1.3.14.3.2.26', 20)],
  ['the defaults, which are SHA-1', write.sequence(write.oid('1.2.840.113549.1.1.10'), write.sequence())],
  ['no parameters', write.sequence(write.oid('1.2.840.113549.1.1.10'))],
] as const)
  test(`RSA-PSS with ${why} is not accepted`, () => {
    assert.throws(() => readSignatureIdentifier(readDer(identifier)), { code: 'unsupported_algorithm' })
  })

/** As a token signs: DER for ECDSA. */
function signed(algorithm: SignatureAlgorithm, data: Uint8Array) {
  const { privateKey, publicKey } = keyPair(algorithm.key === 'ec' ? 'P-256' : 'RSA-2048')
  const openssl = algorithm.digest.replace('-', '').toLowerCase()
  const signature =
    algorithm.key === 'rsa-pss'
      ? signWith(openssl, data, {
          key: privateKey,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        })
      : signWith(openssl, data, privateKey)
  return { publicKey: publicKeyFromSpki(spkiOf(publicKey)), signature }
}

const DATA = Buffer.from('what is signed')

for (const name of SIGNATURES)
  test(`${name}: the signature, and no other bit of it or of the data`, () => {
    const algorithm = signatureNamed(name) as SignatureAlgorithm
    const { publicKey, signature } = signed(algorithm, DATA)
    assert.equal(verifySignature(algorithm, publicKey, DATA, signature), true)
    for (const bad of flips(signature)) assert.equal(verifySignature(algorithm, publicKey, DATA, bad), false)
    for (const bad of flips(DATA)) assert.equal(verifySignature(algorithm, publicKey, bad, signature), false)
    for (const bad of [Buffer.alloc(0), signature.subarray(1), Buffer.concat([signature, Buffer.of(0)])])
      assert.equal(verifySignature(algorithm, publicKey, DATA, bad), false)
    for (const other of SIGNATURES.filter((one) => one !== name))
      assert.equal(verifySignature(signatureNamed(other) as SignatureAlgorithm, publicKey, DATA, signature), false)
  })

test('a PSS signature with another salt length is not one of ours', () => {
  const { privateKey, publicKey } = keyPair('RSA-2048')
  for (const saltLength of [0, 20, 64]) {
    const signature = signWith('sha256', DATA, {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength,
    })
    const algorithm = signatureNamed('SHA256withRSAandMGF1') as SignatureAlgorithm
    assert.equal(verifySignature(algorithm, publicKey, DATA, signature), false)
  }
})

const scratch = mkdtempSync(join(tmpdir(), 'saadik-crypto-'))
after(() => rmSync(scratch, { recursive: true }))

test('openssl signs, we verify', (t) => {
  if (!needsTools(t, 'openssl')) return
  for (const name of SIGNATURES) {
    const algorithm = signatureNamed(name) as SignatureAlgorithm
    const { privateKey, publicKey } = keyPair(algorithm.key === 'ec' ? 'P-384' : 'RSA-2048')
    writeFileSync(join(scratch, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    writeFileSync(join(scratch, 'data'), DATA)
    const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest']
    const args = [`-${algorithm.digest.replace('-', '').toLowerCase()}`, ...(algorithm.key === 'rsa-pss' ? pss : [])]
    const made = tool('openssl', ['dgst', ...args, '-sign', 'key.pem', '-out', 'sig', '-hex', 'data'], { cwd: scratch })
    assert.equal(made.status, 0, made.stderr)
    const { stdout } = tool('cat', ['sig'], { cwd: scratch })
    const signature = hex(stdout.slice(stdout.indexOf('=') + 1).trim())
    assert.equal(verifySignature(algorithm, publicKey, DATA, signature), true, name)
  }
})

test('what a key signs with', () => {
  assert.equal(signatureFor(keyPair('RSA-2048').publicKey).name, 'SHA512withRSA')
  assert.equal(signatureFor(keyPair('P-256').publicKey, 'SHA-256').name, 'SHA256withECDSA')
  assert.throws(() => signatureFor(keyPair('P-256').publicKey, 'SHA-1'), { code: 'unsupported_algorithm' })
  assert.throws(() => signatureFor(generateKeyPairSync('ed25519').publicKey), { code: 'unsupported_algorithm' })
})

for (const [why, key, code] of [
  ['RSA of 1024 bits', keyPair('RSA-1024').publicKey, 'weak_key'],
  ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey, 'weak_key'],
  ['Ed25519', generateKeyPairSync('ed25519').publicKey, 'unsupported_algorithm'],
  ['RSA with exponent 1', rsaKey(2048, 1n), 'weak_key'],
  ['RSA with an even exponent', rsaKey(2048, 65536n), 'weak_key'],
  ['RSA of 16384 bits', rsaKey(16384, 65537n), 'weak_key'],
] as const)
  test(`${why}: ${code}`, () => {
    assert.throws(() => checkKey(key), { name: 'TrustError', code })
    const algorithm = signatureNamed(key.asymmetricKeyType === 'ec' ? 'SHA256withECDSA' : 'SHA256withRSA')
    assert.throws(() => verifySignature(algorithm as SignatureAlgorithm, key, DATA, Buffer.alloc(256)), { code })
  })

for (const kind of ['P-256', 'P-384', 'P-521', 'RSA-2048'] as const)
  test(`${kind} is accepted`, () => checkKey(keyPair(kind).publicKey))

/** A modulus of that many bits, of which nobody knows factors. */
function rsaKey(bits: number, exponent: bigint) {
  const modulus = (1n << BigInt(bits - 1)) | 1n
  const key = write.sequence(write.integer(modulus), write.integer(exponent))
  const spki = write.sequence(write.sequence(write.oid('1.2.840.113549.1.1.1'), write.nul()), write.bits(key))
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
}

test('a public key that cannot be read', () => {
  assert.throws(() => publicKeyFromSpki(Buffer.from('3000', 'hex')), { code: 'unsupported_algorithm' })
})

test('bytes are equal or not', () => {
  assert.equal(equalBytes(Buffer.from('ab'), Buffer.from('ab')), true)
  assert.equal(equalBytes(Buffer.from('ab'), Buffer.from('ac')), false)
  assert.equal(equalBytes(Buffer.from('ab'), Buffer.from('abc')), false)
  assert.equal(equalBytes(new Uint8Array(), new Uint8Array()), true)
})

test('ECDSA values there and back', () => {
  const { privateKey } = keyPair('P-256')
  for (let index = 0; index < 100; index += 1) {
    const der = signWith('sha256', Buffer.of(index), privateKey)
    const raw = derToRawEcdsa(der, 32)
    assert.equal(raw.length, 64)
    assert.deepEqual(Buffer.from(rawToDerEcdsa(raw) ?? []), der)
  }
})

test('halves shorter than the field, as X-Road writes them (wire-message §4.2)', () => {
  assert.deepEqual(Buffer.from(rawToDerEcdsa(hex('0001 0080')) ?? []), hex('30 07 02 01 01 02 02 00 80'))
  assert.deepEqual(Buffer.from(derToRawEcdsa(hex('30 07 02 01 01 02 02 00 80'), 4)), hex('00000001 00000080'))
})

for (const raw of [0, 1, 63, 133, 134])
  test(`${raw} octets are no ECDSA value`, () => {
    assert.equal(rawToDerEcdsa(Buffer.alloc(raw, 1)), undefined)
  })

for (const [why, der] of [
  ['one half', '30 03 02 01 01'],
  ['three halves', '30 09 02 01 01 02 01 01 02 01 01'],
  ['a negative half', '30 06 02 01 ff 02 01 01'],
  ['zero', '30 06 02 01 00 02 01 01'],
  ['a half that is too long', '30 08 02 03 01 00 00 02 01 01'],
  ['a half that is no integer', '30 06 04 01 01 02 01 01'],
  ['octets after it', '30 06 02 01 01 02 01 01 00'],
] as const)
  test(`an ECDSA signature of ${why} is refused`, () => {
    assert.throws(() => derToRawEcdsa(hex(der), 2), { name: 'TrustError', code: 'malformed_der' })
  })
