// Another PIN for the same keys: by whom, how often guessed, and what a kill at any moment leaves.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, watch, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Log, systemClock } from '#host'
import type { SignerClient } from '#signer'
import { SignerError } from '../../../signer/error.ts'
import { openSoftwareToken } from '../../../signer/tokens/software.ts'
import { needsTools } from '../../tools.ts'
import { PIN, startedSigner, type TestSigner, testSigner } from './signer-process.ts'

const NEW = 'battery staple'
const cli = resolve(import.meta.dirname, '..', '..', '..', 'cli', 'main.ts')
const silent = () => undefined
const log: Log = { error: silent, warn: silent, info: silent, debug: silent }

/** How many keys a PIN opens on the disk; undefined when it opens nothing. */
async function opens(directory: string, pin: string): Promise<number | undefined> {
  const token = await openSoftwareToken(directory, systemClock, log)
  try {
    await token.unlock(Buffer.from(pin))
  } catch (error) {
    if (error instanceof SignerError && error.code === 'pin_incorrect') return undefined
    throw error
  }
  for (const { id } of token.keys()) token.exportKey(id)
  return token.keys().length
}

async function makeKeys(client: SignerClient, count: number): Promise<void> {
  const making = Array.from({ length: count }, () => client.generate({ use: 'message', algorithm: 'EC-P256' }))
  await Promise.all(making)
}

test('the new PIN opens every key, the old one none; the change is audited and stops no signing', async (t) => {
  const signer = await startedSigner(t)
  const { client, directory } = signer
  await makeKeys(client, 3)
  await client.changePin(PIN, NEW)
  assert.equal((await client.status()).unlocked, true)
  await makeKeys(client, 1)
  assert.equal(await opens(directory, PIN), undefined)
  assert.equal(await opens(directory, NEW), 4)
  await assert.rejects(client.unlock(PIN), { code: 'pin_incorrect' })

  // Locked as well, and it stays locked.
  await signer.program.kill('SIGTERM')
  await signer.start({ pin: false })
  const locked = await signer.connect()
  await locked.changePin(NEW, PIN)
  assert.equal((await locked.status()).unlocked, false)
  await locked.unlock(PIN)
  const trail = await locked.audit({ limit: 1000 })
  assert.deepEqual(
    trail.flatMap(({ op, outcome }) => (op === 'changePin' ? [outcome] : [])),
    ['ok', 'ok'],
  )
  for (const pin of [PIN, NEW]) assert.ok(!JSON.stringify(trail).includes(pin))
})

test('a wrong old PIN is a guess like any other; a new one that is none changes nothing', async (t) => {
  const { client, directory } = await startedSigner(t)
  for (const unsuitable of ['short', 'x'.repeat(257), PIN])
    await assert.rejects(client.changePin(PIN, unsuitable), { code: 'pin_unsuitable' })
  for (let guess = 0; guess < 3; guess += 1)
    await assert.rejects(client.changePin(`guess ${guess}`, NEW), { code: 'pin_incorrect' })
  await assert.rejects(client.changePin(PIN, NEW), { code: 'pin_blocked' })
  assert.equal(await opens(directory, PIN), 0)
})

test('before there is a PIN there is none to change', async (t) => {
  const signer = testSigner(t)
  await signer.start({ pin: false })
  const client = await signer.connect()
  await assert.rejects(client.changePin(PIN, NEW), { code: 'bad_request' })
  await client.unlock(PIN)
})

