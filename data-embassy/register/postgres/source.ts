// A register on PostgreSQL (embassy.md, "Home's agent" a): a whole picture once, then what its log says, received as a synchronous standby does. Where the server's
// `synchronous_standby_names` has the slot's name, a COMMIT at home waits until it is receipted abroad.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import {
  connectDriver,
  connectPostgres,
  type DatabaseSettings,
  type Log,
  type PostgresConnection,
  type PostgresSettings,
  turnstile,
} from '#host'
import { EmbassyError } from '../../error.ts'
import type { Captured, Source } from '../source.ts'
import { Decoder } from './decoder.ts'
import { Keys } from './keys.ts'
import { picture } from './picture.ts'
import { compare, type Position, readLsn, readPosition, writePosition } from './position.ts'
import { requireReady } from './readiness.ts'
import { Sequences } from './sequences.ts'
import { VALUE_SESSION } from './session.ts'
import { slotFrom } from './slot.ts'
import { Stream } from './stream.ts'
import { Commits } from './unacknowledged.ts'

const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 10_000
/** The server gives up a standby that is silent for its wal_sender_timeout. */
const MAXIMUM_STATUS_MS = 10_000

export interface PostgresSourceOptions {
  readonly settings: DatabaseSettings
  /** Names the replication slot, and us among the server's standbys. */
  readonly slot: string
  /** Whether commits at home are to wait for us: those that did not are reported. */
  readonly synchronous: boolean
  readonly log: Log
}

interface Session {
  readonly stream: Stream
  readonly control: PostgresConnection
  readonly commits: Commits | undefined
  /** The server's process that sends to us. */
  readonly sender: number
}

export class PostgresSource implements Source {
  readonly #options: PostgresSourceOptions
  readonly #settings: PostgresSettings
  #control: Promise<PostgresConnection> | undefined
  #session: Session | undefined
  /** Whoever waits for a session. */
  #opening = Promise.withResolvers<Session>()
  #confirmed = 0n
  #confirming: Promise<void> = Promise.resolve()

  constructor(options: PostgresSourceOptions) {
    this.#options = options
    this.#settings = { ...options.settings, schema: 'saadik' }
    this.#opening.promise.catch(() => {})
  }

  async *changes(after: string | undefined, signal: AbortSignal): AsyncGenerator<Captured> {
    const { log, slot } = this.#options
    let position = after === undefined ? undefined : readPosition(after)
    if (position?.picture) position = undefined
    for (let pause = FIRST_RETRY_MS; !signal.aborted; pause = Math.min(pause * 2, LAST_RETRY_MS)) {
      try {
        for await (const captured of position === undefined ? this.#picture(signal) : this.#stream(position, signal)) {
          const at = readPosition(captured.change.position)
          if (!at.picture) position = at
          pause = FIRST_RETRY_MS
          yield captured
        }
        if (position !== undefined) continue
      } catch (error) {
        if (signal.aborted) break
        if (error instanceof EmbassyError) {
          this.#opening.reject(error)
          throw error
        }
        log.warn('the register is not read at the moment', { slot, reason: (error as Error).message })
      }
      await sleep(pause, undefined, { signal }).catch(() => {})
    }
  }

