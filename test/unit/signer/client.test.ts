import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { connectSigner, type KeyInfo } from '#signer'
import { type DigestName, publicKeyFromSpki, signatureFor, signatureNamed, verifySignature } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { scratch } from '../host/scratch.ts'
import { signedInfoFor } from './signed-info.ts'
import { startedSigner, testSigner } from './signer-process.ts'

const ALGORITHMS: readonly KeyInfo['algorithm'][] = ['EC-P256', 'EC-P384', 'RSA-2048', 'RSA-3072', 'RSA-4096']

test('keys of every kind are made, listed and sign; openssl agrees', async (t) => {
  const { client } = await startedSigner(t)
  const folder = scratch(t)
  const made = await Promise.all(
    ALGORITHMS.map((algorithm) => client.generate({ use: 'message', algorithm, label: `a ${algorithm}` })),
  )
  const byId = (a: KeyInfo, b: KeyInfo) => a.id.localeCompare(b.id)
  assert.deepEqual([...(await client.keys())].sort(byId), made.toSorted(byId))
  const digests: DigestName[] = ['SHA-256', 'SHA-384', 'SHA-512']
  for (const key of made) {
    const spki = publicKeyFromSpki(Buffer.from(key.spki, 'base64'))
    const ecOrRsa = digests.map((digest) => signatureFor(spki, digest).name)
    const pss = key.algorithm.startsWith('RSA') ? ['SHA256withRSAandMGF1', 'SHA512withRSAandMGF1'] : []
    for (const name of [...ecOrRsa, ...pss]) {
      const algorithm = signatureNamed(name)
      assert.ok(algorithm)
      const data = signedInfoFor(algorithm.uri)
      const signature = await client.sign({ key: key.id, purpose: 'message', algorithm: name, data })
      assert.ok(verifySignature(algorithm, spki, data, signature), `${key.algorithm} ${name}`)
    }
    if (!needsTools(t, 'openssl')) continue
    const algorithm = signatureFor(spki)
    const data = signedInfoFor(algorithm.uri)
    writeFileSync(join(folder, 'data'), data)
    writeFileSync(join(folder, 'key.pem'), spki.export({ format: 'pem', type: 'spki' }))
    writeFileSync(
      join(folder, 'signature'),
      await client.sign({ key: key.id, purpose: 'message', algorithm: algorithm.name, data }),
    )
    const judged = tool('openssl', ['dgst', '-sha512', '-verify', 'key.pem', '-signature', 'signature', 'data'], {
      cwd: folder,
    })
    assert.match(judged.stdout, /Verified OK/, key.algorithm)
  }
})

test('a key signs with its own kind of algorithm only', async (t) => {
  const { client } = await startedSigner(t)
  const [ec, rsa] = await Promise.all([
    client.generate({ use: 'message', algorithm: 'EC-P256' }),
    client.generate({ use: 'message', algorithm: 'RSA-2048' }),
  ])
  for (const [key, name] of [
    [ec, 'SHA512withRSA'],
    [rsa, 'SHA512withECDSA'],
  ] as const) {
    const data = signedInfoFor(signatureNamed(name)?.uri ?? '')
    await assert.rejects(client.sign({ key: key.id, purpose: 'message', algorithm: name, data }), {
      code: 'unsupported_algorithm',
    })
  }
})

test('many calls at once get each its own answer', async (t) => {
  const { client } = await startedSigner(t)
  const key = await client.generate({ use: 'message', algorithm: 'RSA-2048' })
  const spki = publicKeyFromSpki(Buffer.from(key.spki, 'base64'))
  const algorithm = signatureFor(spki)
  await Promise.all(
    Array.from({ length: 2000 }, async (_, n) => {
      if (n % 10 === 0)
        await assert.rejects(
          client.sign({ key: key.id, purpose: 'ocsp', algorithm: algorithm.name, data: Buffer.from('x') }),
          { code: 'policy' },
        )
      else {
        const data = signedInfoFor(algorithm.uri, n)
        assert.ok(
          verifySignature(
            algorithm,
            spki,
            data,
            await client.sign({ key: key.id, purpose: 'message', algorithm: algorithm.name, data }),
          ),
        )
      }
    }),
  )
})

