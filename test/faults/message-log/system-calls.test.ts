// What the kernel was asked, in which order: nothing is said to be logged before it is on the disk.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { needsTools } from '../../tools.ts'
import { temporaryDirectory } from '../../unit/security-server/message-log/fixture.ts'

test('body, folder, record: each is synchronised before the next is written, and all before it is said', async (t) => {
  if (!needsTools(t, 'strace')) return
  const directory = await temporaryDirectory(t)
  const trace = join(directory, 'trace')
  const run = spawnSync(
    'strace',
    [
      '-f',
      '-y',
      '-qq',
      '-e',
      'trace=fsync,fdatasync,write,pwrite64,openat',
      '-s',
      '64',
      '-o',
      trace,
      process.execPath,
      join(import.meta.dirname, 'one-message.ts'),
      join(directory, 'log'),
    ],
    { encoding: 'utf8' },
  )
  if (/ptrace|Operation not permitted/i.test(run.stderr))
    return t.skip('SKIPPED, NOT PROVED: this user may not trace processes')
  assert.equal(run.status, 0, run.stderr)
  const calls = readFileSync(trace, 'utf8').split('\n')
  const at = (what: RegExp, from = 0): number => {
    const found = calls.findIndex((call, index) => index >= from && what.test(call))
    assert.notEqual(found, -1, `${what} after line ${from}`)
    return found
  }
  const begun = at(/write\(1.*begin/)
  const file = /[/]bodies[/]([0-9a-f]{2})[/][0-9a-f]{32}-1>/.exec(
    calls[at(/p?write(64)?\(\d+<[^>]*[/]bodies[/]/, begun)] ?? '',
  )
  assert.ok(file)
  const content = at(/f(data)?sync\(\d+<[^>]*[/]bodies[/][0-9a-f]{2}[/][0-9a-f]{32}-1>/, begun)
  const folder = at(new RegExp(`fsync\\(\\d+<[^>]*/bodies/${file[1]}>`), content)
  // The segment is opened so that a write to it is durable when it returns.
  at(/openat\(.*[/]segments[/]\d{16}.*O_DSYNC/)
  const record = at(/pwrite64\(\d+<[^>]*[/]segments[/]\d{16}>, "SaGr.*= \d+$/, begun)
  const said = at(/write\(1.*logged/, begun)
  assert.ok(content < folder && folder < record && record < said, `${[content, folder, record, said]}`)
})
