// PostgreSQL under a store: what goes away comes back, one process has a store, and no server is taken that could lose what it acknowledged.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { z } from 'zod'
import { connectPostgres, type Migration, openStore, type PostgresSettings, type StorePlace, storeSetting } from '#host'
import {
  asAdmin,
  type Cluster,
  freshDatabase,
  missingPostgres,
  needsPostgres,
  sharedCluster,
  startCluster,
} from '../../postgres.ts'
import { needsTools, tool } from '../../tools.ts'
import { scratch } from './scratch.ts'

interface Tables {
  entry: { n: number; text: string }
}

const migrations: readonly Migration[] = [
  {
    name: '001-entry',
    up: async (db) => {
      await db.schema
        .createTable('entry')
        .addColumn('n', 'integer', (c) => c.primaryKey())
        .addColumn('text', 'text', (c) => c.notNull())
        .execute()
    },
  },
]

const skip = missingPostgres() === undefined ? false : `SKIPPED, NOT PROVED: ${missingPostgres()}`

async function settingsIn(folder?: string): Promise<PostgresSettings> {
  const { host, ...rest } = await freshDatabase(folder)
  return { ...rest, hosts: [host], tls: false, schema: 'unit' }
}

function opened(t: TestContext, place: StorePlace) {
  const store = openStore<Tables>(place, migrations)
  t.after(() => store.close())
  const add = (n: number) =>
    store.db
      .insertInto('entry')
      .values({ n, text: `${n}` })
      .execute()
  const numbers = async () =>
    (await store.db.selectFrom('entry').select('n').orderBy('n').execute()).map((row) => row.n)
  return { ...store, add, numbers }
}

async function own(t: TestContext, settings: readonly string[] = []): Promise<Cluster> {
  const cluster = await startCluster(settings)
  t.after(() => cluster.remove())
  return cluster
}

