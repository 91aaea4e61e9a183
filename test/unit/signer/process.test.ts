import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { connectSigner } from '#signer'
import { needsTools } from '../../tools.ts'
import { startedSigner, testSigner } from './signer-process.ts'

const main = resolve(import.meta.dirname, '..', '..', '..', 'signer', 'main.ts')

test('it has no network socket, and nothing that it keeps is for others', async (t) => {
  const { program, directory, socket, client } = await startedSigner(t)
  await client.generate({ use: 'message', algorithm: 'EC-P256' })
  const everything = readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) =>
    join(entry.parentPath, entry.name),
  )
  assert.ok(everything.length >= 8)
  for (const path of [directory, socket, ...everything]) assert.equal(statSync(path).mode & 0o077, 0, path)
  if (!existsSync('/proc/self/fd')) return t.skip('SKIPPED, NOT PROVED: no /proc to look for sockets in')
  const mine = readdirSync(`/proc/${program.pid}/fd`)
    .map((fd) => readlinkSync(`/proc/${program.pid}/fd/${fd}`))
    .flatMap((link) => /socket:\[(\d+)\]/.exec(link)?.[1] ?? [])
  const network = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'].flatMap((kind) => {
    const table = `/proc/${program.pid}/net/${kind}`
    return existsSync(table)
      ? readFileSync(table, 'utf8')
          .split('\n')
          .map((line) => line.trim().split(/\s+/)[9])
      : []
  })
  assert.deepEqual(
    mine.filter((inode) => network.includes(inode)),
    [],
  )
})

test('a second signer on the same keys is refused, and the first goes on', async (t) => {
  const signer = await startedSigner(t)
  const second = signer.launch()
  assert.equal(await second.ended, 1)
  assert.match(second.stderr(), /the signer of .* runs already/)
  assert.equal((await signer.client.status()).unlocked, true)
})

test('without a PIN it starts locked: public facts are told, nothing is signed; the PIN opens it', async (t) => {
  const signer = await startedSigner(t)
  const key = await signer.client.generate({ use: 'authentication', algorithm: 'EC-P256' })
  await signer.program.kill('SIGTERM')
  await signer.start({ pin: false })
  const { client } = signer
  assert.deepEqual(await client.status(), { ...(await client.status()), unlocked: false, keys: 1 })
  assert.deepEqual(
    (await client.keys()).map(({ id }) => id),
    [key.id],
  )
  for (const refused of [
    client.generate({ use: 'message', algorithm: 'EC-P256' }),
    client.csr({ key: key.id, subject: [{ oid: '2.5.4.3', value: 'x' }] }),
    client.selfSign({ key: key.id, commonName: 'x' }),
    client.releaseTlsKey(key.id),
    client.importKey({ use: 'message', pkcs8: Buffer.from('-----BEGIN') }).then(
      () => 'taken',
      (error: { code: string }) => Promise.reject(error),
    ),
  ]) {
    await assert.rejects(refused, (error: { code: string }) => ['locked', 'import_failed'].includes(error.code))
  }
  await assert.rejects(client.unlock('wrong horse'), { code: 'pin_incorrect' })
  await client.unlock('correct horse')
  assert.equal((await client.status()).unlocked, true)
  assert.match(await client.releaseTlsKey(key.id), /PRIVATE KEY/)
})

test('a wrong PIN in the file ends the start; the PIN is not on the command line or in what is printed', async (t) => {
  const signer = testSigner(t)
  const first = await signer.start()
  const commandLine =
    readFileSync(`/proc/${first.pid}/cmdline`, 'utf8') + readFileSync(`/proc/${first.pid}/environ`, 'utf8')
  assert.equal(commandLine.includes('correct horse'), false)
  await first.kill('SIGTERM')
  const second = signer.launch({ pin: 'wrong horse' })
  assert.equal(await second.ended, 1)
  assert.equal(second.stdout(), '')
  assert.match(second.stderr(), /the PIN is wrong/)
  assert.equal(/(correct|wrong) horse/.test(first.stderr() + second.stderr()), false)
})

