// Reading the tables. Each statement is one snapshot of what is committed; none of it waits for who writes.
import { digest, equalBytes } from '#trust'
import { committed } from '../commitment.ts'
import { LogError } from '../error.ts'
import { FOUND_COLUMNS, type FoundRow, toFound, toStored } from '../found.ts'
import type { KeyRing } from '../key-ring.ts'
import type { RecordReader, RecordTimestamp } from '../log-store.ts'
import type { LogThread } from '../log-thread.ts'
import type { FoundRecord, RecordEvidence, StoredRecord } from '../record.ts'
import type { PreparedQuery, SearchPage } from '../search/query.ts'
import type { KeyUse, RecordRow } from '../store.ts'
import { readStored } from './frames.ts'
import type { Lanes } from './lanes.ts'
import type { ReadingOperations } from './reading-operations.ts'

export const FOUND = `SELECT ${FOUND_COLUMNS},
  (NOT EXISTS (SELECT FROM log_untimestamped AS waiting WHERE waiting.seq = log_record.seq))::int AS timestamped`
const LIST = `${FOUND} FROM log_record WHERE seq > $1 ORDER BY seq LIMIT $2`
const GET = `${FOUND}, frame FROM log_record WHERE seq = $1`
const FRAME = 'SELECT frame, commitment FROM log_record WHERE seq = $1'
const TIMESTAMP = `SELECT token, result, chain FROM log_record_timestamp
  JOIN log_timestamp ON log_timestamp.id = log_record_timestamp.timestamp WHERE log_record_timestamp.seq = $1`
export const KEY_USES = 'SELECT sealed_by AS id, records FROM log_key_use WHERE records > 0'

export class Reader implements RecordReader {
  readonly #lanes: Lanes
  readonly #reading: LogThread<ReadingOperations>
  readonly #keys: KeyRing
  /** What up to here was given up is not read any more, whether it is still there or not. */
  readonly #removedTo: () => number
  /** The small body that was read last: a message may have thousands of attachments in it, which are read one by one. */
  #held: { readonly seq: number; readonly body: Uint8Array | undefined } | undefined

  constructor(parts: {
    readonly lanes: Lanes
    readonly reading: LogThread<ReadingOperations>
    readonly keys: KeyRing
    readonly removedTo: () => number
  }) {
    this.#lanes = parts.lanes
    this.#reading = parts.reading
    this.#keys = parts.keys
    this.#removedTo = parts.removedTo
  }

  search(query: PreparedQuery): Promise<SearchPage> {
    return this.#reading.call('search', query)
  }

  async list({ after, limit }: { after: number; limit: number }): Promise<readonly FoundRecord[]> {
    const rows = await this.#lanes.rows('list', LIST, [Math.max(after, this.#removedTo()), limit])
    return rows.map((row) => toFound(row as unknown as FoundRow))
  }

  async get(seq: number): Promise<StoredRecord | undefined> {
    const row = await this.#one('get', GET, seq)
    return row && toStored(row as unknown as FoundRow, this.#read(seq, row))
  }

  async evidence(seq: number): Promise<RecordEvidence | undefined> {
    const row = await this.#one('frame', FRAME, seq)
    if (row === undefined) return undefined
    const placed = this.#read(seq, row)
    const { record, commitment } = committed({ ...placed, seq }, digest('SHA-512', placed.signature))
    if (!equalBytes(commitment, row['commitment'] as Uint8Array))
      throw new LogError('record_damaged', `Record ${seq} is not the one that the log has committed to`)
    return { salt: Buffer.from(placed.salt), record }
  }

  async inlineBody(seq: number): Promise<Uint8Array | undefined> {
    if (this.#held?.seq !== seq) {
      const row = await this.#one('frame', FRAME, seq)
      this.#held = { seq, body: (row && this.#read(seq, row).bodyInline) ?? undefined }
    }
    return this.#held.body
  }

  async timestamp(seq: number): Promise<RecordTimestamp | undefined> {
    const [row] = await this.#lanes.rows('timestamp', TIMESTAMP, [seq])
    if (row === undefined) return undefined
    const { token, result, chain } = row as { token: Uint8Array; result: Uint8Array | null; chain: Uint8Array | null }
    return result === null || chain === null ? { token } : { token, result, chain }
  }

  async keyUses(): Promise<readonly KeyUse[]> {
    return (await this.#lanes.rows('key-uses', KEY_USES, [])) as unknown as KeyUse[]
  }

  async #one(name: string, sql: string, seq: number): Promise<Record<string, unknown> | undefined> {
    return seq > this.#removedTo() ? (await this.#lanes.rows(name, sql, [seq]))[0] : undefined
  }

  #read(seq: number, row: Record<string, unknown>): RecordRow {
    return readStored(seq, row['frame'] as Uint8Array, this.#keys)
  }
}