test('killed at any moment, one of the two PINs opens all keys', async (t) => {
  const rounds = process.env['SAADIK_LONG'] ? 60 : 6
  const signer = testSigner(t)
  let [current, next] = [PIN, NEW]
  let changed = 0
  for (let round = 0; round < rounds; round += 1) {
    const program = await signer.start({ pin: current })
    const client = await signer.connect({ reconnect: false })
    if (round === 0) await makeKeys(client, 20)
    // Anywhere; at the write itself, when its temporary file is there; right after it has taken the vault's name.
    const watcher = watch(signer.directory)
    const named = (pattern: RegExp) =>
      new Promise<void>((done) => {
        watcher.on('change', (_, name) => {
          if (pattern.test(String(name))) done()
        })
      })
    const moment = [pause(150 * (round + 1)), named(/^\.vault\.json\./), named(/^vault\.json$/)][round % 3]
    const answered = client.changePin(current, next).then(
      () => true,
      () => false,
    )
    await Promise.race([moment, answered])
    await program.kill('SIGKILL')
    watcher.close()
    client.close()
    const [byOld, byNew] = [await opens(signer.directory, current), await opens(signer.directory, next)]
    assert.deepEqual(
      [byOld, byNew].filter((count) => count !== undefined),
      [20],
    )
    if (await answered) assert.equal(byNew, 20)
    if (byNew === undefined) continue
    changed += 1
    ;[current, next] = [next, current]
  }
  assert.ok(changed > 0 && changed < rounds, `${changed} of ${rounds} were changed`)
})

/** The command, with what comes over the standard input and descriptor 3. */
async function command(signer: TestSigner, args: readonly string[], input = '', descriptor = '') {
  const config = join(signer.home, 'server.yaml')
  const { directory, socket, tokenFile } = signer
  writeFileSync(config, JSON.stringify({ directory, signer: { socket, tokenFile } }))
  const child = spawn(process.execPath, [cli, 'keys', 'change-pin', '--config', config, ...args], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  child.stdin?.end(input)
  const pipe = child.stdio[3]
  assert.ok(pipe && 'end' in pipe)
  pipe.on('error', silent)
  pipe.end(descriptor)
  const [code] = await once(child, 'close')
  return { code, output }
}

test('saadik keys change-pin: PINs from files, a descriptor, the standard input', async (t) => {
  const signer = await startedSigner(t)
  const file = join(signer.home, 'pin')
  const done = await command(signer, ['--pin-file', file, '--new-pin-file', '/dev/fd/3'], '', `${NEW}\n`)
  assert.deepEqual([done.code, /the PIN is changed/.test(done.output)], [0, true], done.output)
  assert.equal(await opens(signer.directory, NEW), 0)
  const back = await command(signer, [], `${NEW}\n${PIN}\n`)
  assert.equal(back.code, 0, back.output)
  assert.equal(await opens(signer.directory, readFileSync(file, 'utf8').trim()), 0)
  const wrong = await command(signer, ['--pin-file', file], `${PIN}\n`)
  assert.notEqual(wrong.code, 0)
  for (const { output } of [done, back, wrong]) for (const pin of [PIN, NEW]) assert.ok(!output.includes(pin))
})

test('saadik keys change-pin asks on the terminal, twice for the new PIN, and shows neither', async (t) => {
  if (!needsTools(t, 'script')) return
  const signer = await startedSigner(t)
  const config = join(signer.home, 'server.yaml')
  const { directory, socket, tokenFile } = signer
  writeFileSync(config, JSON.stringify({ directory, signer: { socket, tokenFile } }))
  const ask = async (...typed: readonly string[]) => {
    const line = `exec ${process.execPath} ${cli} keys change-pin --config ${config}`
    const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const questions = ['New PIN: ', 'The same again: ']
    let [shown, seen, next] = ['', 0, 'PIN: ']
    const left = [...typed]
    child.stdout.on('data', (chunk) => {
      shown += chunk
      const at = shown.indexOf(next, seen)
      if (at < 0 || left.length === 0) return
      seen = at + next.length
      next = questions.shift() ?? '\0'
      child.stdin.write(`${left.shift()}\r`)
    })
    await once(child, 'close')
    return shown
  }
  assert.match(await ask(PIN, NEW, 'another one'), /the two PINs differ/)
  const shown = await ask(PIN, NEW, NEW)
  assert.match(shown, /the PIN is changed/)
  for (const pin of [PIN, NEW]) assert.ok(!shown.includes(pin))
  assert.equal(await opens(directory, NEW), 0)
})
