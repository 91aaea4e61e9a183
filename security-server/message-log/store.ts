// The writes of the database, each one transaction. Runs in the writer's thread, which is the only one to write there.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { digest } from '#trust'
import { committed } from './commitment.ts'
import type { TornEnd } from './ending.ts'
import { LogError } from './error.ts'
import type { LogDirection, LogSide, TrackedFacts } from './record.ts'
import { firstOf, makeRun, runOf } from './search/runs.ts'
import type { Place, Tail } from './segments.ts'

/** One of several attachments: its size, and its digest in base64. */
export type PartRow = readonly [size: number, digest: string]

/** A record in plain values and bytes. */
export interface RecordRow {
  readonly at: number
  readonly side: LogSide
  readonly direction: LogDirection
  readonly queryId: string
  readonly requestId: string
  readonly protocol: 'rest' | 'soap'
  /** Identifiers as `idKey` writes them. */
  readonly client: string
  readonly provider: string
  readonly serviceCode: string
  readonly serviceVersion: string | null
  readonly userId: string | null
  readonly issue: string | null
  readonly representedParty: string | null
  /** Random; nobody who has not the record can try out what its commitment stands for. */
  readonly salt: Uint8Array
  readonly head: Uint8Array
  /** SHA-512 of what was signed, where `head` is a reduced form of it. */
  readonly headDigest: Uint8Array | null
  readonly signature: Uint8Array
  readonly chain: Uint8Array | null
  readonly chainResult: Uint8Array | null
  readonly bodySize: number | null
  readonly bodyDigest: Uint8Array | null
  readonly bodyInline: Uint8Array | null
  readonly bodyFile: string | null
  readonly bodyTruncated: boolean
  /** Id of the key by which the record and its body are encrypted; absent where they are not. */
  readonly sealedBy?: string
  /** Of several attachments; lies in the segment only. */
  readonly bodyParts?: readonly PartRow[]
  /** Lies in the segment only. */
  readonly tracked?: TrackedFacts
}

/** A record that is durable in a segment. */
export interface PlacedRow extends RecordRow {
  readonly seq: number
  readonly segment: number
  readonly offset: number
}

/** A time-stamp as it is stored: token with its TSA's certificate first, and the hash-chain result of a batch. */
export interface TimestampRow {
  readonly at: number
  readonly token: Uint8Array
  readonly result: Uint8Array | null
}

/** Which record a time-stamp covers, and by which hash chain (null: directly). */
export interface TimestampLink {
  readonly seq: number
  readonly chain: Uint8Array | null
}

/** What the writer finds when it opens the log. */
export interface StoreFacts {
  /** This start's number; names the files of its bodies, so that a sweep knows what is of an earlier life. */
  readonly run: number
  /** Files of runs before this one were swept already. */
  readonly sweptBefore: number
  /** Behind the last record. */
  readonly tail: Tail
  /** What a crash left half written behind it. */
  readonly torn: TornEnd | undefined
  readonly untimestamped: number
  readonly lastTimestampAt: number | null
  readonly failingSince: number | null
  /** Records up to this one were given up; 0 for none. */
  readonly removedTo: number
  readonly keyUses: readonly KeyUse[]
}

/** How many records a key is needed for. */
export interface KeyUse {
  readonly id: string
  readonly records: number
}

export type StateKey = 'run' | 'swept_before' | 'failing_since' | 'probe' | 'removed_to'

const SQLITE_FULL = 13
/** The segments could not be opened to follow them; there may be a file to spare later. */
const NO_FILE = new Set(['EMFILE', 'ENFILE'])

/** A write that failed, and what is known about what it left. */
class WriteFailure extends Error {
  /** Whether the rows may be found after a restart all the same: the COMMIT itself failed, at an unknown point. */
  readonly mayRemain: boolean
  /** Whether the store may no longer be trusted to write. A full disk is not that: there may be room later. */
  readonly fatal: boolean

