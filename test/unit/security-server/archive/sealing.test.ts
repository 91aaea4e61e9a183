// Archives encrypted to whom they belong: gpg and age open them, others cannot, and a key that is missing stops it before anything is written.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { ClientId } from '#protocol'
import { archiveSchema } from '../../../../security-server/archive/index.ts'
import { readMemberKeys } from '../../../../security-server/archive/sealing/member-keys.ts'
import { openSealer, type Sealer } from '../../../../security-server/archive/sealing/sealer.ts'
import { needsTools, tool } from '../../../tools.ts'
import { atEnd, code, collect, temporaryDirectory } from '../message-log/fixture.ts'

const OWNER: ClientId = { instance: 'DEMO', memberClass: 'GOV', memberCode: '1', subsystemCode: 'a' }
const NEVER = new AbortController().signal

function sealerOf(encryption: object): Sealer {
  return openSealer(archiveSchema.parse({ grouping: 'member', encryption }).encryption)
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000)
}

async function sealed(sealer: Sealer, bytes: Uint8Array, owner?: ClientId): Promise<Buffer> {
  return collect(sealer.seal(owner, pieces(bytes)))
}

async function ageKey(): Promise<{ identity: string; recipient: string }> {
  const identity = await generateX25519Identity()
  return { identity, recipient: await identityToRecipient(identity) }
}

test('age opens what was encrypted to its recipients, nobody else', async (t) => {
  if (!needsTools(t, 'age')) return
  const directory = await temporaryDirectory(t)
  const [one, two, other] = [await ageKey(), await ageKey(), await ageKey()]
  const sealer = sealerOf({ method: 'age', recipients: [one.recipient, two.recipient] })
  assert.equal(sealer.ending, '.age')
  await sealer.check(NEVER)
  for (const size of [65_536, 3_000_000]) {
    const plain = randomBytes(size)
    writeFileSync(join(directory, 'file.age'), await sealed(sealer, plain))
    for (const [key, opens] of [
      [one, true],
      [two, true],
      [other, false],
    ] as const) {
      writeFileSync(join(directory, 'key'), key.identity)
      const out = join(directory, `out-${size}`)
      const { status } = tool('age', ['-d', '-i', join(directory, 'key'), '-o', out, join(directory, 'file.age')])
      assert.equal(status === 0, opens)
      if (opens) assert.ok(plain.equals(readFileSync(out)))
    }
  }
})

test('a member has recipients of its own, the others the default ones', async (t) => {
  const directory = await temporaryDirectory(t)
  const [standard, own] = [await ageKey(), await ageKey()]
  const memberKeys = join(directory, 'members')
  writeFileSync(memberKeys, `# of members\nDEMO/GOV/1 = ${own.recipient}\n`)
  const sealer = sealerOf({ method: 'age', recipients: [standard.recipient], memberKeys })
  const { Decrypter } = await import('age-encryption')
  const opens = async (file: Buffer, identity: string) => {
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    return decrypter.decrypt(file).then(
      (plain) => Buffer.from(plain).toString(),
      () => undefined,
    )
  }
  const plain = Buffer.from('plain')
  const ours = await sealed(sealer, plain, OWNER)
  assert.equal(await opens(ours, own.identity), 'plain')
  assert.equal(await opens(ours, standard.identity), undefined)
  const others = await sealed(sealer, plain, { ...OWNER, memberCode: '2' })
  assert.equal(await opens(others, standard.identity), 'plain')
  assert.equal(await opens(others, own.identity), undefined)
  writeFileSync(memberKeys, `DEMO/GOV/9 = age1notakey\n`)
  await assert.rejects(sealer.check(NEVER), code('key_unusable'))
  writeFileSync(memberKeys, 'DEMO/GOV/9\n')
  await assert.rejects(sealer.check(NEVER), code('member_keys_invalid'))
})

/** A GnuPG home of its own, whose agent ends with the test. */
async function gnupg(
  t: TestContext,
): Promise<(args: readonly string[], input?: Uint8Array | string) => ReturnType<typeof tool>> {
  const home = await temporaryDirectory(t)
  atEnd(t, () => tool('gpgconf', ['--homedir', home, '--kill', 'all']))
  return (args, input) =>
    tool('gpg', ['--homedir', home, '--batch', '--no-tty', ...args], input === undefined ? {} : { input })
}

