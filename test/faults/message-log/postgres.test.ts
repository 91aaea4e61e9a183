// The log on a PostgreSQL: whoever dies, process or database, at any moment, nothing that was said to be logged is lost, and two never write.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectPostgres, type PostgresSettings, type StoreSettings } from '#host'
import { openMessageLog } from '../../../security-server/message-log/index.ts'
import { type Cluster, freshDatabase, missingPostgres, startCluster } from '../../postgres.ts'
import {
  atEnd,
  code,
  collect,
  configurationWith,
  record,
  spooled,
  TestClock,
  TestLog,
  temporaryDirectory,
  until,
} from '../../unit/security-server/message-log/fixture.ts'

const skip = missingPostgres() === undefined ? false : `SKIPPED, NOT PROVED: ${missingPostgres()}`
const KILLS = process.env['SAADIK_LONG'] ? 60 : 6
const CRASHES = process.env['SAADIK_LONG'] ? 20 : 3
const SILENT = configurationWith([{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }])

async function settingsIn(folder?: string): Promise<PostgresSettings> {
  const { host, ...rest } = await freshDatabase(folder)
  return { ...rest, hosts: [host], tls: false, schema: 'log' }
}

async function own(t: TestContext): Promise<Cluster> {
  const cluster = await startCluster()
  atEnd(t, () => cluster.remove())
  return cluster
}

async function open(t: TestContext, postgres: PostgresSettings, said = new TestLog()) {
  const log = await openMessageLog({
    directory: join(await temporaryDirectory(t), 'none'),
    store: { postgres },
    configuration: () => SILENT,
    settings: { timestamping: 'batch', acceptableFailureSeconds: 0, timestampIntervalSeconds: 86_400 },
    clock: new TestClock(),
    log: said,
  })
  atEnd(t, () => log.close())
  return log
}

async function ask(settings: PostgresSettings, sql: string): Promise<readonly Record<string, unknown>[]> {
  const connection = await connectPostgres(settings, { name: 'test' })
  try {
    return (await connection.query(sql)).rows
  } finally {
    await connection.close()
  }
}

type Told = Map<number, { readonly queryId: string; readonly body: string }>

