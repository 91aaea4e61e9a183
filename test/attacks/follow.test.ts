// An auditor who follows a log over the network alone: the administrator rewrites history with all files and the signer's memory, in a way that
// his server finds whole, and the auditor names the record.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import { closeHttp, listen } from '#host'
import { formatPolicy, parseVerifierKey, quorumPolicy } from '#transparency'
import { siteServer } from '#transparent-log'
import { scratch } from '../unit/host/scratch.ts'
import { logged, type Opened, openBoth, sealed } from '../unit/security-server/transparency/fixture.ts'
import { startedSigner } from '../unit/signer/signer-process.ts'
import { hearing } from '../unit/transparent-log/fixture.ts'
import { copyOf, edited, recordsOf, writeLog } from './administrator.ts'

const cli = resolve(import.meta.dirname, '..', '..', 'cli', 'main.ts')

function saadik(...args: readonly string[]): Promise<{ status: number; said: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [cli, ...args], (_error, stdout, stderr) =>
      done({ status: child.exitCode ?? -1, said: stdout + stderr }),
    )
  })
}

async function readable(t: TestContext, { transparency }: Opened): Promise<string> {
  const server = siteServer({ sites: transparency.sites(), allow: ['127.0.0.0/8'], log: hearing() })
  const { port } = await listen(server, '127.0.0.1', 0)
  t.after(() => closeHttp(server, 1_000))
  return `http://127.0.0.1:${port}/`
}

test('a record that was edited, with everything that could tell made to fit', async (t) => {
  const signer = await startedSigner(t)
  const [directory, auditor, old, heads] = [scratch(t), scratch(t), scratch(t), scratch(t)]
  const copy = join(auditor, 'leaves')
  const policy = join(auditor, 'policy')

  let putBack = () => {}
  for (const records of [20, 40]) {
    const opened = await openBoth(t, { directory, signer: signer.client })
    await logged(opened, 20)
    await sealed(opened, records)
    const key = parseVerifierKey(opened.transparency.status().keys[0] ?? '')
    writeFileSync(policy, formatPolicy(quorumPolicy([{ key }], [], 0)))
    const { status, said } = await saadik('log', 'follow', await readable(t, opened), copy, '--policy', policy)
    assert.equal(status, 0, said)
    assert.match(said, /^GROWN {2}by 20 leaves/)
    await opened.close()
    if (records === 20) {
      const [tree, memory] = [copyOf(directory, old, 'transparency'), copyOf(signer.directory, heads, 'heads')]
      putBack = () => {
        tree()
        memory()
      }
    }
  }

  await signer.program.kill('SIGTERM')
  putBack()
  const rows = recordsOf(directory)
  await writeLog(directory, rows.with(24, edited(rows[24])))
  await signer.start()
  const rewritten = await openBoth(t, { directory, signer: await signer.connect() })
  await sealed(rewritten, 40)
  assert.equal(rewritten.transparency.status().fault, undefined)
  const url = await readable(t, rewritten)
  const { status, said } = await saadik('log', 'follow', url, copy, '--policy', policy, '--json')
  const { found, leaf, record, before } = JSON.parse(said)
  assert.deepEqual([status, found, leaf, record, before], [1, 'rewritten', 24, 25, 40], said)
  assert.match((await saadik('log', 'follow', url, copy, '--policy', policy)).said, /^REWRITTEN .* 24, record 25$/m)

  // Who comes for the first time sees nothing of it: what was followed before is what tells.
  rmSync(copy, { recursive: true })
  assert.equal((await saadik('log', 'follow', url, copy, '--policy', policy)).status, 0)
  assert.equal((await saadik('log', 'follow', url, copy)).status, 64)
  assert.match((await saadik('log', 'follow', 'http://127.0.0.1:9', copy, '--policy', policy)).said, /127\.0\.0\.1:9/)
})
