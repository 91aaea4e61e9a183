import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { type Log, systemClock } from '#host'
import { publicKeyFromSpki, signatureFor, verifySignature } from '#trust'
import { openSoftwareToken } from '../../../signer/tokens/software.ts'
import { scratch } from '../host/scratch.ts'
import { testSigner } from './signer-process.ts'

const PIN = Buffer.from('correct horse')

function listening(): { log: Log; errors: string[] } {
  const errors: string[] = []
  const quiet = () => undefined
  return { errors, log: { error: (message) => void errors.push(message), warn: quiet, info: quiet, debug: quiet } }
}

async function opened(directory: string, pin: Uint8Array = PIN) {
  const { log, errors } = listening()
  const token = await openSoftwareToken(directory, systemClock, log)
  await token.unlock(pin)
  return { token, errors }
}

const fileOf = (directory: string, id: string) => join(directory, 'keys', `${id}.json`)
const edit = (file: string, change: (record: Record<string, unknown>) => void) => {
  const record = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  change(record)
  writeFileSync(file, JSON.stringify(record))
}

test('keys lie sealed: no file has the private key, and another PIN opens none', async (t) => {
  const directory = scratch(t)
  const { token } = await opened(directory)
  const key = await token.generate({ use: 'authentication', label: 'tls' }, 'EC-P256')
  const pem = token.exportKey(key.id)
  const secret = Buffer.from(pem.replace(/-----.*-----|\n/g, ''), 'base64').subarray(36, 68)
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    if (!statSync(join(directory, name)).isFile()) continue
    const text = readFileSync(join(directory, name), 'latin1')
    const decoded = [...text.matchAll(/"sealed": ?"([^"]+)"/g)].map(([, sealed]) => Buffer.from(sealed ?? '', 'base64'))
    for (const bytes of [Buffer.from(text, 'latin1'), ...decoded]) assert.equal(bytes.includes(secret), false, name)
  }
  await assert.rejects(opened(directory, Buffer.from('another horse')), { code: 'pin_incorrect' })
  const again = await opened(directory)
  assert.equal(again.token.exportKey(key.id), pem)
  assert.deepEqual(again.token.keys(), [key])
})

test('a record whose use, algorithm, label or public key was edited is left aside; the others go on', async (t) => {
  const edits: readonly ((record: Record<string, unknown>) => void)[] = [
    (record) => Object.assign(record, { use: 'certificate' }),
    (record) => Object.assign(record, { algorithm: 'EC-P384' }),
    (record) => Object.assign(record, { label: 'renamed' }),
    (record) => Object.assign(record, { createdAt: '2020-01-01T00:00:00.000Z' }),
    (record) => Object.assign(record, { spki: Buffer.from('another').toString('base64') }),
    (record) => Object.assign(record, { sealed: Buffer.alloc(200).toString('base64') }),
    (record) => Object.assign(record, { use: 'everything' }),
    (record) => Object.assign(record, { extra: 1 }),
  ]
  const directory = scratch(t)
  const { token } = await opened(directory)
  const keys = await Promise.all(
    Array.from({ length: edits.length + 1 }, () => token.generate({ use: 'message' }, 'EC-P256')),
  )
  const good = keys.at(-1)?.id ?? ''
  for (const [index, change] of edits.entries()) edit(fileOf(directory, keys[index]?.id ?? ''), change)
  const { token: after, errors } = await opened(directory)
  assert.deepEqual(
    after.keys().map(({ id }) => id),
    [good],
  )
  assert.equal(errors.length, edits.length)
  const algorithm = signatureFor(publicKeyFromSpki(after.key(good)?.spki ?? new Uint8Array()))
  for (const { id } of keys.slice(0, -1))
    assert.throws(() => after.sign(id, algorithm, Buffer.from('x')), { code: 'unknown_key' })
  assert.ok(after.sign(good, algorithm, Buffer.from('x')))
})

test('one key cannot be put in the place of another', async (t) => {
  const directory = scratch(t)
  const { token } = await opened(directory)
  const [a, b] = await Promise.all([
    token.generate({ use: 'message' }, 'EC-P256'),
    token.generate({ use: 'certificate' }, 'EC-P256'),
  ])
  const recordOf = (id: string) => JSON.parse(readFileSync(fileOf(directory, id), 'utf8')) as { sealed: string }
  const sealed = recordOf(b.id).sealed
  edit(fileOf(directory, a.id), (record) => Object.assign(record, { sealed }))
  assert.deepEqual(
    (await opened(directory)).token.keys().map(({ id }) => id),
    [b.id],
  )
  copyFileSync(fileOf(directory, b.id), fileOf(directory, a.id))
  const { token: after, errors } = await opened(directory)
  assert.deepEqual(
    after.keys().map(({ id }) => id),
    [b.id],
  )
  assert.equal(errors.length, 1)
})

test('a vault that is gone, damaged or made cheaper opens nothing, and no new one takes its place', async (t) => {
  const directory = scratch(t)
  const { token } = await opened(directory)
  await token.generate({ use: 'message' }, 'EC-P256')
  const vault = join(directory, 'vault.json')
  const kept = join(directory, 'kept')
  copyFileSync(vault, kept)
  edit(vault, (record) => Object.assign(record['kdf'] as object, { N: 2 }))
  await assert.rejects(opened(directory), { code: 'pin_incorrect' })
  edit(vault, (record) => Object.assign(record['kdf'] as object, { N: 2 ** 30 }))
  await assert.rejects(opened(directory), { code: 'store_failed' })
  writeFileSync(vault, '{')
  await assert.rejects(opened(directory), { code: 'store_failed' })
  rmSync(vault)
  await assert.rejects(opened(directory), { code: 'store_failed', message: /vault\.json is missing/ })
  renameSync(kept, vault)
  assert.equal((await opened(directory)).token.keys().length, 1)
})

test('killed while keys are made, each key is whole or absent, and those that were answered are there', async (t) => {
  const rounds = process.env['SAADIK_LONG'] ? 40 : 5
  const signer = testSigner(t)
  const answered = new Set<string>()
  for (let round = 0; round < rounds; round += 1) {
    const program = await signer.start()
    const client = await signer.connect({ reconnect: false })
    const making = Array.from({ length: 200 }, () =>
      client.generate({ use: 'message', algorithm: 'EC-P256' }).then(
        ({ id }) => void answered.add(id),
        () => undefined,
      ),
    )
    await making[round]
    await new Promise((resolve) => setTimeout(resolve, (round * 13) % 60))
    await program.kill('SIGKILL')
    await Promise.all(making)
    client.close()
  }
  const { token, errors } = await opened(signer.directory)
  assert.deepEqual(errors, [])
  const there = new Set(token.keys().map(({ id }) => id))
  for (const id of answered) assert.ok(there.has(id), `${id} was answered and is gone`)
  assert.ok(answered.size >= rounds)
  for (const { id, spki } of token.keys()) {
    const key = publicKeyFromSpki(spki)
    const algorithm = signatureFor(key)
    assert.ok(verifySignature(algorithm, key, Buffer.from('x'), await token.sign(id, algorithm, Buffer.from('x'))))
  }
  assert.equal(readdirSync(join(signer.directory, 'keys')).length, there.size)
})
