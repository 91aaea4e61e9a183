// Reading the log: a connection of its own on the main thread, and the segments that its rows point into. Each statement is
// one short snapshot of what is committed.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type ClientId, decodeClientId, idKey } from '#protocol'
import { digest, equalBytes } from '#trust'
import { committed } from './commitment.ts'
import { LogError } from './error.ts'
import type { BodyReference, FoundRecord, LogDirection, LogSide, RecordEvidence, StoredRecord } from './record.ts'
import { memberIn, toParts } from './row.ts'
import { Segments } from './segments.ts'
import type { RecordRow } from './store.ts'

/** A time-stamp with what leads from one record's signature to it. */
export interface RecordTimestamp {
  readonly token: Uint8Array
  /** Both present where the token covers many records by a hash chain (wire-message §7.3). */
  readonly result?: Uint8Array
  readonly chain?: Uint8Array
}

/** A row of the index as SQLite hands it over; what a message is made of lies in its segment. */
interface Row {
  readonly seq: number
  readonly at: number
  readonly side: LogSide
  readonly direction: LogDirection
  readonly protocol: 'rest' | 'soap'
  readonly query_id: string
  readonly request_id: string
  readonly client: string
  readonly provider: string
  readonly service_code: string
  readonly service_version: string | null
  readonly user_id: string | null
  readonly issue: string | null
  readonly represented_party: string | null
  readonly body_size: number | null
  readonly segment: number
  readonly place: number
  readonly timestamped: number
}

const COLUMNS = `seq, at, side, direction, protocol, query_id, request_id, client, provider, service_code, service_version, user_id, issue,
  represented_party, body_size, segment, place, seq NOT IN (SELECT seq FROM untimestamped) AS timestamped`

export class Reader {
  readonly #db: DatabaseSync
  readonly #segments: Segments
  readonly #get: StatementSync
  readonly #find: StatementSync
  readonly #page: StatementSync
  readonly #pageOf: StatementSync
  readonly #inline: StatementSync
  readonly #timestamp: StatementSync
  readonly #commitment: StatementSync
  readonly #file: StatementSync
  /** The small body that was read last: a message may have thousands of attachments in it, which are read one by one. */
  #held: { readonly seq: number; readonly body: Uint8Array | undefined } | undefined

  constructor(db: DatabaseSync, segments: string) {
    this.#db = db
    this.#segments = new Segments(segments)
    this.#get = db.prepare(`SELECT ${COLUMNS} FROM records WHERE seq = ?`)
    this.#find = db.prepare(
      `SELECT ${COLUMNS} FROM records WHERE query_id = ? AND iif(side = 'consumer', client, provider) = ? AND seq > ?
        AND direction = coalesce(?, direction) ORDER BY seq LIMIT ?`,
    )
    this.#page = db.prepare(`SELECT ${COLUMNS} FROM records WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#pageOf = db.prepare(`SELECT ${COLUMNS} FROM records WHERE query_id = ? AND seq > ? ORDER BY seq LIMIT ?`)
    this.#inline = db.prepare('SELECT segment, place FROM records WHERE seq = ?')
    this.#timestamp = db.prepare(
      `SELECT token, result, chain FROM record_timestamps JOIN timestamps ON timestamps.id = record_timestamps.timestamp
        WHERE record_timestamps.seq = ?`,
    )
    this.#commitment = db.prepare('SELECT commitment, segment, place FROM records WHERE seq = ?')
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
  }): FoundRecord[] {
    const { queryId, member, direction = null, after, limit } = query
    return this.#find.all(queryId, idKey(member), after, direction, limit).map((row) => toFound(row as never))
  }

  list(query: { queryId?: string; after: number; limit: number }): FoundRecord[] {
    const { queryId, after, limit } = query
    const rows = queryId === undefined ? this.#page.all(after, limit) : this.#pageOf.all(queryId, after, limit)
    return rows.map((row) => toFound(row as never))
  }

  /** What the log commits to of a record. Throws LogError `record_damaged` where that is not what lies in its segment. */
  evidence(seq: number): RecordEvidence | undefined {
    const row = this.#commitment.get(seq) as (Pick<Row, 'segment' | 'place'> & { commitment: Uint8Array }) | undefined
    if (row === undefined) return undefined
    const placed = this.#placed(seq, row)
    const { record, commitment } = committed({ ...placed, seq }, digest('SHA-512', placed.signature))
    if (!equalBytes(commitment, row.commitment))
      throw new LogError('record_damaged', `Record ${seq} is not the one that the log has committed to`)
    return { salt: Buffer.from(placed.salt), record }
  }

  inlineBody(seq: number): Uint8Array | undefined {
    if (this.#held?.seq !== seq) {
      const body = this.#inlineBody(seq)
      this.#held = { seq, body: body && Buffer.from(body) }
    }
    return this.#held.body
  }

  #inlineBody(seq: number): Uint8Array | undefined {
    const row = this.#inline.get(seq) as Pick<Row, 'segment' | 'place'> | undefined
    return (row && this.#placed(seq, row).bodyInline) ?? undefined
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
    return toRecord(row, this.#placed(row.seq, row))
  }

  #placed(seq: number, { segment, place }: Pick<Row, 'segment' | 'place'>): RecordRow {
    return this.#segments.record(seq, { segment, offset: place })
  }
}

function toFound(row: Row): FoundRecord {
  return { ...toFacts(row), ...(row.body_size === null ? {} : { bodySize: row.body_size }) }
}

function toFacts(row: Row): Omit<FoundRecord, 'bodySize'> {
  const { client, provider } = { client: decodeClientId(row.client), provider: decodeClientId(row.provider) }
  return {
    seq: row.seq,
    at: new Date(row.at),
    side: row.side,
    direction: row.direction,
    protocol: row.protocol,
    queryId: row.query_id,
    requestId: row.request_id,
    client,
    service: {
      ...provider,
      serviceCode: row.service_code,
      ...(row.service_version === null ? {} : { serviceVersion: row.service_version }),
    },
    member: memberIn({ side: row.side, client, provider }),
    ...(row.user_id === null ? {} : { userId: row.user_id }),
    ...(row.issue === null ? {} : { issue: row.issue }),
    ...(row.represented_party === null ? {} : { representedParty: row.represented_party }),
    timestamped: row.timestamped === 1,
  }
}

/** Copies what it takes: the frame, with a small body in it, is gone with the next. */
function toRecord(row: Row, placed: RecordRow): StoredRecord {
  const body = toBody(row.seq, placed)
  return {
    ...toFacts(row),
    head: Buffer.from(placed.head),
    ...(placed.headDigest === null ? {} : { headDigest: Buffer.from(placed.headDigest) }),
    signature: Buffer.from(placed.signature),
    ...(placed.chain === null ? {} : { chain: Buffer.from(placed.chain) }),
    ...(placed.chainResult === null ? {} : { chainResult: Buffer.from(placed.chainResult) }),
    ...(body === undefined ? {} : { body }),
  }
}

function toBody(seq: number, placed: RecordRow): BodyReference | undefined {
  const { bodySize: size, bodyDigest: digest, bodyFile: file, bodyTruncated: truncated } = placed
  if (size === null || digest === null) return undefined
  const parts = toParts(placed.bodyParts)
  const facts = { size, digest: Buffer.from(digest), stored: seq, ...(parts === undefined ? {} : { parts }) }
  if (truncated) return { ...facts, truncated }
  return { ...facts, ...(file === null ? {} : { file }) }
}
