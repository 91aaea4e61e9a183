import assert from 'node:assert/strict'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Application } from 'express'
import { z } from 'zod'
import { type ControlClient, controlClient, HostError, type Log, runtimeSocket, serveControl } from '#host'
import { program, scratch } from './scratch.ts'

function recorder(): { log: Log; lines: { message: string; meta: Record<string, unknown> }[] } {
  const lines: { message: string; meta: Record<string, unknown> }[] = []
  const note = (message: string, meta?: object) => void lines.push({ message, meta: { ...meta } })
  return { log: { error: note, warn: note, info: note, debug: note }, lines }
}

async function served(t: TestContext, routes: (app: Application) => void) {
  const socket = join(scratch(t), 'run', 'control.sock')
  const { log, lines } = recorder()
  const server = await serveControl({ socket, routes, log })
  t.after(() => server.close())
  return { socket, lines, server, client: controlClient(socket) }
}

const refusal = async (call: Promise<unknown>): Promise<HostError> => {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof HostError, String(error))
    return error
  }
  return assert.fail('it was answered')
}

test('answers JSON on a socket of this user alone', async (t) => {
  const { client, socket } = await served(t, (app) => {
    app.get('/status', (_request, response) => void response.json({ state: 'ready' }))
    app.post('/apply', (request, response) => void response.json({ got: request.body }))
  })
  assert.equal((await client.get<{ state: string }>('/status')).state, 'ready')
  assert.deepEqual((await client.post<{ got: unknown }>('/apply', { a: [1] })).got, { a: [1] })
  assert.equal(statSync(socket).mode & 0o777, 0o600)
  assert.equal(statSync(dirname(socket)).mode & 0o777, 0o700)
})

test('errors: words of the house, none of anything else, and an id that is in the log', async (t) => {
  class HouseError extends Error {
    readonly code: string
    constructor(code: string) {
      super(`it was ${code}`)
      this.code = code
    }
  }
  const { client, lines } = await served(t, (app) => {
    app.get('/house', async () => {
      throw new HouseError('not_ready')
    })
    app.get('/missing', async () => {
      throw new HouseError('unknown_key')
    })
    app.get('/system', async () => {
      throw Object.assign(new Error('open /secret/path'), { code: 'ENOENT' })
    })
    app.post('/schema', (request) => void z.strictObject({ a: z.string(), b: z.number() }).parse(request.body))
  })
  const house = await refusal(client.get('/house'))
  assert.deepEqual(
    [house.code, house.message, house.remote?.status, house.remote?.code],
    ['control_failed', 'it was not_ready', 422, 'not_ready'],
  )
  assert.equal((await refusal(client.get('/missing'))).remote?.status, 404)
  const system = await refusal(client.get('/system'))
  assert.deepEqual([system.remote?.status, system.remote?.code], [500, 'internal_error'])
  assert.equal(system.message.includes('secret'), false)
  assert.ok(
    lines.some(
      ({ meta }) =>
        meta['id'] === system.remote?.id && String((meta['error'] as Error).message).includes('/secret/path'),
    ),
  )
  const schema = await refusal(client.post('/schema', { a: 1 }))
  assert.equal(schema.remote?.code, 'invalid_request')
  assert.match(schema.message, /a: .*; b: /)
  assert.deepEqual((await refusal(client.get('/nowhere'))).remote?.code, 'not_found')
  assert.equal((await refusal(client.post('/schema', 'x'.repeat(17 * 1024 * 1024)))).remote?.status, 413)
})

test('a second server on the same socket is refused, and the first goes on', async (t) => {
  const { client, socket } = await served(t, (app) =>
    app.get('/who', (_request, response) => void response.json({ who: 'first' })),
  )
  const second = await refusal(serveControl({ socket, routes: () => undefined, log: recorder().log }))
  assert.equal(second.code, 'already_running')
  assert.deepEqual((await client.get<{ who: string }>('/who')).who, 'first')
})

