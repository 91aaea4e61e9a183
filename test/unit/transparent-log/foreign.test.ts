// Other people's tools on a log that runs: checkpoint, tiles and entries are had over HTTP, as a monitor has them, and Go's own packages open,
// verify and prove (test/go/tlogcheck). Signed by a real signer, cosigned by real witnesses.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { closeHttp, httpGet, listen, systemClock } from '#host'
import { formatVerifierKey, newBundles, newTiles, tilePath } from '#transparency'
import { logSite, siteServer, Witnessing } from '#transparent-log'
import { ask, hasGo } from '../../go/tlogcheck.ts'
import { scratch } from '../host/scratch.ts'
import { startedSigner } from '../signer/signer-process.ts'
import { entries, hearing, openLog, startWitness, until } from './fixture.ts'

const SIZES = [1, 2, 255, 256, 257, 65_537]

test('Go opens the checkpoint of a running log, reads its tiles and proves its entries', async (t) => {
  if (!hasGo(t)) return
  const [ours, ...others] = await Promise.all([startedSigner(t), startedSigner(t), startedSigner(t)])
  assert.ok(ours)
  const log = await openLog(t, ours.client)
  const server = siteServer({ sites: { '/log/': logSite(log) }, allow: ['127.0.0.1'], log: hearing() })
  const { port } = await listen(server, '127.0.0.1', 0)
  t.after(() => closeHttp(server, 0))
  const url = `http://127.0.0.1:${port}/log`
  const fetched = async (path: string) => {
    const { status, body } = await httpGet(`${url}/${path}`, { timeoutMs: 10_000, maxBytes: 20_000_000 })
    assert.equal(status, 200, path)
    return body
  }
  const witnesses = await Promise.all(
    others.map(({ client }, at) => startWitness(t, client, log.keys.verifierKeys, { name: `witness.example/w${at}` })),
  )
  const peers = witnesses.map(({ url: of, witness }) => ({ url: of, key: witness.verifierKey }))
  const witnessing = new Witnessing({
    log,
    witnesses: peers,
    quorum: 2,
    clock: systemClock,
    logger: hearing(),
    onContradiction: (_seen, reason) => assert.fail(reason),
  })
  t.after(() => witnessing.stop())

  const questions: object[] = []
  for (const size of SIZES) {
    while (log.tree.size < size) await log.tree.append(entries(log.tree.size, Math.min(size, log.tree.size + 5_000)))
    await log.publish()
    witnessing.news()
    await until(() => log.witnessed?.size === size)
    const folder = scratch(t)
    const keep = async (path: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), await fetched(path))
    }
    await keep('checkpoint')
    for (const tile of newTiles(0, size)) await keep(tilePath(tile))
    for (const bundle of newBundles(0, size)) await keep(tilePath(bundle))
    const indexes = [...new Set([0, 1, 254, 256, size - 1])].filter((index) => index < size)
    questions.push({
      op: 'log',
      log: formatVerifierKey(log.keys.verifierKeys[0] as (typeof peers)[number]['key']),
      witnesses: peers.map(({ key }) => formatVerifierKey(key)),
      dir: folder,
      indexes,
      olds: SIZES.filter((old) => old <= size),
    })
  }
  for (const [at, answer] of ask(questions).entries()) {
    const size = SIZES[at] ?? 0
    assert.equal(answer.error, undefined, `${size}`)
    assert.deepEqual([answer.size, answer.signers?.length], [size, 3])
    const proof = await log.tree.inclusionProof(0, size)
    assert.deepEqual(
      answer.inclusion?.[0],
      proof.map((hash) => Buffer.from(hash).toString('base64')),
    )
  }
  // The tiles of an earlier tree are served as they were.
  assert.equal((await fetched('tile/0/000.p/2')).length, 64)
  assert.equal((await httpGet(`${url}/tile/0/257`, { timeoutMs: 5_000, maxBytes: 1_000 })).status, 404)
})
