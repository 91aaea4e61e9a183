// Every write of the integration, failed and killed at, one after another: strace makes the kernel answer with an error, or the process die,
// at the n-th call on the tree's own files. Whatever it is, the next start has every record once and goes on.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { needsTools } from '../../tools.ts'
import { scratch } from '../../unit/host/scratch.ts'
import { openBoth, sealed } from '../../unit/security-server/transparency/fixture.ts'
import { startedSigner, type TestSigner } from '../../unit/signer/signer-process.ts'

const FILES = ['entries', 'bundles', 'marks', 'level-0', 'level-1'].map((name) => join('tree', name))

interface Place {
  readonly what: string
  /** System calls, as strace names them. */
  readonly calls: string
  /** Below `transparency/`. */
  readonly paths: readonly string[]
}

const PLACES: readonly Place[] = [
  { what: 'a write to the tree', calls: 'pwrite64', paths: FILES },
  { what: 'a sync of the tree', calls: 'fdatasync', paths: FILES },
  { what: 'a cut of the tree', calls: 'ftruncate', paths: FILES },
  { what: 'the rename of a checkpoint', calls: '?rename,?renameat,?renameat2', paths: [] },
  { what: 'the sync of a folder', calls: 'fsync', paths: ['.', 'tree'] },
]
const HOW = [
  { how: 'kill -9', inject: 'signal=KILL', survives: false },
  { how: 'a full disk', inject: 'error=ENOSPC', survives: true },
  { how: 'a broken disk', inject: 'error=EIO', survives: true },
] as const
/** The first so many calls of each kind; later ones are like them. */
const NTH = process.env['SAADIK_LONG'] ? [1, 2, 3, 4, 5, 6, 8, 10, 12, 15] : [1, 3]

interface Run {
  readonly said: readonly string[]
  readonly stderr: string
  readonly signal: string | null
  readonly status: number | null
}

function run(directory: string, { socket, tokenFile }: TestSigner, records: number, trace: readonly string[]): Run {
  const child = [process.execPath, join(import.meta.dirname, 'child.ts'), directory, socket, tokenFile, `${records}`]
  const [command = '', ...args] = [...trace, ...child]
  const { stdout, stderr, signal, status } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 })
  return { said: stdout.split('\n'), stderr, signal, status }
}

const last = (said: readonly string[], word: string): number =>
  Number(said.findLast((line) => line.startsWith(`${word} `))?.split(' ')[1] ?? 0)

for (const { what, calls, paths } of PLACES) {
  test(`${what}: killed, full, broken; no record is lost, no leaf is there twice`, async (t) => {
    if (!needsTools(t, 'strace')) return
    const signer = await startedSigner(t)
    const directory = scratch(t)
    const trace = join(scratch(t), 'trace')
    // What a first run left: a log as it stands on a day.
    assert.equal(run(directory, signer, 7, []).status, 0)
    let injected = 0
    for (const { how, inject, survives } of HOW) {
      for (const nth of NTH) {
        const where = paths.flatMap((path) => ['-P', join(directory, 'transparency', path)])
        const rule = ['-e', `trace=${calls}`, '-e', `inject=${calls}:${inject}:when=${nth}`]
        const hit = run(directory, signer, 14, ['strace', '-f', '-qq', '-o', trace, ...where, ...rule])
        if (/ptrace|Operation not permitted/i.test(hit.stderr))
          return t.skip('SKIPPED, NOT PROVED: this user may not trace processes')
        const there = /INJECTED|killed by SIGKILL/.test(readFileSync(trace, 'utf8'))
        if (there) injected += 1
        // What passes by itself is waited for in the same run.
        if (survives || !there) assert.equal(hit.status, 0, `${how}, ${nth}: ${hit.stderr}${hit.said.join('\n')}`)
        const opened = await openBoth(t, { directory, signer: signer.client })
        assert.equal(opened.transparency.status().fault, undefined, `${how}, ${nth}`)
        const { records } = opened.messageLog.status()
        assert.ok(records >= last(hit.said, 'logged'))
        await sealed(opened, records)
        for await (const said of opened.transparency.check([]))
          assert.ok(!('ok' in said) || (said.ok && said.records === records), JSON.stringify(said))
        await opened.close()
      }
    }
    assert.ok(injected > 0, 'nothing was injected: the calls are others')
    t.diagnostic(`${injected} faults`)
  })
}
