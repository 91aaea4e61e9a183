// docker-compose.yml without a container engine: its services as processes of this machine, each started when what it depends on
// has ended well or is healthy by its own health check. What containers add (users, networks, read-only roots) is not proved here.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { parse } from 'yaml'
import { freeBase } from './running-demo.ts'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'sdk-'))
const base = await freeBase()
const HEALTHY_WITHIN_MS = 60_000

interface Service {
  readonly command: readonly string[]
  readonly depends_on?: Record<
    string,
    { condition: 'service_completed_successfully' | 'service_healthy' | 'service_started' }
  >
  readonly healthcheck?: { test: readonly string[] }
}

const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>
  secrets: Record<string, unknown>
}

/** Paths and addresses of the containers, here. */
const here = (word: string) =>
  word
    .replace('/state', join(folder, 'state'))
    .replace('/run/secrets', join(folder, 'secrets'))
    .replaceAll('172.30.77', base)

interface Running {
  readonly process: ChildProcess
  readonly ended: Promise<number | null>
  output: string
}

const running = new Map<string, Running>()
const started = new Map<string, Promise<Running>>()

after(() => {
  for (const { process } of running.values()) process.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function start(name: string): Promise<Running> {
  let starting = started.get(name)
  if (!starting) {
    starting = startAfterDependencies(name)
    started.set(name, starting)
  }
  return starting
}

async function startAfterDependencies(name: string): Promise<Running> {
  const service = compose.services[name]
  assert.ok(service, name)
  const conditions = Object.entries(service.depends_on ?? {})
  await Promise.all(conditions.map(async ([needed, { condition }]) => meets(needed, condition, await start(needed))))
  const process = spawn(globalThis.process.execPath, service.command.map(here), {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...globalThis.process.env, SAADIK_RUNTIME_DIRECTORY: folder },
  })
  const one: Running = { process, ended: once(process, 'exit').then(([code]) => code as number | null), output: '' }
  for (const stream of [process.stdout, process.stderr])
    stream?.on('data', (chunk: Buffer) => (one.output += chunk.toString('utf8')))
  running.set(name, one)
  return one
}

async function meets(name: string, condition: string, one: Running): Promise<void> {
  if (condition === 'service_completed_successfully') {
    assert.equal(await one.ended, 0, `${name}: ${one.output}`)
    return
  }
  if (condition === 'service_started') return
  const [, , ...check] = compose.services[name]?.healthcheck?.test ?? []
  for (const until = Date.now() + HEALTHY_WITHIN_MS; Date.now() < until; await pause(200)) {
    if (one.process.exitCode !== null) break
    if (spawnSync(process.execPath, check.map(here), { cwd: root }).status === 0) return
  }
  assert.fail(`${name} is not healthy: ${one.output.slice(-2000)}`)
}

test('the composition enrols, opens, sends the first message and verifies it', async () => {
  mkdirSync(join(folder, 'secrets'))
  for (const secret of Object.keys(compose.secrets))
    writeFileSync(join(folder, 'secrets', secret), `pin-of-${secret}\n`, { mode: 0o600 })
  const open = await start('open')
  assert.equal(await open.ended, 0, open.output)
  assert.match(open.output, /VALID .*TOTAL-PASSED/)
})

test('preparing, enrolling and opening again changes nothing', async () => {
  for (const step of ['prepare', 'enrol', 'open']) {
    const { status, stdout, stderr } = spawnSync(process.execPath, (compose.services[step]?.command ?? []).map(here), {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, SAADIK_RUNTIME_DIRECTORY: folder },
    })
    assert.equal(status, 0, stdout + stderr)
    if (step === 'enrol') assert.match(stdout, /0 changes/)
  }
})

test('every service ends well when it is told to', async () => {
  const lasting = [...running].filter(([name]) => !['prepare', 'enrol', 'open'].includes(name))
  assert.equal(lasting.length, Object.keys(compose.services).length - 3)
  for (const [, { process }] of lasting) process.kill('SIGTERM')
  for (const [name, { ended, output }] of lasting) assert.equal(await ended, 0, `${name}: ${output.slice(-500)}`)
})
