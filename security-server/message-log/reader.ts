// Reading the log: a connection of its own on the main thread, and the segments that its rows point into. Each statement is
// one short snapshot of what is committed.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { digest, equalBytes } from '#trust'
import { committed } from './commitment.ts'
import { LogError } from './error.ts'
import { COLUMNS, type Row, toFound, toStored } from './found.ts'
import type { KeyRing } from './key-ring.ts'
import type { RecordTimestamp } from './log-store.ts'
import type { FoundRecord, RecordEvidence, StoredRecord } from './record.ts'
import { Segments } from './segments.ts'
import { type KeyUse, keyUses, type RecordRow } from './store.ts'

export class Reader {
  readonly #db: DatabaseSync
  readonly #segments: Segments
  readonly #get: StatementSync
  readonly #page: StatementSync
  readonly #inline: StatementSync
  readonly #timestamp: StatementSync
  readonly #commitment: StatementSync
  readonly #file: StatementSync
  readonly #files: StatementSync
  /** What up to here was given up is not read any more, whether it is still there or not. */
  removedTo: number
  /** The small body that was read last: a message may have thousands of attachments in it, which are read one by one. */
  #held: { readonly seq: number; readonly body: Uint8Array | undefined } | undefined

  constructor(db: DatabaseSync, segments: string, keys: KeyRing, removedTo = 0) {
    this.#db = db
    this.removedTo = removedTo
    this.#segments = new Segments(segments, keys)
    this.#get = db.prepare(`SELECT ${COLUMNS} FROM records WHERE seq = ?`)
    this.#page = db.prepare(`SELECT ${COLUMNS} FROM records WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#inline = db.prepare('SELECT segment, place FROM records WHERE seq = ?')
    this.#timestamp = db.prepare(
      `SELECT token, result, chain FROM record_timestamps JOIN timestamps ON timestamps.id = record_timestamps.timestamp
        WHERE record_timestamps.seq = ?`,
    )
    this.#commitment = db.prepare('SELECT commitment, segment, place FROM records WHERE seq = ?')
    this.#file = db.prepare('SELECT 1 FROM records WHERE body_file = ?')
    this.#files = db.prepare(
      'SELECT seq, body_file FROM records WHERE body_file IS NOT NULL AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
    )
  }

  get(seq: number): StoredRecord | undefined {
    const row = seq > this.removedTo ? this.#get.get(seq) : undefined
    return row === undefined ? undefined : this.#record(row)
  }

  list({ after, limit }: { after: number; limit: number }): FoundRecord[] {
    return this.#page.all(Math.max(after, this.removedTo), limit).map((row) => toFound(row as never))
  }

  /** What the log commits to of a record. Throws LogError `record_damaged` where that is not what lies in its segment. */
  evidence(seq: number): RecordEvidence | undefined {
    const row = (seq > this.removedTo ? this.#commitment.get(seq) : undefined) as
      | (Pick<Row, 'segment' | 'place'> & { commitment: Uint8Array })
      | undefined
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

  /** Files of bodies of records that were given up, after one, oldest first. */
  givenUpFiles(after: number, limit: number): readonly { readonly seq: number; readonly file: string }[] {
    return this.#files
      .all(after, this.removedTo, limit)
      .map((row) => ({ seq: Number(row['seq']), file: String(row['body_file']) }))
  }

  keyUses(): readonly KeyUse[] {
    return keyUses(this.#db)
  }

  close(): void {
    this.#db.close()
    this.#segments.close()
  }

  /** Throws LogError `record_damaged` where its segment does not have it. */
  #record(columns: unknown): StoredRecord {
    const row = columns as Row
    return toStored(row, this.#placed(row.seq, row))
  }

  #placed(seq: number, { segment, place }: Pick<Row, 'segment' | 'place'>): RecordRow {
    return this.#segments.record(seq, { segment, offset: place })
  }
}