/** A process that logs as fast as it can and tells what is logged (crash-child.ts). */
function startWriter(store: StoreSettings, told: Told) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'crash-child.ts'), '/nowhere', JSON.stringify(store)],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, SAADIK_STORE: 'sqlite' } },
  )
  const ended = once(child, 'exit')
  let lines = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines += 1
    const [seq = '', queryId = '', body = ''] = line.split(' ')
    if (body !== '') told.set(Number(seq), { queryId, body })
  })
  return {
    get lines() {
      return lines
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** All that was told is there, whole; numbers are dense; no body is there that no record names. */
async function check(t: TestContext, settings: PostgresSettings, told: Told): Promise<number> {
  const log = await open(t, settings)
  const { records } = log.status()
  const files = new Set((await ask(settings, 'SELECT file FROM log_body')).map(({ file }) => file))
  for (let seq = 1; seq <= records; seq += 1) {
    const found = await log.get(seq)
    assert.ok(found, `record ${seq} of ${records}`)
    const content = found.body === undefined ? undefined : await collect(log.read(found.body))
    if (found.body?.file !== undefined) assert.ok(files.delete(found.body.file))
    const said = told.get(seq)
    if (said === undefined) continue
    assert.equal(found.queryId, said.queryId)
    assert.equal(content === undefined ? '-' : createHash('sha256').update(content).digest('hex'), said.body)
  }
  for (const seq of told.keys()) assert.ok(seq <= records, `record ${seq} was said to be logged`)
  assert.deepEqual([...files], [])
  await log.close()
  return records
}

test(`after each of ${KILLS} kills of the process every record that was said to be logged is there with its body`, {
  skip,
}, async (t) => {
  const settings = await settingsIn()
  const told: Told = new Map()
  for (let kill = 0; kill < KILLS; kill += 1) {
    const writer = startWriter({ postgres: settings }, told)
    const enough = 2 + Math.floor(Math.random() * 60)
    await until(() => writer.lines >= enough)
    await writer.kill()
    await check(t, settings, told)
  }
})

test(`after each of ${CRASHES} crashes of the database the log goes on by itself, and has all that was said to be logged`, {
  skip,
}, async (t) => {
  const cluster = await own(t)
  const settings = await settingsIn(cluster.folder)
  const said = new TestLog()
  const log = await open(t, settings, said)
  const told: Told = new Map()
  let stop = false
  let refused = 0
  const writing = Array.from({ length: 8 }, async (_, writer) => {
    for (let turn = 0; !stop; turn += 1) {
      const queryId = `${writer}-${turn}`
      const content = Buffer.alloc(turn % 3 === 0 ? 200_000 : 500, queryId)
      const body = await spooled(log, content).catch(() => undefined)
      const seq = body && (await log.append(record({ queryId, body })).catch(() => undefined))
      if (seq !== undefined) told.set(seq, { queryId, body: createHash('sha256').update(content).digest('hex') })
      else {
        refused += 1
        await sleep(50)
      }
    }
  })
  for (let crash = 0; crash < CRASHES; crash += 1) {
    const enough = told.size + 40
    await until(() => told.size >= enough)
    await cluster.stop(crash % 2 === 0 ? 'QUIT' : 'INT')
    await until(() => log.status().refusing !== undefined)
    await assert.rejects(log.append(record()), code('store_failed'))
    await cluster.start()
    const after = told.size
    await until(() => told.size > after)
    assert.equal(log.status().refusing, undefined)
  }
  stop = true
  await Promise.all(writing)
  assert.ok(refused > 0)
  assert.ok(said.lines.some(({ message }) => message === 'the message log can be written again'))
  // It knows of every record, told or not.
  await until(() => log.status().records >= Math.max(...told.keys()))
  const { records } = log.status()
  await log.close()
  assert.equal(await check(t, settings, told), records)
})

/** Between the log and its database; `cut` decides for each group that is sent what becomes of it. */
async function startProxy(t: TestContext, { hosts: [folder = ''], port }: PostgresSettings) {
  const pairs = new Set<readonly [Socket, Socket]>()
  const end = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }
  const proxy = {
    cut: undefined as 'question' | 'answer' | undefined,
    port: 0,
    /** What lies between is gone, or there again. */
    set open(open: boolean) {
      isOpen = open
      if (!open) end()
    },
  }
  let isOpen = true
  const server = createServer((near) => {
    if (!isOpen) return void near.destroy()
    const far = connect(`${folder}/.s.PGSQL.${port}`)
    const pair = [near, far] as const
    pairs.add(pair)
    const part = () => {
      pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    for (const socket of pair) socket.on('error', part).on('close', part)
    let mute = false
    near.on('data', (bytes) => {
      // The parameters of a group hold its frames.
      const group = bytes.includes('SaRc')
      if (group && proxy.cut === 'question') return part()
      if (group && proxy.cut === 'answer') mute = true
      far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (mute) part()
      else near.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy.port = (server.address() as { port: number }).port
  atEnd(t, () => {
    server.close()
    end()
  })
  return proxy
}

test('a connection that breaks under a group: what became of it is found out before anything else is written', {
  skip,
}, async (t) => {
  const settings = await settingsIn()
  const proxy = await startProxy(t, settings)
  const log = await open(t, { ...settings, hosts: ['127.0.0.1'], port: proxy.port })
  assert.equal(await log.append(record({ queryId: 'first' })), 1)
  const ids = async () => (await log.list({ after: 0, limit: 100 })).map(({ seq, queryId }) => `${seq} ${queryId}`)
  const well = () => until(() => log.status().refusing === undefined)

  for (const [cut, left] of [
    ['question', ['1 first']],
    ['answer', ['1 first', '2 answer-0', '3 answer-1', '4 answer-2']],
  ] as const) {
    proxy.cut = cut
    const group = await Promise.allSettled(
      Array.from({ length: 3 }, (_, index) => log.append(record({ queryId: `${cut}-${index}` }))),
    )
    assert.ok(
      group.every(
        (one) => one.status === 'rejected' && one.reason.code === 'store_failed' && one.reason.mayRemain === true,
      ),
    )
    await assert.rejects(log.append(record()), code('store_failed'))
    proxy.cut = undefined
    await well()
    assert.deepEqual(await ids(), left)
    assert.equal(log.status().records, left.length)
    assert.equal(log.status().untimestamped, left.length)
  }
  assert.equal(await log.append(record({ queryId: 'last' })), 5)
})

test('a second process waits for the log, takes it over when the first dies, and has all of its records', {
  skip,
}, async (t) => {
  const settings = await settingsIn()
  const told: Told = new Map()
  const first = startWriter({ postgres: settings }, told)
  await until(() => first.lines > 20)
  const said = new TestLog()
  let waits = true
  const opening = open(t, settings, said).finally(() => {
    waits = false
  })
  await until(() => said.lines.some(({ message }) => /another process has the message log/.test(message)))
  const before = first.lines
  await until(() => first.lines > before)
  assert.ok(waits)
  await first.kill()
  const opened = await opening
  const seq = await opened.append(record({ queryId: 'of the second' }))
  assert.ok(seq > Math.max(...told.keys()))
  await opened.close()
  await check(t, settings, told)
})

test('whoever lost its connection, and another took over, writes nothing more', { skip }, async (t) => {
  const settings = await settingsIn()
  const proxy = await startProxy(t, settings)
  const said = new TestLog()
  const first = await open(t, { ...settings, hosts: ['127.0.0.1'], port: proxy.port }, said)
  const body = first.spool()
  await body.write(Buffer.alloc(300_000, 'a'))
  await first.append(record({ queryId: 'first' }))
  const opening = open(t, settings)
  proxy.open = false
  const second = await opening
  assert.equal(await second.append(record({ queryId: 'second' })), 2)
  await assert.rejects(first.append(record()), code('store_failed'))
  await second.close()
  proxy.open = true
  // The lock is free again, and the log is not: it has been another's.
  await until(() => /until this process starts again/.test(first.status().refusing ?? ''))
  await assert.rejects(first.append(record()), code('store_broken'))
  await assert.rejects(
    (async () => {
      await body.write(Buffer.alloc(300_000, 'b'))
      await body.finish()
    })(),
    code('store_broken'),
  )
  assert.deepEqual(
    (await ask(settings, 'SELECT query_id FROM log_record ORDER BY seq')).map((row) => row['query_id']),
    ['first', 'second'],
  )
})

test('a database that has lost what it had acknowledged is not written to', { skip }, async (t) => {
  const settings = await settingsIn()
  const proxy = await startProxy(t, settings)
  const log = await open(t, { ...settings, hosts: ['127.0.0.1'], port: proxy.port })
  for (let n = 0; n < 3; n += 1) await log.append(record())
  proxy.open = false
  // As a standby has it that was behind.
  await ask(settings, 'ALTER TABLE log_record DISABLE TRIGGER USER; DELETE FROM log_record WHERE seq = 3')
  await ask(settings, 'DELETE FROM log_untimestamped WHERE seq = 3; ALTER TABLE log_record ENABLE TRIGGER USER')
  proxy.open = true
  await until(() => /3 records were logged, and the database has 2/.test(log.status().refusing ?? ''))
  await assert.rejects(log.append(record()), code('store_broken'))
})

test('the tables refuse to change, to lose, or to take out of order, whoever asks', { skip }, async (t) => {
  const settings = await settingsIn()
  const log = await open(t, settings)
  for (let n = 0; n < 3; n += 1) await log.append(record({ body: await spooled(log, Buffer.alloc(100_000)) }))
  await log.close()
  const copy = `INSERT INTO log_record (seq, at, side, direction, protocol, query_id, request_id, client, provider, service_code, commitment, frame)
    SELECT SEQ, at, side, direction, protocol, query_id, request_id, client, provider, service_code, commitment, frame FROM log_record WHERE seq = 1`
  for (const [sql, reason] of [
    [`UPDATE log_record SET query_id = 'x'`, /append-only/],
    ['DELETE FROM log_record', /append-only/],
    ['DELETE FROM log_record WHERE seq = 2', /append-only/],
    ['TRUNCATE log_record CASCADE', /append-only/],
    [copy.replace('SEQ', '5'), /next number/],
    [copy.replace('SEQ', '0'), /next number/],
    [copy.replace('SEQ', '2'), /duplicate key/],
    [`${copy.replace('SEQ', '1')} ON CONFLICT (seq) DO UPDATE SET query_id = 'x'`, /append-only/],
    [`INSERT INTO log_removed VALUES (9, '\\x00'); DELETE FROM log_removed`, /append-only/],
  ] as const)
    await assert.rejects(ask(settings, sql), reason, sql)
  assert.equal((await open(t, settings)).status().records, 3)
})

test('a log that was begun in files is not gone on with in a database', { skip }, async (t) => {
  const directory = await temporaryDirectory(t)
  const options = {
    directory,
    configuration: () => SILENT,
    settings: { timestamping: 'batch' as const },
    clock: new TestClock(),
    log: new TestLog(),
  }
  await (await openMessageLog(options)).close()
  await assert.rejects(openMessageLog({ ...options, store: { postgres: await settingsIn() } }), code('store_foreign'))
})
