// kill -9 at any moment of the integration, again and again, on the same log: every record has one leaf, in its order, and what was
// said to be signed is there.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { scratch } from '../../unit/host/scratch.ts'
import { openBoth, sealed } from '../../unit/security-server/transparency/fixture.ts'
import { startedSigner } from '../../unit/signer/signer-process.ts'

const KILLS = process.env['SAADIK_LONG'] ? 100 : 12

test(`after each of ${KILLS} kills the tree is the log's, leaf for leaf`, async (t) => {
  const signer = await startedSigner(t)
  const directory = scratch(t)
  const entries = new Map<number, string>()
  let told = 0
  let signed = 0
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'child.ts'), directory, signer.socket, signer.tokenFile, '1000'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ended = once(child, 'exit')
    // Every third while it opens; the others while records come in.
    let left = kill % 3 === 2 ? 1 : 2 + Math.floor(Math.random() * 8)
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, first = '', second = ''] = line.split(' ')
      if (what === 'open') signed = Math.max(signed, Number(second))
      if (what === 'logged') told = Number(first)
      if (what === 'entry') entries.set(Number(first), second)
      left -= 1
      if (left === 0) setTimeout(() => child.kill('SIGKILL'), Math.random() * 400)
    }
    await ended

    const opened = await openBoth(t, { directory, signer: signer.client })
    assert.equal(opened.transparency.status().fault, undefined)
    const { records } = opened.messageLog.status()
    assert.ok(records >= told, `${records} records, ${told} were said to be logged`)
    await sealed(opened, records)
    for await (const said of opened.transparency.check([])) {
      if (!('ok' in said)) continue
      assert.ok(said.ok, JSON.stringify(said))
      // One leaf for each record, and those of other kinds that were promised.
      assert.equal(said.records, records)
      assert.ok(said.leaves >= signed && said.leaves >= records + entries.size)
      signed = said.leaves
    }
    await opened.close()
  }
  t.diagnostic(`${told} records told, ${signed} leaves, ${entries.size} other entries, ${KILLS} kills`)
})
