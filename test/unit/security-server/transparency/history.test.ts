// The transparent log beside the message log: what is sealed when, what is proved, what hinders it and what stops it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { systemClock } from '#host'
import {
  judgeLogProof,
  leafHash,
  parseCheckpoint,
  parseLogProof,
  parseNote,
  parseVerifierKey,
  quorumPolicy,
} from '#transparency'
import { parseTimestampToken, verifyTimestampToken } from '#trust'
import { openSignedHeads } from '../../../../signer/signed-heads.ts'
import { scratch } from '../../host/scratch.ts'
import { PIN, startedSigner, testSigner } from '../../signer/signer-process.ts'
import { startWitness, until } from '../../transparent-log/fixture.ts'
import { code, configurationWith, record } from '../message-log/fixture.ts'
import { startTsa } from '../message-log/tsa.ts'
import { judged, logged, openBoth, sealed } from './fixture.ts'

const policyOf = (keys: readonly string[]) =>
  quorumPolicy(
    keys.map((key) => ({ key: parseVerifierKey(key) })),
    [],
    0,
  )

test('every record becomes a leaf and is proved; a restart goes on', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const first = await openBoth(t, { directory, signer: client })
  assert.deepEqual(first.transparency.status().fault, undefined)
  await logged(first, 300)
  await sealed(first, 300)
  await first.close()

  const again = await openBoth(t, { directory, signer: client })
  assert.equal(again.transparency.status().signedLeaves, 300)
  await logged(again, 5)
  // A proof waits for its record.
  const policy = policyOf(again.transparency.status().keys)
  for (const seq of [305, 1, 256, 257]) {
    const proof = judged(await again.transparency.proofOf(seq), policy)
    assert.deepEqual([proof.seq, proof.index], [seq, seq - 1])
  }
  for (const seq of [0, 306, -1, 1.5, Number.NaN])
    await assert.rejects(again.transparency.proofOf(seq), { code: 'record_not_found' })
  const { hashes, checkpoint } = await again.transparency.consistency(300)
  assert.ok(hashes.length > 0 && checkpoint.size >= 305)
  await assert.rejects(again.transparency.consistency(10_000), { code: 'not_signed_yet' })
  assert.equal(again.transparency.trouble(), undefined)
})

test('entries that are no records stand between them and move none', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const opened = await openBoth(t, { directory, signer: client })
  await logged(opened, 3)
  await sealed(opened, 3)
  const index = await opened.transparency.append(Buffer.from([2, 1, 2, 3]))
  assert.equal(index, 3)
  await logged(opened, 3)
  await sealed(opened, 6)
  const policy = policyOf(opened.transparency.status().keys)
  const proofs = await Promise.all([3, 4, 6].map(async (seq) => judged(await opened.transparency.proofOf(seq), policy)))
  assert.deepEqual(
    proofs.map((one) => [one.seq, one.index]),
    [
      [3, 2],
      [4, 4],
      [6, 6],
    ],
  )
  assert.ok((await opened.transparency.proofOfEntry(3, Buffer.from('x'))).length > 0)
  await opened.close()
  const again = await openBoth(t, { directory, signer: client })
  assert.deepEqual([again.transparency.status().leaves, again.transparency.provableUpTo()], [7, 6])
  for await (const said of again.transparency.check([])) assert.ok('ok' in said && said.ok && said.records === 6)
})

test('a locked signer hinders and is waited for; what was logged meanwhile is sealed then', async (t) => {
  const signer = testSigner(t)
  await (await signer.start()).kill('SIGTERM')
  await signer.start({ pin: false })
  const client = await signer.connect()
  const opened = await openBoth(t, { directory: scratch(t), signer: client })
  assert.match(opened.transparency.trouble() ?? '', /locked/)
  await logged(opened, 2)
  await assert.rejects(opened.transparency.proofOf(1), { code: 'unavailable' })
  await client.unlock(PIN)
  await sealed(opened, 2)
  // The round that sealed them may not have ended yet.
  await until(() => opened.transparency.trouble() === undefined)
})

