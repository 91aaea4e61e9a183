// One connection to PostgreSQL, with bounds on everything and a server that keeps what it has committed.
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type * as pg from 'pg'
import { HostError, reasonOf } from './error.ts'
import { load } from './lazy.ts'
import { postgresFailure } from './postgres-failure.ts'
import type { DatabaseSettings, PostgresSettings } from './postgres-settings.ts'

const CONNECT_MS = 5_000
/** A statement ends within it at the server; if not even that is said, the connection is given up. */
const STATEMENT_MS = 30_000
const SILENCE_MS = 5_000
const GOODBYE_MS = 1_000
/** Another's lock is waited for this long: as long as SQLite waits. */
const LOCK_MS = 5_000
/** A transaction that we have forgotten, or whose process stands still, holds its locks no longer. */
const IDLE_IN_TRANSACTION_MS = 60_000
/** The server finds out within 25 s that a machine is gone, and frees its locks. */
const KEEPALIVE = { tcp_keepalives_idle: 10, tcp_keepalives_interval: 5, tcp_keepalives_count: 3 }
const FIRST_VERSION = 130_000

export interface PostgresAnswer {
  readonly command: string
  readonly rowCount: number | null
  readonly rows: readonly Record<string, unknown>[]
}

export interface PostgresConnection {
  /** False once it has broken; whoever has it then asks for another. */
  readonly usable: boolean
  /**
   * One statement at a time. Bytes come as Uint8Array and 64-bit integers as numbers; a boolean goes as 0 or 1.
   *
   * @param options.name Prepares the statement under it, for those that come again and again.
   * @throws {HostError} `store_unreachable`, `store_busy`, `store_unusable`; else the database's error with its SQLSTATE in `code`.
   *   Where the connection broke under a COMMIT nobody knows yet whether it was one.
   */
  query(
    sql: string,
    values?: readonly unknown[],
    options?: { readonly name?: string; readonly withinMs?: number },
  ): Promise<PostgresAnswer>
  /** Called once, when it breaks without our doing. */
  onLost(listener: () => void): void
  /** Never rejects. */
  close(): Promise<void>
}

/**
 * Connects to the first host that accepts writes. The session has the settings' schema alone on its path.
 *
 * @param options.readOnly The server refuses every change then.
 * @throws {HostError} `store_unreachable`, or `store_unusable` where it would be the same at the next try: an old server, one that
 *   acknowledges what a power cut takes away, a wrong password
 */
export function connectPostgres(
  settings: PostgresSettings,
  options: { readonly name: string; readonly readOnly?: boolean },
): Promise<PostgresConnection> {
  return firstOf(settings, (host) => connectTo(host, settings, options))
}

export interface DriverOptions {
  /** As the server lists it, and as `synchronous_standby_names` may call it. */
  readonly applicationName: string
  /** Settings of the session. What else is not said here is as the server has it: no statement ends by itself. */
  readonly session: Readonly<Record<string, string>>
  /** Speaks the replication protocol, of this one database. */
  readonly replication?: boolean
}

/**
 * The driver's own client, connected, for what no store needs: COPY, replication. Its values come as the text that the server sends.
 *
 * @throws {HostError} `store_unreachable`, `store_unusable`
 */
export function connectDriver(settings: DatabaseSettings, options: DriverOptions): Promise<pg.Client> {
  return firstOf(settings, async (host) => {
    const { Client } = load<typeof pg>('pg')
    const { applicationName, session, replication = false } = options
    const client = new Client({
      ...driverConfig(host, settings, { ...session, ...KEEPALIVE }),
      application_name: applicationName,
      types: { getTypeParser: () => (value: string) => value },
      ...(replication ? { replication: 'database' } : {}),
    } as pg.ClientConfig)
    // Whoever waits for an answer is told by itself.
    client.on('error', () => {})
    try {
      await client.connect()
      const { rows } = await client.query('SELECT pg_is_in_recovery() AS standby')
      if ((rows[0] as { standby: string }).standby === 't') throw standby(whereOf(host, settings))
      return client
    } catch (cause) {
      void client.end().catch(() => undefined)
      const { error } = postgresFailure(cause, whereOf(host, settings))
      if (error instanceof HostError) throw error
      throw new HostError(
        'store_unusable',
        `the database ${whereOf(host, settings)} cannot be used: ${reasonOf(error)}`,
        { cause },
      )
    }
  })
}

