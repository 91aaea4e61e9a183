// The change journal of a register on SQLite: a table that triggers fill in the register's own transactions, so that a change and its journal row are
// committed together or not at all.
import type { DatabaseSync } from 'node:sqlite'
import { quoteName, quoteText } from './sqlite-literal.ts'
import type { Table } from './sqlite-tables.ts'

export const JOURNAL = 'saadik_journal'
const TRIGGER = 'saadik_journal_'
/** Milliseconds since 1970, in words that SQLite of the last ten years knows: triggers run in the register's own program. */
const NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"

/** Makes the journal, and the triggers of every table as it is now. One transaction with whatever the caller has begun. */
export function installJournal(db: DatabaseSync, tables: readonly Table[]): void {
  db.exec(`CREATE TABLE IF NOT EXISTS ${JOURNAL} (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    relation TEXT NOT NULL,
    key TEXT,
    row TEXT
  ) STRICT`)
  const old = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'saadik\\_journal\\_%' ESCAPE '\\'")
    .all()
  for (const { name } of old as { name: string }[]) db.exec(`DROP TRIGGER ${quoteName(name)}`)
  for (const table of tables) db.exec(triggersOf(table))
}

function triggersOf(table: Table): string {
  const { name, columns, key } = table
  const write = (operation: string, keyOf: string | null, rowOf: string | null) =>
    `INSERT INTO ${JOURNAL} (at, operation, relation, key, row) VALUES (${NOW}, '${operation}', ${quoteText(name)}, ${keyOf === null ? 'NULL' : object(keyOf, key)}, ${rowOf === null ? 'NULL' : object(rowOf, columns)});`
  const trigger = (event: string, body: string) =>
    `CREATE TRIGGER ${quoteName(`${TRIGGER}${event}_${name}`)} AFTER ${event} ON ${quoteName(name)} BEGIN ${body} END;`
  return [
    trigger('INSERT', write('insert', 'new', 'new')),
    trigger('UPDATE', write('update', 'old', 'new')),
    trigger('DELETE', write('delete', 'old', null)),
  ].join('\n')
}

/** As JSON: pairs of a name and a literal. Concatenated, because a function takes a hundred arguments and a table has more columns. */
function object(row: string, columns: readonly string[]): string {
  const pairs = columns.map((column) => `json_array(${quoteText(column)}, quote(${row}.${quoteName(column)}))`)
  return `'[' || ${pairs.join(" || ',' || ")} || ']'`
}