test('wrong PINs are counted over kills and restarts, and slow everyone down, the right PIN too', async (t) => {
  const signer = testSigner(t)
  await (await signer.start()).kill('SIGTERM')
  const begun = Date.now()
  for (let guess = 0; guess < 3; guess += 1) {
    const locked = await signer.start({ pin: false })
    const client = await connectSigner({ ...signer, reconnect: false })
    await assert.rejects(client.unlock(`guess ${guess}`), { code: 'pin_incorrect' })
    client.close()
    await locked.kill('SIGKILL')
  }
  const file = join(signer.directory, 'pin-attempts.json')
  const attempts = () => JSON.parse(readFileSync(file, 'utf8')) as { failures: number; blockedUntil: number }
  const { failures, blockedUntil } = attempts()
  assert.equal(failures, 3)
  assert.ok(blockedUntil >= begun + 2000, 'the third costs two seconds')
  // A machine that needs longer than that to start again proves the same.
  writeFileSync(file, JSON.stringify({ failures, blockedUntil: Date.now() + 60_000 }))
  await signer.start({ pin: false })
  const client = await signer.connect()
  await assert.rejects(client.unlock('correct horse'), { code: 'pin_blocked', message: /3 wrong PINs: wait \d+ s/ })
  writeFileSync(file, JSON.stringify({ failures, blockedUntil: Date.now() }))
  await new Promise((done) => setTimeout(done, 10))
  await client.unlock('correct horse')
  assert.equal(attempts().failures, 0)
  const outcomes = (await client.audit({ limit: 1000 }))
    .filter(({ op }) => op === 'unlock')
    .map(({ outcome }) => outcome)
  assert.deepEqual(outcomes, ['ok', 'pin_incorrect', 'pin_incorrect', 'pin_incorrect', 'pin_blocked', 'ok'])
})

test('the PIN comes through a descriptor as well', async (t) => {
  const signer = testSigner(t)
  const config = join(signer.home, 'signer.yaml')
  writeFileSync(config, `directory: ${signer.directory}\npin: {descriptor: 3}\n`)
  const child = spawn(process.execPath, [main, '--config', config], {
    stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
    env: { ...process.env, SAADIK_PARENT: 'stdin' },
  })
  t.after(() => void child.kill('SIGKILL'))
  const pipe = child.stdio[3]
  assert.ok(pipe && 'end' in pipe)
  pipe.end('correct horse\n')
  assert.ok(child.stdout)
  await once(child.stdout, 'data')
  assert.equal((await (await signer.connect()).status()).unlocked, true)
  child.kill('SIGTERM')
  await once(child, 'exit')
  // The same PIN, from a file this time.
  await signer.start()
})

/** Answers each question on a terminal that `script` (util-linux) makes; resolves with what the terminal showed. */
async function onTerminal(
  config: string,
  answers: readonly (readonly [question: string, typed: string])[],
): Promise<string> {
  const child = spawn('script', ['-qec', `exec ${process.execPath} ${main} --config ${config}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let shown = ''
  const left = [...answers]
  child.stdout.on('data', (chunk) => {
    shown += chunk
    const [next] = left
    if (next !== undefined && shown.endsWith(next[0])) {
      left.shift()
      child.stdin.write(next[1])
    }
    if (shown.includes('"ready":true')) child.stdin.end('\x03')
  })
  await once(child, 'close')
  return shown
}

test('the PIN is asked for on the terminal, twice the first time, and never shown', async (t) => {
  if (!needsTools(t, 'script')) return
  const signer = testSigner(t)
  const config = join(signer.home, 'signer.yaml')
  writeFileSync(config, `directory: ${signer.directory}\npin: prompt\n`)
  const differing = await onTerminal(config, [
    ['New PIN of the signer: ', 'correct horse\r'],
    ['The same again: ', 'correct hose\r'],
  ])
  assert.match(differing, /the two PINs differ/)
  const made = await onTerminal(config, [
    ['New PIN of the signer: ', 'correcx\x7ft horse\r'],
    ['The same again: ', 'correct horse\r'],
  ])
  assert.match(made, /"ready":true/)
  const again = await onTerminal(config, [['PIN of the signer: ', 'correct horse\r']])
  assert.match(again, /"ready":true/)
  assert.equal(/horse/.test(differing + made + again), false)
})

test('a PIN of three digits, an unknown key in the configuration, and a terminal that is not there', async (t) => {
  const signer = testSigner(t)
  assert.equal(await signer.launch({ pin: '123' }).ended, 1)
  assert.equal(existsSync(join(signer.directory, 'vault.json')), false)
  await signer.start()
  for (const [text, said] of [
    [`directory: ${signer.directory}\npn: {file: x}\n`, /pn: unknown key/],
    [`directory: ${join(signer.home, 'other')}\npin: prompt\n`, /no terminal to ask on/],
  ] as const) {
    const config = join(signer.home, 'other.yaml')
    writeFileSync(config, text)
    const child = spawn(process.execPath, [main, '--config', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    })
    let stderr = ''
    child.stderr?.on('data', (chunk) => {
      stderr += chunk
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 1)
    assert.match(stderr, said)
  }
})