async function firstOf<T>(settings: DatabaseSettings, connect: (host: string) => Promise<T>): Promise<T> {
  const failures: HostError[] = []
  for (const host of settings.hosts) {
    try {
      return await connect(host)
    } catch (error) {
      failures.push(error as HostError)
    }
  }
  const [first] = failures
  if (failures.length === 1 && first !== undefined) throw first
  const code = failures.every((failure) => failure.code === 'store_unusable') ? 'store_unusable' : 'store_unreachable'
  throw new HostError(code, `none of its hosts: ${failures.map((failure) => failure.message).join('; ')}`)
}

function whereOf(host: string, { database, port }: DatabaseSettings): string {
  return `${database} at ${host}:${port}`
}

async function connectTo(
  host: string,
  settings: PostgresSettings,
  options: { readonly name: string; readonly readOnly?: boolean },
): Promise<PostgresConnection> {
  const where = whereOf(host, settings)
  const { Client } = load<typeof pg>('pg')
  const client = new Client(clientConfig(host, settings, options))
  const connection = new Connection(client, where)
  try {
    await client.connect()
    await requireSafety(connection, where)
    return connection
  } catch (cause) {
    void connection.close()
    const { error } = postgresFailure(cause, where)
    if (error instanceof HostError) throw error
    throw new HostError('store_unusable', `the database ${where} cannot be used: ${reasonOf(error)}`, { cause })
  }
}

function clientConfig(
  host: string,
  settings: PostgresSettings,
  { name, readOnly = false }: { readonly name: string; readonly readOnly?: boolean },
): pg.ClientConfig {
  const session = {
    search_path: settings.schema,
    statement_timeout: STATEMENT_MS,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    default_transaction_isolation: 'read\\ committed',
    default_transaction_read_only: readOnly ? 'on' : 'off',
    ...KEEPALIVE,
  }
  return {
    ...driverConfig(host, settings, session),
    application_name: `saadik ${name}`,
    types: { getTypeParser },
  } as pg.ClientConfig
}

