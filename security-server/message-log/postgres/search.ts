// Searches, in the thread that reads. A search goes through the log in stretches and ends a page in good time, whatever it has found.
import { LogError } from '../error.ts'
import { type FoundRow, toBody, toFound } from '../found.ts'
import type { KeyRing } from '../key-ring.ts'
import type { BodyReference } from '../record.ts'
import { type Condition, conditionOf } from '../search/condition.ts'
import { type PreparedQuery, type SearchedRecord, type SearchPage, writeCursor } from '../search/query.ts'
import { findText, upTo } from '../search/text.ts'
import { damageOf, readStored } from './frames.ts'
import type { Lanes } from './lanes.ts'
import { lookedUp } from './looked-up.ts'
import { FOUND } from './reader.ts'
import { SPAN_RECORDS } from './tables.ts'

/** A page ends after it, when at least one stretch, or one record's text, was looked at. */
const PAGE_MS = 150
/** Of a body, that a text is sought in. */
const TEXT_BYTES = 1024 * 1024
/** A stretch that an index answers is the longer the more came to nothing before it. */
const FIRST_STRETCH = SPAN_RECORDS
const LONGEST_STRETCH = 256 * SPAN_RECORDS
const GROWTH = 4
/** Frames that are held at once. */
const FRAMES = 50
/** An `IN` of more than that is left to the comparison with the row. */
const MAX_VALUES = 200

export interface SearchParts {
  readonly lanes: Lanes
  readonly keys: KeyRing
  /** The bytes of a body that does not lie in its record. */
  readonly body: (body: BodyReference & { readonly file: string }) => AsyncIterable<Uint8Array>
}

interface Stretch {
  readonly low: number
  readonly high: number
}

type Framed = FoundRow & { readonly frame: Uint8Array }

export class Search {
  readonly #parts: SearchParts

  constructor(parts: SearchParts) {
    this.#parts = parts
  }

  async page(query: PreparedQuery): Promise<SearchPage> {
    const { newestFirst, limit, text } = query
    const deadline = performance.now() + PAGE_MS
    const rows: FoundRow[] = []
    const unreadable = new Map<number, string>()
    const page = (reached?: number) => this.#finish(query, rows.slice(0, limit), unreadable, reached)
    const useful = lookedUp(query).filter(({ values }) => values.length <= MAX_VALUES)
    const condition = numbered([...useful, conditionOf(query)], 3)
    for await (const stretch of this.#stretches(query, useful.length > 0)) {
      for await (const row of this.#rows(query, condition, stretch, limit + 1 - rows.length)) {
        if (text === undefined || (await this.#has(row as Framed, text, unreadable))) rows.push(row)
        // One more than is wanted: so the last page knows that it is.
        if (rows.length > limit) return await page(rows[limit - 1]?.seq)
        if (text !== undefined && performance.now() > deadline) return await page(row.seq)
      }
      if (performance.now() > deadline) return await page(newestFirst ? stretch.low : stretch.high)
    }
    return await page()
  }

  /** The log in the order of the search, without what lies before and behind its time. */
  async *#stretches({ newestFirst, behind, from, to }: PreparedQuery, indexed: boolean): AsyncGenerator<Stretch> {
    const [bounds] = await this.#parts.lanes.rows(
      'bounds',
      `SELECT coalesce((SELECT value FROM log_state WHERE key = 'removed_to'), 0) + 1 AS low,
        coalesce((SELECT max(seq) FROM log_record), 0) AS high, min(span) AS first, max(span) AS last
        FROM log_span WHERE to_at >= $1 AND from_at < $2`,
      [from?.getTime() ?? 0, to?.getTime() ?? Number.MAX_SAFE_INTEGER],
    )
    if (bounds === undefined || bounds['first'] === null) return
    const { low: least, high: most, first, last } = bounds as Record<'low' | 'high' | 'first' | 'last', number>
    const low = Math.max(least, first * SPAN_RECORDS + 1, newestFirst || behind === undefined ? 1 : behind + 1)
    const high = Math.min(most, (last + 1) * SPAN_RECORDS, newestFirst && behind !== undefined ? behind - 1 : most)
    let size = FIRST_STRETCH
    for (let done = 0; low + done <= high; ) {
      const end = Math.min(done + size, high - low + 1)
      yield newestFirst ? { low: high - end + 1, high: high - done } : { low: low + done, high: low + end - 1 }
      done = end
      if (indexed) size = Math.min(size * GROWTH, LONGEST_STRETCH)
    }
  }

  /** The records of a stretch that are as they are sought, but for the text; with their frames where that is to be looked at. */
  async *#rows(query: PreparedQuery, condition: Condition, stretch: Stretch, wanted: number): AsyncGenerator<FoundRow> {
    const { newestFirst, text } = query
    const atOnce = text === undefined ? wanted : FRAMES
    const sql = `${FOUND}${text === undefined ? '' : ', frame'} FROM log_record
      WHERE seq >= $1 AND seq <= $2 AND ${condition.sql} ORDER BY seq ${newestFirst ? 'DESC' : 'ASC'} LIMIT ${atOnce}`
    for (let { low, high } = stretch; low <= high; ) {
      const found = await this.#parts.lanes.rows(undefined, sql, [low, high, ...condition.values])
      const rows = found as unknown as FoundRow[]
      yield* rows
      const last = rows.at(-1)?.seq
      if (last === undefined || rows.length < atOnce) return
      if (newestFirst) high = last - 1
      else low = last + 1
    }
  }

  async #finish(
    query: PreparedQuery,
    rows: readonly FoundRow[],
    unreadable: Map<number, string>,
    reached?: number,
  ): Promise<SearchPage> {
    for (let start = 0; start < rows.length; start += FRAMES)
      await this.#lookAtFrames(
        rows.slice(start, start + FRAMES).map(({ seq }) => seq),
        unreadable,
      )
    const records = rows.map((row): SearchedRecord => {
      const damaged = unreadable.get(row.seq)
      return { ...toFound(row), ...(damaged === undefined ? {} : { damaged }) }
    })
    if (reached === undefined) return { records }
    const [row] = await this.#parts.lanes.rows('at', 'SELECT at FROM log_record WHERE seq = $1', [reached])
    return {
      records,
      next: writeCursor(reached, query.newestFirst ? 'newest' : 'oldest'),
      reached: { seq: reached, at: new Date(Number(row?.['at'] ?? 0)) },
    }
  }

  async #lookAtFrames(seqs: readonly number[], unreadable: Map<number, string>): Promise<void> {
    const sql = 'SELECT seq, frame FROM log_record WHERE seq = ANY ($1)'
    for (const row of await this.#parts.lanes.rows('frames', sql, [seqs])) {
      const { seq, frame } = row as unknown as Framed
      const damage = damageOf(seq, frame)
      if (damage !== undefined && !unreadable.has(seq)) unreadable.set(seq, damage)
    }
  }

  /** Whether the text stands in it. A record that cannot be read is one that may have it, and says why. */
  async #has({ seq, frame }: Framed, text: string, unreadable: Map<number, string>): Promise<boolean> {
    try {
      const record = readStored(seq, frame, this.#parts.keys)
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
}

/** All of them, with the placeholders of PostgreSQL from this number on. */
function numbered(conditions: readonly Condition[], from: number): Condition {
  let number = from
  const sql = conditions.map((one) => one.sql).join(' AND ')
  return {
    sql: sql.replace(/\?/g, () => `$${number++}`),
    values: conditions.flatMap(({ values }) => values),
  }
}
