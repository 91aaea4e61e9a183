// What was sealed and has not reached all embassies: sealed batches in order, and how far the register was read. Nothing here opens: the batch keys are wrapped.
//
// SQLite by hand, not by kysely: one INSERT for each batch, on the way of every write of a strict register.
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { EmbassyError } from '../error.ts'

/** A batch without its checkpoint, which comes when the log was signed. */
export interface Spooled {
  readonly first: number
  readonly count: number
  readonly complete: boolean
  /** Where the register was read up to. */
  readonly position: string
  /** The transaction of its last entry. */
  readonly transaction: number
  readonly wrapped: Uint8Array
  /** As they travel (continuity, batch.ts). */
  readonly entries: Uint8Array
}

export type SpooledBatch = Omit<Spooled, 'position' | 'transaction'> & {
  /** The log's own, signed, of exactly so many leaves; null until there is one. */
  readonly checkpoint: Uint8Array | null
}

/** What is left of a batch that all embassies have. */
export type Tail = Pick<Spooled, 'position' | 'transaction' | 'complete'> & { readonly end: number }

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS batches (
    first INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    entries BLOB NOT NULL,
    checkpoint BLOB
  ) STRICT;
  CREATE TABLE IF NOT EXISTS tail (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    "end" INTEGER NOT NULL,
    position TEXT NOT NULL,
    "transaction" INTEGER NOT NULL,
    complete INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS entry_keys (key BLOB NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (key, entry)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS receipts (embassy TEXT PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

export class Spool {
  readonly #db: DatabaseSync
  readonly #insert: StatementSync
  readonly #tail: StatementSync
  readonly #sign: StatementSync
  readonly #key: StatementSync

  /** @throws {EmbassyError} `spool_failed` */
  constructor(file: string) {
    try {
      this.#db = new DatabaseSync(file)
      this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; ${SCHEMA}`)
    } catch (cause) {
      throw failed(file, cause)
    }
    this.#insert = this.#db.prepare('INSERT INTO batches VALUES (?, ?, ?, ?, ?, NULL)')
    this.#tail = this.#db.prepare(
      'INSERT INTO tail VALUES (1, ?, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET "end" = excluded."end", position = excluded.position, "transaction" = excluded."transaction", complete = excluded.complete',
    )
    this.#sign = this.#db.prepare('UPDATE batches SET checkpoint = ? WHERE first = ?')
    this.#key = this.#db.prepare('INSERT OR IGNORE INTO entry_keys VALUES (?, ?)')
  }

  /** Undefined before the first batch. */
  tail(): Tail | undefined {
    const row = this.#db.prepare('SELECT * FROM tail').get()
    if (row === undefined) return undefined
    const { end, position, transaction, complete } = row as Record<string, never>
    return {
      end: Number(end),
      position: String(position),
      transaction: Number(transaction),
      complete: Number(complete) === 1,
    }
  }

  /** Durable when it returns. A crash before leaves nothing of it, and the register is read again from where the last one ended. */
  put(batch: Spooled, keys: Iterable<readonly [key: Uint8Array, entry: number]> = []): void {
    const { first, count, complete, position, transaction, wrapped, entries } = batch
    this.#transaction(() => {
      for (const [key, entry] of keys) this.#key.run(key, entry)
      this.#insert.run(first, count, complete ? 1 : 0, wrapped, entries)
      this.#tail.run(first + count, position, transaction, complete ? 1 : 0)
    })
  }

  /** Entries that are about a row, ascending. */
  entriesOf(key: Uint8Array): number[] {
    return this.#db
      .prepare('SELECT entry FROM entry_keys WHERE key = ? ORDER BY entry')
      .all(key)
      .map(({ entry }) => Number(entry))
  }

  /** The batch may travel from here on. */
  sign(first: number, checkpoint: Uint8Array): void {
    this.#transaction(() => this.#sign.run(checkpoint, first))
  }

  /** The batch that begins at an index or holds it; undefined where there is none (any more). */
  at(index: number): SpooledBatch | undefined {
    const row = this.#db.prepare('SELECT * FROM batches WHERE first <= ? ORDER BY first DESC LIMIT 1').get(index) as
      | (Omit<SpooledBatch, 'complete'> & { complete: number })
      | undefined
    return row && row.first + row.count > index ? { ...row, complete: row.complete === 1 } : undefined
  }

  /** Where the first batch that is still here begins. */
  begin(): number | undefined {
    const first = this.#db.prepare('SELECT min(first) AS first FROM batches').get()?.['first']
    return first === null || first === undefined ? undefined : Number(first)
  }

  /** Replaces the entries of a batch: slots that were erased are gone from it. Durable, and nothing of them is left in the file, when it returns. */
  rewrite(first: number, entries: Uint8Array): void {
    this.#transaction(() => this.#db.prepare('UPDATE batches SET entries = ? WHERE first = ?').run(entries, first))
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  receipt(embassy: string): { readonly size: number; readonly note: Uint8Array } | undefined {
    const row = this.#db.prepare('SELECT size, note FROM receipts WHERE embassy = ?').get(embassy)
    return row && { size: Number(row['size']), note: row['note'] as Uint8Array }
  }

  /** What an embassy has receipted, and nothing less than before. Batches that all of `everybody` have are forgotten. */
  receipted(embassy: string, size: number, note: Uint8Array, at: Date, everybody: readonly string[]): void {
    this.#transaction(() => {
      this.#db
        .prepare(
          'INSERT INTO receipts VALUES (?, ?, ?, ?) ON CONFLICT (embassy) DO UPDATE SET size = excluded.size, note = excluded.note, at = excluded.at WHERE excluded.size >= receipts.size',
        )
        .run(embassy, size, note, at.getTime())
      const least = Math.min(...everybody.map((name) => this.receipt(name)?.size ?? 0))
      this.#db.prepare('DELETE FROM batches WHERE first + count <= ?').run(least)
    })
  }

  /** Batches that wait for an embassy, and their octets. */
  backlog(): { readonly batches: number; readonly bytes: number } {
    const row = this.#db
      .prepare('SELECT count(*) AS batches, coalesce(sum(length(entries)), 0) AS bytes FROM batches')
      .get()
    return { batches: Number(row?.['batches']), bytes: Number(row?.['bytes']) }
  }

  close(): void {
    this.#db.close()
  }

  #transaction(work: () => void): void {
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      work()
      this.#db.exec('COMMIT')
    } catch (cause) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw failed('the spool', cause)
    }
  }
}

function failed(what: string, cause: unknown): EmbassyError {
  return new EmbassyError('spool_failed', `${what}: ${(cause as Error).message}`, { cause })
}
