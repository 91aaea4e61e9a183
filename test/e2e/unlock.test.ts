// A signer that starts locked is opened by hand, from a pipe: the PIN is never an argument.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { after } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'sdk-'))
const socket = join(folder, 'signer.sock')
const tokenFile = join(folder, 'token')
const server = join(folder, 'security-server.yaml')
let signer: ChildProcess | undefined
after(() => {
  signer?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function saadik(args: readonly string[], input = '') {
  return spawnSync(process.execPath, [join(root, 'cli/main.ts'), ...args, '--config', server], {
    encoding: 'utf8',
    input,
  })
}

async function start(): Promise<void> {
  signer = spawn(process.execPath, [join(root, 'signer/main.ts'), '--config', join(folder, 'signer.yaml')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(signer.stdout as NonNullable<ChildProcess['stdout']>, 'data')
}

test('locked, refused, unlocked by the right PIN only', async () => {
  writeFileSync(join(folder, 'signer.yaml'), JSON.stringify({ directory: join(folder, 'signer'), socket, tokenFile }))
  writeFileSync(server, JSON.stringify({ directory: join(folder, 'data'), signer: { socket, tokenFile } }))
  assert.match(saadik(['keys', 'list']).stderr, /cannot be reached/)

  await start()
  const first = saadik(['keys', 'unlock', '--pin-file', '-'], 'correct horse\n')
  assert.equal(first.status, 0, first.stderr)
  const made = saadik(['keys', 'generate', '--use', 'message', '--json'])
  assert.equal(made.status, 0, made.stderr)
  signer?.kill('SIGTERM')
  await once(signer as ChildProcess, 'exit')

  await start()
  const locked = saadik(['keys', 'generate', '--use', 'message'])
  assert.equal(locked.status, 1)
  assert.match(locked.stderr, /locked/)
  const wrong = saadik(['keys', 'unlock', '--pin-file', '-'], 'wrong horse\n')
  assert.equal(wrong.status, 1)
  assert.equal(saadik(['keys', 'unlock', '--pin-file', '-'], 'correct horse\n').status, 0)
  const { keys } = JSON.parse(saadik(['keys', 'list', '--json']).stdout) as { keys: { id: string }[] }
  assert.deepEqual(
    keys.map(({ id }) => id),
    [(JSON.parse(made.stdout) as { id: string }).id],
  )
})
