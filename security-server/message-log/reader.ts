// Reading the log: a connection of its own on the main thread, and the segments that its rows point into. Each statement is
// one short snapshot of what is committed.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type ClientId, decodeClientId, idKey } from '#protocol'
import type { BodyPart, BodyReference, LogDirection, LogSide, StoredRecord } from './record.ts'
import { toParts } from './row.ts'
import { Segments } from './segments.ts'
import type { RecordRow } from './store.ts'

/** A time-stamp with what leads from one record's signature to it. */
export interface RecordTimestamp {
  readonly token: Uint8Array
  /** Both present where the token covers many records by a hash chain (wire-message §7.3). */
  readonly result?: Uint8Array
  readonly chain?: Uint8Array
}

/** Without small bodies, which a page of records must not carry (#record). Records of version 1 have all in the row. */
const COLUMNS = `records.seq, records.at, side, direction, query_id, request_id, member, body_size, body_digest, body_file,
  body_truncated, head, signature, chain, chain_result, leaf_hash, segment, place,
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
  readonly leaf_hash: Uint8Array
  /** Null, both, in a record of version 1. */
  readonly segment: number | null
  readonly place: number | null
  readonly timestamped: number
}

export class Reader {
  readonly #db: DatabaseSync
  readonly #segments: Segments
  readonly #get: StatementSync
  readonly #find: StatementSync
  readonly #page: StatementSync
  readonly #pageOf: StatementSync
  readonly #inline: StatementSync
  readonly #timestamp: StatementSync
  readonly #file: StatementSync
  /** The small body that was read last: a message may have thousands of attachments in it, which are read one by one. */
  #held: { readonly seq: number; readonly body: Uint8Array | undefined } | undefined

  constructor(db: DatabaseSync, segments: string) {
    this.#db = db
    this.#segments = new Segments(segments)
    this.#get = db.prepare(`SELECT ${COLUMNS} FROM records WHERE seq = ?`)
    this.#find = db.prepare(
      `SELECT ${COLUMNS} FROM records WHERE query_id = ? AND member = ? AND seq > ? AND direction = coalesce(?, direction) ORDER BY seq LIMIT ?`,
    )
    this.#page = db.prepare(`SELECT ${COLUMNS} FROM records WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#pageOf = db.prepare(`SELECT ${COLUMNS} FROM records WHERE query_id = ? AND seq > ? ORDER BY seq LIMIT ?`)
    this.#inline = db.prepare('SELECT body_inline, segment, place FROM records WHERE seq = ?')
    this.#timestamp = db.prepare(
      `SELECT token, result, chain FROM record_timestamps JOIN timestamps ON timestamps.id = record_timestamps.timestamp
        WHERE record_timestamps.seq = ?`,
    )
    this.#file = db.prepare('SELECT 1 FROM records WHERE body_file = ?')
  }

  get(seq: number): StoredRecord | undefined {
    const row = this.#get.get(seq)
    return row === undefined ? undefined : this.#record(row)
  }

  find(query: {
    queryId: string
    member: ClientId
    direction?: LogDirection
    after: number
    limit: number
  }): StoredRecord[] {
    const { queryId, member, direction = null, after, limit } = query
    return this.#find.all(queryId, idKey(member), after, direction, limit).map((row) => this.#record(row))
  }

  list(query: { queryId?: string; after: number; limit: number }): StoredRecord[] {
    const { queryId, after, limit } = query
    const rows = queryId === undefined ? this.#page.all(after, limit) : this.#pageOf.all(queryId, after, limit)
    return rows.map((row) => this.#record(row))
  }

  inlineBody(seq: number): Uint8Array | undefined {
    if (this.#held?.seq !== seq) {
      const body = this.#inlineBody(seq)
      this.#held = { seq, body: body && Buffer.from(body) }
    }
    return this.#held.body
  }

  #inlineBody(seq: number): Uint8Array | undefined {
    const row = this.#inline.get(seq) as
      | (Pick<Row, 'segment' | 'place'> & { body_inline: Uint8Array | null })
      | undefined
    return (row && (this.#placed(seq, row)?.bodyInline ?? row.body_inline)) ?? undefined
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
    this.#segments.close()
  }

  /** Throws LogError `record_damaged` where its segment does not have it. */
  #record(columns: unknown): StoredRecord {
    const row = columns as Row
    const placed = this.#placed(row.seq, row)
    if (placed === undefined) return toRecord(row, row, undefined)
    // Copies: the frame, with a small body in it, is gone with this one.
    const bytes = {
      head: Buffer.from(placed.head),
      signature: Buffer.from(placed.signature),
      chain: placed.chain && Buffer.from(placed.chain),
      chain_result: placed.chainResult && Buffer.from(placed.chainResult),
    }
    return toRecord(row, bytes, toParts(placed.bodyParts))
  }

  #placed(seq: number, { segment, place }: Pick<Row, 'segment' | 'place'>): RecordRow | undefined {
    return segment === null || place === null ? undefined : this.#segments.record(seq, { segment, offset: place })
  }
}

/** @param bytes What was signed, and with what, from wherever it lies. */
function toRecord(
  row: Row,
  bytes: Pick<Row, 'head' | 'signature' | 'chain' | 'chain_result'>,
  parts: readonly BodyPart[] | undefined,
): StoredRecord {
  const body = toBody(row, parts)
  return {
    seq: row.seq,
    at: new Date(row.at),
    side: row.side,
    direction: row.direction,
    queryId: row.query_id,
    requestId: row.request_id,
    member: decodeClientId(row.member),
    head: bytes.head,
    signature: bytes.signature,
    ...(bytes.chain === null ? {} : { chain: bytes.chain }),
    ...(bytes.chain_result === null ? {} : { chainResult: bytes.chain_result }),
    ...(body === undefined ? {} : { body }),
    timestamped: row.timestamped === 1,
  }
}

function toBody(row: Row, parts: readonly BodyPart[] | undefined): BodyReference | undefined {
  const { body_size: size, body_digest: digest } = row
  if (size === null || digest === null) return undefined
  const facts = { size, digest, stored: row.seq, ...(parts === undefined ? {} : { parts }) }
  if (row.body_truncated === 1) return { ...facts, truncated: true }
  return { ...facts, ...(row.body_file === null ? {} : { file: row.body_file }) }
}
