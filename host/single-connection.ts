// A pool of one: queries and transactions of a process take turns on one connection, which is opened anew when it broke.
import { HostError } from './error.ts'
import type { PostgresAnswer, PostgresConnection } from './postgres-connection.ts'

/** The connection of whoever has the turn. */
export interface Turn {
  /** @param name Prepares the statement under it. */
  query(sql: string, values: readonly unknown[], name?: string): Promise<PostgresAnswer>
  /** @param discard Whether the connection cannot be trusted with another transaction. */
  release(discard?: boolean): void
}

export class SingleConnection {
  readonly #open: () => Promise<PostgresConnection>
  #held: { readonly connection: PostgresConnection; readonly turn: Turn } | undefined
  #last: Promise<void> = Promise.resolve()
  #release: () => void = () => undefined
  #closed = false

  /** @param open Makes a connection that is ready to be queried. */
  constructor(open: () => Promise<PostgresConnection>) {
    this.#open = open
  }

  /** Rejects as `open` does; whoever comes next tries again. */
  async connect(): Promise<Turn> {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const before = this.#last
    this.#last = ended
    await before
    try {
      if (this.#closed) throw new HostError('store_unusable', 'the store was closed')
      this.#release = end
      return await this.#turn()
    } catch (error) {
      end()
      throw error
    }
  }

  /** One statement in a turn of its own. Rejects as `open` and the connection do. */
  async query(sql: string, values: readonly unknown[], name?: string): Promise<PostgresAnswer> {
    const turn = await this.connect()
    try {
      return await turn.query(sql, values, name)
    } finally {
      turn.release()
    }
  }

  /** Waits for whoever has the turn. */
  async end(): Promise<void> {
    this.#closed = true
    await this.#last
    await this.#held?.connection.close()
  }

  /** One object for each connection: kysely keeps what it knows of a connection by it. */
  async #turn(): Promise<Turn> {
    if (this.#held?.connection.usable) return this.#held.turn
    const connection = await this.#open()
    const turn: Turn = {
      query: async (sql, values, name) => {
        // With the connection its transaction is gone: there is nothing to roll back, and the failure before is the one to tell.
        if (sql === 'rollback' && !connection.usable) return { command: 'ROLLBACK', rowCount: null, rows: [] }
        return await connection.query(sql, values, name === undefined ? {} : { name })
      },
      release: (discard = false) => {
        if (discard) void connection.close()
        this.#release()
      },
    }
    this.#held = { connection, turn }
    return turn
  }
}