/** Every key that the driver would else take from the environment (PGPASSWORD, PGSSLMODE, …) is given here. */
function driverConfig(
  host: string,
  { port, user, database, passwordFile, tls }: DatabaseSettings,
  session: Readonly<Record<string, string | number>>,
) {
  return {
    host,
    port,
    user,
    database,
    password: () => readPassword(passwordFile),
    ssl: tls === false || host.startsWith('/') ? false : tlsOptions(tls),
    sslnegotiation: 'postgres',
    enableChannelBinding: true,
    client_encoding: 'UTF8',
    options: Object.entries(session)
      .map(([key, value]) => `-c ${key}=${value}`)
      .join(' '),
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

function readPassword(file: string | undefined): string {
  if (file === undefined)
    throw new HostError('store_unusable', 'the database asks for a password: passwordFile is missing')
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new HostError('store_unusable', `passwordFile cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

function tlsOptions({ ca, serverName }: { readonly ca?: string; readonly serverName?: string }) {
  let authorities: string | undefined
  try {
    authorities = ca === undefined ? undefined : readFileSync(ca, 'utf8')
  } catch (cause) {
    throw new HostError('store_unusable', `the database's authorities cannot be read: ${reasonOf(cause)}`, { cause })
  }
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2' as const,
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

const BYTEA = 17
const INT8 = 20

/** As SQLite gives them: bytes as Uint8Array, integers as numbers, everything else but small numbers as text. */
function getTypeParser(oid: number, format?: string): (value: string) => unknown {
  const { types } = load<typeof pg>('pg')
  const usual = types.getTypeParser(oid, format as 'text') as (value: string) => unknown
  if (oid === BYTEA) {
    return (value) => {
      const { buffer, byteOffset, length } = usual(value) as Buffer
      return new Uint8Array(buffer, byteOffset, length)
    }
  }
  if (oid !== INT8) return usual
  return (value) => {
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw new RangeError(`${value} in the database is beyond what a number can say`)
    return number
  }
}

/** A COMMIT must mean what it means everywhere in this house. */
async function requireSafety(connection: PostgresConnection, where: string): Promise<void> {
  const { rows } = await connection.query(`
    SELECT current_setting('server_version_num')::int AS version, current_setting('synchronous_commit') AS commits,
      current_setting('fsync') AS fsync, getdatabaseencoding() AS encoding, pg_is_in_recovery()::int AS standby`)
  const { version, commits, fsync, encoding, standby: isStandby } = rows[0] ?? {}
  const refuse = (reason: string) => new HostError('store_unusable', `the database ${where} cannot be used: ${reason}`)
  if (Number(version) < FIRST_VERSION) throw refuse(`PostgreSQL ${version} is older than 13`)
  if (encoding !== 'UTF8') throw refuse(`its encoding is ${encoding}, not UTF8`)
  if (fsync !== 'on') throw refuse('fsync is off: a power cut would take away what it has acknowledged')
  if (commits !== 'on' && commits !== 'remote_apply')
    throw refuse(`synchronous_commit is ${commits}: it would acknowledge what is not durable yet`)
  // It came with 14. A store's connection is idle when nothing happens.
  if (Number(version) >= 140_000) await connection.query('SET idle_session_timeout = 0')
  if (isStandby !== 0) throw standby(where)
}

function standby(where: string): HostError {
  return new HostError('store_unreachable', `the database ${where} is a standby`)
}

class Connection implements PostgresConnection {
  usable = true
  readonly #client: pg.Client
  readonly #where: string
  #listener: (() => void) | undefined
  #closing = false

  constructor(client: pg.Client, where: string) {
    this.#client = client
    this.#where = where
    // Without a listener the process would end; every query that waits is told by itself.
    client.on('error', () => this.#lose())
    client.on('end', () => this.#lose())
  }

  async query(
    sql: string,
    values: readonly unknown[] = [],
    { name, withinMs = STATEMENT_MS + SILENCE_MS }: { readonly name?: string; readonly withinMs?: number } = {},
  ): Promise<PostgresAnswer> {
    if (!this.usable)
      throw new HostError('store_unreachable', `the database ${this.#where} does not answer: the connection is closed`)
    // Nobody answers any more. Ending the client while a query runs cuts its socket, which rejects the query.
    const late = setTimeout(() => this.#giveUp(), withinMs)
    try {
      return await this.#client.query({
        text: sql,
        values: values.map((value) => (typeof value === 'boolean' ? Number(value) : value)),
        ...(name === undefined ? {} : { name }),
      })
    } catch (cause) {
      const { error, lost } = postgresFailure(cause, this.#where)
      if (lost) this.#giveUp()
      throw error
    } finally {
      clearTimeout(late)
    }
  }

  onLost(listener: () => void): void {
    this.#listener = listener
  }

  async close(): Promise<void> {
    this.#closing = true
    this.usable = false
    // The goodbye of a server that is gone is not waited for. (The driver has no call that cuts an idle connection.)
    const { stream } = (this.#client as unknown as { connection: { stream: Socket } }).connection
    const late = setTimeout(() => stream.destroy(), GOODBYE_MS)
    await this.#client.end().catch(() => undefined)
    clearTimeout(late)
  }

  #giveUp(): void {
    this.#lose()
    void this.close()
  }

  #lose(): void {
    this.usable = false
    if (!this.#closing) this.#listener?.()
    this.#listener = undefined
  }
}