test('when nobody signs for too long, no record is taken; and again once somebody does', async (t) => {
  const signer = await startedSigner(t)
  const opened = await openBoth(t, { directory: scratch(t), signer: signer.client, settings: { stopAfterSeconds: 1 } })
  await logged(opened, 1)
  await sealed(opened, 1)
  await signer.program.kill('SIGKILL')
  await logged(opened, 1)
  await until(() => opened.transparency.refusal() !== undefined)
  await assert.rejects(logged(opened, 1), code('transparency_failed'))
  assert.match(opened.messageLog.status().refusing ?? '', /no signed checkpoint for more than 1 s: .*signer/)
  await signer.start()
  await until(() => opened.transparency.refusal() === undefined)
  await logged(opened, 1)
  await sealed(opened, 3)
})

test('when nobody witnesses for too long, no record is taken; how long counts from the record, also over a restart and a clock that is set back', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const directory = scratch(t)
  const clock = { ...systemClock, now: () => new Date(Date.now() + offset) }
  let offset = 0
  const first = await openBoth(t, { directory, signer: ours.client })
  await logged(first, 1)
  await sealed(first, 1)
  const [key = ''] = first.transparency.status().keys
  await first.close()

  const witness = await startWitness(t, theirs.client, [parseVerifierKey(key)])
  const peer = { url: witness.url, key: witness.witness.verifierKey }
  const settings = { witnesses: [peer], stopAfterSeconds: 4 }
  const second = await openBoth(t, { directory, signer: ours.client, settings, clock })
  await sealed(second, 1)
  assert.equal(second.transparency.status().quorum, 1)
  await witness.stop()
  await logged(second, 1)
  await until(() => second.transparency.status().unsealedSince !== undefined)
  // Set back a day: the wait is not shorter.
  offset = -86_400_000
  await until(() => second.transparency.refusal() !== undefined)
  await assert.rejects(logged(second, 1), code('transparency_failed'))
  assert.match(second.transparency.refusal() ?? '', /no witnessed checkpoint .* witness\.example\/w1: /)
  assert.equal(second.transparency.provableUpTo(), 1)
  // A proof is had all the same; it says by its signatures that nobody witnessed it.
  const policy = quorumPolicy([{ key: parseVerifierKey(key) }], [{ name: 'w', key: peer.key }], 1)
  assert.equal(judged(await second.transparency.proofOf(2), policy).witnessed, false)
  assert.equal(judged(await second.transparency.proofOf(1), policy).witnessed, true)
  await second.close()

  offset = 0
  const third = await openBoth(t, { directory, signer: ours.client, settings, clock })
  await until(() => third.transparency.refusal() !== undefined)
})

test('checkpoints are time-stamped and kept, once in an interval; who stamps nothing holds nobody up', async (t) => {
  const { client } = await startedSigner(t)
  const tsa = await startTsa(t)
  const directory = scratch(t)
  const configuration = () => configurationWith([tsa])
  tsa.behaviour = 'rejects'
  const first = await openBoth(t, { directory, signer: client, configuration })
  await logged(first, 2)
  await sealed(first, 2)
  await until(() => tsa.asked.length > 0)
  assert.equal(await first.transparency.timestamped(), undefined)
  assert.equal(first.transparency.trouble(), undefined)
  await first.close()

  tsa.behaviour = 'good'
  tsa.genTime = new Date()
  const settings = { timestampIntervalSeconds: 1 }
  const before = tsa.asked.length
  const second = await openBoth(t, { directory, signer: client, configuration, settings })
  await until(async () => (await second.transparency.timestamped()) !== undefined)
  const kept = await second.transparency.timestamped()
  assert.ok(kept)
  const token = parseTimestampToken(kept.token)
  assert.deepEqual(Buffer.from(token.imprint), createHash('sha512').update(kept.note).digest())
  assert.equal(verifyTimestampToken(token, [tsa.certificate]).genTime.getTime(), kept.at.getTime())
  assert.equal(parseCheckpoint(parseNote(kept.note).text).size, 2)
  // The same tree is not stamped again; a larger one is, and both are kept over a restart.
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  const asked = tsa.asked.slice(before)
  assert.equal(asked.filter((imprint) => Buffer.compare(imprint, token.imprint) === 0).length, 1)
  tsa.genTime = new Date()
  await logged(second, 1)
  await until(async () => (await second.transparency.timestamped())?.size === 3)
  await second.close()
  const third = await openBoth(t, { directory, signer: client, configuration })
  assert.deepEqual((await third.transparency.timestamped(2))?.note, kept.note)
  for await (const said of third.transparency.check([kept.note]))
    assert.ok('ok' in said && said.ok && said.checkpoints.map(({ from }) => from).join() === 'given,kept,kept,signed')
})

