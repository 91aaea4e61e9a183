// Connections beside the one that writes records: for whoever reads, and for bodies on their way. Each takes one statement at a time.
import {
  connectPostgres,
  HostError,
  type PostgresAnswer,
  type PostgresSettings,
  reasonOf,
  SingleConnection,
} from '#host'
import { LogError } from '../error.ts'

export class Lanes {
  readonly #lanes: { readonly connection: SingleConnection; waiting: number }[]

  /** @param count Statements at the same time; more of them take turns. */
  constructor(settings: PostgresSettings, count: number) {
    const connect = async () => {
      const connection = await connectPostgres(settings, { name: 'message-log' })
      // What is committed here is durable with the next record at the latest: a COMMIT flushes all that was committed before it.
      await connection.query('SET synchronous_commit = off')
      return connection
    }
    this.#lanes = Array.from({ length: count }, () => ({ connection: new SingleConnection(connect), waiting: 0 }))
  }

  /**
   * The rows of one statement.
   *
   * @param name Under which it is prepared; absent where each is another.
   * @throws {LogError} `store_failed`
   */
  async rows(name: string | undefined, sql: string, values: readonly unknown[]): Promise<PostgresAnswer['rows']> {
    const lane = this.#lanes.reduce((least, one) => (one.waiting < least.waiting ? one : least))
    lane.waiting += 1
    try {
      return (await lane.connection.query(sql, values, name)).rows
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      throw new LogError('store_failed', reasonOf(error), { cause: error })
    } finally {
      lane.waiting -= 1
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map(({ connection }) => connection.end()))
  }
}
