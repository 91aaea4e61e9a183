// Searches, in the thread that reads. A search goes from run to run and ends a page in good time, whatever it has found: who asked goes on from
// there, and nobody else in this thread waits.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { LogError } from '../error.ts'
import { COLUMNS, type Row, toBody, toFound } from '../found.ts'
import type { BodyReference } from '../record.ts'
import type { Segments } from '../segments.ts'
import { conditionOf } from './condition.ts'
import type { PreparedQuery, SearchedRecord, SearchPage } from './query.ts'
import { writeCursor } from './query.ts'
import { decodePlaces, firstOf, type Run, runOf, runsIn } from './runs.ts'
import { neededTerms } from './terms.ts'
import { findText, upTo } from './text.ts'

/** A page ends after it, when at least one run, or one record's text, was looked at. */
const PAGE_MS = 150
/** Of a body, that a text is sought in. */
const TEXT_BYTES = 1024 * 1024
/** A group of more terms than that, of a wide scope, is left to the comparison with the row. */
const MAX_TERMS = 16
/** More records of a run than that are found faster by looking through all of them. */
const FEW_PLACES = 1000

export interface SearchParts {
  readonly db: DatabaseSync
  readonly segments: Segments
  /** The bytes of a body that lies in a file. */
  readonly body: (body: BodyReference & { readonly file: string }) => AsyncIterable<Uint8Array>
}

export class Search {
  readonly #parts: SearchParts
  readonly #postings: StatementSync
  readonly #bounds: StatementSync
  readonly #at: StatementSync
  readonly #runs: Run[] = []

