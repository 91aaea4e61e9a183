// A log that the signer signs: what is published, what a restart finds, and every way in which disk and signer can disagree.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { leafHash, noteVerifier, openNote, parseCheckpoint, parseNote, verifyInclusion } from '#transparency'
import { SignedLog, TileLog } from '#transparent-log'
import { scratch } from '../host/scratch.ts'
import { startedSigner } from '../signer/signer-process.ts'
import { entries, ORIGIN, openLog } from './fixture.ts'

test('what is published opens with the key that the signer made, and proves every entry', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const log = await openLog(t, client, { directory })
  assert.equal(log.newest, undefined)
  assert.equal(await log.prove(0), undefined)
  for (const size of [0, 1, 300]) {
    await log.tree.append(entries(log.tree.size, size))
    const checkpoint = await log.publish()
    assert.equal(checkpoint.size, size)
    const note = parseNote(readFileSync(join(directory, 'checkpoint')))
    assert.equal(openNote(note, log.keys.verifierKeys.map(noteVerifier)).length, 1)
    assert.equal(parseCheckpoint(note.text).size, size)
  }
  for (const index of [0, 255, 256, 299]) {
    const proof = await log.prove(index)
    assert.ok(proof)
    const { size, root } = proof.checkpoint
    assert.deepEqual(Buffer.from(proof.entry), entries(index, index + 1)[0])
    assert.ok(verifyInclusion({ index, leaf: leafHash(proof.entry), size, root, proof: proof.hashes }))
  }
  // Behind what was signed nothing is proved.
  await log.tree.append(entries(300, 310))
  assert.equal(await log.prove(300), undefined)
})

test('a second process does not open the same folder', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  await openLog(t, client, { directory })
  await assert.rejects(SignedLog.open({ directory, origin: ORIGIN, signer: client }), { code: 'store_in_use' })
})

test('what was not signed comes again after a restart; what was signed is there', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const first = await openLog(t, client, { directory })
  await first.tree.append(entries(0, 100))
  const published = await first.publish()
  await first.tree.append(entries(100, 140))
  await first.tree.sync()
  await first.close()
  const log = await openLog(t, client, { directory })
  assert.deepEqual([log.tree.size, log.missing, log.newest?.note], [100, 0, published.note])
  assert.deepEqual((await log.publish()).note, published.note)
})

test('a tree that was signed and not published, as a crash leaves it, is published at the next start', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const first = await openLog(t, client, { directory })
  await first.tree.append(entries(0, 100))
  await first.publish()
  const old = readFileSync(join(directory, 'checkpoint'))
  await first.tree.append(entries(100, 300))
  const published = await first.publish()
  await first.close()
  for (const left of [old, undefined]) {
    if (left === undefined) rmSync(join(directory, 'checkpoint'))
    else writeFileSync(join(directory, 'checkpoint'), left)
    const log = await openLog(t, client, { directory })
    assert.equal(log.tree.size, 300)
    assert.deepEqual((await log.publish()).note, published.note)
    assert.equal(parseCheckpoint(parseNote(readFileSync(join(directory, 'checkpoint'))).text).size, 300)
    await log.close()
  }
})

test('an older copy of the tree: nothing is signed until the very same entries have come again', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const copy = scratch(t)
  const first = await openLog(t, client, { directory })
  await first.tree.append(entries(0, 100))
  await first.publish()
  cpSync(directory, copy, { recursive: true })
  await first.tree.append(entries(100, 300))
  const published = await first.publish()
  await first.close()

  const back = await openLog(t, client, { directory: copy })
  assert.deepEqual([back.tree.size, back.missing], [100, 200])
  await assert.rejects(back.publish(), { code: 'tree_rolled_back' })
  await back.tree.append(entries(100, 250))
  await assert.rejects(back.publish(), { code: 'tree_rolled_back' })
  await back.tree.append(entries(250, 320))
  const continued = await back.publish()
  assert.equal(continued.size, 320)
  assert.notDeepEqual(continued.note, published.note)
})

test('an older copy of the tree that goes on with other entries is a fork, and is not signed', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const first = await openLog(t, client, { directory })
  await first.tree.append(entries(0, 100))
  await first.publish()
  const copy = scratch(t)
  cpSync(directory, copy, { recursive: true })
  await first.tree.append(entries(100, 300))
  await first.publish()
  await first.close()
  const back = await openLog(t, client, { directory: copy })
  await back.tree.append(entries(100, 350, 299))
  await assert.rejects(back.publish(), { code: 'tree_forked' })
  assert.equal(back.newest?.size, 100)
})

