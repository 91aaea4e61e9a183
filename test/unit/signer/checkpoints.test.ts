// Keys that sign checkpoints: what each kind signs, what it refuses, and what it remembers, over the real socket.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { KeyInfo, SignerClient } from '#signer'
import {
  consistencyProof,
  cosignatureTime,
  Frontier,
  formatCheckpoint,
  type Hash,
  type HashReader,
  leafHash,
  noteVerifier,
  openNote,
  parseSignatureLines,
  parseVerifierKey,
} from '#transparency'
import { readTrail } from '../../../signer/audit.ts'
import { openSignedHeads } from '../../../signer/signed-heads.ts'
import { scratch } from '../host/scratch.ts'
import { startedSigner } from './signer-process.ts'

const ORIGIN = 'message-log/TEST/GOV/1/server'

/** A tree of so many leaves, and what of it is signed and proved. `branch` makes another history from that leaf on. */
function tree(size: number, branch = Number.POSITIVE_INFINITY) {
  const nodes = new Map<string, Hash>()
  const frontier = new Frontier()
  for (let leaf = 0; leaf < size; leaf += 1)
    frontier.append(leafHash(Buffer.from(leaf < branch ? `${leaf}` : `other ${leaf}`)), (level, index, hash) =>
      nodes.set(`${level}/${index}`, hash),
    )
  const read: HashReader = (asked) =>
    asked.map(({ level, index }) => nodes.get(`${level}/${index}`) ?? new Uint8Array())
  return {
    text: (origin = ORIGIN, extensions: readonly string[] = []) =>
      formatCheckpoint({ origin, size, root: frontier.root(), extensions }),
    from: (oldSize: number) => consistencyProof(oldSize, size, read),
  }
}

const note = (client: SignerClient, use: 'log' | 'mirror' | 'witness', name: string, algorithm = 'Ed25519' as const) =>
  client.generate({ use, algorithm, name })

async function signed(
  client: SignerClient,
  key: KeyInfo,
  size: number,
  oldSize: number,
  branch?: number,
  origin?: string,
) {
  const grown = tree(size, branch)
  return client.signCheckpoint({
    key: key.id,
    checkpoint: Buffer.from(grown.text(origin)),
    oldSize,
    proof: oldSize < size ? await grown.from(oldSize) : [],
  })
}

function opens(key: KeyInfo, text: string, line: string) {
  const known = parseVerifierKey(key.note?.verifierKey ?? '')
  return openNote({ text, signatures: parseSignatureLines(line) }, [noteVerifier(known)])
}

test("a log's key signs its log as it grows, and its signature opens the note", async (t) => {
  const { client } = await startedSigner(t)
  for (const algorithm of ['Ed25519', 'ML-DSA-44'] as const) {
    const key = await client.generate({ use: 'log', algorithm, name: ORIGIN })
    assert.equal(key.note?.name, ORIGIN)
    assert.deepEqual(key.certificates, [])
    let oldSize = 0
    for (const size of [0, 1, 2, 255, 256, 257, 257, 1000]) {
      assert.equal(opens(key, tree(size).text(), await signed(client, key, size, oldSize)).length, 1)
      oldSize = size
    }
    const [head] = await client.signedHeads(key.id)
    assert.deepEqual([head?.origin, head?.size], [ORIGIN, 1000])
  }
})

test('it refuses to go back, to fork, to skip, and to sign for another log; nothing is remembered then', async (t) => {
  const { client } = await startedSigner(t)
  const key = await note(client, 'log', ORIGIN)
  await signed(client, key, 100, 0)
  await assert.rejects(signed(client, key, 99, 0), { code: 'log_rolled_back' })
  await assert.rejects(signed(client, key, 0, 0), { code: 'log_rolled_back' })
  // The same size, another tree.
  await assert.rejects(signed(client, key, 100, 100, 40), { code: 'log_forked' })
  // A larger tree in which leaf 40 is another; its proof is right for its own history.
  await assert.rejects(signed(client, key, 120, 100, 40), { code: 'log_forked' })
  await assert.rejects(signed(client, key, 120, 0), { code: 'log_conflict' })
  await assert.rejects(signed(client, key, 120, 90), { code: 'log_conflict' })
  await assert.rejects(signed(client, key, 100, 0), { code: 'log_conflict' })
  await assert.rejects(signed(client, key, 120, 100, undefined, 'message-log/TEST/GOV/1/other'), {
    code: 'log_foreign',
  })
  assert.equal((await client.signedHeads(key.id))[0]?.size, 100)
  await signed(client, key, 120, 100)
})