  constructor(cause: unknown, mayRemain: boolean) {
    super((cause as Error).message, { cause })
    this.name = 'WriteFailure'
    this.mayRemain = mayRemain
    const { errcode = 0, code = '' } = cause as { errcode?: number; code?: string }
    // Primary result code: extended codes carry it in their low byte.
    this.fatal = errcode % 256 !== SQLITE_FULL && !NO_FILE.has(code)
  }
}

/** What keys are needed for, as far as the index has followed. */
export function keyUses(db: DatabaseSync): readonly KeyUse[] {
  return db
    .prepare('SELECT sealed_by, records FROM key_uses WHERE records > 0')
    .all()
    .map((row) => ({ id: String(row['sealed_by']), records: Number(row['records']) }))
}

export class Store {
  readonly #db: DatabaseSync
  readonly #lastSeq: StatementSync
  readonly #record: StatementSync
  readonly #waits: StatementSync
  readonly #timestamp: StatementSync
  readonly #link: StatementSync
  readonly #state: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#lastSeq = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM records')
    this.#record = db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#waits = db.prepare('INSERT INTO untimestamped VALUES (?, ?)')
    this.#timestamp = db.prepare('INSERT INTO timestamps (at, token, result) VALUES (?, ?, ?)')
    this.#link = db.prepare('INSERT INTO record_timestamps VALUES (?, ?, ?)')
    this.#state = db.prepare('INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
  }

  /** Begins a new run of the log. */
  begin(end: Pick<StoreFacts, 'tail' | 'torn'>): StoreFacts {
    const run = Number(this.#read('SELECT value FROM state WHERE key = ?', 'run') ?? 0) + 1
    this.setState({ key: 'run', value: run })
    return {
      run,
      sweptBefore: Number(this.#read('SELECT value FROM state WHERE key = ?', 'swept_before') ?? 0),
      ...end,
      untimestamped: Number(this.#read('SELECT count(*) FROM untimestamped')),
      lastTimestampAt: this.#read('SELECT at FROM timestamps ORDER BY id DESC LIMIT 1') as number | null,
      failingSince: this.#read('SELECT value FROM state WHERE key = ?', 'failing_since') as number | null,
      removedTo: this.removedTo(),
      keyUses: keyUses(this.#db),
    }
  }

  removedTo(): number {
    return Number(this.#read('SELECT value FROM state WHERE key = ?', 'removed_to') ?? 0)
  }

  lastSeq(): number {
    return Number(this.#lastSeq.get()?.['seq'])
  }

  /** Where a record lies; null for none. */
  placeOf(seq: number): Place | null {
    const row = this.#db.prepare('SELECT segment, place FROM records WHERE seq = ?').get(seq)
    if (row === undefined) return null
    return { segment: Number(row['segment']), offset: Number(row['place']) }
  }

  /**
   * Enters records into the index, all or none. They are durable in their segment already: a crash before COMMIT has
   * fsynced leaves them for the next start to enter.
   */
  index(rows: Iterable<PlacedRow>): void {
    this.#transaction(() => {
      for (const row of rows) this.#insert(row)
    })
  }

  #insert(row: PlacedRow): void {
    const signatureDigest = digest('SHA-512', row.signature)
    const { commitment } = committed(row, signatureDigest)
    this.#record.run(
      ...[row.seq, row.at, row.side, row.direction, row.protocol, row.queryId, row.requestId],
      ...[row.client, row.provider, row.serviceCode, row.serviceVersion],
      ...[row.userId, row.issue, row.representedParty],
      ...[row.bodySize, row.bodyFile, commitment, row.sealedBy ?? null, row.segment, row.offset],
    )
    this.#waits.run(row.seq, signatureDigest)
  }

  /**
   * Stores a token with the first of its records; the others follow by `linkTimestamp` in slices, so that a round over
   * thousands of records does not hold up messages. A crash between slices leaves the rest without a time-stamp: the
   * next round takes them again, and both tokens stay.
   */
  saveTimestamp(input: { readonly timestamp: TimestampRow; readonly links: readonly TimestampLink[] }): number {
    return this.#transaction(() => {
      const { at, token, result } = input.timestamp
      const id = Number(this.#timestamp.run(at, token, result).lastInsertRowid)
      for (const link of input.links) this.#link.run(link.seq, id, link.chain)
      return id
    })
  }

  linkTimestamp(input: { readonly timestamp: number; readonly links: readonly TimestampLink[] }): void {
    this.#transaction(() => {
      for (const link of input.links) this.#link.run(link.seq, input.timestamp, link.chain)
    })
  }

  /**
   * Gives up the records up to this one, but never the last, from which the log goes on, nor one without a time-stamp. Durable: from here on
   * nobody reads them, and the triggers let them be deleted. Returns up to which.
   */
  giveUp(upTo: number): number {
    const waiting = this.#read('SELECT min(seq) FROM untimestamped') as number | null
    const to = Math.max(this.removedTo(), Math.min(upTo, this.lastSeq() - 1, (waiting ?? Number.POSITIVE_INFINITY) - 1))
    this.setState({ key: 'removed_to', value: to })
    return to
  }

  /** Deletes records that were given up, the oldest first, at most `limit`. Returns how many. */
  forget(limit: number): number {
    return this.#transaction(() => {
      const end = Math.min(this.removedTo(), Number(this.#read('SELECT min(seq) FROM records') ?? 0) + limit - 1)
      this.#db.prepare('DELETE FROM record_timestamps WHERE seq <= ?').run(end)
      return Number(this.#db.prepare('DELETE FROM records WHERE seq <= ?').run(end).changes)
    })
  }

  /** Deletes time-stamps that no record needs any more. The newest stays: it says since when there has been none. */
  forgetTimestamps(): void {
    this.#transaction(() =>
      this.#db.exec(`DELETE FROM timestamps WHERE id < (SELECT max(id) FROM timestamps)
        AND NOT EXISTS (SELECT 1 FROM record_timestamps WHERE timestamp = timestamps.id)`),
    )
  }

  /** Deletes the oldest run of the index of terms all of whose records were given up; the last run stays, from which they count on. Returns whether it did. */
  forgetRun(): boolean {
    const oldest = this.#read('SELECT min(run) FROM runs WHERE run < (SELECT max(run) FROM runs)') as number | null
    if (oldest === null || oldest >= runOf(this.removedTo() + 1)) return false
    this.#transaction(() => {
      this.#db.prepare('DELETE FROM postings WHERE run = ?').run(oldest)
      this.#db.prepare('DELETE FROM runs WHERE run = ?').run(oldest)
    })
    return true
  }

  /** Makes the next run of the index of terms, where its last record is there. Returns whether it did. */
  makeRun(): boolean {
    const run = Number(this.#read('SELECT coalesce(max(run), -1) FROM runs')) + 1
    if (this.lastSeq() < firstOf(run + 1) - 1) return false
    this.#transaction(() => makeRun(this.#db, run))
    return true
  }

  setState(input: { readonly key: StateKey; readonly value: number | null }): void {
    this.#transaction(() => this.#state.run(input.key, input.value))
  }

  /** Leaves one file: the write-ahead log is folded into the database. */
  close(): void {
    this.#db.close()
  }

  #transaction<T>(work: () => T): T {
    let result: T
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      result = work()
    } catch (error) {
      this.#rollBack()
      throw error instanceof LogError ? error : new WriteFailure(error, false)
    }
    try {
      this.#db.exec('COMMIT')
    } catch (error) {
      // Frames may be in the write-ahead log already, commit mark and all: a crash now could bring the records back.
      this.#rollBack()
      throw new WriteFailure(error, true)
    }
    return result
  }

  /** SQLite rolls back by itself after the worst errors. */
  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    } catch {
      // The failure that led here is the one to tell; a transaction that cannot be rolled back is never committed.
    }
  }

  #read(sql: string, ...parameters: string[]): unknown {
    const row = this.#db.prepare(sql).get(...parameters)
    return row === undefined ? null : Object.values(row)[0]
  }
}
