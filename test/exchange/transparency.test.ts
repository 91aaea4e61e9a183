// Three servers: one exchanges, another cosigns its log, and without that the exchange stops and goes on by itself.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { commitmentOf, recordEntry, SALT_BYTES } from '#evidence'
import type { SecurityServerStatus } from '#security-server/contract'
import { judgeLogProof, leafHash, parseLogProof, parseVerifierKey, quorumPolicy } from '#transparency'
import { startPair } from '../federation/pair.ts'
import { freshAddress } from '../federation/process.ts'
import type { StateServer } from '../federation/state.ts'

const status = async (server: StateServer) => (await server.control.get<SecurityServerStatus>('/status')).transparency

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(100)
}

/** Writes into a server's configuration file and starts it again. */
async function configure(server: StateServer, change: object): Promise<void> {
  const file = join(server.directory, '..', 'security-server.yaml')
  writeFileSync(file, stringify({ ...parse(readFileSync(file, 'utf8')), ...change }))
  await server.restart()
}

test('a log is witnessed by another server; without its witness exchange stops, and resumes', async (t) => {
  const pair = await startPair({ more: [{ code: 'W', owner: 'GOV/3333', subsystems: [], clients: [] }] })
  t.after(() => pair.stop())
  const { consumer } = pair
  const witness = pair.state.server('W')
  const made = await witness.signer.generate({ use: 'witness', algorithm: 'Ed25519', name: 'witness/TEST/GOV/3333/W' })
  const key = made.note?.verifierKey ?? ''
  const [logKey = ''] = (await status(consumer)).keys
  const host = freshAddress()
  await configure(witness, { transparency: { listen: { host } }, witness: { logs: [{ key: logKey }] } })
  await configure(consumer, {
    transparency: { witnesses: [{ url: `http://${host}:5580/witness`, key }], stopAfterSeconds: 10 },
  })

  assert.equal((await pair.call()).status, 200)
  await until(async () => (await status(consumer)).sealedRecords === 2)
  const policy = quorumPolicy([{ key: parseVerifierKey(logKey) }], [{ name: 'W', key: parseVerifierKey(key) }], 1)
  const proof = parseLogProof(Buffer.from(await consumer.control.get<string>('/log/2/proof')))
  const extra = proof.extra ?? Buffer.alloc(0)
  const leaf = leafHash(recordEntry(commitmentOf(extra.subarray(0, SALT_BYTES), extra.subarray(SALT_BYTES))))
  assert.equal(judgeLogProof(proof, leaf, policy).witnessed, true)
  const watched = (await status(witness)).witness
  assert.deepEqual(watched, { key, logs: [{ origin: 'message-log/TEST/GOV/2222/C', size: 2, refused: 0 }] })

  await witness.process.stop()
  assert.equal((await pair.call()).status, 200)
  // Until it is over the exchange goes on, and the proof says by its signatures that nobody has seen the record yet.
  const later = parseLogProof(Buffer.from(await consumer.control.get<string>('/log/3/proof')))
  assert.equal(later.note.signatures.length, 1)
  await until(async () => (await pair.call()).status === 500)
  const refused = await pair.call()
  assert.match(await refused.text(), /logging_failed/)
  assert.match(JSON.stringify(await (await fetch(consumer.health)).json()), /"transparency":\{"ok":false/)

  await witness.start()
  await until(async () => (await pair.call()).status === 200)
  await until(async () => (await status(consumer)).unsealedSince === undefined)
})
