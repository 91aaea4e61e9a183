import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import {
  type DirectoryPart,
  isPart,
  ProtocolError,
  parseAnchor,
  parseSharedParameters,
  parseSignedDirectory,
  partFileName,
  verifySignedDirectory,
  writeSignedDirectory,
} from '#protocol'
import { type Certificate, digest, digestNamed, encodeBase64, pem, signatureFor } from '#trust'
import { needsTools, tool } from '../../../tools.ts'
import { needsVectors, vector } from '../../../vectors.ts'
import { type TestKey, testKey } from './keys.ts'

const AT = new Date('2026-01-01T00:00:00Z')
const refusedWith = (code: string) => (error: unknown) => error instanceof ProtocolError && error.code === code
const malformed = refusedWith('malformed_configuration')

const ec = testKey('internalSigningKey')
const rsa = testKey('internalSigningKey', 'rsa')
const shared = Buffer.from('<shared/>')
const priv = Buffer.from('<private/>')

function written(key: TestKey, instance = 'ZZ'): Promise<Uint8Array> {
  return writeSignedDirectory(
    {
      version: 6,
      expiresAt: new Date('2030-01-01T00:10:00.900Z'),
      parts: [
        { contentIdentifier: 'SHARED-PARAMETERS', instance, location: '/V6/1/shared-params.xml', bytes: shared },
        { contentIdentifier: 'PRIVATE-PARAMETERS', instance, location: '/V6/1/private-params.xml', bytes: priv },
      ],
      certificate: key.certificate,
      algorithm: signatureFor(key.certificate.publicKey),
    },
    key.sign,
  )
}

/** Any signed data, under an envelope as the reference makes it. */
async function signed(data: string, key: TestKey = ec, inner = 'inner'): Promise<string> {
  const bytes = Buffer.from(data)
  const hash = 'http://www.w3.org/2001/04/xmlenc#sha512'
  return [
    'Content-Type: multipart/related; charset=UTF-8; boundary=outer',
    '',
    '--outer',
    `Content-Type: multipart/mixed; charset=UTF-8; boundary=${inner}`,
    '',
    data,
    '--outer',
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: base64',
    `Signature-Algorithm-Id: ${signatureFor(key.certificate.publicKey).uri}`,
    `Verification-certificate-hash: ${encodeBase64(digest('SHA-512', key.certificate.der))}; hash-algorithm-id="${hash}"`,
    '',
    encodeBase64(await key.sign(bytes)),
    '--outer--',
    '',
  ].join('\r\n')
}

const PART = [
  'Content-type: application/octet-stream',
  'Content-transfer-encoding: base64',
  "Content-identifier: SHARED-PARAMETERS; instance='ZZ'",
  'Content-location: /V6/1/shared-params.xml',
  'Hash-algorithm-id: http://www.w3.org/2001/04/xmlenc#sha512',
  '',
  encodeBase64(digest('SHA-512', shared)),
]
const HEAD = ['Expire-date: 2030-01-01T00:10:00Z', 'Version: 6', '']
const data = (...parts: readonly (readonly string[])[]) =>
  `${parts.map((part) => ['--inner', ...part].join('\r\n')).join('\r\n')}\r\n--inner--\r\n`

const verify = (text: string | Uint8Array, certificates: readonly Certificate[] = [ec.certificate], at = AT) =>
  verifySignedDirectory(Buffer.from(text as string), certificates, at)

