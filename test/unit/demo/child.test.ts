import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from '../../../demo/child.ts'
import { DemoError } from '../../../demo/error.ts'

const logs = mkdtempSync(join(tmpdir(), 'saadik-child-'))
after(() => rmSync(logs, { recursive: true, force: true }))

const program = (name: string) => ({ name, program: `test/unit/demo/programs/${name}`, args: [] })
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('ready, then stopped', async () => {
  const child = startChild(program('steady'), logs, () => assert.fail('nothing unexpected'))
  assert.equal(child.state, 'starting')
  await child.ready
  assert.equal(child.state, 'running')
  const { pid } = child
  assert.ok(pid && alive(pid))
  await child.stop()
  assert.equal(child.state, 'stopped')
  assert.equal(child.pid, undefined)
  assert.ok(!alive(pid))
  assert.match(readFileSync(join(logs, 'steady.log'), 'utf8'), /"ready"/)
})

test('a program that ends before it is ready fails with the end of its log', async () => {
  const child = startChild(program('broken'), logs, () => assert.fail('a failed start is not a crash'))
  await assert.rejects(
    child.ready,
    (error) =>
      error instanceof DemoError &&
      error.code === 'process_failed' &&
      /exit code 3.*the port is taken/s.test(error.message),
  )
  await child.stop()
})

test('a program that is killed is told and started again, until it is stopped', async () => {
  const told: string[] = []
  const child = startChild(program('steady'), logs, (what) => told.push(what))
  await child.ready
  const first = child.pid
  assert.ok(first)
  process.kill(first, 'SIGKILL')
  for (let attempt = 0; attempt < 200 && told.length < 2; attempt++) await pause(50)
  assert.match(told[0] ?? '', /ended unexpectedly \(SIGKILL\)/)
  assert.match(told[1] ?? '', /runs again/)
  assert.notEqual(child.pid, first)
  await child.stop()
  assert.equal(told.length, 2)
})
