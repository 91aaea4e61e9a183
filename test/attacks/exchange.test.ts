// A real server whose log was edited while it stood: it starts, says what is wrong, takes no message, and an inspector's command names the record.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import type { SecurityServerStatus } from '#security-server/contract'
import { startPair } from '../federation/pair.ts'
import { scratch } from '../unit/host/scratch.ts'
import { edited, recordsOf, writeLog } from './administrator.ts'

const cli = resolve(import.meta.dirname, '..', '..', 'cli', 'main.ts')

test('a server with an edited log exchanges nothing and says which record', async (t) => {
  const pair = await startPair()
  t.after(() => pair.stop())
  const { consumer } = pair
  const config = join(consumer.directory, '..', 'security-server.yaml')
  const saadik = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args, '--config', config], {
      encoding: 'utf8',
    })
    return { status, stdout, stderr }
  }
  const transparency = async () => (await consumer.control.get<SecurityServerStatus>('/status')).transparency

  for (let call = 0; call < 3; call += 1) assert.equal((await pair.call()).status, 200)
  while ((await transparency()).sealedRecords < 6) await new Promise((done) => setTimeout(done, 50))
  const folder = scratch(t)
  const checkpoint = join(folder, 'checkpoint')
  const policy = join(folder, 'policy')
  assert.equal(saadik('log', 'policy', '-o', policy).status, 0)
  assert.equal(saadik('log', 'checkpoint', '--policy', policy, '-o', checkpoint).status, 0)
  assert.match(
    saadik('log', 'prove', '4', '--policy', policy, '-o', join(folder, 'proof')).stderr,
    /record 4 is leaf 3 of 6; signed/,
  )
  assert.equal(saadik('log', 'check', '--checkpoint', checkpoint).status, 0)
  assert.equal((await pair.call()).status, 200)
  const consistent = saadik('log', 'consistency', checkpoint, '--policy', policy)
  assert.deepEqual([consistent.status, /^CONSISTENT/.test(consistent.stdout)], [0, true], consistent.stderr)
  const bundle = join(folder, 'x.evidence.zip')
  assert.equal(saadik('log', 'get', '3', '--bundle', '-o', bundle).status, 0)
  const verified = spawnSync(process.execPath, [cli, 'verify', '--anchor', pair.state.anchor, bundle], {
    encoding: 'utf8',
  })
  assert.deepEqual([verified.status, /^VALID/m.test(verified.stdout)], [0, true], verified.stdout + verified.stderr)

  await consumer.process.stop()
  const rows = recordsOf(consumer.directory)
  await writeLog(consumer.directory, rows.with(3, edited(rows[3])))
  await consumer.start()
  const { fault } = await transparency()
  assert.deepEqual([fault?.code, fault?.record], ['record_changed', 4])
  const refused = await pair.call()
  assert.equal(refused.status, 500)
  assert.match(await refused.text(), /logging_failed/)
  const health = await fetch(`${consumer.health}/`)
  assert.equal(health.status, 503)
  assert.match(JSON.stringify(await health.json()), /"transparency":\{"ok":false,"detail":"record 4 /)
  const found = saadik('log', 'check', '--checkpoint', checkpoint, '--json')
  assert.equal(found.status, 1)
  assert.deepEqual((JSON.parse(found.stdout) as { fault: { records: number[] } }).fault.records, [4, 4])
  // The log itself only grew.
  assert.equal(saadik('log', 'consistency', checkpoint, '--policy', policy).status, 0)
  assert.match(saadik('log', 'prove', '4', '-o', join(folder, 'proof')).stderr, /record 4 /)

  // What is no checkpoint of this log is told apart from a log that changed.
  writeFileSync(checkpoint, 'x')
  assert.equal(saadik('log', 'consistency', checkpoint).status, 1)
})
