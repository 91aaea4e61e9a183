import assert from 'node:assert/strict'
import test from 'node:test'
import { program, sourceFile } from './scratch.ts'

const service = `
  import { runProcess } from '#host'
  runProcess('service', async (life) => {
    const timer = setInterval(() => {}, 1000)
    life.onStop('first opened', () => { clearInterval(timer); console.error('closed first') })
    life.onStop('fails', () => { throw new Error('cannot close') })
    life.onStop('last opened', async () => { await new Promise((r) => setTimeout(r, 20)); console.error('closed last') })
  })`

function lines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('says ready on one line of stdout, and closes in reverse order at SIGTERM, even past a close that fails', async (t) => {
  const child = program(t, service)
  await child.printed('\n')
  assert.deepEqual(lines(child.stdout()), [{ ready: true, process: 'service', pid: child.pid }])
  assert.equal(await child.kill('SIGTERM'), 0)
  assert.deepEqual(
    child
      .stderr()
      .split('\n')
      .filter((line) => line.startsWith('closed')),
    ['closed last', 'closed first'],
  )
  assert.ok(lines(child.stderr()).some(({ message }) => message === 'fails did not close cleanly'))
  assert.equal(child.stdout().trimEnd().split('\n').length, 1)
})

test('stops in order when the pipe to its parent ends', async (t) => {
  const child = program(t, service, { env: { SAADIK_PARENT: 'stdin' } })
  await child.printed('ready')
  child.child.stdin?.end()
  assert.equal(await child.ended, 0)
  assert.ok(child.stderr().includes('closed first'))
})

test('goes on without its stdin when nobody said that it is the parent', async (t) => {
  const child = program(t, service)
  await child.printed('ready')
  child.child.stdin?.end()
  assert.equal(
    await Promise.race([child.ended, new Promise((resolve) => setTimeout(resolve, 200, 'running'))]),
    'running',
  )
})

test('a parent that is killed takes the child with it', async (t) => {
  const parent = program(
    t,
    `import { spawn } from 'node:child_process'
     const child = spawn(process.execPath, process.argv.slice(2), { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, SAADIK_PARENT: 'stdin' } })
     child.stdout.once('data', () => console.log('child ' + child.pid + '.'))`,
    { args: [sourceFile(t, service)] },
  )
  await parent.printed('.')
  const pid = Number(/child (\d+)/.exec(parent.stdout())?.[1])
  await parent.kill('SIGKILL')
  for (let tries = 0; tries < 200 && isRunning(pid); tries += 1) await new Promise((resolve) => setTimeout(resolve, 25))
  assert.equal(isRunning(pid), false)
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a second signal ends at once what does not close', async (t) => {
  const child = program(
    t,
    `import { runProcess } from '#host'
     runProcess('stuck', async (life) => {
       setInterval(() => {}, 1000)
       life.onStop('never', () => { console.log('closing'); return new Promise(() => {}) })
     })`,
  )
  await child.printed('ready')
  child.child.kill('SIGINT')
  await child.printed('closing')
  assert.equal(await child.kill('SIGINT'), 130)
})

for (const [what, statement] of [
  ['a rejection that nobody handles', "Promise.reject(new Error('lost'))"],
  ['an error that nobody catches', "setTimeout(() => { throw new Error('lost') })"],
] as const) {
  test(`${what} is logged and ends the process`, async (t) => {
    const child = program(
      t,
      `import { runProcess } from '#host'\nrunProcess('p', async () => { setInterval(() => {}, 1000); ${statement} })`,
    )
    assert.equal(await child.ended, 1)
    const last = lines(child.stderr()).at(-1) as { level: string; error: { message: string } }
    assert.equal(last.level, 'error')
    assert.equal(last.error.message, 'lost')
  })
}

test('a start that fails closes what was opened, says why, is never ready, exits 1', async (t) => {
  const child = program(
    t,
    `import { runProcess, loadConfig } from '#host'
     runProcess('p', async (life) => {
       life.onStop('opened', () => console.error('closed'))
       loadConfig('/nonexistent/config.yaml', undefined)
     })`,
  )
  assert.equal(await child.ended, 1)
  assert.equal(child.stdout(), '')
  assert.ok(child.stderr().includes('closed'))
  const said = lines(child.stderr()).find(({ level }) => level === 'error')
  assert.match(String(said?.['message']), /^cannot start: .*config\.yaml is not usable/)
  assert.match(String(said?.['faults']), /ENOENT/)
})

test('a signal during the start closes what was opened, and what is opened afterwards', async (t) => {
  const child = program(
    t,
    `import { runProcess } from '#host'
     runProcess('p', async (life) => {
       life.onStop('early', async () => { console.error('closed early'); await new Promise((r) => setTimeout(r, 100)) })
       setInterval(() => {}, 1000)
       console.log('half')
       await new Promise((r) => process.once('SIGTERM', () => setTimeout(r, 20)))
       life.onStop('late', () => console.error('closed late'))
     })`,
  )
  await child.printed('half')
  assert.equal(await child.kill('SIGTERM'), 0)
  assert.ok(child.stderr().includes('closed early') && child.stderr().includes('closed late'))
  assert.equal(child.stdout().includes('ready'), false)
})
