// Witnesses over HTTP, with real signers on both sides: what C2SP tlog-witness wants of them, and what a log makes of witnesses that
// are slow, gone, wrong or right.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { closeHttp, httpGet, httpPost, listen, systemClock } from '#host'
import {
  cosignatureTime,
  formatAddCheckpoint,
  noteVerifier,
  openNote,
  originHash,
  parseCheckpoint,
  parseNote,
  parseSignatureLines,
  type VerifierKey,
} from '#transparency'
import { NoteKeys, type SignedCheckpoint, SignedLog, Witnessing } from '#transparent-log'
import { scratch } from '../host/scratch.ts'
import { startedSigner } from '../signer/signer-process.ts'
import { entries, hearing, ORIGIN, openLog, startWitness, until } from './fixture.ts'

const OPTIONS = { timeoutMs: 5_000, maxBytes: 100_000 }

async function grown(log: SignedLog, size: number): Promise<SignedCheckpoint> {
  await log.tree.append(entries(log.tree.size, size))
  return log.publish()
}

async function add(url: string, log: SignedLog, checkpoint: SignedCheckpoint, oldSize: number) {
  const proof = await log.tree.consistencyProof(oldSize, checkpoint.size)
  return post(url, formatAddCheckpoint({ oldSize, proof, note: checkpoint.note }))
}

async function post(url: string, body: Uint8Array | string) {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const answer = await httpPost(`${url}/add-checkpoint`, bytes, { ...OPTIONS, contentType: 'text/plain' })
  return { status: answer.status, type: answer.contentType, text: Buffer.from(answer.body).toString() }
}

test('it cosigns what only grew, and answers everything else as the protocol says', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  const stranger = await openLog(t, theirs.client, { origin: 'log.example/stranger' })
  const { witness, url } = await startWitness(t, theirs.client, log.keys.verifierKeys)
  const monitor = `${url}/${originHash(ORIGIN)}/checkpoint`
  assert.equal((await httpGet(monitor, OPTIONS)).status, 404)

  const first = await grown(log, 100)
  const cosigned = await add(url, log, first, 0)
  assert.equal(cosigned.status, 200)
  const [line] = openNote({ text: first.note.text, signatures: parseSignatureLines(cosigned.text) }, [
    noteVerifier(witness.verifierKey),
  ])
  assert.ok(line && Math.abs(cosignatureTime(witness.verifierKey, line) - Date.now() / 1000) < 60)

  const kept = parseNote((await httpGet(monitor, OPTIONS)).body)
  assert.equal(kept.text, first.note.text)
  openNote(kept, log.keys.verifierKeys.map(noteVerifier))
  openNote(kept, [noteVerifier(witness.verifierKey)])

  const second = await grown(log, 300)
  const conflict = await add(url, log, second, 0)
  assert.deepEqual([conflict.status, conflict.type, conflict.text], [409, 'text/x.tlog.size', '100\n'])
  assert.equal((await add(url, log, second, 99)).status, 409)
  assert.equal((await add(url, log, second, 100)).status, 200)
  // The same once more has a new time.
  assert.equal((await add(url, log, second, 300)).status, 200)
  // An older one is not what it cosigned last.
  assert.equal((await add(url, log, first, 100)).status, 409)

  const third = await grown(log, 400)
  const wrong = formatAddCheckpoint({ oldSize: 300, proof: [Buffer.alloc(32)], note: third.note })
  assert.equal((await post(url, wrong)).status, 422)
  assert.equal((await post(url, formatAddCheckpoint({ oldSize: 401, proof: [], note: third.note }))).status, 400)
  const text = formatAddCheckpoint({ oldSize: 300, proof: [], note: third.note }).toString()
  assert.equal((await post(url, text.replace('\n400\n', '\n401\n'))).status, 403)
  assert.equal((await post(url, text.replace('— log.example/one', '— log.example/two'))).status, 403)
  assert.equal((await post(url, 'old 3\n')).status, 400)
  assert.equal((await post(url, '')).status, 400)
  assert.equal((await post(url, Buffer.alloc(1_000_000))).status, 413)
  const unknown = await grown(stranger, 3)
  assert.equal((await post(url, formatAddCheckpoint({ oldSize: 0, proof: [], note: unknown.note }))).status, 404)
  assert.equal((await httpGet(`${url}/add-checkpoint`, OPTIONS)).status, 405)
  assert.equal((await httpGet(`${url}/${'0'.repeat(64)}/checkpoint`, OPTIONS)).status, 404)
  assert.equal((await add(url, log, third, 300)).status, 200)
})

