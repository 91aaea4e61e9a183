// The demo as the README tells it: one command, a message, evidence, and an end that leaves nothing behind.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { needsTools, tool } from '../tools.ts'
import { allEnded, demoFolder, freeBase, processesOf, type RunningDemo, saadik, startDemo } from './running-demo.ts'

const { directory, remove } = demoFolder()
const base = await freeBase()
after(remove)

interface Status {
  readonly state: string
  readonly securityServers: readonly {
    code: string
    pid: number
    signerPid: number
    health: string
    control: string
    signerSocket: string
    database: string
  }[]
  readonly calls: readonly {
    name: string
    method: string
    url: string
    headers: Record<string, string>
    body?: string
    expect: { status: number; contentType?: string; json?: Record<string, unknown>; includes?: readonly string[] }
  }[]
}

const status = (): Status => JSON.parse(saadik(['demo', 'status', '--json', '--dir', directory]).stdout) as Status
const certificates = (server: string) =>
  (
    JSON.parse(saadik(['keys', 'list', '--json', '--dir', directory, '--server', server]).stdout) as {
      keys: { certificates: { sha256: string }[] }[]
    }
  ).keys
    .flatMap((key) => key.certificates.map(({ sha256 }) => sha256))
    .sort()

/** Everything that the start of a demo made and a later start must find again. */
let first: { certificates: string[][]; records: number } | undefined
let running: RunningDemo

test('before the first start there is nothing, and that is said', () => {
  const answer = saadik(['demo', 'status', '--json', '--dir', directory])
  assert.equal(answer.status, 1)
  assert.equal((JSON.parse(answer.stdout) as Status).state, 'stopped')
})

test('it starts, sends the first message, and verifies its evidence', async () => {
  running = await startDemo(directory, base)
  const output = running.output()
  assert.match(output, /VALID .*first-message\.asice {2}TOTAL-PASSED/)
  const file = join(directory, 'evidence', 'first-message.asice')
  const conf = join(directory, 'evidence', 'verificationconf.zip')
  const verdict = saadik(['verify', '--json', '--conf', conf, file])
  assert.equal(verdict.status, 0, verdict.stdout)
  const byAnchor = saadik(['verify', '--anchor', join(directory, 'anchor.xml'), file])
  assert.equal(byAnchor.status, 0, byAnchor.stdout + byAnchor.stderr)
})

test('the curl it printed works as printed', (t) => {
  if (!needsTools(t, 'curl')) return
  const printed = /^ *(curl -H .*)$/m.exec(running.output())?.[1]
  assert.ok(printed)
  const answer = tool('sh', ['-c', `${printed} --silent --show-error --fail`])
  assert.equal(answer.status, 0, answer.stderr)
  assert.equal((JSON.parse(answer.stdout) as { total: number }).total, 3)
})

test('status is ready, and every call it names answers as it says', async () => {
  const answer = saadik(['demo', 'status', '--json', '--dir', directory])
  assert.equal(answer.status, 0, answer.stdout)
  const { state, calls, securityServers } = JSON.parse(answer.stdout) as Status
  assert.equal(state, 'ready')
  assert.equal(securityServers.length, 3)
  for (const { pid, signerPid, database } of securityServers) {
    assert.ok(pid > 0 && signerPid > 0)
    assert.ok(readFileSync(database).length > 0)
  }
  for (const { name, method, url, headers, body, expect } of calls) {
    const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) })
    const bytes = Buffer.from(await response.arrayBuffer())
    assert.equal(response.status, expect.status, `${name}: ${bytes.toString('utf8').slice(0, 500)}`)
    if (expect.contentType) assert.equal(response.headers.get('content-type'), expect.contentType, name)
    if (expect.json) assert.partialDeepStrictEqual(JSON.parse(bytes.toString('utf8')), expect.json, name)
    for (const text of expect.includes ?? []) assert.ok(bytes.includes(text), `${name}: ${text} in ${bytes}`)
    if (expect.contentType === 'image/png') assert.equal(bytes.subarray(1, 4).toString(), 'PNG')
  }
})

test('a message is found in both logs and taken out as evidence of each side', () => {
  for (const server of ['customs', 'interior']) {
    const found = saadik(['log', 'find', '--json', '--dir', directory, '--server', server])
    assert.equal(found.status, 0, found.stderr)
    const { records } = JSON.parse(found.stdout) as { records: { seq: number; direction: string }[] }
    const [request, response] = [
      records.find(({ direction }) => direction === 'request'),
      records.find(({ direction }) => direction === 'response'),
    ]
    assert.ok(request && response)
    for (const { seq, direction } of [request, response]) {
      const file = join(directory, 'evidence', `${server}-${direction}.asice`)
      const got = saadik(['log', 'get', String(seq), '--dir', directory, '--server', server, '-o', file])
      assert.equal(got.status, 0, got.stderr)
      const verdict = saadik(['verify', '--conf', join(directory, 'evidence', 'verificationconf.zip'), file])
      assert.equal(verdict.status, 0, verdict.stdout)
    }
  }
})

