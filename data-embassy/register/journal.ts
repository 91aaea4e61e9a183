// A register on SQLite (embassy.md "Home's agent" b): a whole picture once, then what its journal says. The register's program need not know of it.
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Change, Row } from '#continuity'
import { EmbassyError } from '../error.ts'
import { installJournal, JOURNAL } from './journal-schema.ts'
import { picture, sequencesOf, WITHIN } from './picture.ts'
import type { Captured, Source } from './source.ts'
import { fromQuoted } from './sqlite-literal.ts'
import { tablesOf } from './sqlite-tables.ts'

/** How often the database is asked whether somebody committed; it reads a counter, not a page. */
const POLL_MS = 20
const BUSY_MS = 5_000
const PAGE_ROWS = 500

/** `<schema version>.<number in the journal>`. */
interface Position {
  readonly schema: number
  readonly seq: number
}

interface JournalRow {
  readonly seq: number
  readonly at: number
  readonly operation: 'insert' | 'update' | 'delete'
  readonly relation: string
  readonly key: string
  readonly row: string | null
}

export class JournalSource implements Source {
  readonly #file: string
  readonly #db: DatabaseSync
  /** Where AUTOINCREMENT stands, as last told. */
  #sequences: ReadonlyMap<string, number> = new Map()

  /** @throws {EmbassyError} `source_lost`, `source_unsupported` */
  constructor(file: string) {
    this.#file = file
    this.#db = open(file)
    const mode = this.#value('PRAGMA journal_mode')
    if (mode === 'wal') return
    this.#db.close()
    // Otherwise reading a picture would stop the register for as long as it takes.
    throw new EmbassyError(
      'source_unsupported',
      `${file} is in ${mode} mode; it must be in WAL mode (PRAGMA journal_mode = WAL)`,
    )
  }

  async *changes(after: string | undefined, signal: AbortSignal): AsyncGenerator<Captured> {
    let position = after === undefined ? undefined : readPosition(after)
    let seen: unknown
    while (!signal.aborted) {
      const version = this.#value('PRAGMA data_version')
      if (version === seen && position !== undefined) {
        await sleep(POLL_MS, undefined, { signal }).catch(() => {})
        continue
      }
      if (position === undefined || this.#value('PRAGMA schema_version') !== position.schema) {
        // Rows that were written before the triggers knew a new column lack it, so another schema is another picture.
        this.#install()
        position = yield* this.#picture()
        this.#sequences = sequencesOf(this.#db)
      }
      position = yield* this.#journal(position, signal)
      seen = this.#value('PRAGMA schema_version') === position.schema ? version : undefined
    }
  }

  *#picture(): Generator<Captured, Position> {
    const end = readPosition(yield* picture(this.#file))
    if (end === undefined) throw new TypeError('A picture ends behind itself')
    return end
  }

  /** Everything that is committed now; the last of it is a place where the register was whole. Ends early where the schema has changed. */
  *#journal(from: Position, signal: AbortSignal): Generator<Captured, Position> {
    const read = this.#db.prepare(
      `SELECT seq, at, operation, relation, key, row FROM ${JOURNAL} WHERE seq > ? ORDER BY seq LIMIT ?`,
    )
    let position = from
    for (let more = true; more && !signal.aborted; ) {
      this.#db.exec('BEGIN')
      const changed = this.#value('PRAGMA schema_version') !== position.schema
      const rows = changed ? [] : (read.all(position.seq, PAGE_ROWS + 1) as unknown as JournalRow[])
      this.#db.exec('COMMIT')
      const [first] = rows
      if (first !== undefined && first.seq !== position.seq + 1)
        throw new EmbassyError(
          'source_lost',
          `Changes ${position.seq + 1} to ${first.seq - 1} are gone from the journal`,
        )
      more = rows.length > PAGE_ROWS
      const page = rows.slice(0, PAGE_ROWS)
      const moved = more || page.length === 0 ? [] : this.#moved()
      for (const [index, row] of page.entries()) {
        position = { ...position, seq: row.seq }
        const last = index === page.length - 1 && !more && moved.length === 0
        yield { change: changeOf(row, position), complete: last }
      }
      for (const [index, [relation, value]] of moved.entries()) {
        const change: Change = {
          operation: 'sequence',
          relation,
          key: null,
          row: { last: `${value}` },
          position: write(position),
          at: new Date(),
        }
        yield { change, complete: index === moved.length - 1 }
      }
    }
    return position
  }

  async head(): Promise<string> {
    const journal = this.#value(`SELECT count(*) FROM sqlite_schema WHERE name = '${JOURNAL}'`)
    const seq =
      journal === 0 ? 0 : this.#value("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'saadik_journal'")
    return write({ schema: Number(this.#value('PRAGMA schema_version')), seq: Number(seq) })
  }

  /** Another schema is another picture, which holds everything before it once it is whole; a later one has a greater number. */
  holds(position: string, wanted: string): boolean {
    const [held, asked] = [readPosition(position), readPosition(wanted)]
    if (held === undefined || asked === undefined) return false
    return held.schema >= asked.schema && held.seq >= asked.seq
  }

  async confirm(position: string): Promise<void> {
    const confirmed = readPosition(position)
    if (confirmed !== undefined) this.#db.prepare(`DELETE FROM ${JOURNAL} WHERE seq <= ?`).run(confirmed.seq)
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close()
  }

  #install(): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      installJournal(this.#db, tablesOf(this.#db))
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  /** Sequences that moved since they were last told: no trigger fires for them. */
  #moved(): [string, number][] {
    const now = sequencesOf(this.#db)
    const moved = [...now].filter(([relation, value]) => this.#sequences.get(relation) !== value)
    this.#sequences = now
    return moved
  }

  #value(sql: string): unknown {
    return Object.values(this.#db.prepare(sql).get() ?? {})[0]
  }
}

function open(file: string): DatabaseSync {
  try {
    // Another program's database is not made by opening it.
    const db = new DatabaseSync(new URL('?mode=rw', pathToFileURL(file)), { timeout: BUSY_MS })
    db.exec('PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF')
    return db
  } catch (cause) {
    throw new EmbassyError('source_lost', `${file} cannot be opened: ${(cause as Error).message}`, { cause })
  }
}

function changeOf({ at, operation, relation, key, row }: JournalRow, position: Position): Change {
  return {
    operation,
    relation,
    key: rowOf(key),
    row: row === null ? null : rowOf(row),
    position: write(position),
    at: new Date(at),
  }
}

/** Pairs of a name and a literal, as the triggers wrote them. */
function rowOf(json: string): Row {
  return Object.fromEntries(
    (JSON.parse(json) as [string, string][]).map(([name, literal]) => [name, fromQuoted(literal)]),
  )
}

function write({ schema, seq }: Position): string {
  return `${schema}.${seq}`
}

/** Undefined within a picture, which is taken again then. Throws `source_lost` for what is no position of a journal. */
function readPosition(text: string): Position | undefined {
  if (text.endsWith(WITHIN)) return undefined
  const [, schema, seq] = /^(\d+)\.(\d+)$/.exec(text) ?? []
  if (schema === undefined || seq === undefined)
    throw new EmbassyError('source_lost', `${text} is no place in a journal`)
  return { schema: Number(schema), seq: Number(seq) }
}