test('gpg opens what was encrypted as X-Road does, and finds the signature good', async (t) => {
  if (!needsTools(t, 'gpg', 'gpgconf')) return
  const directory = await temporaryDirectory(t)
  const server = await gnupg(t)
  const auditor = await gnupg(t)
  const stranger = await gnupg(t)
  for (const [who, name, algorithm, use] of [
    [server, 'Server <server@example.org>', 'rsa3072', 'default'],
    [auditor, 'Auditor <auditor@example.org>', 'default', 'default'],
    [auditor, 'Second <second@example.org>', 'rsa2048', 'cert,sign,encr'],
    [stranger, 'Stranger <stranger@example.org>', 'default', 'default'],
  ] as const)
    assert.equal(who(['--passphrase', '', '--quick-gen-key', name, algorithm, use, 'never']).status, 0)
  const keyring = join(directory, 'keyring')
  const signingKey = join(directory, 'signing')
  const auditors = auditor(['--armor', '--export']).stdout
  writeFileSync(keyring, auditors)
  writeFileSync(signingKey, server(['--armor', '--export-secret-keys']).stdout)
  auditor(['--import'], server(['--armor', '--export']).stdout)
  const listed = auditor(['--with-colons', '--list-keys', 'auditor@example.org']).stdout
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? ''
  for (const recipients of [[`0x${fingerprint.slice(-16)}`], ['auditor@', 'Second']]) {
    const sealer = sealerOf({ method: 'openpgp', keyring, recipients, signingKey })
    assert.equal(sealer.ending, '.gpg')
    await sealer.check(NEVER)
    const plain = randomBytes(2_000_000)
    const file = join(directory, 'file.gpg')
    writeFileSync(file, await sealed(sealer, plain))
    const out = join(directory, 'out')
    const opened = auditor(['--yes', '--status-fd', '1', '-o', out, '-d', file])
    assert.equal(opened.status, 0, opened.stderr)
    assert.match(opened.stdout, /GOODSIG/)
    // AES-256 with its integrity check, SHA-256.
    assert.match(opened.stdout, /DECRYPTION_INFO 2 9/)
    assert.match(opened.stdout, /VALIDSIG .* 8 00 /)
    assert.ok(plain.equals(readFileSync(out)))
    assert.notEqual(stranger(['-d', file]).status, 0)
  }
  const openpgp = { method: 'openpgp', keyring, recipients: [fingerprint], signingKey }
  for (const wrong of [
    { recipients: ['nobody@example.org'] },
    { recipients: ['example.org'] },
    { recipients: [fingerprint, '0123456789ABCDEF'] },
    { signingKey: keyring },
    { signingKey: file('not a key') },
  ]) {
    const sealer = sealerOf({ ...openpgp, ...wrong })
    await assert.rejects(sealer.check(NEVER), code('key_unusable'), JSON.stringify(wrong))
  }
  const missing = sealerOf({ ...openpgp, keyring: join(directory, 'none') })
  await assert.rejects(sealed(missing, randomBytes(1_000_000)), code('key_unusable'))
  function file(content: string): string {
    const path = join(directory, 'odd')
    writeFileSync(path, content)
    return path
  }
})

test('a signing key with a passphrase, an expired recipient', async (t) => {
  if (!needsTools(t, 'gpg', 'gpgconf')) return
  const directory = await temporaryDirectory(t)
  const gpg = await gnupg(t)
  const pin = ['--pinentry-mode', 'loopback', '--passphrase', 'secret']
  assert.equal(gpg([...pin, '--quick-gen-key', 'Server <server@example.org>', 'default', 'default', 'never']).status, 0)
  gpg([
    '--passphrase',
    '',
    '--faked-system-time',
    '20200101T000000',
    '--quick-gen-key',
    'Old <old@example.org>',
    'default',
    'default',
    '1y',
  ])
  const path = (name: string) => join(directory, name)
  writeFileSync(path('keyring'), gpg(['--armor', '--export']).stdout)
  writeFileSync(path('signing'), gpg([...pin, '--armor', '--export-secret-keys', 'server@example.org']).stdout)
  writeFileSync(path('pass'), 'secret\n')
  writeFileSync(path('wrong'), 'other\n')
  const settings = { method: 'openpgp', keyring: path('keyring'), signingKey: path('signing') }
  const recipients = ['server@example.org']
  const good = sealerOf({ ...settings, recipients, passphraseFile: path('pass') })
  await good.check(NEVER)
  writeFileSync(path('file.gpg'), await sealed(good, Buffer.from('plain')))
  assert.equal(gpg([...pin, '-d', path('file.gpg')]).stdout, 'plain')
  for (const wrong of [{}, { passphraseFile: path('wrong') }])
    await assert.rejects(sealerOf({ ...settings, recipients, ...wrong }).check(NEVER), code('key_unusable'))
  const old = sealerOf({ ...settings, recipients: ['old@example.org'], passphraseFile: path('pass') })
  await assert.rejects(old.check(NEVER), code('key_unusable'))
})

test('a source that fails, and a reader that stops, end it', async () => {
  const { recipient } = await ageKey()
  const sealer = sealerOf({ method: 'age', recipients: [recipient] })
  const failing = async function* () {
    yield randomBytes(500_000)
    throw new Error('the disk is gone')
  }
  await assert.rejects(collect(sealer.seal(undefined, failing())), /the disk is gone/)
  let ended = false
  const endless = async function* () {
    try {
      for (;;) yield randomBytes(100_000)
    } finally {
      ended = true
    }
  }
  for await (const chunk of sealer.seal(undefined, endless())) {
    assert.ok(chunk.length > 0)
    break
  }
  assert.ok(ended)
})

test('keys of members are read as X-Road writes them, and strictly', () => {
  const text = [
    '# a comment',
    '',
    '  # another',
    'DEMO/GOV/1 = key one',
    'DEMO/GOV/1=key two#not a comment',
    'DEMO/GOV/1 = key one',
    'DEMO/GOV/a\\=b = x=y',
    '\\#DEMO/GOV/2 = z',
  ].join('\r\n')
  assert.deepEqual(
    [...readMemberKeys(text, 'file')],
    [
      ['DEMO/GOV/1', ['key one', 'key two#not a comment']],
      ['DEMO/GOV/a=b', ['x=y']],
      ['#DEMO/GOV/2', ['z']],
    ],
  )
  for (const wrong of ['DEMO/GOV/1', 'DEMO/GOV/1 =', '= key', 'DEMO/GOV = key', 'DEMO/GOV/1/sub = key'])
    assert.throws(() => readMemberKeys(wrong, 'file'), code('member_keys_invalid'), wrong)
})

test('keys of members need groups of members', () => {
  const encryption = { method: 'age', recipients: ['age1abc'], memberKeys: '/tmp/keys' }
  assert.equal(archiveSchema.safeParse({ encryption }).success, false)
  assert.equal(archiveSchema.safeParse({ encryption, grouping: 'subsystem' }).success, true)
})