test('two histories that one key signed: the second is refused, and kept as evidence', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  const directory = scratch(t)
  // The key signed both: its signer's memory was put back in between.
  const fork = await forkOf(t, ours, log, 100)
  const heard = hearing()
  const { witness, url } = await startWitness(t, theirs.client, log.keys.verifierKeys, { directory, log: heard })
  assert.equal((await add(url, log, fork.good, 0)).status, 200)
  assert.equal((await post(url, formatAddCheckpoint({ oldSize: 100, proof: [], note: fork.bad.note }))).status, 422)
  const larger = await post(
    url,
    formatAddCheckpoint({
      oldSize: 100,
      proof: await fork.badLog.tree.consistencyProof(100, 120),
      note: fork.worse.note,
    }),
  )
  assert.equal(larger.status, 422)
  assert.deepEqual(witness.status(), [{ origin: ORIGIN, size: 100, refused: 2 }])
  const [evidence = ''] = readdirSync(join(directory, 'forks'))
  assert.equal(parseNote(readFileSync(join(directory, 'forks', evidence))).text, fork.bad.note.text)
  assert.ok(heard.lines.some(({ level }) => level === 'warn'))
})

/** Two trees of the same size that the same key signed, and a larger one of the second history. */
async function forkOf(t: TestContext, signer: Awaited<ReturnType<typeof startedSigner>>, log: SignedLog, size: number) {
  const good = await grown(log, size)
  const heads = join(signer.directory, 'heads')
  const [key = ''] = readdirSync(heads)
  const [file = ''] = readdirSync(join(heads, key))
  await signer.program.kill('SIGKILL')
  writeFileSync(
    join(heads, key, file),
    JSON.stringify({ format: 1, origin: ORIGIN, size: 0, root: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' }),
  )
  await signer.start()
  const badLog = await openLog(t, await signer.connect())
  await badLog.tree.append(entries(0, size, 40))
  const bad = await badLog.publish()
  await badLog.tree.append(entries(size, size + 20, 0))
  return { good, bad, badLog, worse: await badLog.publish() }
}

test('requests at once: one after another, never two trees', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  const { witness, url } = await startWitness(t, theirs.client, log.keys.verifierKeys)
  const checkpoints: SignedCheckpoint[] = []
  for (let size = 1; size <= 12; size += 1) checkpoints.push(await grown(log, size))
  const answers = await Promise.all(checkpoints.map((checkpoint) => add(url, log, checkpoint, 0)))
  const signed = answers.filter(({ status }) => status === 200)
  assert.equal(signed.length, 1)
  assert.ok(answers.every(({ status }) => status === 200 || status === 409 || status === 429))
  assert.equal(witness.status()[0]?.size, checkpoints[answers.findIndex(({ status }) => status === 200)]?.size)
})

test('what it cosigned last outlives it, whatever becomes of its folder', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  const directory = scratch(t)
  const before = await startWitness(t, theirs.client, log.keys.verifierKeys, { directory })
  await add(before.url, log, await grown(log, 50), 0)
  await before.stop()
  const next = await grown(log, 60)
  for (const where of [directory, scratch(t)]) {
    const again = await startWitness(t, theirs.client, log.keys.verifierKeys, { directory: where })
    assert.equal((await add(again.url, log, next, 0)).text, '50\n')
    const { status } = await httpGet(`${again.url}/${originHash(ORIGIN)}/checkpoint`, OPTIONS)
    assert.equal(status, where === directory ? 200 : 404)
    await again.stop()
  }
})