for (const [name, key] of [
  ['EC', ec],
  ['RSA', rsa],
] as const) {
  test(`a directory signed with ${name} is read as it was written`, async () => {
    const { version, expiresAt, parts, certificate } = verify(await written(key), [ec.certificate, rsa.certificate])
    assert.equal(version, 6)
    assert.equal(expiresAt.toISOString(), '2030-01-01T00:10:00.000Z')
    assert.equal(certificate, key.certificate)
    assert.deepEqual(
      parts.map(({ contentIdentifier, instance, location }) => [contentIdentifier, instance, location]),
      [
        ['SHARED-PARAMETERS', 'ZZ', '/V6/1/shared-params.xml'],
        ['PRIVATE-PARAMETERS', 'ZZ', '/V6/1/private-params.xml'],
      ],
    )
    assert.ok(parts[0] && isPart(parts[0], shared) && !isPart(parts[0], priv))
  })

  test(`openssl verifies the ${name} signature over the bytes from the first inner delimiter to the last line break`, async (t) => {
    if (!needsTools(t, 'openssl')) return
    const bytes = Buffer.from(await written(key))
    const [, boundary] = /multipart\/mixed; charset=UTF-8; boundary=(\w{20})\r\n\r\n/.exec(bytes.toString()) ?? []
    const start = bytes.indexOf(`--${boundary}\r\n`)
    const end = bytes.indexOf(`--${boundary}--\r\n`) + `--${boundary}--\r\n`.length
    const folder = mkdtempSync(join(tmpdir(), 'saadik-directory-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = (fileName: string, content: Uint8Array | string) => {
      writeFileSync(join(folder, fileName), content)
      return join(folder, fileName)
    }
    const signature = /\r\n\r\n([A-Za-z0-9+/=]+)\r\n--\w{20}--\r\n$/.exec(bytes.toString())?.[1] ?? ''
    const { stdout } = tool('openssl', [
      'dgst',
      '-sha512',
      '-verify',
      file('key.pem', pem('PUBLIC KEY', key.certificate.spki)),
      '-signature',
      file('signature', Buffer.from(signature, 'base64')),
      file('signed', bytes.subarray(start, end)),
    ])
    assert.match(stdout, /Verified OK/)
  })
}

test("the form is byte for byte the reference's (wire-conf §2.3)", async () => {
  const text = Buffer.from(await written(rsa)).toString()
  const [, outer, inner] = /boundary=(\w{20})[\s\S]*?boundary=(\w{20})/.exec(text) ?? []
  const hash = 'http://www.w3.org/2001/04/xmlenc#sha512'
  const file = (identifier: string, name: string, bytes: Uint8Array) => [
    'Content-type: application/octet-stream',
    'Content-transfer-encoding: base64',
    `Content-identifier: ${identifier}; instance='ZZ'`,
    `Content-location: /V6/1/${name}-params.xml`,
    `Hash-algorithm-id: ${hash}`,
    '',
    encodeBase64(digest('SHA-512', bytes)),
  ]
  const expected = [
    `Content-Type: multipart/related; charset=UTF-8; boundary=${outer}`,
    '',
    `--${outer}`,
    `Content-Type: multipart/mixed; charset=UTF-8; boundary=${inner}`,
    '',
    `--${inner}`,
    'Expire-date: 2030-01-01T00:10:00Z',
    'Version: 6',
    '',
    `--${inner}`,
    ...file('SHARED-PARAMETERS', 'shared', shared),
    `--${inner}`,
    ...file('PRIVATE-PARAMETERS', 'private', priv),
    `--${inner}--`,
    '',
    `--${outer}`,
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: base64',
    'Signature-Algorithm-Id: http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
    `Verification-certificate-hash: ${encodeBase64(digest('SHA-512', rsa.certificate.der))}; hash-algorithm-id="${hash}"`,
    '',
    /([A-Za-z0-9+/=]{300,})\r\n/.exec(text)?.[1],
    `--${outer}--`,
    '',
  ].join('\r\n')
  assert.equal(text, expected)
})

test('instances keep their characters', async () => {
  for (const instance of ["O'Neil", 'Eesti õ', '"x"', 'a=b']) {
    assert.equal(verify(await written(ec, instance)).parts[0]?.instance, instance)
  }
  await assert.rejects(written(ec, 'ZZ\r\nVersion: 2'), malformed)
})

test("the reference's directories verify on their raw bytes, with the verdicts of wire-conf §11.1", (t) => {
  if (!needsVectors(t)) return
  const anchor = parseAnchor(vector('globalconf/configuration_anchor_CS_internal.xml'))
  const anchored = anchor.sources.flatMap(({ certificates }) => certificates)
  const sharedV6 = parseSharedParameters(vector('globalconf/signed/V6/20251110170000548026000/shared-params.xml'), 6)
  const sharedV3 = parseSharedParameters(vector('globalconf/signed/V3/20240408142911166434000/shared-params.xml'), 3)
  const listed = ({ sources }: typeof sharedV6) =>
    sources.flatMap(({ internal, external }) => [...internal, ...external])
  const v6 = verify(vector('globalconf/signed/V6/internalconf'), anchored)
  assert.equal(v6.expiresAt.toISOString(), '2035-11-11T03:07:40.000Z')
  assert.equal(v6.parts.length, 2)
  for (const part of v6.parts) assert.ok(isPart(part, vector('globalconf/signed', part.location.slice(1))))
  // Not the anchor's: version 3 is of another instance; the rotated key is listed by version 6's shared parameters only.
  assert.throws(
    () => verify(vector('globalconf/signed/V3/internalconf'), anchored),
    refusedWith('unknown_configuration_signer'),
  )
  const v3 = verify(vector('globalconf/signed/V3/internalconf'), listed(sharedV3))
  assert.equal(v3.version, 3)
  for (const part of v3.parts) assert.ok(isPart(part, vector('globalconf/signed', part.location.slice(1))))
  assert.equal(verify(vector('globalconf/signed/V3/externalconf'), listed(sharedV3)).parts.length, 1)
  assert.equal(verify(vector('globalconf/signed/V6/externalconf'), listed(sharedV6)).parts.length, 1)
  const rotated = vector('globalconf/signed-rotated-key/V6/internalconf')
  assert.throws(() => verify(rotated, anchored), refusedWith('unknown_configuration_signer'))
  assert.equal(verify(rotated, listed(sharedV6)).expiresAt.toISOString(), '2035-11-11T03:08:40.000Z')
  assert.throws(
    () => verify(vector('globalconf/signed/V6/internalconf'), anchored, new Date('2035-11-11T03:07:41Z')),
    refusedWith('expired_configuration'),
  )
  const recorded = parseAnchor(vector('recorded/signed-configuration/anchor.xml')).sources[0]?.certificates ?? []
  const own = verify(vector('recorded/signed-configuration/internalconf'), recorded)
  for (const part of own.parts) assert.ok(isPart(part, vector('recorded/signed-configuration', part.location.slice(1))))
})

test("the reference's text samples get their verdicts, as far as they can be had without their key", (t) => {
  if (!needsVectors(t)) return
  t.diagnostic(
    'NOT PROVED HERE: the signatures of globalconf/text/*: their certificate (consumer.p12) is not among the vectors',
  )
  const sample = (name: string) => vector('globalconf/text', `test-conf-${name}.txt`)
  for (const name of ['simple', 'detached', 'invalid-signature', 'missing-date']) {
    const { algorithm, boundary, certificateDigest } = parseSignedDirectory(sample(name))
    assert.equal(algorithm.name, 'SHA512withRSA')
    assert.equal(boundary, 'innerboundary')
    assert.equal(certificateDigest.name, 'SHA-512')
    assert.throws(() => verify(sample(name)), refusedWith('unknown_configuration_signer'))
  }
  assert.throws(() => verify(sample('missing-signature')), refusedWith('invalid_configuration_signature'))
  assert.throws(() => verify(sample('malformed')), malformed)
})

test('what the samples of the reference mean, under a key of ours', async (t) => {
  if (!needsVectors(t)) return
  const inner = (name: string) =>
    Buffer.from(parseSignedDirectory(vector('globalconf/text', `test-conf-${name}.txt`)).signed).toString()
  const resigned = async (name: string) => verify(await signed(inner(name), ec, 'innerboundary'))
  const simple = await resigned('simple')
  assert.deepEqual(
    [
      simple.version,
      simple.expiresAt.toISOString(),
      simple.parts.map((part) => [part.contentIdentifier, part.instance, partFileName(part)]),
    ],
    [
      2,
      '2026-05-20T17:42:55.000Z',
      [
        ['PRIVATE-PARAMETERS', 'EE', 'private-params.xml'],
        ['SHARED-PARAMETERS', 'EE', 'shared-params.xml'],
        ['FOO', 'EE', 'foo.xml'],
      ],
    ],
  )
  assert.equal((await resigned('detached')).parts.length, 1)
  await assert.rejects(resigned('missing-date'), malformed)
  await assert.rejects(
    async () => verify(await signed(inner('simple'), ec, 'innerboundary'), undefined, new Date('2026-05-20T17:42:56Z')),
    refusedWith('expired_configuration'),
  )
})

test("a configuration proxy's form is read: lower case, line feeds, folded and bare parameters, an empty body", async () => {
  const text = (await signed(data([...HEAD, ''], PART)))
    .replace(
      'Content-Type: multipart/related; charset=UTF-8; boundary=outer\r\n\r\n',
      'content-type: multipart/related; type="multipart/mixed"; charset=UTF-8; boundary=outer\n\n',
    )
    .replace(/hash-algorithm-id="([^"]*)"/, '\r\n\thash-algorithm-id=$1')
    .replace('Signature-Algorithm-Id', 'signature-algorithm-id')
  assert.equal(verify(text).parts.length, 1)
})

