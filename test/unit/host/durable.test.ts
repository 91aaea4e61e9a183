import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { ifThere, sweepTemporary, takeLock, writeFileDurable } from '#host'
import { program, scratch } from './scratch.ts'

test('replaces a file whole, with the mode asked for, leaving nothing beside it', async (t) => {
  const folder = scratch(t)
  const file = join(folder, 'f')
  await writeFileDurable(file, 'one', 0o600)
  await writeFileDurable(file, new TextEncoder().encode('two'), 0o600)
  assert.equal(readFileSync(file, 'utf8'), 'two')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(folder), ['f'])
})

test('a write that fails leaves the old file and no temporary one', async (t) => {
  const folder = scratch(t)
  const target = join(folder, 'directory')
  mkdirSync(join(target, 'inside'), { recursive: true })
  await assert.rejects(writeFileDurable(target, 'x'))
  assert.deepEqual(readdirSync(folder), ['directory'])
  await assert.rejects(writeFileDurable(join(folder, 'missing', 'f'), 'x'), { code: 'ENOENT' })
})

test('killed at any moment, the file is one of the versions, whole; what is left over is swept', async (t) => {
  const folder = scratch(t)
  const file = join(folder, 'f')
  for (let round = 0; round < 6; round += 1) {
    const child = program(
      t,
      `import { writeFileDurable } from '#host'
       for (let n = 0; ; n++) { await writeFileDurable(process.argv[2], String(n % 10).repeat(200_000)); if (n === 0) console.log('going') }`,
      { args: [file] },
    )
    await child.printed('going')
    await new Promise((resolve) => setTimeout(resolve, 5 + round * 7))
    await child.kill('SIGKILL')
    const text = readFileSync(file, 'utf8')
    assert.equal(text.length, 200_000)
    assert.equal(text, text.charAt(0).repeat(200_000))
  }
  writeFileSync(join(folder, '.f.0123456789ab.tmp'), 'left by a crash')
  await sweepTemporary(folder)
  assert.deepEqual(readdirSync(folder), ['f'])
})

test('a lock is held by one process and given back however it ends', async (t) => {
  const file = join(scratch(t), 'lock')
  const mine = takeLock(file, 'the test')
  assert.throws(() => takeLock(file, 'the test'), { code: 'already_running', message: /the test runs already/ })
  const source = `import { takeLock } from '#host'
    try { takeLock(process.argv[2], 'other'); console.log('taken.'); setInterval(() => {}, 1000) } catch (e) { console.log(e.code + '.') }`
  const refused = program(t, source, { args: [file] })
  await refused.printed('.')
  assert.equal(refused.stdout().trim(), 'already_running.')
  mine.release()
  const holder = program(t, source, { args: [file] })
  await holder.printed('taken')
  assert.throws(() => takeLock(file, 'the test'), { code: 'already_running' })
  await holder.kill('SIGKILL')
  takeLock(file, 'the test').release()
  assert.ok(existsSync(file))
})

test('a folder that cannot be written says so', {
  skip: process.getuid?.() === 0 && 'root writes everywhere',
}, async (t) => {
  const folder = scratch(t)
  chmodSync(folder, 0o500)
  await assert.rejects(writeFileDurable(join(folder, 'f'), 'x'), { code: 'EACCES' })
})

test('what is not there reads as undefined, what cannot be read stays an error', async (t) => {
  const folder = scratch(t)
  assert.equal(await ifThere(readFile(join(folder, 'nothing'))), undefined)
  await assert.rejects(ifThere(readFile(folder)), { code: 'EISDIR' })
})