test("a witness's key signs other people's logs, each with a memory of its own, and puts its time beside", async (t) => {
  const { client } = await startedSigner(t)
  for (const [use, algorithm] of [
    ['witness', 'Ed25519'],
    ['mirror', 'Ed25519'],
    ['witness', 'ML-DSA-44'],
  ] as const) {
    const key = await client.generate({ use, algorithm, name: `${use}/TEST/GOV/1/server` })
    const before = Math.floor(Date.now() / 1000)
    for (const [origin, sizes] of [
      ['log/one', [5, 9]],
      ['log/two', [300, 300, 301]],
    ] as const) {
      let oldSize = 0
      for (const size of sizes) {
        const [line] = opens(key, tree(size).text(origin), await signed(client, key, size, oldSize, undefined, origin))
        assert.ok(line && cosignatureTime(parseVerifierKey(key.note?.verifierKey ?? ''), line) >= before)
        oldSize = size
      }
      await assert.rejects(signed(client, key, oldSize + 1, oldSize, 2, origin), { code: 'log_forked' })
    }
    assert.deepEqual(
      (await client.signedHeads(key.id)).map(({ origin, size }) => [origin, size]),
      [
        ['log/one', 9],
        ['log/two', 301],
      ],
    )
  }
})

test('nobody is a witness of the log beside it', async (t) => {
  const { client } = await startedSigner(t)
  await note(client, 'log', ORIGIN)
  const witness = await note(client, 'witness', 'witness/TEST/GOV/1/server')
  await assert.rejects(signed(client, witness, 3, 0), { code: 'log_foreign' })
})

test('only what is a checkpoint to the byte is signed, and our own have no extension lines', async (t) => {
  const { client } = await startedSigner(t)
  const key = await note(client, 'log', ORIGIN)
  const text = tree(3).text()
  for (const bent of [
    text.trimEnd(),
    `${text}\n`,
    `${text}an extension\n`,
    text.replace('\n3\n', '\n03\n'),
    text.replace('message-log', 'message-\u0001log'),
    `cosignature/v1\ntime 1\n${text}`,
    'x',
  ])
    await assert.rejects(
      client.signCheckpoint({ key: key.id, checkpoint: Buffer.from(bent), oldSize: 0, proof: [] }),
      (error: { code?: string }) => error.code === 'policy' || error.code === 'log_foreign',
      bent,
    )
  const bytes = Buffer.concat([Buffer.from(text), Buffer.of(0xff, 0x0a)])
  await assert.rejects(client.signCheckpoint({ key: key.id, checkpoint: bytes, oldSize: 0, proof: [] }), {
    code: 'policy',
  })
  assert.deepEqual(await client.signedHeads(key.id), [])
})

test('such keys are good for nothing else, and no other key signs checkpoints', async (t) => {
  const { client } = await startedSigner(t)
  const policy = { code: 'policy' }
  const log = await note(client, 'log', ORIGIN)
  const message = await client.generate({ use: 'message', algorithm: 'EC-P256' })
  await assert.rejects(signed(client, message, 1, 0), policy)
  await assert.rejects(
    client.sign({ key: log.id, purpose: 'message', algorithm: 'SHA512withECDSA', data: Buffer.from('x') }),
    policy,
  )
  await assert.rejects(client.csr({ key: log.id, subject: [{ oid: '2.5.4.3', value: 'x' }] }), policy)
  await assert.rejects(client.selfSign({ key: log.id, commonName: 'x' }), policy)
  await assert.rejects(client.releaseTlsKey(log.id), policy)
  await assert.rejects(client.importKey({ use: 'log', pkcs8: Buffer.from('x') }), policy)
  // Algorithm, use and name belong together.
  await assert.rejects(client.generate({ use: 'log', algorithm: 'EC-P256', name: ORIGIN }), policy)
  await assert.rejects(client.generate({ use: 'message', algorithm: 'Ed25519' }), policy)
  await assert.rejects(client.generate({ use: 'witness', algorithm: 'Ed25519' }), policy)
  await assert.rejects(client.generate({ use: 'message', algorithm: 'EC-P256', name: 'x' }), policy)
  for (const name of ['', 'a b', 'a+b', 'a\nb', 'x'.repeat(256)])
    await assert.rejects(
      note(client, 'witness', name),
      (error: { code?: string }) => error.code === 'policy' || error.code === 'bad_request',
    )
})