  constructor(parts: SearchParts) {
    const { db } = parts
    this.#parts = parts
    this.#postings = db.prepare('SELECT places FROM postings WHERE run = ? AND term = ?')
    this.#bounds = db.prepare(`SELECT coalesce((SELECT value FROM state WHERE key = 'removed_to'), 0) + 1 AS low,
      coalesce(max(seq), 0) AS high FROM records`)
    this.#at = db.prepare('SELECT at FROM records WHERE seq = ?')
  }

  async page(query: PreparedQuery): Promise<SearchPage> {
    const { newestFirst, limit, text } = query
    const deadline = performance.now() + PAGE_MS
    const sought = this.#sought(query)
    const rows: Row[] = []
    const unreadable = new Map<number, string>()
    const page = (reached?: number) => this.#finish(query, rows.slice(0, limit), unreadable, reached)
    for (const stretch of this.#stretches(query)) {
      for (const row of this.#rows(sought, stretch)) {
        if (text === undefined || (await this.#has(row, text, unreadable))) rows.push(row)
        // One more than is wanted: so the last page knows that it is.
        if (rows.length > limit) return page(rows[limit - 1]?.seq)
        if (text !== undefined && performance.now() > deadline) return page(row.seq)
      }
      if (performance.now() > deadline) return page(newestFirst ? stretch.low : stretch.high)
    }
    return page()
  }

  #sought(query: PreparedQuery): Sought {
    const { db } = this.#parts
    const { sql, values } = conditionOf(query)
    const select = `SELECT ${COLUMNS} FROM records WHERE ${sql} AND`
    return {
      newestFirst: query.newestFirst,
      values,
      groups: neededTerms(query).filter(({ length }) => length <= MAX_TERMS),
      one: db.prepare(`${select} seq = ?`),
      all: db.prepare(`${select} seq >= ? AND seq <= ? ORDER BY seq ${query.newestFirst ? 'DESC' : 'ASC'}`),
    }
  }

  #finish(query: PreparedQuery, rows: readonly Row[], unreadable: Map<number, string>, reached?: number): SearchPage {
    const records = rows.map((row): SearchedRecord => {
      const damaged = unreadable.get(row.seq) ?? this.#damageOf(row)
      return { ...toFound(row), ...(damaged === undefined ? {} : { damaged }) }
    })
    if (reached === undefined) return { records }
    const at = new Date(Number(this.#at.get(reached)?.['at'] ?? 0))
    return {
      records,
      next: writeCursor(reached, query.newestFirst ? 'newest' : 'oldest'),
      reached: { seq: reached, at },
    }
  }

  /** The log in stretches that a run covers, or would, in the order of the search; those that hold nothing in its time are left out. */
  *#stretches({ newestFirst, behind, from, to }: PreparedQuery): Generator<Stretch> {
    const bounds = this.#bounds.get() as { low: number; high: number }
    const low = newestFirst || behind === undefined ? bounds.low : Math.max(bounds.low, behind + 1)
    const high = newestFirst && behind !== undefined ? Math.min(bounds.high, behind - 1) : bounds.high
    if (low > high) return
    this.#runs.push(...runsIn(this.#parts.db, this.#runs.at(-1)?.run))
    const first = this.#runs[0]?.run ?? 0
    const [start, end] = [runOf(low), runOf(high)]
    for (let index = 0; index <= end - start; index++) {
      const run = newestFirst ? end - index : start + index
      const made = this.#runs[run - first]
      if (made !== undefined && from !== undefined && made.to < from.getTime()) continue
      if (made !== undefined && to !== undefined && made.from >= to.getTime()) continue
      yield {
        run,
        made: made !== undefined,
        low: Math.max(low, firstOf(run)),
        high: Math.min(high, firstOf(run + 1) - 1),
      }
    }
  }

  /** The records of a stretch that are as they are sought, but for the text. */
  *#rows({ newestFirst, values, groups, one, all }: Sought, { run, made, low, high }: Stretch): Generator<Row> {
    const places = made ? this.#places(run, groups) : undefined
    if (places === undefined || places.length > FEW_PLACES) {
      yield* all.iterate(...values, low, high) as Iterable<never>
      return
    }
    for (const place of newestFirst ? places.reverse() : places) {
      const seq = firstOf(run) + place
      const row = seq >= low && seq <= high ? one.get(...values, seq) : undefined
      if (row !== undefined) yield row as never
    }
  }

  /** Which records of a run have a term of each group, ascending; undefined where no group says anything. */
  #places(run: number, groups: readonly (readonly number[])[]): Uint16Array | undefined {
    let places: Uint16Array | undefined
    for (const terms of groups) {
      const some = union(terms.map((term) => this.#placesOf(run, term)))
      places = places === undefined ? some : intersection(places, some)
      if (places.length === 0) break
    }
    return places
  }

  #placesOf(run: number, term: number): Uint16Array {
    const row = this.#postings.get(run, term)
    return row === undefined ? new Uint16Array() : decodePlaces(row['places'] as Uint8Array)
  }

  /** Whether the text stands in it. A record that cannot be read is one that may have it, and says why. */
  async #has({ seq, segment, place }: Row, text: string, unreadable: Map<number, string>): Promise<boolean> {
    try {
      const record = this.#parts.segments.record(seq, { segment, offset: place })
      const body = toBody(seq, record)
      const parts: (Iterable<Uint8Array> | AsyncIterable<Uint8Array>)[] = [[record.head]]
      if (record.bodyInline !== null) parts.push([record.bodyInline])
      const file = body?.file
      if (body !== undefined && file !== undefined) parts.push(upTo(TEXT_BYTES, this.#parts.body({ ...body, file })))
      return await findText(text, parts)
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      unreadable.set(seq, error.message)
      return true
    }
  }

  #damageOf({ seq, segment, place }: Row): string | undefined {
    try {
      this.#parts.segments.frame(seq, { segment, offset: place })
      return undefined
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      return error.message
    }
  }
}

/** A query, ready to be looked for. */
interface Sought {
  readonly newestFirst: boolean
  /** Of the condition that a record must meet; they come before the others. */
  readonly values: readonly (string | number)[]
  readonly groups: readonly (readonly number[])[]
  readonly one: StatementSync
  readonly all: StatementSync
}

interface Stretch {
  readonly run: number
  /** Whether its terms are in the index. */
  readonly made: boolean
  readonly low: number
  readonly high: number
}

function union(lists: readonly Uint16Array[]): Uint16Array {
  const [first = new Uint16Array(), ...more] = lists.filter(({ length }) => length > 0)
  if (more.length === 0) return first
  const all = new Set<number>(first)
  for (const list of more) for (const place of list) all.add(place)
  return Uint16Array.from(all).sort()
}

function intersection(a: Uint16Array, b: Uint16Array): Uint16Array {
  const both = new Uint16Array(Math.min(a.length, b.length))
  let count = 0
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [left = 0, right = 0] = [a[i], b[j]]
    if (left === right) both[count++] = left
    if (left <= right) i += 1
    if (right <= left) j += 1
  }
  return both.subarray(0, count)
}
