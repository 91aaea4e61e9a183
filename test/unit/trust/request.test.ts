// PKCS#10, made and read; openssl on the other side.
import assert from 'node:assert/strict'
import { sign as signWith } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  buildRequest,
  KEY_USAGES,
  oids,
  parseRequest,
  pem,
  type RequestInput,
  readDer,
  signatureFor,
  write,
} from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { extension, type KeyKind, keyPair, spkiOf } from './certify.ts'
import { flips, mangle } from './gallery.ts'

const SUBJECT = [
  { oid: oids.country, value: 'EE' },
  { oid: oids.organization, value: 'Rahvastikuregister' },
  { oid: oids.businessCategory, value: 'GOV' },
  { oid: oids.serialNumber, value: '70000001' },
  { oid: oids.commonName, value: 'ss1.example.ee' },
]

async function request(more: Partial<RequestInput> = {}, kind: KeyKind = 'P-256'): Promise<Uint8Array> {
  const { publicKey, privateKey } = keyPair(kind)
  const algorithm = signatureFor(privateKey, 'SHA-256')
  const input = {
    subject: SUBJECT,
    spki: spkiOf(publicKey),
    keyUsage: ['digitalSignature'] as const,
    algorithm,
    ...more,
  }
  return await buildRequest(input, async (tbs) => signWith('sha256', tbs, privateKey))
}

const scratch = mkdtempSync(join(tmpdir(), 'saadik-request-'))
after(() => rmSync(scratch, { recursive: true }))

const malformed = { name: 'TrustError', code: /^malformed_(request|der|certificate|pem)$/ }

for (const kind of ['P-256', 'P-384', 'RSA-2048'] as const)
  test(`${kind}: there and back, and openssl verifies it`, async (t) => {
    // What the reference asks for (wire-conf §5.2).
    for (const keyUsage of [
      ['nonRepudiation', 'keyCertSign'],
      ['digitalSignature', 'keyEncipherment', 'dataEncipherment'],
    ] as const) {
      const der = await request({ keyUsage, dnsName: 'ss1.example.ee' }, kind)
      const read = parseRequest(der)
      assert.deepEqual(read.keyUsage, keyUsage)
      assert.deepEqual(read.dnsNames, ['ss1.example.ee'])
      assert.equal(read.subject.text, 'CN=ss1.example.ee,2.5.4.5=70000001,2.5.4.15=GOV,O=Rahvastikuregister,C=EE')
      assert.deepEqual(parseRequest(Buffer.from(pem('CERTIFICATE REQUEST', der))).der, Buffer.from(der))
      assert.deepEqual(parseRequest(Buffer.from(pem('NEW CERTIFICATE REQUEST', der))).der, Buffer.from(der))
      if (!needsTools(t, 'openssl')) return
      const { status, stdout, stderr } = tool('openssl', ['req', '-inform', 'DER', '-verify', '-noout', '-text'], {
        input: der,
      })
      assert.equal(status, 0, stderr)
      assert.match(stderr + stdout, /verify OK/)
      assert.match(stdout, /DNS:ss1\.example\.ee/)
      assert.match(
        stdout,
        keyUsage[0] === 'nonRepudiation'
          ? /Non Repudiation, Certificate Sign/
          : /Digital Signature, Key Encipherment, Data Encipherment/,
      )
      assert.doesNotMatch(stdout, /critical/)
    }
  })