test('more than a log needs is put off', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  const { url } = await startWitness(t, theirs.client, log.keys.verifierKeys)
  const checkpoint = await grown(log, 5)
  const statuses: number[] = [(await add(url, log, checkpoint, 0)).status]
  for (let asked = 0; asked < 30; asked += 1) statuses.push((await add(url, log, checkpoint, 5)).status)
  assert.ok(statuses.includes(429))
  assert.ok(statuses.filter((status) => status === 200).length >= 20)
})

async function witnessing(
  t: TestContext,
  log: SignedLog,
  witnesses: readonly { url: string; key: VerifierKey }[],
  quorum: number,
  clock = systemClock,
) {
  const contradictions: { seen: SignedCheckpoint; reason: string }[] = []
  const heard = hearing()
  const running = new Witnessing({
    log,
    witnesses,
    quorum,
    clock,
    logger: heard,
    onContradiction: (seen, reason) => void contradictions.push({ seen, reason }),
  })
  t.after(() => running.stop())
  return { running, contradictions, heard }
}

test('a log has its newest tree cosigned by a quorum, and goes on while a witness is gone', async (t) => {
  const ours = await startedSigner(t)
  const others = await Promise.all([startedSigner(t), startedSigner(t), startedSigner(t)])
  const directory = scratch(t)
  const log = await openLog(t, ours.client, { directory })
  await grown(log, 10)
  const witnesses = await Promise.all(
    others.map(({ client }, at) => startWitness(t, client, log.keys.verifierKeys, { name: `witness.example/w${at}` })),
  )
  const peers = witnesses.map(({ url, witness }) => ({ url, key: witness.verifierKey }))
  const { running, contradictions } = await witnessing(t, log, peers, 2)
  running.news()
  await until(() => log.witnessed?.size === 10)
  const keys = peers.map(({ key }) => noteVerifier(key))
  assert.equal(openNote(parseNote(readFileSync(join(directory, 'checkpoint'))), keys).length, 3)

  await witnesses[2]?.stop()
  await grown(log, 300)
  running.news()
  await until(() => log.witnessed?.size === 300)
  assert.equal(openNote(log.witnessed?.note ?? { text: '', signatures: [] }, keys).length, 2)
  assert.ok(running.status()[2]?.lastError)
  assert.equal(running.status()[0]?.size, 300)
  assert.equal(contradictions.length, 0)

  // Without a quorum nothing is witnessed, and what is had is kept.
  await witnesses[1]?.stop()
  await grown(log, 301)
  running.news()
  await until(
    () =>
      openNote(log.newest?.note ?? { text: '', signatures: [] }, log.keys.verifierKeys.map(noteVerifier)).length ===
        1 && running.status()[1]?.lastError !== undefined,
  )
  assert.equal(log.witnessed?.size, 300)
  await running.stop()
  await log.close()
  // A restart knows what was witnessed.
  const again = await openLog(t, ours.client, { directory })
  assert.deepEqual([again.newest?.size, again.witnessed?.size], [301, 300])
})

/** Something that listens where a witness should. */
async function impostor(
  t: TestContext,
  answer: (body: Buffer) => { status: number; body: string | Buffer } | undefined,
) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const said = request.method === 'POST' ? answer(Buffer.concat(chunks)) : { status: 404, body: '' }
    // Undefined: never.
    if (said !== undefined) response.writeHead(said.status).end(said.body)
  })
  const { port } = await listen(server, '127.0.0.1', 0)
  t.after(() => closeHttp(server, 0))
  return `http://127.0.0.1:${port}`
}