test('a key that the signer has lost the memory of is a fault, not a hindrance', async (t) => {
  const signer = await startedSigner(t)
  const directory = scratch(t)
  const first = await openBoth(t, { directory, signer: signer.client })
  await logged(first, 2)
  await sealed(first, 2)
  await first.close()
  await signer.program.kill('SIGTERM')
  const heads = join(signer.directory, 'heads')
  rmSync(heads, { recursive: true })
  await openSignedHeads(signer.directory)
  await signer.start()
  const again = await openBoth(t, { directory, signer: await signer.connect() })
  assert.equal(again.transparency.status().fault?.code, 'key_memory_lost')
  await assert.rejects(logged(again, 1), code('transparency_failed'))
})

test('a witness of the same member, and the own log among those that are watched, are refused at the start', async (t) => {
  const { client } = await startedSigner(t)
  for (const [use, name] of [
    ['witness', 'witness/DEMO/GOV/70000002/customs'],
    ['witness', 'witness/DEMO/GOV/70000002/another'],
    ['log', 'message-log/DEMO/GOV/70000002/customs'],
  ] as const) {
    const made = await client.generate({ use, algorithm: 'Ed25519', name })
    const key = parseVerifierKey(made.note?.verifierKey ?? '')
    const bad =
      use === 'witness'
        ? { settings: { witnesses: [{ url: 'http://127.0.0.1:9', key }] } }
        : { witness: { logs: [{ key }] } }
    await assert.rejects(openBoth(t, { directory: scratch(t), signer: client, ...bad }), { code: 'own_witness' })
  }
})

test('without a time-stamping authority in the configuration nothing else changes', async (t) => {
  const { client } = await startedSigner(t)
  const none = configurationWith([])
  const opened = await openBoth(t, { directory: scratch(t), signer: client, configuration: () => none })
  await assert.rejects(opened.messageLog.append(record()), code('no_timestamping_provider'))
  assert.equal(opened.transparency.trouble(), undefined)
})

test('a later epoch begins a new log over the same records, and names the last checkpoint of the one before', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const first = await openBoth(t, { directory, signer: client })
  await logged(first, 3)
  await sealed(first, 3)
  await first.close()
  const last = readFileSync(join(directory, 'transparency', 'checkpoint'))
  const second = await openBoth(t, { directory, signer: client, settings: { epoch: 2 } })
  await sealed(second, 3)
  const { origin, leaves, keys } = second.transparency.status()
  assert.deepEqual([origin, leaves], ['message-log/DEMO/GOV/70000002/customs/2', 4])
  const begun = parseLogProof(await second.transparency.proofOfEntry(0))
  const entry = Buffer.concat([
    Buffer.of(3),
    createHash('sha256').update(last).digest(),
    Buffer.from('0000000000000001', 'hex'),
  ])
  judgeLogProof(begun, leafHash(entry), policyOf(keys))
  const proof = judged(await second.transparency.proofOf(1), policyOf(keys))
  assert.deepEqual([proof.seq, proof.index], [1, 1])
  await second.close()
  // Back to the first: it is there as it was.
  const back = await openBoth(t, { directory, signer: client })
  assert.deepEqual([back.transparency.status().leaves, back.transparency.status().fault], [3, undefined])
})