test('expiry and version', async () => {
  const at = async (expire: string, now: string) =>
    verify(
      await signed(data([`Expire-date: ${expire}`, 'Version: 6', ''], PART)),
      undefined,
      new Date(now),
    ).expiresAt.toISOString()
  assert.equal(await at('2030-01-01T02:10:00.5+02:00', '2030-01-01T00:10:00.500Z'), '2030-01-01T00:10:00.500Z')
  await assert.rejects(at('2030-01-01T00:10:00Z', '2030-01-01T00:10:00.001Z'), refusedWith('expired_configuration'))
  for (const wrong of ['2030-01-01', '2030-01-01T00:10:00', 'tomorrow', '', '2030-13-01T00:00:00Z'])
    await assert.rejects(at(wrong, '2030-01-01T00:00:00Z'), malformed, wrong)
  for (const version of ['1', '7', '06', 'x', ''])
    await assert.rejects(
      async () => verify(await signed(data(['Expire-date: 2030-01-01T00:10:00Z', `Version: ${version}`, ''], PART))),
      malformed,
      version,
    )
  assert.equal(verify(await signed(data(['Expire-date: 2030-01-01T00:10:00Z', ''], PART))).version, 2)
})

test('parts that mean nothing clear are refused', async () => {
  const cases: Record<string, readonly (readonly string[])[]> = {
    'no parts': [],
    'no expiry': [['Version: 6', ''], PART],
    'a body in the head': [[...HEAD, 'x'], PART],
    'a part without location': [HEAD, PART.filter((line) => !line.startsWith('Content-location'))],
    'a part without algorithm': [HEAD, PART.filter((line) => !line.startsWith('Hash'))],
    'a part without type': [HEAD, PART.filter((line) => !line.startsWith('Content-type'))],
    'a part of another encoding': [HEAD, PART.map((line) => line.replace('base64', '8bit'))],
    'a part hashed with SHA-1': [
      HEAD,
      PART.map((line) => line.replace('2001/04/xmlenc#sha512', '2000/09/xmldsig#sha1')),
    ],
    'a part hashed with nothing known': [HEAD, PART.map((line) => line.replace('sha512', 'md5'))],
    'a hash of another length': [HEAD, PART.map((line) => line.replace('sha512', 'sha256'))],
    'a hash that is none': [HEAD, [...PART.slice(0, -1), 'AAAA']],
    'a hash that is not base64': [HEAD, [...PART.slice(0, -1), '....']],
    'shared parameters of nobody': [HEAD, PART.map((line) => line.replace("; instance='ZZ'", ''))],
    'shared parameters of a blank': [HEAD, PART.map((line) => line.replace("'ZZ'", "' '"))],
    'a header twice': [HEAD, ['Content-location: /evil', ...PART]],
    'a line without a name': [HEAD, ['no header', ...PART]],
    'a folded first line': [HEAD, [' folded: x', ...PART]],
    'too many headers': [HEAD, [...Array.from({ length: 40 }, (_, index) => `X-${index}: 1`), ...PART]],
    'too long headers': [HEAD, [`X: ${'x'.repeat(20_000)}`, ...PART]],
    'too many parts': [HEAD, ...Array.from({ length: 300 }, () => PART)],
  }
  for (const [name, parts] of Object.entries(cases)) {
    const text = await signed(data(...parts))
    assert.throws(() => verify(text), malformed, name)
  }
})