test('what is no cosignature of the very tree by the very witness counts for nothing', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  const old = await grown(log, 10)
  const { witness, url } = await startWitness(t, theirs.client, log.keys.verifierKeys)
  const oldLine = (await add(url, log, old, 0)).text
  const { note } = await grown(log, 20)
  const ownLine = Buffer.from(`${note.text}\n`).length
  const own = Buffer.from(formatAddCheckpoint({ oldSize: 0, proof: [], note }))
    .subarray(ownLine)
    .toString()
  const contradictions: unknown[] = []
  const cases: readonly [string, { status: number; body: string | Buffer } | undefined][] = [
    ['a cosignature of an older tree', { status: 200, body: oldLine }],
    ["the log's own signature", { status: 200, body: own.slice(own.indexOf('—')) }],
    ['nothing', { status: 200, body: '' }],
    ['garbage', { status: 200, body: Buffer.from([0xff, 0x00, 0x0a]) }],
    ['a page', { status: 200, body: '<html>' }],
    ['more than a witness says', { status: 200, body: 'x'.repeat(100_000) }],
    ['an error', { status: 500, body: oldLine }],
    ['a size that is none', { status: 409, body: 'many\n' }],
    ['ever another size', { status: 409, body: '7\n' }],
    ['a size that we never had', { status: 409, body: '9007199254740991\n' }],
    ['a refusal', { status: 422, body: '' }],
  ]
  for (const [what, said] of cases) {
    const peer = { url: await impostor(t, () => said), key: witness.verifierKey }
    const { running, contradictions: found } = await witnessing(t, log, [peer], 1)
    running.news()
    await until(() => running.status()[0]?.lastError !== undefined)
    contradictions.push(...found)
    await running.stop()
    assert.equal(log.witnessed, undefined, what)
  }
  assert.deepEqual(contradictions, [])
})

test('a witness that never answers holds nobody up', async (t) => {
  const [ours, theirs, others] = await Promise.all([startedSigner(t), startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  await grown(log, 10)
  const { url, witness } = await startWitness(t, theirs.client, log.keys.verifierKeys)
  const silent = await impostor(t, () => undefined)
  const { verifierKeys } = await NoteKeys.open(others.client, 'witness', 'witness.example/silent')
  const peers = [{ url, key: witness.verifierKey }, ...verifierKeys.map((key) => ({ url: silent, key }))]
  const { running } = await witnessing(t, log, peers, 1)
  running.news()
  await until(() => log.witnessed?.size === 10)
  assert.match(running.status()[1]?.lastError ?? '', /did not answer/)
})

test('a witness whose clock is elsewhere is not used, and is said to be that', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  await grown(log, 10)
  const { url, witness } = await startWitness(t, theirs.client, log.keys.verifierKeys)
  for (const hours of [-2, 2]) {
    const clock = { ...systemClock, now: () => new Date(Date.now() + hours * 3_600_000) }
    const { running } = await witnessing(t, log, [{ url, key: witness.verifierKey }], 1, clock)
    running.news()
    await until(() => /clock/.test(running.status()[0]?.lastError ?? ''))
    await running.stop()
    assert.equal(log.witnessed, undefined)
  }
})

test('a log that was rolled back, or rewritten, learns of it from its witness; what a witness makes up proves nothing', async (t) => {
  const [ours, theirs] = await Promise.all([startedSigner(t), startedSigner(t)])
  const log = await openLog(t, ours.client)
  const fork = await forkOf(t, ours, log, 100)
  const { url, witness } = await startWitness(t, theirs.client, log.keys.verifierKeys)
  assert.equal((await add(url, log, fork.good, 0)).status, 200)
  const peer = { url, key: witness.verifierKey }

  // The other history: compared at the start, and again when it asks for a cosignature.
  const rewritten = await witnessing(t, fork.badLog, [peer], 1)
  await rewritten.running.compare()
  assert.equal(rewritten.contradictions.length, 1)
  rewritten.running.news()
  await until(() => rewritten.contradictions.length > 1)
  assert.equal(rewritten.contradictions[0]?.seen.note.text, fork.good.note.text)

  // A shorter tree, of the same history.
  const shorter = await SignedLog.open({ directory: scratch(t), origin: ORIGIN, signer: await ours.connect() })
  t.after(() => shorter.close())
  await shorter.tree.append(entries(0, 60))
  const rolledBack = await witnessing(t, shorter, [peer], 1)
  await rolledBack.running.compare()
  assert.equal(parseCheckpoint(rolledBack.contradictions[0]?.seen.note.text ?? '').size, 100)

  // The good log is contradicted by nobody.
  const good = await witnessing(t, log, [peer], 1)
  await good.running.compare()
  assert.deepEqual(good.contradictions, [])
})