test('what was signed is remembered over kill -9, at whatever moment it comes, and stands in the trail', async (t) => {
  const signer = await startedSigner(t)
  const key = await note(signer.client, 'log', ORIGIN)
  let { program, client } = signer
  let told = 0
  for (let round = 0; round < 6; round += 1) {
    const signing = (async () => {
      for (let size = told + 1; ; size += 1) {
        await signed(client, key, size, told)
        told = size
      }
    })()
    setTimeout(() => program.child.kill('SIGKILL'), 40 + round * 37)
    await assert.rejects(signing, { code: 'signer_unavailable' })
    await program.ended
    program = await signer.start()
    client = await signer.connect()
    const remembered = (await client.signedHeads(key.id))[0]?.size ?? 0
    // The one on the way when it was killed may be remembered though nobody has its signature.
    assert.ok(remembered === told || remembered === told + 1, `${remembered} after ${told}`)
    if (remembered > 1) {
      await assert.rejects(signed(client, key, remembered - 1, remembered - 1), { code: 'log_rolled_back' })
      await assert.rejects(signed(client, key, remembered + 5, remembered, 0), { code: 'log_forked' })
    }
    told = remembered
  }
  await program.kill('SIGKILL')
  let lines = 0
  for await (const { op, key: of, purpose, outcome } of readTrail(join(signer.directory, 'audit')))
    if (op === 'signCheckpoint' && of === key.id && purpose === 'checkpoint' && outcome === 'ok') lines += 1
  assert.ok(lines > 0 && lines <= told + 12)
})

test('a key whose memory is gone or damaged signs nothing', async (t) => {
  const signer = await startedSigner(t)
  const key = await note(signer.client, 'log', ORIGIN)
  const other = await note(signer.client, 'witness', 'witness/TEST/GOV/1/server')
  await signed(signer.client, key, 10, 0)
  await signer.program.kill('SIGTERM')
  const folder = join(signer.directory, 'heads', key.id)
  const [name = ''] = readdirSync(folder)
  const kept = readFileSync(join(folder, name))

  const refused = async () => {
    const program = await signer.start()
    const client = await signer.connect()
    await assert.rejects(signed(client, key, 11, 10), { code: 'store_failed' })
    await assert.rejects(client.signedHeads(key.id), { code: 'store_failed' })
    // Others go on.
    await signed(client, other, 1, 0, undefined, 'log/of/somebody')
    await client.signedHeads(other.id)
    assert.equal((await client.keys()).length, 2)
    await program.kill('SIGTERM')
    rmSync(join(signer.directory, 'heads', other.id), { recursive: true })
    mkdirSync(join(signer.directory, 'heads', other.id))
  }
  for (const bent of [
    '',
    '{}',
    kept.toString().replace('"size":10', '"size":-1'),
    kept.toString().replace('server', 'serv'),
  ]) {
    writeFileSync(join(folder, name), bent)
    await refused()
  }
  rmSync(folder, { recursive: true })
  await refused()
})

test('a crash while a head is written leaves the old one; what it left behind is swept', async (t) => {
  const directory = scratch(t)
  const heads = await openSignedHeads(directory)
  await heads.begin('a'.repeat(32))
  await heads.remember('a'.repeat(32), { origin: 'o', size: 1, root: 'AAAA' })
  const folder = join(directory, 'heads', 'a'.repeat(32))
  const [name = ''] = readdirSync(folder)
  const torn = join(folder, `.${name}.0123456789ab.tmp`)
  writeFileSync(torn, '{"format":1,"ori')
  const again = await openSignedHeads(directory)
  assert.equal(existsSync(torn), false)
  assert.equal(again.head('a'.repeat(32), 'o')?.size, 1)
})
