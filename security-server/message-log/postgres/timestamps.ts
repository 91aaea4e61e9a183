// Time-stamps in the tables.
import type { TimestampStore } from '../log-store.ts'
import type { LogThread } from '../log-thread.ts'
import type { Round, Selection } from '../round.ts'
import type { TimestampLink, TimestampRow } from '../store.ts'
import { pack } from './packed.ts'
import type { ReadingOperations } from './reading-operations.ts'
import type { Session } from './session.ts'

/** $1 to $4 are what `packed` gives. */
const LINKED = `SELECT seq, made.id, substring($4::bytea FROM place + 1 FOR length)
  FROM made, unnest($1::bigint[], $2::int[], $3::int[]) AS one(seq, place, length)`
const SAVE = `
  WITH made AS (INSERT INTO log_timestamp (at, token, result) SELECT $5::bigint, $6::bytea, $7::bytea WHERE RUN RETURNING id),
    linked AS (INSERT INTO log_record_timestamp ${LINKED})
  SELECT id FROM made`
const LINK = `WITH made AS (SELECT $5::bigint AS id) INSERT INTO log_record_timestamp ${LINKED} WHERE RUN`

export class Timestamps implements TimestampStore {
  readonly #session: Session
  readonly #reading: LogThread<ReadingOperations>

  constructor(session: Session, reading: LogThread<ReadingOperations>) {
    this.#session = session
    this.#reading = reading
  }

  prepare(selection: Selection): Promise<Round | null> {
    return this.#reading.call('prepare', selection)
  }

  async save({ at, token, result }: TimestampRow, links: readonly TimestampLink[]): Promise<number> {
    const [row] = await this.#session.write('save', SAVE, [...packed(links), at, token, result])
    return Number(row?.['id'])
  }

  async link(timestamp: number, links: readonly TimestampLink[]): Promise<void> {
    await this.#session.write('link', LINK, [...packed(links), timestamp])
  }
}

function packed(links: readonly TimestampLink[]): unknown[] {
  const { bytes, places, lengths } = pack(links.map(({ chain }) => chain))
  return [links.map(({ seq }) => seq), places, lengths, bytes]
}