test('envelopes that are none are refused before anything inside is read', async () => {
  const good = await signed(data(HEAD, PART))
  assert.equal(verify(good).parts.length, 1)
  const cases: Record<string, (text: string) => string> = {
    nothing: () => '',
    'no boundary': (text) => text.replace('; boundary=outer', ''),
    'an empty boundary': (text) => text.replace('boundary=outer', 'boundary='),
    'another type': (text) => text.replace('multipart/related', 'multipart/mixed'),
    'another inner type': (text) => text.replace('multipart/mixed', 'text/plain'),
    'cut off': (text) => text.slice(0, text.lastIndexOf('--outer--')),
    'three parts': (text) => text.replace('--outer--', '--outer\r\n\r\nmore\r\n--outer--'),
    'one part': (text) => `${text.slice(0, text.lastIndexOf('--outer\r\n'))}--outer--\r\n`,
    'no algorithm': (text) => text.replace(/Signature-Algorithm-Id.*\r\n/, ''),
    'no hash': (text) => text.replace(/Verification-certificate-hash.*\r\n/, ''),
    'a hash without algorithm': (text) => text.replace(/; hash-algorithm-id="[^"]*"/, ''),
    'an unknown hash algorithm': (text) => text.replace(/hash-algorithm-id="[^"]*"/, 'hash-algorithm-id="md5"'),
    'a hash that is no base64': (text) => text.replace(/(Verification-certificate-hash: )[^;]*/, '$1!'),
  }
  for (const [name, change] of Object.entries(cases)) {
    const changed = change(good)
    assert.notEqual(changed, good, name)
    assert.throws(() => verify(changed), malformed, name)
  }
  assert.throws(() => verify(Buffer.alloc((1 << 20) + 1, 0x2d)), malformed)
  const unverifiable = refusedWith('invalid_configuration_signature')
  assert.throws(() => verify(good.replace('ecdsa-sha512', 'ecdsa-sha1')), unverifiable)
  assert.throws(() => verify(good.replace('ecdsa-sha512', 'rsa-sha512')), unverifiable)
})