test('what is too large for a frame is refused here, and the connection goes on', async (t) => {
  const { client } = await startedSigner(t)
  await assert.rejects(
    client.sign({
      key: '0'.repeat(32),
      purpose: 'message',
      algorithm: 'SHA512withECDSA',
      data: Buffer.alloc(1024 * 1024),
    }),
    { code: 'bad_request' },
  )
  await assert.rejects(
    client.sign({ key: '","op":"x', purpose: 'message', algorithm: 'SHA512withECDSA', data: Buffer.alloc(1) }),
    TypeError,
  )
  assert.equal((await client.status()).unlocked, true)
})

test('calls under way when the signer dies are told so; the next call reaches the one that was started again', async (t) => {
  const signer = await startedSigner(t)
  const key = await signer.client.generate({ use: 'message', algorithm: 'RSA-4096' })
  const data = signedInfoFor(signatureNamed('SHA512withRSA')?.uri ?? '')
  const sign = () => signer.client.sign({ key: key.id, purpose: 'message', algorithm: 'SHA512withRSA', data })
  const calls = Array.from({ length: 500 }, () =>
    sign().then(
      () => 'signed',
      (error: { code: string }) => error.code,
    ),
  )
  await calls[3]
  await signer.program.kill('SIGKILL')
  const ends = new Set(await Promise.all(calls))
  assert.deepEqual([...ends].sort(), ['signed', 'signer_unavailable'])
  await assert.rejects(sign(), { code: 'signer_unavailable' })
  const once = await connectSigner({ ...signer, reconnect: false }).catch((error: { code: string }) => error.code)
  assert.equal(once, 'signer_unavailable')
  await signer.start()
  assert.ok((await sign()).length > 0)
  assert.deepEqual(
    (await signer.client.keys()).map(({ id }) => id),
    [key.id],
  )
})

test('a client that comes first waits for its signer; one with another token, or without patience, is refused', async (t) => {
  const signer = testSigner(t)
  await assert.rejects(signer.connect({ reconnect: false }), { code: 'signer_unavailable' })
  const early = signer.connect()
  await signer.start()
  assert.equal((await (await early).status()).unlocked, true)
  const wrong = join(signer.home, 'wrong-token')
  writeFileSync(wrong, 'x'.repeat(43))
  await assert.rejects(signer.connect({ tokenFile: wrong }), { code: 'refused' })
})

test('a closed client answers no more', async (t) => {
  const { client } = await startedSigner(t)
  const pending = client.generate({ use: 'message', algorithm: 'RSA-4096' })
  client.close()
  await assert.rejects(pending, { code: 'signer_unavailable' })
  await assert.rejects(client.status(), { code: 'signer_unavailable' })
})

test('the TLS key is given once per connection, is the key of its certificate, and is written in the trail', async (t) => {
  const signer = await startedSigner(t)
  const { client } = signer
  const key = await client.generate({ use: 'authentication', algorithm: 'EC-P256' })
  const pem = await client.releaseTlsKey(key.id)
  assert.equal(createPublicKey(pem).export({ format: 'der', type: 'spki' }).toString('base64'), key.spki)
  await assert.rejects(client.releaseTlsKey(key.id), { code: 'policy' })
  // The server that was restarted has another connection.
  assert.equal(await (await signer.connect()).releaseTlsKey(key.id), pem)
  const message = await client.generate({ use: 'message', algorithm: 'EC-P256' })
  await assert.rejects(client.releaseTlsKey(message.id), { code: 'policy' })
  const trail = (await client.audit({ limit: 1000 })).filter(({ op }) => op === 'releaseTlsKey')
  assert.deepEqual(
    trail.map(({ key: of, outcome }) => [of, outcome]),
    [
      [key.id, 'ok'],
      [key.id, 'policy'],
      [key.id, 'ok'],
      [message.id, 'policy'],
    ],
  )
})
