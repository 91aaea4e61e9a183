// A register on SQLite made again from its changes, in order: the reverse of journal.ts.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Change, Row, Value } from '#continuity'
import { quoteName, toBound } from './sqlite-literal.ts'

export class SqliteTarget {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  /** Of the register's own: what they do at home is told as changes of its own, so here they must not do it again. */
  #triggers: string[] = []

  /** The caller's transactions decide what is durable when. */
  constructor(db: DatabaseSync) {
    this.#db = db
    // Foreign keys hold where home was whole, not between two changes; what they cascade to is told as well.
    db.exec('PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF')
  }

  /** Throws what SQLite says where the change does not fit: then this is not the register that it was at home. */
  apply({ operation, relation, key, row }: Change): void {
    switch (operation) {
      case 'insert':
        this.#put(relation, required(row))
        break
      case 'update':
        this.#remove(relation, required(key))
        this.#put(relation, required(row))
        break
      case 'delete':
        this.#remove(relation, required(key))
        break
      case 'truncate':
        this.#db.exec(`DELETE FROM ${quoteName(relation)}`)
        break
      case 'schema':
        if (row === null) this.#clear()
        else this.#define(text(row['sql']))
        break
      case 'sequence':
        this.#sequence(relation, text(row?.['last']))
        break
      case 'document':
      case 'file':
      case 'state':
        // Nothing of the database.
        break
    }
  }

  /** When all changes are applied: the register's own triggers, from here on. */
  finish(): void {
    for (const sql of this.#triggers) this.#db.exec(sql)
    this.#triggers = []
  }

  #clear(): void {
    this.#statements.clear()
    this.#triggers = []
    const objects = this.#db
      .prepare(
        "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
      )
      .all() as { type: string; name: string }[]
    // Dropping a table drops its indexes and triggers.
    for (const { type, name } of objects) this.#db.exec(`DROP ${type} IF EXISTS ${quoteName(name)}`)
  }

  #define(sql: string): void {
    if (/^\s*CREATE\s+(?:TEMP\w*\s+)?TRIGGER\b/i.test(sql)) this.#triggers.push(sql)
    else this.#db.exec(sql)
  }

  /** Replaces as it did at home: a row that stood in its way was deleted there without a word (INSERT OR REPLACE). */
  #put(relation: string, row: Row): void {
    const names = Object.keys(row)
    const columns = names.map(quoteName).join(', ')
    const sql = `INSERT OR REPLACE INTO ${quoteName(relation)} (${columns}) VALUES (${names.map(() => '?').join(', ')})`
    this.#run(
      sql,
      names.map((name) => row[name] ?? null),
    )
  }

  #remove(relation: string, key: Row): void {
    const names = Object.keys(key)
    const found = names.map((name) => `${quoteName(name)} IS ?`).join(' AND ')
    this.#run(
      `DELETE FROM ${quoteName(relation)} WHERE ${found}`,
      names.map((name) => key[name] ?? null),
    )
  }

  #sequence(relation: string, last: string): void {
    this.#run('DELETE FROM sqlite_sequence WHERE name = ?', [`'${relation.replaceAll("'", "''")}'`])
    this.#db.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(relation, BigInt(last))
  }

  #run(sql: string, values: readonly Value[]): void {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    statement.run(...values.map((value): SQLInputValue => toBound(value)))
  }
}

function required(row: Row | null): Row {
  if (row === null) throw new TypeError('A change of a row has no row')
  return row
}

function text(value: Value | undefined): string {
  if (typeof value !== 'string') throw new TypeError('A change of the schema has no text')
  return value
}
