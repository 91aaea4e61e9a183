// The one connection that writes, and the fence around it.
//
// It holds the log's lock for as long as it lives (#host connectStore): PostgreSQL frees that with the session, when whatever the session
// was committing is committed or undone. So nobody else can have written while it lived, and a writer that lost it writes nothing more.
// Writes also ask for the run that this process has begun: a pooler that hands sessions around would be found out.
import {
  connectStore,
  HostError,
  type PostgresAnswer,
  type PostgresConnection,
  type PostgresSettings,
  reasonOf,
  turnstile,
} from '#host'
import { LogError } from '../error.ts'
import { LOG_MIGRATIONS } from './tables.ts'

/** The process that has the log may end at any moment; the database tells nobody. */
const TAKE_OVER_MS = 1_000
const LAST_RUN = "(SELECT value FROM log_state WHERE key = 'run')"

export interface SessionOptions {
  readonly settings: PostgresSettings
  /** Another process has the log, which is waited for. Called once. */
  readonly onWaiting: (reason: string) => void
  /** The connection broke; `restore` makes another. */
  readonly onLost: (reason: string) => void
  /** Another process has had the log, or what is there is not what this one has written: nothing may be written any more. */
  readonly onDeath: (reason: string) => void
}

export class Session {
  readonly #options: SessionOptions
  readonly #alone = turnstile()
  #connection: PostgresConnection | undefined
  #run = 0
  #dead: string | undefined
  #closed = false

  private constructor(options: SessionOptions) {
    this.#options = options
  }

  /** Waits until no other process has the log. Rejects with HostError. */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options)
    session.#connection = await session.#takeOver()
    return session
  }

  /** Begins a run: what an earlier one has left may be cleared away from here on. Its number is in the names of its bodies. */
  async begin(): Promise<number> {
    const [row] = await this.ask(
      `INSERT INTO log_state VALUES ('run', 1) ON CONFLICT (key) DO UPDATE SET value = log_state.value + 1 RETURNING value`,
    )
    this.#run = Number(row?.['value'])
    return this.#run
  }

  get usable(): boolean {
    return this.#connection?.usable ?? false
  }

  /**
   * A statement over the connection that writes: what it sees is what this process has written.
   *
   * @throws {LogError} `store_failed`: it changed nothing, or with `mayRemain` nobody knows; `store_broken`
   */
  async ask(sql: string, values: readonly unknown[] = [], name?: string): Promise<PostgresAnswer['rows']> {
    return (await this.#alone(() => this.#query(sql, values, name))).rows
  }

  /**
   * A statement that is durable when it resolves, and happened whole or not at all. `RUN` in it stands for the condition that the run of
   * this process is the last one; if it affects no row that was not so, and the log is broken from here on.
   *
   * @throws {LogError} as `ask` does
   */
  async write(name: string, sql: string, values: readonly unknown[]): Promise<PostgresAnswer['rows']> {
    const bound = sql.replaceAll('RUN', `${LAST_RUN} = $${values.length + 1}::bigint`)
    return await this.#alone(async () => {
      const { rows, rowCount } = await this.#query(bound, [...values, this.#run], name)
      if (rowCount === 0) throw this.die('another process has begun a run of it')
      return rows
    })
  }

  /** Connects again where the connection broke. Rejects with LogError where that cannot be yet. */
  async restore(): Promise<void> {
    await this.#alone(async () => {
      this.#refuse()
      if (this.usable) return
      try {
        this.#connection = await this.#connect()
      } catch (cause) {
        throw new LogError('store_failed', reasonOf(cause), { cause })
      }
      const { rows } = await this.#query(`SELECT value FROM log_state WHERE key = 'run'`)
      if (rows[0]?.['value'] !== this.#run) throw this.die('another process has had it meanwhile')
    })
  }

  /** Nothing may be written any more. Returns the error to throw. */
  die(reason: string): LogError {
    if (this.#dead === undefined) this.#options.onDeath(reason)
    this.#dead ??= reason
    void this.#connection?.close()
    return new LogError('store_broken', reason)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#alone(async () => await this.#connection?.close())
  }

  async #query(sql: string, values: readonly unknown[] = [], name?: string): Promise<PostgresAnswer> {
    this.#refuse()
    const connection = this.#connection
    if (!connection?.usable) throw new LogError('store_failed', 'The database of the message log does not answer')
    try {
      return await connection.query(sql, values, name === undefined ? {} : { name })
    } catch (cause) {
      // A statement whose connection broke under it may have been committed; any other is undone.
      if (cause instanceof HostError)
        throw new LogError('store_failed', cause.message, { cause, mayRemain: !connection.usable })
      // A rule of the tables was broken: they are not what this process believes.
      throw this.die(reasonOf(cause))
    }
  }

  #refuse(): void {
    if (this.#dead !== undefined) throw new LogError('store_broken', this.#dead)
    if (this.#closed) throw new LogError('closed', 'The message log is closed')
  }

  async #takeOver(): Promise<PostgresConnection> {
    for (let waited = false; ; waited = true) {
      try {
        return await this.#connect()
      } catch (error) {
        if ((error as HostError).code !== 'store_in_use') throw error
        if (!waited) this.#options.onWaiting(reasonOf(error))
      }
      await new Promise((resolve) => setTimeout(resolve, TAKE_OVER_MS))
    }
  }

  async #connect(): Promise<PostgresConnection> {
    const connection = await connectStore(this.#options.settings, 'message-log', LOG_MIGRATIONS)
    connection.onLost(() => this.#options.onLost('The connection to the database of the message log broke'))
    return connection
  }
}
