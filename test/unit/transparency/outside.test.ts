// What Go's golang.org/x/mod/sumdb/tlog and note say of our checkpoints, tiles and proofs (test/go/tlogcheck).
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import {
  type Checkpoint,
  consistencyProof,
  formatEntryBundle,
  formatVerifierKey,
  type Hash,
  inclusionProof,
  leafHash,
  newBundles,
  newTiles,
  noteVerifier,
  openNote,
  parseNote,
  TransparencyError,
  tilePath,
  tileReader,
  verifyConsistency,
  verifyInclusion,
} from '#transparency'
import { ask, hasGo } from '../../go/tlogcheck.ts'
import { entryOf } from './naive.ts'
import { noteSigner, signedBy } from './signers.ts'
import { TileLog } from './tiles.ts'

const scratch = mkdtempSync(join(tmpdir(), 'saadik-tlogcheck-'))
after(() => rmSync(scratch, { recursive: true }))

const base64 = (hash: Hash) => Buffer.from(hash).toString('base64')
const SIZES = [1, 2, 255, 256, 257, 65_537]
const entries = Array.from({ length: 65_537 }, (_, index) => entryOf(index))
const signer = noteSigner('note', 'log.example/one')
const witnesses = [noteSigner('cosignature', 'w1.example'), noteSigner('cosignature', 'w2.example/õ')]
const keys = { log: formatVerifierKey(signer.key), witnesses: witnesses.map(({ key }) => formatVerifierKey(key)) }
const logs = new Map(SIZES.map((size) => [size, new TileLog().add(...entries.slice(0, size))]))
const logOf = (size: number) => logs.get(size) as TileLog
const headOf = (size: number): Checkpoint => ({ origin: signer.key.name, size, root: logOf(size).frontier.root() })

/** The log as a folder, which any file server could show. */
function publish(size: number): string {
  const folder = join(scratch, `${size}`)
  const write = (path: string, bytes: Uint8Array) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  const log = logOf(size)
  for (const tile of newTiles(0, size)) write(tilePath(tile), log.tile(tile))
  for (const bundle of newBundles(0, size)) write(tilePath(bundle), formatEntryBundle(log.bundle(bundle)))
  write('checkpoint', signedBy(headOf(size), signer, ...witnesses))
  return folder
}

const indexesOf = (size: number) =>
  [...new Set([0, 1, 254, 255, 256, 32_768, size - 2, size - 1])].filter((at) => at >= 0 && at < size)
const oldSizesOf = (size: number) =>
  [...new Set([1, 2, 255, 256, 257, 32_768, 65_536, size])].filter((at) => at <= size)

test('Go reads our checkpoints and tiles, and makes the same proofs of them', async (t) => {
  if (!hasGo(t)) return
  const requests = SIZES.map((size) => ({
    op: 'log',
    ...keys,
    dir: publish(size),
    indexes: indexesOf(size),
    olds: oldSizesOf(size),
  }))
  for (const [at, answer] of ask(requests).entries()) {
    const size = SIZES[at] ?? 0
    assert.equal(answer.error, undefined, `${size}`)
    assert.deepEqual([answer.size, answer.signers], [size, [signer.key.name, 'w1.example', 'w2.example/õ']])
    const read = tileReader(size, logOf(size).source)
    for (const [place, index] of indexesOf(size).entries())
      assert.deepEqual((await inclusionProof(index, size, read)).map(base64), answer.inclusion?.[place])
    for (const [place, oldSize] of oldSizesOf(size).entries())
      assert.deepEqual((await consistencyProof(oldSize, size, read)).map(base64), answer.consistency?.[place])
  }
})

test('a tile or an entry that was changed on the disk is seen by Go too', (t) => {
  if (!hasGo(t)) return
  const size = 257
  const question = () => ({ op: 'log', ...keys, dir: publish(size), indexes: [3], olds: [] })
  const [bundle] = newBundles(0, size)
  assert.ok(bundle)
  for (const tile of [...newTiles(0, size), bundle]) {
    const request = question()
    const path = join(request.dir, tilePath(tile))
    const bytes = tile.level === 'entries' ? formatEntryBundle(logOf(size).bundle(tile)) : logOf(size).tile(tile)
    // Within the entry that is asked for, and within the first hash of a tile.
    bytes[30] = (bytes[30] ?? 0) ^ 1
    writeFileSync(path, bytes)
    assert.ok(ask([request])[0]?.error, tilePath(tile))
  }
  assert.equal(ask([question()])[0]?.error, undefined)
})

