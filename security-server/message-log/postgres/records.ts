// Appending: a group of records is one statement, and in the log whole or not at all.
import { digest, equalBytes } from '#trust'
import { committed } from '../commitment.ts'
import { LogError } from '../error.ts'
import { type Layout, writeFrame } from '../frame.ts'
import type { RecordRow } from '../store.ts'
import type { Session } from './session.ts'

/** The columns that are values, with their types: unnested. Those that are bytes are cut out of one value each. */
const COLUMNS: readonly (readonly [column: string, type: string, value: (row: RecordRow) => unknown])[] = [
  ['at', 'bigint', ({ at }) => at],
  ['side', 'text', ({ side }) => side],
  ['direction', 'text', ({ direction }) => direction],
  ['protocol', 'text', ({ protocol }) => protocol],
  ['query_id', 'text', ({ queryId }) => queryId],
  ['request_id', 'text', ({ requestId }) => requestId],
  ['client', 'text', ({ client }) => client],
  ['provider', 'text', ({ provider }) => provider],
  ['service_code', 'text', ({ serviceCode }) => serviceCode],
  ['service_version', 'text', ({ serviceVersion }) => serviceVersion],
  ['user_id', 'text', ({ userId }) => userId],
  ['issue', 'text', ({ issue }) => issue],
  ['represented_party', 'text', ({ representedParty }) => representedParty],
  ['body_size', 'bigint', ({ bodySize }) => bodySize],
  ['body_file', 'text', ({ bodyFile }) => bodyFile],
  ['sealed_by', 'text', ({ sealedBy }) => sealedBy ?? null],
]
const NAMES = COLUMNS.map(([column]) => column).join(', ')
/** `n` counts from 0. */
const APPEND = `
  WITH waits AS (
    INSERT INTO log_untimestamped
    SELECT $1::bigint + n, substring($3::bytea FROM 64 * n + 1 FOR 64) FROM unnest($5::int[]) AS one(n) WHERE RUN)
  INSERT INTO log_record (seq, ${NAMES}, commitment, frame)
  SELECT $1::bigint + n, ${NAMES}, substring($2::bytea FROM 32 * n + 1 FOR 32), substring($4::bytea FROM place + 1 FOR length)
  FROM unnest($5::int[], $6::int[], $7::int[], ${COLUMNS.map(([, type], at) => `$${8 + at}::${type}[]`).join(', ')})
    AS one(n, place, length, ${NAMES})
  WHERE RUN`

/** A group whose COMMIT may have been one. */
interface Unknown {
  readonly first: number
  readonly count: number
  readonly commitment: Uint8Array
}

export class Records {
  readonly #session: Session
  #last: number
  #unknown: Unknown | undefined

  /** @param last The last record of the log. */
  constructor(session: Session, last: number) {
    this.#session = session
    this.#last = last
  }

  /**
   * Appends a group; returns the number of its first record once all are durable. One group at a time.
   *
   * @throws {LogError} `store_failed`, with `mayRemain` where the connection broke under it. Nothing is taken then until `settle` has
   *   found out what became of it.
   */
  async append(layouts: readonly Layout[]): Promise<number> {
    if (this.#unknown !== undefined)
      throw new LogError(
        'store_failed',
        'Whether the last records were logged is not known before the database answers',
      )
    const first = this.#last + 1
    const { values, commitment } = encode(layouts, first)
    try {
      await this.#session.write('append', APPEND, values)
    } catch (error) {
      if ((error as LogError).mayRemain) this.#unknown = { first, count: layouts.length, commitment }
      throw error
    }
    this.#last += layouts.length
    return first
  }

  /**
   * After the connection was restored: finds out whether the last group is in the log, where nobody knew, and whether all before it is. The
   * connection has the lock, so the one before it has ended, and what is not there now never comes. A database that has lost what it had
   * acknowledged, because a standby without it took over, is not written to.
   */
  async settle(): Promise<void> {
    const unknown = this.#unknown
    const sql = `SELECT coalesce(max(seq), 0) AS last, (SELECT commitment FROM log_record WHERE seq = $1) AS commitment FROM log_record`
    const [row] = await this.#session.ask(sql, [unknown?.first ?? 0])
    const there = unknown !== undefined && row?.['commitment'] !== null
    if (there && !equalBytes(row?.['commitment'] as Uint8Array, unknown.commitment))
      throw this.#session.die(`record ${unknown.first} is not the one that this process has logged`)
    const last = this.#last + (there ? unknown.count : 0)
    if (row?.['last'] !== last)
      throw this.#session.die(`${last} records were logged, and the database has ${row?.['last']}`)
    this.#last = last
    this.#unknown = undefined
  }
}

function encode(layouts: readonly Layout[], first: number): { values: readonly unknown[]; commitment: Uint8Array } {
  const frames = Buffer.allocUnsafe(layouts.reduce((sum, { length }) => sum + length, 0))
  const commitments = Buffer.allocUnsafe(32 * layouts.length)
  const signatures = Buffer.allocUnsafe(64 * layouts.length)
  const places: number[] = []
  let place = 0
  layouts.forEach((layout, n) => {
    const { row, length } = layout
    writeFrame(frames, place, layout, first + n)
    places.push(place)
    place += length
    const signatureDigest = digest('SHA-512', row.signature)
    commitments.set(committed({ ...row, seq: first + n }, signatureDigest).commitment, 32 * n)
    signatures.set(signatureDigest, 64 * n)
  })
  const values = [
    ...[first, commitments, signatures, frames, places.map((_, n) => n), places, layouts.map(({ length }) => length)],
    ...COLUMNS.map(([, , value]) => layouts.map(({ row }) => value(row))),
  ]
  return { values, commitment: commitments.subarray(0, 32) }
}