test('the socket of a killed process is taken over; nobody there is said to be nobody', async (t) => {
  const socket = join(scratch(t), 'run', 'control.sock')
  const killed = program(
    t,
    `import { serveControl, createLog } from '#host'
     await serveControl({ socket: process.argv[2], log: createLog({ process: 'p' }), routes: () => {} })
     console.log('up')`,
    { args: [socket] },
  )
  await killed.printed('up')
  assert.equal(
    (await refusal(serveControl({ socket, routes: () => undefined, log: recorder().log }))).code,
    'already_running',
  )
  await killed.kill('SIGKILL')
  const gone = await refusal(controlClient(socket).get('/'))
  assert.equal(gone.code, 'unreachable')
  assert.equal((gone.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  const next = await serveControl({ socket, routes: () => undefined, log: recorder().log })
  await next.close()
  assert.equal((await refusal(controlClient(socket).get('/'))).code, 'unreachable')
})

test('a client outlives the restart of its server', async (t) => {
  const { client, socket, server } = await served(t, (app) =>
    app.get('/n', (_request, response) => void response.json({ n: 1 })),
  )
  assert.equal((await client.get<{ n: number }>('/n')).n, 1)
  await server.close()
  const again = await serveControl({
    socket,
    log: recorder().log,
    routes: (app) => app.get('/n', (_request, response) => void response.json({ n: 2 })),
  })
  t.after(() => again.close())
  assert.equal((await client.get<{ n: number }>('/n')).n, 2)
})

test('two processes that start at the same moment: one serves, the other is told', async (t) => {
  const socket = join(scratch(t), 'run', 'control.sock')
  const source = `import { serveControl, createLog } from '#host'
     await serveControl({ socket: process.argv[2], log: createLog({ process: 'p' }), routes: () => {} }).then(() => console.log('won\\n'), (e) => { console.log(e.code + '\\n'); process.exit() })`
  const both = [0, 1].map(() => program(t, source, { args: [socket] }))
  await Promise.all(both.map((each) => each.printed('\n\n')))
  assert.deepEqual(both.map((each) => each.stdout().trim()).sort(), ['already_running', 'won'])
})

const inRuntime = (folder: string, work: (socket: ClientSocket) => void) => {
  const before = process.env['SAADIK_RUNTIME_DIRECTORY']
  process.env['SAADIK_RUNTIME_DIRECTORY'] = folder
  try {
    work(runtimeSocket)
  } finally {
    if (before === undefined) delete process.env['SAADIK_RUNTIME_DIRECTORY']
    else process.env['SAADIK_RUNTIME_DIRECTORY'] = before
  }
}
type ClientSocket = typeof runtimeSocket

test("socket paths: the same for the same directory, apart for others, never over the limit, never in a stranger's folder", (t) => {
  const folder = scratch(t)
  inRuntime(folder, (socket) => {
    assert.equal(socket('/data/a', 'control'), socket('/data/../data/a/', 'control'))
    assert.notEqual(socket('/data/a', 'control'), socket('/data/b', 'control'))
    assert.ok(Buffer.byteLength(socket(`/data/${'x'.repeat(500)}`, 'control')) <= 107)
    assert.ok(socket('/data/a', 'signer').includes(`saadik-${userInfo().uid}/`))
  })
  const long = join(folder, 'y'.repeat(100))
  mkdirSync(long)
  inRuntime(long, (socket) => assert.throws(() => socket('/data/a', 'control'), { code: 'path_too_long' }))
  const taken = join(folder, 'taken')
  mkdirSync(taken)
  symlinkSync('/tmp', join(taken, `saadik-${userInfo().uid}`))
  inRuntime(taken, (socket) => assert.throws(() => socket('/data/a', 'control'), { code: 'folder_unsafe' }))
})

test('a file in the place of the socket is nothing that answers', async (t) => {
  const socket = join(scratch(t), 'control.sock')
  writeFileSync(socket, 'not a socket')
  const client: ControlClient = controlClient(socket)
  assert.equal((await refusal(client.get('/'))).code, 'unreachable')
})
