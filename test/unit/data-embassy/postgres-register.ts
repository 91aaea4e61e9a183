// A register on a PostgreSQL of the test's own, captured and made again without anything between; and a foreign opinion of what both hold: pg_dump.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { Client } from 'pg'
import { connectDriver, createLog, type DatabaseSettings, type Log } from '#host'
import { preparePostgres } from '../../../data-embassy/register/postgres/prepare.ts'
import { VALUE_SESSION } from '../../../data-embassy/register/postgres/session.ts'
import { PostgresSource } from '../../../data-embassy/register/postgres/source.ts'
import { PostgresTarget } from '../../../data-embassy/register/postgres/target.ts'
import type { Captured } from '../../../data-embassy/register/source.ts'
import { asAdmin, type Cluster, freshDatabase, startCluster } from '../../postgres.ts'

const PASSWORD = 'a password of tests'

/** One for all tests of a file. */
export function logicalCluster(settings: readonly string[] = []): Promise<Cluster> {
  return startCluster([
    ...['wal_level=logical', 'max_replication_slots=50', 'max_wal_senders=50', 'wal_sender_timeout=10s'],
    ...settings,
  ])
}

export interface Register {
  readonly settings: DatabaseSettings
  readonly slot: string
  readonly folder: string
  readonly database: string
  /** A connection as the register's own program has it, here the superuser's. */
  readonly db: Client
  source(options?: { readonly synchronous?: boolean; readonly log?: Log }): PostgresSource
}

let registers = 0

export async function admin(t: TestContext, folder: string, database: string): Promise<Client> {
  const client = new Client({ host: folder, port: 5432, user: 'test', password: PASSWORD, database, ssl: false })
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.end().catch(() => {}))
  return client
}

/** A database with this schema, prepared. */
export async function register(t: TestContext, { folder }: Cluster, schema: string): Promise<Register> {
  const { host, port, database, user, passwordFile } = await freshDatabase(folder)
  const db = await admin(t, folder, database)
  await db.query(schema)
  await preparePostgres(db, user)
  const settings = { hosts: [host], port, database, user, passwordFile, tls: false as const }
  const slot = `saadik_${process.pid}_${registers++}`
  t.after(async () => {
    await db
      .query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1', [slot])
      .catch(() => {})
    for (let tries = 0; tries < 50; tries += 1)
      if (
        await db
          .query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [slot])
          .then(
            () => true,
            () => false,
          )
      )
        break
  })
  return {
    ...{ settings, slot, folder, database, db },
    source({ synchronous = false, log = createLog({ process: 'test', level: 'error' }) } = {}) {
      const source = new PostgresSource({ settings, slot, synchronous, log })
      t.after(() => source.close())
      return source
    },
  }
}

/** Reads until everything that is committed now was told. */
export async function told(source: PostgresSource, after?: string): Promise<Captured[]> {
  const stop = new AbortController()
  const found: Captured[] = []
  let wanted: string | undefined
  const head = source.head().then((position) => {
    wanted = position
    return position
  })
  head.catch(() => {})
  const reading = (async () => {
    for await (const captured of source.changes(after, stop.signal)) {
      found.push(captured)
      const last = captured.change.position
      if (wanted !== undefined && captured.complete && source.holds(last, wanted)) break
    }
  })()
  const last = await Promise.race([head, reading.then(() => head)])
  if (!found.some(({ change, complete }) => complete && source.holds(change.position, last)) && last !== after)
    await reading
  stop.abort()
  await reading
  return found
}

/** An empty database, and a connection that makes a register there. */
export async function target(t: TestContext, { folder }: Cluster) {
  const { host, port, database } = await freshDatabase(folder)
  const settings: DatabaseSettings = {
    ...{ hosts: [host], port, database, user: 'test', passwordFile: `${folder}/password`, tls: false },
  }
  const db = await connectDriver(settings, {
    applicationName: 'target',
    session: { ...VALUE_SESSION, check_function_bodies: 'off' },
  })
  t.after(() => db.end().catch(() => {}))
  return { database, db, settings, target: await PostgresTarget.begin(db) }
}

/** What pg_dump says of a database, without what belongs to the capture. */
export function dump(folder: string, database: string): string {
  const pgDump = globSync('/usr/lib/postgresql/*/bin/pg_dump').sort().at(-1) ?? 'pg_dump'
  const { stdout, stderr, status } = spawnSync(
    existsSync(pgDump) ? pgDump : 'pg_dump',
    ['-h', folder, '-p', '5432', '-U', 'test', '-N', 'saadik', '--no-publications', '-O', '-x', '-d', database],
    { encoding: 'utf8', maxBuffer: 1 << 30, env: { ...process.env, PGPASSWORD: PASSWORD } },
  )
  if (status !== 0) throw new Error(stderr)
  return normalised(stdout)
}

/** Rows of a table have no order; replica identities and event triggers are the capture's. */
function normalised(text: string): string {
  const lines = text
    .replace(/^\\(un)?restrict .*$/gm, '')
    .replace(/^ALTER TABLE ONLY .* REPLICA IDENTITY FULL;\n\n/gm, '')
    .replace(/^-- Name: saadik_\w+; Type: EVENT TRIGGER.*?(?=^-- (Name|PostgreSQL database dump complete))/gms, '')
    .split('\n')
  const found: string[] = []
  for (let at = 0; at < lines.length; at += 1) {
    found.push(lines[at] ?? '')
    if (!/^COPY .* FROM stdin;$/.test(lines[at] ?? '')) continue
    const end = lines.indexOf('\\.', at)
    found.push(...lines.slice(at + 1, end).sort())
    at = end - 1
  }
  return found.join('\n')
}

export { asAdmin }
