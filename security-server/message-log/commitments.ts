// The commitments of all records, one behind another, for whoever builds a transparent log over them in a thread of its own.
import { join } from 'node:path'
import { openForReading } from './schema.ts'

export interface Commitments {
  /** The last record in the index; 0 in an empty log. A record that is durable is there within a second. */
  last(): number
  /** Commitments (32 bytes each) of the records after a number, in their order, dense, at most `limit`. */
  after(seq: number, limit: number): readonly Uint8Array[]
  close(): void
}

/** Opens the index of an open log a second time, to read only. @param directory Of the log. */
export function openCommitments(directory: string): Commitments {
  const db = openForReading(join(directory, 'log.db'))
  const last = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM records')
  const after = db.prepare('SELECT commitment FROM records WHERE seq > ? ORDER BY seq LIMIT ?')
  return {
    last: () => Number(last.get()?.['seq']),
    after: (seq, limit) => after.all(seq, limit).map((row) => row['commitment'] as Uint8Array),
    close: () => db.close(),
  }
}