  async *#picture(signal: AbortSignal): AsyncGenerator<Captured> {
    const control = await this.#connected()
    await requireReady(control)
    const { slot } = this.#options
    yield* picture({ settings: this.#settings, slot, control, sequences: new Sequences(), signal })
  }

  async *#stream(from: Position, signal: AbortSignal): AsyncGenerator<Captured> {
    const { slot, synchronous, log } = this.#options
    const control = await this.#connected()
    await requireReady(control)
    const { confirmed } = await slotFrom(control, slot, from)
    const { rows: known } = await control.query(
      'SELECT relation::int8 AS relation, since::text AS since, columns::text AS columns FROM saadik.key',
    )
    const keys = new Keys()
    for (const { relation, since, columns } of known)
      keys.add(Number(relation), String(since), columns === null ? null : String(columns))
    const statusMs = await this.#statusMs(control)
    if (synchronous && !(await this.#named(control)))
      log.warn('commits at home do not wait for their receipts: synchronous_standby_names does not name the slot', {
        slot,
      })
    const client = await connectDriver(this.#settings, {
      applicationName: slot,
      session: VALUE_SESSION,
      replication: true,
    })
    try {
      const sequences = new Sequences()
      const commits = synchronous ? new Commits(() => this.#confirmed) : undefined
      const decoder = new Decoder(keys, (state) => sequences.note(state))
      // Whoever waits is known by what the slot still keeps, also of what was captured before this start.
      const start = synchronous ? confirmed : from.lsn
      const stream = new Stream({
        client,
        control,
        slot,
        start,
        confirmed,
        from,
        decoder,
        sequences,
        commits,
        statusMs,
        signal,
      })
      this.#session = { stream, control, commits, sender: processOf(client) }
      if (this.#confirmed > confirmed) stream.confirm(this.#confirmed)
      this.#opening.resolve(this.#session)
      yield* stream.changes()
    } finally {
      this.#session = undefined
      this.#opening = Promise.withResolvers()
      this.#opening.promise.catch(() => {})
      void client.end().catch(() => undefined)
    }
  }

  /**
   * Resolves when the stream has passed everything that is committed now; never while the register is not read, so whoever asks bounds it.
   *
   * @throws {EmbassyError} `source_lost`, `source_unsupported` where it will not be read any more
   */
  async head(): Promise<string> {
    const control = await this.#connected()
    // A commit of its own, behind all others and durable, which waits for nobody: the stream will come to it.
    const { rows } = await control.query(`SELECT pg_logical_emit_message(true, 'saadik', '')::text AS lsn`)
    const lsn = readLsn(String(rows[0]?.['lsn']))
    for (;;) {
      const { stream } = this.#session ?? (await this.#opening.promise)
      if (await stream.reach(lsn)) return writePosition(stream.whole)
      await sleep(FIRST_RETRY_MS)
    }
  }

  holds(position: string, wanted: string): boolean {
    const [held, asked] = [readPosition(position), readPosition(wanted)]
    return !held.picture && compare(held, asked) >= 0
  }

  async confirm(position: string): Promise<void> {
    const { lsn, picture: within } = readPosition(position)
    if (within) return
    this.#confirming = this.#confirming.then(() => this.#confirm(lsn))
    await this.#confirming
  }

  async #confirm(lsn: bigint): Promise<void> {
    if (lsn <= this.#confirmed) return
    const session = this.#session
    if (session !== undefined) await this.#report(session, lsn)
    this.#confirmed = lsn
    // A crash before the server has written it down: it sends again what was told before, and is told again what is safe.
    session?.stream.confirm(lsn)
  }

  async #report({ commits, control, sender }: Session, before: bigint): Promise<void> {
    const { log, slot } = this.#options
    try {
      const visible = (await commits?.visible(before, control, sender)) ?? []
      for (const { xid, lsn, at } of visible)
        log.warn('a commit was visible at home before it was receipted: it was not acknowledged', {
          slot,
          xid,
          lsn,
          at,
        })
    } catch (error) {
      log.warn('nobody could be asked which commits waited for their receipt', {
        slot,
        reason: (error as Error).message,
      })
    }
  }

  async close(): Promise<void> {
    this.#opening.reject(new EmbassyError('source_lost', 'The register is not read any more: the agent ends'))
    await this.#confirming
    const control = await this.#control?.catch(() => undefined)
    await control?.close()
  }

  /** The connection that asks, beside the one that receives: the one there is, or another where it broke. */
  #connected(): Promise<PostgresConnection> {
    this.#control = this.#renewed(this.#control)
    this.#control.catch(() => {})
    return this.#control
  }

  async #renewed(last: Promise<PostgresConnection> | undefined): Promise<PostgresConnection> {
    const existing = await last?.catch(() => undefined)
    if (existing?.usable) return existing
    const connection = await connectPostgres(this.#settings, { name: this.#options.slot })
    // What we write says nothing of the register, and would wait for ourselves.
    await connection.query('SET synchronous_commit = local')
    return oneByOne(connection)
  }

  /** Whether the server knows us as one of its synchronous standbys. */
  async #named(control: PostgresConnection): Promise<boolean> {
    const { rows } = await control.query("SELECT current_setting('synchronous_standby_names') AS names")
    const names = String(rows[0]?.['names']).match(/\*|[A-Za-z0-9_]+/g) ?? []
    return names.some((name) => name === '*' || name.toLowerCase() === this.#options.slot)
  }

  async #statusMs(control: PostgresConnection): Promise<number> {
    const { rows } = await control.query("SELECT setting::int AS ms FROM pg_settings WHERE name = 'wal_sender_timeout'")
    const timeout = Number(rows[0]?.['ms'])
    return timeout > 0 ? Math.min(MAXIMUM_STATUS_MS, Math.floor(timeout / 3)) : MAXIMUM_STATUS_MS
  }
}

/** Whoever asks does so while nobody else does. */
function oneByOne(connection: PostgresConnection): PostgresConnection {
  const turn = turnstile()
  return {
    get usable() {
      return connection.usable
    },
    query: (sql, values, options) => turn(() => connection.query(sql, values, options)),
    onLost: (listener) => connection.onLost(listener),
    close: () => connection.close(),
  }
}

/** The server's, as it was told at the connection. */
function processOf(client: Client): number {
  return (client as unknown as { processID: number }).processID
}