test('a second start in the same folder, or at the same addresses, is refused with a reason', () => {
  const same = saadik(['demo', 'up', '--dir', directory])
  assert.equal(same.status, 1)
  assert.match(same.stderr, /runs already/)
  const other = saadik(['demo', 'up', '--dir', `${directory}-other`, '--base', base])
  assert.equal(other.status, 1)
  assert.match(other.stderr, /in use/)
  assert.match(other.stderr, new RegExp(`${base.replaceAll('.', '\\.')}\\.12:8080`))
  const reset = saadik(['demo', 'reset', '--dir', directory])
  assert.equal(reset.status, 1)
  assert.match(reset.stderr, /stop it first/)
})

test('applying the documents again changes nothing', () => {
  const federation = saadik(['apply', '-f', join(directory, 'federation.yaml'), '--dir', directory, '--json'])
  assert.equal(federation.status, 0, federation.stderr)
  assert.deepEqual((JSON.parse(federation.stdout) as { changes: unknown[] }).changes, [])
  const services = saadik([
    'apply',
    '-f',
    join(directory, 'interior', 'server.yaml'),
    '--dir',
    directory,
    '--server',
    'interior',
    '--json',
  ])
  assert.equal(services.status, 0, services.stderr)
  assert.deepEqual((JSON.parse(services.stdout) as { changes: unknown[] }).changes, [])
})

test('an operator certifies a new key: generate, request, issue, import', () => {
  const at = ['--dir', directory, '--server', 'embassy'] as const
  const made = saadik([
    'keys',
    'generate',
    '--use',
    'message',
    '--algorithm',
    'EC-P384',
    '--label',
    'second',
    '--json',
    ...at,
  ])
  assert.equal(made.status, 0, made.stderr)
  const { id } = JSON.parse(made.stdout) as { id: string }
  const [csr, certificate] = [join(directory, 'second.csr'), join(directory, 'second.pem')]
  const subject =
    'C=EE,O=Data Embassy in Luxembourg,businessCategory=GOV,CN=Data Embassy in Luxembourg,serialNumber=70000003'
  const requested = saadik(['keys', 'csr', id.slice(0, 12), '--subject', subject, '-o', csr, ...at])
  assert.equal(requested.status, 0, requested.stderr)
  const issued = saadik(['ca', 'issue', csr, '--profile', 'signing', '-o', certificate, '--dir', directory])
  assert.equal(issued.status, 0, issued.stderr)
  const imported = saadik(['keys', 'import', certificate, '--json', ...at])
  assert.equal(imported.status, 0, imported.stderr)
  const { keys } = JSON.parse(saadik(['keys', 'list', '--json', ...at]).stdout) as {
    keys: { id: string; certificates: unknown[] }[]
  }
  assert.equal(keys.find((key) => key.id === id)?.certificates.length, 1)
  const refused = saadik(['ca', 'issue', csr, '--profile', 'sining', '--dir', directory])
  assert.equal(refused.status, 64)
  assert.match(refused.stderr, /did you mean 'signing'/)
})

test('the anchor that is exported is the one that was taken, and it is shown', () => {
  const file = join(directory, 'exported.xml')
  const exported = saadik(['anchor', 'export', '-o', file, '--dir', directory])
  assert.equal(exported.status, 0, exported.stderr)
  const shown = saadik(['anchor', 'show', file, '--json'])
  assert.equal(shown.status, 0, shown.stderr)
  const anchor = JSON.parse(shown.stdout) as { instance: string; hash: string; sources: { url: string }[] }
  assert.equal(anchor.instance, 'DEMO')
  assert.equal(anchor.sources[0]?.url, `http://${base}.10:8090/internalconf`)
  assert.ok(exported.stderr.includes(anchor.hash))
})

test('an access right given in server.yaml counts at once', async () => {
  const refused = status().calls.at(-1)
  assert.ok(refused)
  const call = async () => (await fetch(refused.url, { headers: refused.headers })).status
  assert.equal(await call(), 500)
  const file = join(directory, 'interior', 'server.yaml')
  const before = readFileSync(file, 'utf8')
  const apply = () => saadik(['apply', '-f', file, '--dir', directory, '--server', 'interior'])
  writeFileSync(file, before.replace('- GET /persons/*\n', '- GET /persons/*\n              - GET /persons\n'))
  const applied = apply()
  assert.equal(applied.status, 0, applied.stderr)
  assert.match(applied.stdout, /1 change/)
  assert.equal(await call(), 200)
  writeFileSync(file, 'clients: []\nclient: []\n')
  const broken = apply()
  assert.equal(broken.status, 1)
  assert.match(broken.stderr, /client/)
  assert.equal(await call(), 200)
  writeFileSync(file, before)
  assert.equal(apply().status, 0)
  assert.equal(await call(), 500)
})

