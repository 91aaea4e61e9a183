// The commitments of all records, one behind another, for whoever builds a transparent log over them.
import { join } from 'node:path'
import type { StoreSettings } from '#host'
import { openCommitmentsInPostgres } from './postgres/commitments.ts'
import { openForReading } from './schema.ts'

export interface Commitments {
  /** The last record in the index; 0 in an empty log. A record that is durable is there within a second. */
  last(): Promise<number>
  /** Commitments (32 bytes each) of the records after a number, in their order, dense, at most `limit`. */
  after(seq: number, limit: number): Promise<readonly Uint8Array[]>
  close(): Promise<void>
}

/** Where a log is: its folder, or a PostgreSQL instead. */
export interface LogPlace {
  readonly directory: string
  readonly store?: StoreSettings | undefined
}

/** Opens the index of an open log a second time, to read only. */
export function openCommitments({ directory, store }: LogPlace): Commitments {
  if (store !== undefined) return openCommitmentsInPostgres(store.postgres)
  const db = openForReading(join(directory, 'log.db'))
  const last = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM records')
  const after = db.prepare('SELECT commitment FROM records WHERE seq > ? ORDER BY seq LIMIT ?')
  return {
    last: async () => Number(last.get()?.['seq']),
    after: async (seq, limit) => after.all(seq, limit).map((row) => row['commitment'] as Uint8Array),
    close: async () => db.close(),
  }
}
