// Reading the log: a connection of its own on the main thread. Each statement is one short snapshot of what is committed.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type ClientId, decodeClientId, idKey } from '#protocol'
import type { BodyReference, LogDirection, LogSide, StoredRecord } from './record.ts'

/** A time-stamp with what leads from one record's signature to it. */
export interface RecordTimestamp {
  readonly token: Uint8Array
  /** Both present where the token covers many records by a hash chain (wire-message §7.3). */
  readonly result?: Uint8Array
  readonly chain?: Uint8Array
}

/** Without the bytes of small bodies: a page of records must not carry megabytes. */
const COLUMNS = `records.seq, records.at, side, direction, query_id, request_id, member, body_size, body_digest, body_file,
  body_truncated, head, signature, chain, chain_result,
  EXISTS (SELECT 1 FROM record_timestamps AS stamped WHERE stamped.seq = records.seq) AS timestamped`

/** A row of COLUMNS as SQLite hands it over. */
interface Row {
  readonly seq: number
  readonly at: number
  readonly side: LogSide
  readonly direction: LogDirection
  readonly query_id: string
  readonly request_id: string
  readonly member: string
  readonly body_size: number | null
  readonly body_digest: Uint8Array | null
  readonly body_file: string | null
  readonly body_truncated: number
  readonly head: Uint8Array
  readonly signature: Uint8Array
  readonly chain: Uint8Array | null
  readonly chain_result: Uint8Array | null
  readonly timestamped: number
}

export class Reader {
  readonly #db: DatabaseSync
  readonly #get: StatementSync
  readonly #find: StatementSync
  readonly #page: StatementSync
  readonly #pageOf: StatementSync
  readonly #inline: StatementSync
  readonly #timestamp: StatementSync
  readonly #file: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#get = db.prepare(`SELECT ${COLUMNS} FROM records WHERE seq = ?`)
    this.#find = db.prepare(
      `SELECT ${COLUMNS} FROM records WHERE query_id = ? AND member = ? AND seq > ? AND direction = coalesce(?, direction) ORDER BY seq LIMIT ?`,
    )
    this.#page = db.prepare(`SELECT ${COLUMNS} FROM records WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#pageOf = db.prepare(`SELECT ${COLUMNS} FROM records WHERE query_id = ? AND seq > ? ORDER BY seq LIMIT ?`)
    this.#inline = db.prepare('SELECT body_inline FROM records WHERE seq = ?')
    this.#timestamp = db.prepare(
      `SELECT token, result, chain FROM record_timestamps JOIN timestamps ON timestamps.id = record_timestamps.timestamp
        WHERE record_timestamps.seq = ?`,
    )
    this.#file = db.prepare('SELECT 1 FROM records WHERE body_file = ?')
  }

  get(seq: number): StoredRecord | undefined {
    const row = this.#get.get(seq)
    return row === undefined ? undefined : toRecord(row)
  }

  find(query: {
    queryId: string
    member: ClientId
    direction?: LogDirection
    after: number
    limit: number
  }): StoredRecord[] {
    const { queryId, member, direction = null, after, limit } = query
    return this.#find.all(queryId, idKey(member), after, direction, limit).map(toRecord)
  }

  list(query: { queryId?: string; after: number; limit: number }): StoredRecord[] {
    const { queryId, after, limit } = query
    return (queryId === undefined ? this.#page.all(after, limit) : this.#pageOf.all(queryId, after, limit)).map(
      toRecord,
    )
  }

  inlineBody(seq: number): Uint8Array | undefined {
    return (this.#inline.get(seq)?.['body_inline'] as Uint8Array | null | undefined) ?? undefined
  }

  timestamp(seq: number): RecordTimestamp | undefined {
    const row = this.#timestamp.get(seq) as
      | { token: Uint8Array; result: Uint8Array | null; chain: Uint8Array | null }
      | undefined
    if (row === undefined) return undefined
    const { token, result, chain } = row
    return result === null || chain === null ? { token } : { token, result, chain }
  }

  isReferenced(file: string): boolean {
    return this.#file.get(file) !== undefined
  }

  close(): void {
    this.#db.close()
  }
}

function toRecord(columns: unknown): StoredRecord {
  const row = columns as Row
  const body = toBody(row)
  return {
    seq: row.seq,
    at: new Date(row.at),
    side: row.side,
    direction: row.direction,
    queryId: row.query_id,
    requestId: row.request_id,
    member: decodeClientId(row.member),
    head: row.head,
    signature: row.signature,
    ...(row.chain === null ? {} : { chain: row.chain }),
    ...(row.chain_result === null ? {} : { chainResult: row.chain_result }),
    ...(body === undefined ? {} : { body }),
    timestamped: row.timestamped === 1,
  }
}

function toBody(row: Row): BodyReference | undefined {
  const { body_size: size, body_digest: digest } = row
  if (size === null || digest === null) return undefined
  if (row.body_truncated === 1) return { size, digest, stored: row.seq, truncated: true }
  return { size, digest, stored: row.seq, ...(row.body_file === null ? {} : { file: row.body_file }) }
}
