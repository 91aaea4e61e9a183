// The index of terms: for each run of records, which of them have which term. A run is made once, when all its records are there, from the
// rows of `records`, and never changes; so what a record costs does not grow with the log, as it does with a tree into which every value is
// sorted. What is behind the last run is looked through.
import type { DatabaseSync } from 'node:sqlite'
import { TERM_COLUMNS, type TermRow, termsOf } from './terms.ts'

/** Records of one run; a place in it takes two bytes. */
export const RUN_RECORDS = 16_384

export const RUNS_SCHEMA = `
  CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE postings (
    run INTEGER NOT NULL,
    term INTEGER NOT NULL,
    places BLOB NOT NULL,
    PRIMARY KEY (run, term)
  ) STRICT, WITHOUT ROWID;
`

/** The first record of a run; runs count from 0. */
export function firstOf(run: number): number {
  return run * RUN_RECORDS + 1
}

/** The run of a record. */
export function runOf(seq: number): number {
  return Math.floor((seq - 1) / RUN_RECORDS)
}

/** Which runs are there, the oldest first; `after` leaves out those up to one. */
export function runsIn(db: DatabaseSync, after = -1): Run[] {
  return db
    .prepare('SELECT run, from_at, to_at FROM runs WHERE run > ? ORDER BY run')
    .all(after)
    .map((row) => ({ run: Number(row['run']), from: Number(row['from_at']), to: Number(row['to_at']) }))
}

export interface Run {
  readonly run: number
  /** The earliest and the latest time of its records; a clock that jumps makes it wide. */
  readonly from: number
  readonly to: number
}

/**
 * Makes a run, the last record of which is in the index; some of the first, or all, may have been removed since. Within a transaction of the
 * caller's.
 */
export function makeRun(db: DatabaseSync, run: number): void {
  const select = db.prepare(`SELECT seq, at, ${TERM_COLUMNS} FROM records WHERE seq >= ? AND seq < ? ORDER BY seq`)
  select.setReturnArrays(true)
  const places = new Map<number, number[]>()
  let from = Number.MAX_SAFE_INTEGER
  let to = 0
  for (const row of select.iterate(firstOf(run), firstOf(run + 1)) as Iterable<unknown>) {
    const [seq, at, ...values] = row as [seq: number, at: number, ...TermRow]
    const place = seq - firstOf(run)
    from = Math.min(from, at)
    to = Math.max(to, at)
    for (const term of termsOf(values)) {
      const known = places.get(term)
      if (known === undefined) places.set(term, [place])
      else if (known.at(-1) !== place) known.push(place)
    }
  }
  const insert = db.prepare('INSERT INTO postings VALUES (?, ?, ?)')
  for (const term of Float64Array.from(places.keys()).sort()) insert.run(run, term, encode(places.get(term) ?? []))
  db.prepare('INSERT INTO runs VALUES (?, ?, ?)').run(run, from, to)
}

function encode(places: readonly number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(2 * places.length)
  places.forEach((place, index) => {
    bytes.writeUInt16LE(place, 2 * index)
  })
  return bytes
}

export function decodePlaces(bytes: Uint8Array): Uint16Array {
  const places = new Uint16Array(bytes.length / 2)
  for (let index = 0; index < places.length; index++)
    places[index] = (bytes[2 * index] ?? 0) | ((bytes[2 * index + 1] ?? 0) << 8)
  return places
}