test('we read what openssl asks', (t) => {
  if (!needsTools(t, 'openssl')) return
  for (const [key, options] of [
    ['rsa:2048', ['-sha256']],
    ['rsa:2048', ['-sha512', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest']],
    ['ec', ['-sha384', '-pkeyopt', 'ec_paramgen_curve:P-256']],
  ] as const) {
    const extensions = [
      '-addext',
      'keyUsage=critical,digitalSignature',
      '-addext',
      'subjectAltName=DNS:a.example,IP:127.0.0.1',
    ]
    const args = [
      'req',
      '-new',
      '-newkey',
      key,
      '-nodes',
      '-keyout',
      'key',
      '-subj',
      '/C=EE/CN=x',
      ...options,
      ...extensions,
    ]
    const { status, stderr } = tool('openssl', [...args, '-out', 'csr'], { cwd: scratch })
    assert.equal(status, 0, stderr)
    const read = parseRequest(readFileSync(join(scratch, 'csr')))
    assert.deepEqual(read.keyUsage, ['digitalSignature'])
    assert.deepEqual(read.dnsNames, ['a.example'])
    assert.equal(read.subject.get(oids.commonName), 'x')
  }
})

test('a request that asks for nothing', async () => {
  const { privateKey, publicKey } = keyPair()
  for (const attributes of [[], [write.tagged(0, true, Buffer.alloc(0))]]) {
    const info = write.sequence(write.integer(0), write.sequence(), spkiOf(publicKey), ...attributes)
    const signature = signWith('sha256', info, privateKey)
    const read = parseRequest(
      write.sequence(info, write.sequence(write.oid('1.2.840.10045.4.3.2')), write.bits(signature)),
    )
    assert.deepEqual([read.subject.text, read.keyUsage, read.dnsNames], ['', undefined, []])
  }
})

test('no bit of it can be changed', async () => {
  const der = await request()
  const [info, , signature] = readDer(der).children()
  assert.ok(info && signature)
  const start = Buffer.from(der).indexOf(Buffer.from(info.raw))
  for (const changed of flips(der, start, start + info.raw.length))
    assert.throws(() => parseRequest(changed), { name: 'TrustError' })
  for (const changed of flips(der, der.length - signature.content.length))
    assert.throws(() => parseRequest(changed), { name: 'TrustError' })
})

test('another’s key is not had', async () => {
  const der = await request({ spki: spkiOf(keyPair().publicKey) })
  assert.throws(() => parseRequest(der), { code: 'malformed_request' })
})

test('a weak key is not certified', async () => {
  const der = await request({}, 'RSA-1024')
  assert.throws(() => parseRequest(der), { code: 'weak_key' })
})

/** Signed again, so that only its shape can be at fault. */
function shaped(change: (info: Uint8Array[], outer: Uint8Array[]) => void): Uint8Array {
  const { privateKey, publicKey } = keyPair()
  const asked = write.sequence(extension(oids.keyUsage, false, write.namedBits(KEY_USAGES.map((_, bit) => bit === 0))))
  const attribute = write.sequence(write.oid(oids.extensionRequest), write.set(asked))
  const info = [write.integer(0), write.sequence(), spkiOf(publicKey), write.tagged(0, true, attribute)]
  const outer = [write.sequence(write.oid('1.2.840.10045.4.3.2'))]
  change(info, outer)
  const tbs = write.sequence(...info)
  const [algorithm = write.nul(), ...tail] = outer
  return write.sequence(tbs, algorithm, write.bits(signWith('sha256', tbs, privateKey)), ...tail)
}

const asking = (...values: readonly Uint8Array[]) =>
  write.sequence(write.oid(oids.extensionRequest), write.set(...values))
const usage = write.sequence(extension(oids.keyUsage, false, write.namedBits([true])))

test('the shape that the next tests change is right', () => {
  assert.deepEqual(parseRequest(shaped(() => undefined)).keyUsage, ['digitalSignature'])
})

for (const [why, der] of [
  ['version 2', shaped((info) => void info.splice(0, 1, write.integer(1)))],
  ['no attributes but another field', shaped((info) => void info.splice(3, 1, write.nul()))],
  ['a fifth field', shaped((info) => void info.push(write.nul()))],
  ['a part after the signature', shaped((_, outer) => void outer.push(write.nul()))],
  [
    'extensions asked for twice',
    shaped((info) => void info.splice(3, 1, write.tagged(0, true, Buffer.concat([asking(usage), asking(usage)])))),
  ],
  [
    'two lists of extensions',
    shaped((info) => void info.splice(3, 1, write.tagged(0, true, asking(usage, write.sequence())))),
  ],
  [
    'one extension twice',
    shaped(
      (info) =>
        void info.splice(
          3,
          1,
          write.tagged(
            0,
            true,
            asking(write.sequence(...[1, 2].map(() => extension(oids.keyUsage, false, write.namedBits([true]))))),
          ),
        ),
    ),
  ],
  ['a PEM of something else', Buffer.from(pem('CERTIFICATE', Buffer.of(1, 2, 3)))],
  ['text', Buffer.from('please')],
  ['nothing', Buffer.alloc(0)],
  ['more than 64 KiB', Buffer.alloc(64 * 1024 + 1, 0x30)],
] as const)
  test(`refused: ${why}`, () => {
    assert.throws(() => parseRequest(der), malformed)
  })

test('a signature with SHA-1 is not accepted', () => {
  const der = shaped((_, outer) => void outer.splice(0, 1, write.sequence(write.oid('1.2.840.10045.4.1'))))
  assert.throws(() => parseRequest(der), { code: 'unsupported_algorithm' })
})

test('every octet changed: a value or a TrustError, never anything else', async () => {
  mangle(parseRequest, await request({ dnsName: 'a.example' }))
})