/** Ends every session of a database, as an administrator can. */
async function endSessions({ hosts: [folder = ''], database }: PostgresSettings): Promise<void> {
  await asAdmin(folder, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
}

test('a database that crashes or stops: queries fail clearly, nothing committed is lost, and the next one finds it again', {
  skip,
}, async (t) => {
  const cluster = await own(t)
  const store = opened(t, { postgres: await settingsIn(cluster.folder), name: 'unit' })
  await store.add(1)
  for (const [at, signal] of (['QUIT', 'INT'] as const).entries()) {
    const half = store.db.transaction().execute(async (transaction) => {
      await transaction.insertInto('entry').values({ n: 100, text: 'never' }).execute()
      await cluster.stop(signal)
      await transaction.insertInto('entry').values({ n: 101, text: 'never' }).execute()
    })
    await assert.rejects(half, { code: 'store_unreachable' })
    await assert.rejects(store.numbers(), { code: 'store_unreachable' })
    await assert.rejects(store.ready(), { code: 'store_unreachable' })
    await cluster.start()
    await store.add(2 + at)
  }
  assert.deepEqual(await store.numbers(), [1, 2, 3])
})

test('one process has a store; who lost its connection writes no more once another took over', { skip }, async (t) => {
  const settings = await settingsIn()
  const place = { postgres: settings, name: 'unit' }
  const first = opened(t, place)
  await first.add(1)
  const second = opened(t, place)
  await assert.rejects(second.ready(), { code: 'store_in_use' })
  // Another store in the same schema is not meant.
  await opened(t, { postgres: { ...settings, schema: 'elsewhere' }, name: 'unit' }).ready()

  const half = first.db.transaction().execute(async (transaction) => {
    await transaction.insertInto('entry').values({ n: 2, text: 'never' }).execute()
    await endSessions(settings)
    await second.add(3)
    await transaction.insertInto('entry').values({ n: 4, text: 'never' }).execute()
  })
  await assert.rejects(half, { code: 'store_unreachable' })
  await assert.rejects(first.add(5), { code: 'store_in_use' })
  assert.deepEqual(await second.numbers(), [1, 3])
  await second.close()
  await first.add(6)
  assert.deepEqual(await first.numbers(), [1, 3, 6])
})

test('what another transaction holds is waited for, and then the store is busy', { skip }, async (t) => {
  const settings = await settingsIn()
  const store = opened(t, { postgres: settings, name: 'unit' })
  await store.add(1)
  const other = await connectPostgres(settings, { name: 'other' })
  t.after(() => other.close())
  await other.query('BEGIN')
  await other.query('LOCK TABLE entry')
  await assert.rejects(store.numbers(), { code: 'store_busy' })
  await other.query('ROLLBACK')
  assert.deepEqual(await store.numbers(), [1])
})

test('a server that does not answer is given up', { skip }, async (t) => {
  const connection = await connectPostgres(await settingsIn(), { name: 'unit' })
  t.after(() => connection.close())
  let lost = 0
  connection.onLost(() => {
    lost += 1
  })
  await assert.rejects(connection.query('SELECT pg_sleep(20)', [], { withinMs: 100 }), { code: 'store_unreachable' })
  assert.ok(!connection.usable)
  await assert.rejects(connection.query('SELECT 1'), { code: 'store_unreachable' })
  assert.equal(lost, 1)
})

test('no server is taken that acknowledges what is not durable, or keeps text otherwise', { skip }, async (t) => {
  const folder = await sharedCluster()
  const settings = await settingsIn()
  const refused = (message: RegExp, changes: Partial<PostgresSettings> = {}) =>
    assert.rejects(connectPostgres({ ...settings, ...changes }, { name: 'unit' }), { code: 'store_unusable', message })
  for (const value of ['off', 'local', 'remote_write']) {
    await asAdmin(folder, `ALTER DATABASE ${settings.database} SET synchronous_commit = ${value}`)
    await refused(new RegExp(`synchronous_commit is ${value}`))
  }
  await asAdmin(folder, `ALTER DATABASE ${settings.database} SET synchronous_commit = remote_apply`)
  await (await connectPostgres(settings, { name: 'unit' })).close()

  await asAdmin(folder, `CREATE DATABASE ${settings.database}_latin ENCODING 'LATIN1' TEMPLATE template0 OWNER saadik`)
  await refused(/encoding is LATIN1/, { database: `${settings.database}_latin` })

  const careless = await own(t, ['fsync=off'])
  await refused(/fsync is off/, await settingsIn(careless.folder))
})

test('of several hosts the first that accepts writes', { skip }, async (t) => {
  const standby = await own(t)
  const settings = await settingsIn(standby.folder)
  await standby.stop()
  const signal = join(standby.folder, 'data', 'standby.signal')
  writeFileSync(signal, '')
  const { uid, gid } = statSync(join(standby.folder, 'data'))
  chownSync(signal, uid, gid)
  await standby.start()
  await assert.rejects(connectPostgres(settings, { name: 'unit' }), {
    code: 'store_unreachable',
    message: /is a standby/,
  })

  const primary = await own(t)
  await asAdmin(primary.folder, `CREATE DATABASE ${settings.database} OWNER saadik`)
  const hosts = ['/nowhere', standby.folder, primary.folder]
  const connection = await connectPostgres({ ...settings, hosts }, { name: 'unit' })
  await connection.close()
  await primary.stop()
  await assert.rejects(connectPostgres({ ...settings, hosts }, { name: 'unit' }), { code: 'store_unreachable' })
})

test('the password is read at each connection, and told to nobody; nothing comes from the environment', {
  skip,
}, async (t) => {
  const folder = await sharedCluster()
  const settings = await settingsIn()
  const connect = (changes: Partial<PostgresSettings> = {}) =>
    connectPostgres({ ...settings, ...changes }, { name: 'unit' })
  const passwordFile = join(scratch(t), 'password')
  writeFileSync(passwordFile, 'a wrong one\n', { mode: 0o600 })
  const error = await connect({ passwordFile }).then(
    () => assert.fail('it was let in'),
    (reason: Error & { code: string }) => reason,
  )
  assert.equal(error.code, 'store_unusable')
  assert.doesNotMatch(`${error.message}${error.stack}`, /wrong one/)
  writeFileSync(passwordFile, `${readFileSync(join(folder, 'password'), 'utf8')}\n`)
  await (await connect({ passwordFile })).close()

  const { passwordFile: _, ...without } = settings
  const environment = {
    PGPASSWORD: readFileSync(join(folder, 'password'), 'utf8'),
    PGUSER: 'postgres',
    PGSSLMODE: 'require',
  }
  Object.assign(process.env, environment)
  t.after(() => {
    for (const name of Object.keys(environment)) delete process.env[name]
  })
  await assert.rejects(connectPostgres(without, { name: 'unit' }), {
    code: 'store_unusable',
    message: /passwordFile is missing/,
  })
  await assert.rejects(connect({ passwordFile: '/nowhere' }), {
    code: 'store_unusable',
    message: /passwordFile cannot be read/,
  })
  await (await connect()).close()
})

test('between machines TLS, by the authorities that were named', async (t) => {
  if (!needsPostgres(t) || !needsTools(t, 'openssl')) return
  const folder = scratch(t)
  const made = (name: string, ...more: string[]) =>
    tool('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${name}`, '-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`), ...more],
    ])
  assert.equal(made('ca').status, 0)
  assert.equal(made('other').status, 0)
  const issued = made(
    'server',
    '-CA',
    join(folder, 'ca.pem'),
    '-CAkey',
    join(folder, 'ca.key'),
    '-addext',
    'subjectAltName=DNS:db.test',
  )
  assert.equal(issued.status, 0, issued.stderr)

  const plain = await own(t)
  const settings = await settingsIn(plain.folder)
  const over = (changes: Partial<PostgresSettings>, cluster = plain) =>
    connectPostgres({ ...settings, hosts: [cluster.address], ...changes }, { name: 'unit' })
  await (await over({})).close()
  await assert.rejects(over({ tls: {} }), { code: 'store_unreachable', message: /does not support SSL/ })

  const secure = await own(t)
  await asAdmin(secure.folder, `CREATE DATABASE ${settings.database} OWNER saadik`)
  await secure.stop()
  for (const [from, to] of [
    ['server.key', 'server.key'],
    ['server.pem', 'server.crt'],
  ] as const) {
    const path = join(secure.folder, 'data', to)
    writeFileSync(path, readFileSync(join(folder, from)))
    chmodSync(path, 0o600)
    const { uid, gid } = statSync(join(secure.folder, 'data'))
    chownSync(path, uid, gid)
  }
  writeFileSync(join(secure.folder, 'data', 'postgresql.auto.conf'), 'ssl = on\n')
  await secure.start()
  const ca = join(folder, 'ca.pem')
  const connection = await over({ tls: { ca, serverName: 'db.test' } }, secure)
  const { rows } = await connection.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
  assert.deepEqual(rows, [{ ssl: true }])
  await connection.close()
  for (const tls of [
    {},
    { ca },
    { ca, serverName: 'other.test' },
    { ca: join(folder, 'other.pem'), serverName: 'db.test' },
  ])
    await assert.rejects(over({ tls }, secure), { code: 'store_unreachable' }, JSON.stringify(tls))
})

test('bytes, booleans and large integers are what they are in SQLite', { skip }, async (t) => {
  const connection = await connectPostgres(await settingsIn(), { name: 'unit' })
  t.after(() => connection.close())
  const { rows } = await connection.query(
    'SELECT $1::bytea AS bytes, $2::bigint AS yes, $3::bigint AS large, $4::text AS nothing, count(*) AS count',
    [new Uint8Array([0, 255]), true, Number.MAX_SAFE_INTEGER, null],
  )
  assert.deepEqual(rows, [
    { bytes: new Uint8Array([0, 255]), yes: 1, large: Number.MAX_SAFE_INTEGER, nothing: null, count: 1 },
  ])
  await assert.rejects(connection.query('SELECT 9007199254740993 AS beyond'), RangeError)
  assert.ok(connection.usable)
})

test('the key `store` of a configuration file', () => {
  const schema = z.strictObject({ store: storeSetting('central_server') })
  const read = (postgres: object) => schema.parse({ store: { postgres } }).store?.postgres
  assert.deepEqual(schema.parse({}), {})
  const here = { port: 5432, database: 'saadik', user: 'saadik', schema: 'central_server', tls: false }
  assert.deepEqual(read({ host: '/run/postgresql' }), { ...here, hosts: ['/run/postgresql'] })
  assert.deepEqual(read({ host: '127.0.0.1' }), { ...here, hosts: ['127.0.0.1'] })
  assert.deepEqual(read({ host: ['a.example', '10.0.0.7'], schema: 's_2' }), {
    ...here,
    hosts: ['a.example', '10.0.0.7'],
    schema: 's_2',
    tls: {},
  })
  assert.deepEqual(read({ host: 'a.example', tls: false })?.tls, false)
  assert.deepEqual(read({ host: 'localhost', tls: { serverName: 'db' } })?.tls, { serverName: 'db' })
  for (const wrong of [
    {},
    { host: '' },
    { host: [] },
    { host: 'a b' },
    { host: 'postgres://a.example/x' },
    { host: 'a', password: 'x' },
    { host: 'a', tls: true },
    { host: 'a', schema: 'x"; DROP' },
    { host: 'a', schema: 'pg_x' },
    { host: 'a', port: 0 },
  ])
    assert.throws(() => read(wrong), JSON.stringify(wrong))
})
