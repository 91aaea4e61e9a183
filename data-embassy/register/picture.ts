// A whole picture of a register on SQLite, from one snapshot: the statements that make it, every row, where its sequences stand.
import { DatabaseSync } from 'node:sqlite'
import type { Change, Operation, Row } from '#continuity'
import { JOURNAL } from './journal-schema.ts'
import type { Captured } from './source.ts'
import { fromQuoted, quoteName } from './sqlite-literal.ts'
import { statementsOf, type Table, tablesOf } from './sqlite-tables.ts'

/** Whoever stops within a picture begins it again: its positions end so. */
export const WITHIN = '+'

/** Gives the position behind the picture. The register goes on meanwhile: in write-ahead mode a snapshot holds nobody up. */
export function* picture(file: string): Generator<Captured, string> {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    db.exec('BEGIN')
    const schema = Number(value(db, 'PRAGMA schema_version'))
    const position = `${schema}.${Number(value(db, `SELECT coalesce(max(seq), 0) FROM ${JOURNAL}`) || lastForgotten(db))}`
    const at = new Date()
    const told = (operation: Operation, relation: string, row: Row | null, key: Row | null = null): Captured => ({
      change: { operation, relation, key, row, position: `${position}${WITHIN}`, at },
      complete: false,
    })
    // The first statement of a picture says that whatever was there before is not there any more.
    yield told('schema', 'main', null)
    for (const sql of statementsOf(db)) yield told('schema', 'main', { sql })
    for (const table of tablesOf(db))
      for (const row of rowsOf(db, table)) {
        const key = Object.fromEntries(table.key.map((name) => [name, row[name] ?? null]))
        yield told('insert', table.name, row, key)
      }
    for (const [relation, last] of sequencesOf(db)) yield told('sequence', relation, { last: `${last}` })
    const end: Change = {
      operation: 'state',
      relation: 'main',
      key: null,
      row: { tables: `${tablesOf(db).length}` },
      position,
      at,
    }
    yield { change: end, complete: true }
    return position
  } finally {
    db.close()
  }
}

function* rowsOf(db: DatabaseSync, { name, columns, key }: Table): Generator<Row> {
  const order = key.map(quoteName).join(', ')
  const read = columns.map((column) => `quote(${quoteName(column)})`).join(', ')
  const statement = db.prepare(`SELECT ${read} FROM ${quoteName(name)} ORDER BY ${order}`)
  statement.setReturnArrays(true)
  for (const values of statement.iterate() as Iterable<unknown>) {
    const quoted = values as string[]
    yield Object.fromEntries(columns.map((column, index) => [column, fromQuoted(quoted[index] ?? 'NULL')]))
  }
}

/** Where AUTOINCREMENT stands, by table. */
export function sequencesOf(db: DatabaseSync): Map<string, number> {
  if (value(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'") === 0) return new Map()
  const rows = db.prepare('SELECT name, seq FROM sqlite_sequence WHERE name <> ? ORDER BY name').all(JOURNAL)
  return new Map(rows.map(({ name, seq }) => [String(name), Number(seq)]))
}

/** A journal of which everything was confirmed is empty; its next number is not 1. */
function lastForgotten(db: DatabaseSync): number {
  return Number(value(db, 'SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?', JOURNAL))
}

function value(db: DatabaseSync, sql: string, ...parameters: string[]): unknown {
  return Object.values(db.prepare(sql).get(...parameters) ?? {})[0]
}