test('another boundary than the signed bytes begin with reads nothing out of them', async () => {
  // The announcement is not signed: whoever stands between can change it.
  const hidden = ['Content-type: application/octet-stream', '--evil', ...HEAD, '--evil', ...PART, '--evil--']
  const text = await signed(data(HEAD, PART, hidden))
  for (const boundary of ['evil', 'inner--', 'inn', 'r', 'nothing'])
    assert.throws(() => verify(text.replace('boundary=inner', `boundary=${boundary}`)), malformed, boundary)
})

test('no change of a single bit inside the signed bytes or the signature is accepted', async () => {
  const good = Buffer.from(await written(ec))
  const { signed: inside, signature } = parseSignedDirectory(good)
  const start = good.indexOf(inside)
  const base64 = good.indexOf(encodeBase64(signature))
  const end = base64 + encodeBase64(signature).length
  for (let index = start; index < end; index++) {
    // The headers of the signature part say how to verify; changing them is tested above.
    if (index >= start + inside.length && index < base64) continue
    const bad = Buffer.from(good)
    bad[index] = (bad[index] ?? 0) ^ (1 << (index % 8))
    assert.throws(() => verify(bad), ProtocolError, `byte ${index}`)
  }
})

test('file names: fixed where they mean something, else plain, else none', () => {
  const name = (part: Partial<DirectoryPart>) => {
    const sha512 = digestNamed('SHA-512')
    assert.ok(sha512)
    return partFileName({ location: '/x', hash: Buffer.alloc(64), digest: sha512, ...part })
  }
  assert.equal(
    name({ contentIdentifier: 'SHARED-PARAMETERS', location: '/a/b', fileName: '../../x' }),
    'shared-params.xml',
  )
  assert.equal(name({ contentIdentifier: 'MONITORING', location: '/a/b' }), 'monitoring-params.xml')
  assert.equal(name({ contentIdentifier: 'FOO', location: '/V6/1/foo.xml?a=/b#c' }), 'foo.xml')
  assert.equal(name({ contentIdentifier: 'FOO', location: '/a', fileName: 'bar.xml' }), 'bar.xml')
  for (const fileName of [
    '..',
    '.',
    '',
    '../x',
    'a/b',
    'a\\b',
    '.hidden',
    'x.metadata',
    'shared-params.xml',
    'a\0b',
    'é',
    'x'.repeat(101),
  ])
    assert.equal(name({ contentIdentifier: 'FOO', fileName }), undefined, fileName)
  assert.equal(name({ location: '/V6/1/' }), undefined)
  assert.equal(name({ location: '/V6/1/..' }), undefined)
})
