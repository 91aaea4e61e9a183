// What a register on SQLite consists of: its tables with their keys, and the statements that make everything.
import type { DatabaseSync } from 'node:sqlite'
import { EmbassyError } from '../error.ts'

export interface Table {
  readonly name: string
  readonly columns: readonly string[]
  /** Columns that find a row: its primary key, or the hidden rowid, which then is one of `columns`. */
  readonly key: readonly string[]
}

/** The register's own tables, by name; without views, virtual and SQLite's own tables. Throws `source_unsupported`. */
export function tablesOf(db: DatabaseSync): Table[] {
  const listed = db
    .prepare(
      "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .all() as { name: string; type: string }[]
  const odd = listed.find(({ type }) => type === 'virtual')
  if (odd !== undefined)
    throw new EmbassyError(
      'source_unsupported',
      `${odd.name} is a virtual table: what it holds is known to its module only`,
    )
  return listed
    .filter(({ name, type }) => type === 'table' && !name.startsWith('saadik_journal'))
    .map(({ name }) => tableOf(db, name))
}

function tableOf(db: DatabaseSync, name: string): Table {
  const columns = db.prepare('SELECT name, pk, hidden FROM pragma_table_xinfo(?)').all(name) as {
    name: string
    pk: number
    hidden: number
  }[]
  // Generated columns (hidden 2 and 3) are made again where the row is restored.
  const stored = columns.filter(({ hidden }) => hidden === 0).map((column) => column.name)
  const key = columns
    .filter(({ pk }) => pk > 0)
    .sort((one, two) => one.pk - two.pk)
    .map((column) => column.name)
  if (key.length > 0) return { name, columns: stored, key }
  const taken = new Set(columns.map((column) => column.name.toLowerCase()))
  const rowid = ['rowid', '_rowid_', 'oid'].find((alias) => !taken.has(alias))
  if (rowid === undefined)
    throw new EmbassyError('source_unsupported', `${name} has no key: its rows cannot be told apart`)
  return { name, columns: [...stored, rowid], key: [rowid] }
}

/** Statements that make each object of the register, in the order in which they were made; without the journal's own. */
export function statementsOf(db: DatabaseSync): string[] {
  const rows = db
    .prepare(
      "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'saadik\\_journal%' ESCAPE '\\' ORDER BY rowid",
    )
    .all() as { sql: string }[]
  return rows.map(({ sql }) => sql)
}
