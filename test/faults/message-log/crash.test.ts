// kill -9 at any moment, again and again, on the same log: what was said to be durable is there, whole.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { collect, openLog, temporaryDirectory } from '../../unit/security-server/message-log/fixture.ts'

const KILLS = process.env['SAADIK_LONG'] ? 200 : 20

interface Said {
  readonly queryId: string
  readonly body: string
}

test(`after each of ${KILLS} kills every record that was said to be logged is there with its body`, async (t) => {
  const directory = await temporaryDirectory(t)
  const said = new Map<number, Said>()
  let checked = 0
  for (let kill = 0; kill < KILLS; kill++) {
    // Every fourth at a random moment of starting, recovery included; the others under load.
    if (kill % 4 === 3) await runUntilKilled(directory, said, { afterMs: Math.random() * 500 })
    else await runUntilKilled(directory, said, { afterLines: 1 + Math.floor(Math.random() * 60) })
    const log = await openLog(t, { directory })
    const { records } = log.status()
    // Dense, and nothing told is missing; a record may be there that was not told, never one that is not whole.
    const found = new Set<number>()
    for (let after = checked; ; ) {
      const page = await log.list({ after, limit: 500 })
      for (const { seq } of page) {
        const record = await log.get(seq)
        assert.ok(record)
        const told = said.get(record.seq)
        if (told !== undefined) assert.equal(record.queryId, told.queryId)
        const content = record.body === undefined ? undefined : await collect(log.read(record.body))
        if (told !== undefined)
          assert.equal(content === undefined ? '-' : createHash('sha256').update(content).digest('hex'), told.body)
        assert.equal(record.seq, checked + found.size + 1)
        found.add(record.seq)
      }
      const last = page.at(-1)
      if (last === undefined) break
      after = last.seq
    }
    assert.equal(checked + found.size, records)
    for (const seq of said.keys()) assert.ok(seq <= checked || found.has(seq), `record ${seq} was said to be logged`)
    await assertFilesAreReferenced(log, directory)
    checked = records
    await log.close()
  }
  t.diagnostic(`${said.size} records told, ${checked} found, ${KILLS} kills`)
})

/** Kills after so many lines, when the other writers are anywhere, or after so long. */
async function runUntilKilled(
  directory: string,
  said: Map<number, Said>,
  when: { readonly afterLines: number } | { readonly afterMs: number },
): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-child.ts'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  let left = 'afterLines' in when ? when.afterLines : Number.POSITIVE_INFINITY
  if ('afterMs' in when) setTimeout(() => child.kill('SIGKILL'), when.afterMs)
  for await (const line of createInterface({ input: child.stdout })) {
    const [seq = '', queryId = '', body = ''] = line.split(' ')
    if (seq !== 'open' && body.length >= 1) said.set(Number(seq), { queryId, body })
    left -= 1
    if (left === 0) child.kill('SIGKILL')
  }
  const [, signal] = (await ended) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL')
}

/** The sweep left no orphan: as many files as records that name one. */
async function assertFilesAreReferenced(log: Awaited<ReturnType<typeof openLog>>, directory: string): Promise<void> {
  const files = new Set(
    readdirSync(join(directory, 'bodies'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name),
  )
  for (let after = 0; ; ) {
    const page = await log.list({ after, limit: 500 })
    for (const { seq, bodySize } of page) {
      if (bodySize === undefined) continue
      const file = (await log.get(seq))?.body?.file
      if (file !== undefined) assert.ok(files.delete(file), `file of record is there`)
    }
    const last = page.at(-1)
    if (last === undefined) break
    after = last.seq
  }
  assert.deepEqual([...files], [], 'no file without a record')
}