test('a server and a signer that are killed come back by themselves', async () => {
  const before = status().securityServers.find(({ code }) => code === 'customs')
  assert.ok(before)
  process.kill(before.pid, 'SIGKILL')
  process.kill(before.signerPid, 'SIGKILL')
  const back = (now: Status) => {
    const { pid, signerPid } = now.securityServers.find(({ code }) => code === 'customs') ?? before
    return now.state === 'ready' && pid !== before.pid && signerPid !== before.signerPid
  }
  let now = status()
  assert.notEqual(now.state, 'ready')
  for (let attempt = 0; attempt < 100 && !back(now); attempt++) {
    await pause(200)
    now = status()
  }
  assert.ok(back(now), JSON.stringify(now.securityServers))
  const [call] = now.calls
  assert.ok(call)
  assert.equal((await fetch(call.url, { headers: call.headers })).status, 200)
})

test('Ctrl-C ends every process', async () => {
  const records = JSON.parse(saadik(['log', 'find', '--json', '--dir', directory, '--server', 'customs']).stdout) as {
    records: unknown[]
  }
  first = { certificates: ['interior', 'customs', 'embassy'].map(certificates), records: records.records.length }
  assert.ok(processesOf(directory).length >= 13)
  running.fromTerminal('SIGINT')
  assert.equal(await running.ended(), 130)
  assert.ok(await allEnded(directory), JSON.stringify(processesOf(directory)))
  assert.equal(saadik(['demo', 'status', '--dir', directory]).status, 1)
})

test('a second start keeps certificates, messages and data', async () => {
  running = await startDemo(directory, base)
  assert.ok(first)
  assert.deepEqual(['interior', 'customs', 'embassy'].map(certificates), first.certificates)
  const { records } = JSON.parse(
    saadik(['log', 'find', '--json', '--dir', directory, '--server', 'customs']).stdout,
  ) as { records: unknown[] }
  assert.equal(records.length, first.records + 2)
  const update = status().calls.find(({ method }) => method === 'PUT')
  assert.ok(update)
  const person = (await (
    await fetch(update.url, { headers: { 'X-Road-Client': update.headers['X-Road-Client'] ?? '' } })
  ).json()) as Record<string, unknown>
  assert.deepEqual(person['address'], (JSON.parse(update.body ?? '') as Record<string, unknown>)['address'])
})

test('kill -9 of the supervisor ends every process', async () => {
  const supervisor = processesOf(directory).find(({ command }) => command.includes(join('demo', 'main.ts')))
  assert.ok(supervisor)
  process.kill(supervisor.pid, 'SIGKILL')
  assert.ok(await allEnded(directory), JSON.stringify(processesOf(directory)))
})

test('kill -9 of the command that started it ends every process, and the next start needs no hand', async () => {
  running = await startDemo(directory, base)
  running.launcher.kill('SIGKILL')
  assert.ok(await allEnded(directory), JSON.stringify(processesOf(directory)))
})

test('kill -9 of `npm start` ends every process', async () => {
  running = await startDemo(directory, base, ['npm', 'start', '--'])
  running.launcher.kill('SIGKILL')
  assert.ok(await allEnded(directory), JSON.stringify(processesOf(directory)))
})

test('a closed terminal ends every process', async () => {
  running = await startDemo(directory, base)
  running.fromTerminal('SIGHUP')
  assert.equal(await running.ended(), 129)
  assert.ok(await allEnded(directory), JSON.stringify(processesOf(directory)))
})

test('reset forgets everything, and nothing but a demo', () => {
  const reset = saadik(['demo', 'reset', '--dir', directory, '--json'])
  assert.deepEqual(JSON.parse(reset.stdout), { directory, removed: true })
  const again = saadik(['demo', 'reset', '--dir', directory, '--json'])
  assert.deepEqual(JSON.parse(again.stdout), { directory, removed: false })
  mkdirSync(directory)
  writeFileSync(join(directory, 'thesis.txt'), 'years of work')
  const other = saadik(['demo', 'reset', '--dir', directory])
  assert.equal(other.status, 1)
  assert.match(other.stderr, /nothing was removed/)
  assert.ok(existsSync(join(directory, 'thesis.txt')))
})
