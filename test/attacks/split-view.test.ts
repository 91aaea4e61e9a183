// One log, two histories, each shown to another witness: neither is witnessed by a quorum, and whoever asks both witnesses has the proof.
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import test from 'node:test'
import { httpGet, systemClock } from '#host'
import { noteVerifier, openNote, originHash, parseCheckpoint, parseNote, verifyConsistency } from '#transparency'
import { Witnessing } from '#transparent-log'
import { startedSigner, testSigner } from '../unit/signer/signer-process.ts'
import { entries, hearing, ORIGIN, openLog, startWitness, until } from '../unit/transparent-log/fixture.ts'

test('two views for two witnesses', async (t) => {
  const [ours, first, second] = await Promise.all([startedSigner(t), startedSigner(t), startedSigner(t)])
  const base = await openLog(t, ours.client)
  await base.tree.append(entries(0, 50))
  await base.publish()
  const keys = base.keys.verifierKeys
  await base.close()
  // The operator keeps two signers with one key, and a server on each.
  await ours.program.kill('SIGTERM')
  const twin = testSigner(t)
  cpSync(ours.directory, twin.directory, { recursive: true })
  await ours.start()
  await twin.start()

  const witnesses = await Promise.all([
    startWitness(t, first.client, keys, { name: 'witness.example/first' }),
    startWitness(t, second.client, keys, { name: 'witness.example/second' }),
  ])
  const peers = witnesses.map(({ url, witness }) => ({ url, key: witness.verifierKey }))
  const nowhere = { url: 'http://127.0.0.1:9', key: peers[0]?.key }
  const views = await Promise.all(
    [await ours.connect(), await twin.connect()].map(async (signer, at) => {
      const log = await openLog(t, signer)
      await log.tree.append([...entries(0, 50), ...entries(50, 60, at === 0 ? 60 : 55)])
      await log.publish()
      const told: string[] = []
      // Each is shown to its own witness alone; a quorum of both is what the configuration asks for.
      const shown = peers.map((peer, of) => (of === at ? peer : { ...nowhere, key: peer.key }))
      const witnessing = new Witnessing({
        log,
        witnesses: shown,
        quorum: 2,
        clock: systemClock,
        logger: hearing(),
        onContradiction: (_seen, reason) => void told.push(reason),
      })
      t.after(() => witnessing.stop())
      witnessing.news()
      await until(() => (log.newest?.note.signatures.length ?? 0) > 1)
      return { log, told }
    }),
  )
  for (const { log } of views) assert.equal(log.witnessed, undefined)

  // An auditor asks both witnesses.
  const [a, b] = await Promise.all(
    witnesses.map(async ({ url, witness }) => {
      const { body } = await httpGet(`${url}/${originHash(ORIGIN)}/checkpoint`, { timeoutMs: 5_000, maxBytes: 10_000 })
      const note = parseNote(body)
      openNote(note, keys.map(noteVerifier))
      openNote(note, [noteVerifier(witness.verifierKey)])
      return parseCheckpoint(note.text)
    }),
  )
  assert.ok(a && b)
  assert.deepEqual([a.size, b.size], [60, 60])
  assert.notDeepEqual(a.root, b.root)
  const proof = await views[0]?.log.tree.consistencyProof(60, 60)
  assert.equal(verifyConsistency({ oldSize: 60, oldRoot: a.root, size: 60, root: b.root, proof: proof ?? [] }), false)

  // Shown to the other witness, the second view is refused, and its log learns why.
  const other = views[1]
  assert.ok(other)
  const caught: string[] = []
  const honest = new Witnessing({
    log: other.log,
    witnesses: peers,
    quorum: 2,
    clock: systemClock,
    logger: hearing(),
    onContradiction: (_seen, reason) => void caught.push(reason),
  })
  t.after(() => honest.stop())
  honest.news()
  await until(() => caught.length > 0)
  assert.match(caught[0] ?? '', /witness\.example\/first/)
  assert.equal(witnesses[0]?.witness.status()[0]?.refused, 1)
})