test('another history on the disk is not what was signed', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const first = await openLog(t, client, { directory })
  await first.tree.append(entries(0, 100))
  await first.publish()
  await first.close()
  // Rewritten from leaf 40 on, tree and all, with tools like ours; and the checkpoint is gone.
  const elsewhere = scratch(t)
  const other = await TileLog.open(elsewhere, 0)
  await other.append(entries(0, 100, 40))
  await other.sync()
  await other.close()
  cpSync(elsewhere, join(directory, 'tree'), { recursive: true })
  rmSync(join(directory, 'checkpoint'))
  const rewritten = await openLog(t, client, { directory })
  await assert.rejects(rewritten.verify(), { code: 'tree_forked' })
  await assert.rejects(rewritten.publish(), { code: 'tree_forked' })
})

test('a checkpoint that a stranger signed, or nobody, is not taken for ours', async (t) => {
  const [ours, stranger] = await Promise.all([startedSigner(t), startedSigner(t)])
  const directory = scratch(t)
  const log = await openLog(t, ours.client, { directory })
  await log.tree.append(entries(0, 10))
  await log.publish()
  const good = readFileSync(join(directory, 'checkpoint'))
  await log.close()
  const strange = scratch(t)
  const theirs = await openLog(t, stranger.client, { directory: strange })
  await theirs.tree.append(entries(0, 10))
  await theirs.publish()

  writeFileSync(join(directory, 'checkpoint'), readFileSync(join(strange, 'checkpoint')))
  await assert.rejects(openLog(t, ours.client, { directory }), { code: 'key_replaced' })
  writeFileSync(join(directory, 'checkpoint'), good.toString().replace('\n10\n', '\n9\n'))
  await assert.rejects(openLog(t, ours.client, { directory }), { code: 'tree_damaged' })
  writeFileSync(join(directory, 'checkpoint'), 'x')
  await assert.rejects(openLog(t, ours.client, { directory }), { code: 'tree_damaged' })
})

test('a new signer goes on with the log when the old key is named as a former one, and only then', async (t) => {
  const [old, fresh] = await Promise.all([startedSigner(t), startedSigner(t)])
  const directory = scratch(t)
  const first = await openLog(t, old.client, { directory })
  await first.tree.append(entries(0, 10))
  await first.publish()
  const formerKeys = first.keys.verifierKeys
  await first.close()
  await assert.rejects(openLog(t, fresh.client, { directory }), { code: 'key_replaced' })
  const log = await openLog(t, fresh.client, { directory, formerKeys })
  await log.tree.append(entries(10, 20))
  const { note, size } = await log.publish()
  assert.equal(size, 20)
  assert.equal(openNote(note, log.keys.verifierKeys.map(noteVerifier)).length, 1)
  assert.equal(await log.tree.consistencyProof(10, 20).then((proof) => proof.length > 0), true)
})

test('a second key of the same name signs beside the first, so that verifiers can change over', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const first = await openLog(t, client, { directory })
  await first.tree.append(entries(0, 10))
  await first.publish()
  const [oldKey] = first.keys.verifierKeys
  await first.close()
  await client.generate({ use: 'log', algorithm: 'ML-DSA-44', name: ORIGIN })
  const log = await openLog(t, client, { directory })
  // The same tree, which the new key has not signed yet.
  assert.equal(openNote((await log.publish()).note, log.keys.verifierKeys.map(noteVerifier)).length, 2)
  await log.tree.append(entries(10, 20))
  const { note } = await log.publish()
  assert.equal(openNote(note, log.keys.verifierKeys.map(noteVerifier)).length, 2)
  assert.ok(oldKey && openNote(note, [noteVerifier(oldKey)]).length === 1)
})

test('an answer of the signer that was lost on the way is asked for again', async (t) => {
  const { client } = await startedSigner(t)
  const log = await openLog(t, client)
  await log.tree.append(entries(0, 10))
  await log.publish()
  // Somebody had the same key sign the tree that comes next: as if the first answer had been lost.
  const ahead = await openLog(t, client, { directory: scratch(t) })
  await ahead.tree.append(entries(0, 15))
  await ahead.publish()
  await log.tree.append(entries(10, 15))
  assert.equal((await log.publish()).size, 15)
})