test('Go judges proofs as we do, right ones and those with anything changed', async (t) => {
  if (!hasGo(t)) return
  const claims: { request: object; ours: boolean }[] = []
  const flip = (hash: Hash, at: number) => Buffer.from(hash).map((octet, place) => (place === at ? octet ^ 4 : octet))
  const changed = (proof: readonly Hash[]) => [
    proof.slice(1),
    proof.slice(0, -1),
    [...proof, flip(entryHash, 0)],
    proof.toReversed(),
    ...proof.map((hash, at) => proof.with(at, flip(hash, at % 32))),
    ...proof.map((_, at) => proof.toSpliced(at, 1)),
  ]
  const entryHash = leafHash(entryOf(0))
  for (const size of SIZES) {
    const read = tileReader(size, logOf(size).source)
    const { root } = headOf(size)
    for (const index of indexesOf(size)) {
      const good = { index, leaf: leafHash(entryOf(index)), size, root, proof: await inclusionProof(index, size, read) }
      for (const claim of [
        good,
        ...changed(good.proof).map((proof) => ({ ...good, proof })),
        ...[index - 1, index + 1, size].map((other) => ({ ...good, index: other })),
        ...[size - 1, size + 1, 2 * size].map((other) => ({ ...good, size: other })),
        { ...good, leaf: flip(good.leaf, 31) },
        { ...good, root: flip(root, 0) },
      ]) {
        const { leaf, root, proof } = claim
        const request = { ...claim, leaf: base64(leaf), root: base64(root), proof: proof.map(base64) }
        claims.push({ request: { op: 'record', ...request }, ours: verifyInclusion(claim) })
      }
    }
    for (const oldSize of oldSizesOf(size)) {
      const oldRoot = new TileLog().add(...entries.slice(0, oldSize)).frontier.root()
      const good = { oldSize, oldRoot, size, root, proof: await consistencyProof(oldSize, size, read) }
      for (const claim of [
        good,
        ...changed(good.proof).map((proof) => ({ ...good, proof })),
        ...[oldSize + 1, size + 1].map((other) => ({ ...good, oldSize: other })),
        ...[size - 1, size + 1, 2 * size].map((other) => ({ ...good, size: other })),
        { ...good, oldRoot: flip(oldRoot, 31) },
        { ...good, root: flip(root, 0) },
      ]) {
        const { oldRoot, root, proof } = claim
        const request = { ...claim, oldRoot: base64(oldRoot), root: base64(root), proof: proof.map(base64) }
        claims.push({ request: { op: 'tree', ...request }, ours: verifyConsistency(claim) })
      }
    }
  }
  const verdicts = ask(claims.map(({ request }) => request)).map(({ error }) => error === undefined)
  for (const [at, { request, ours }] of claims.entries()) assert.equal(ours, verdicts[at], JSON.stringify(request))
  assert.ok(verdicts.filter(Boolean).length > 20 && verdicts.filter((taken) => !taken).length > 500)
})

test('Go judges signatures of logs and witnesses as we do', (t) => {
  if (!hasGo(t)) return
  const good = signedBy(headOf(257), signer, ...witnesses)
  const verifiers = [signer, ...witnesses].map(({ key }) => noteVerifier(key))
  const notes = [good]
  for (let at = 0; at < good.length; at += 1) {
    const other = Buffer.from(good)
    other[at] = (other[at] ?? 0) ^ 1
    notes.push(other)
  }
  const answers = ask(notes.map((note) => ({ op: 'note', ...keys, note: note.toString('base64') })))
  for (const [at, { error, signers }] of answers.entries()) {
    const ours = signersOf(notes[at] as Buffer, verifiers)
    // Go asks for the log's signature or a witness's as we do; another origin is for the policy to refuse.
    if (error !== undefined && ours.length > 0) assert.match(error, /another origin/)
    // Go reads over bits of base64 that mean nothing; a note that can be written in two ways is none here.
    else if (error === undefined && ours.length === 0) assert.equal(good[at], '='.charCodeAt(0))
    else assert.deepEqual(ours, signers ?? [], `octet ${at - 1}`)
  }
  assert.equal(answers[0]?.signers?.length, 3)
})

function signersOf(bytes: Buffer, verifiers: Parameters<typeof openNote>[1]): readonly string[] {
  try {
    return openNote(parseNote(bytes), verifiers).map(({ name }) => name)
  } catch (error) {
    assert.ok(error instanceof TransparencyError)
    return []
  }
}
