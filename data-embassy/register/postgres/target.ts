// A register on PostgreSQL made again from its changes, in order: the reverse of source.ts. Triggers, rules and foreign keys do nothing meanwhile: what they did at
// home is told as well.
import type { Client } from 'pg'
import type { Change, Row, Value } from '#continuity'
import { CopyIn } from './copy-in.ts'
import { copyField } from './copy-text.ts'
import { quoteName } from './ddl/quote.ts'
import { Assembly } from './pieces.ts'
import { clear, HeldStill, UNFINISHED } from './target-schema.ts'
import { TargetSequences } from './target-sequences.ts'
import { deleteFrom, insertInto, type TargetTable, tableOf, textOf, updateOf } from './target-table.ts'

/** What is gathered before the server gets it. */
const GATHERED_BYTES = 512 * 1024
const GATHERED_STATEMENTS = 500
/** Statements of the schema in one transaction: fewer than a server has room for locks. */
const DEFINED_TOGETHER = 500

/** SQLSTATE. */
const ANYTHING = /^/
const NO_SUCH_ROW = /^23503$/
/** Of this kind of table, or at all. */
const NOT_SUPPORTED = /^(0A000|42809)$/

interface Statement {
  readonly sql: string
  /** What is done where nothing was found, because a row before it was erased. */
  readonly otherwise?: string
}

export class PostgresTarget {
  readonly #db: Client
  readonly #held: HeldStill
  readonly #sequences: TargetSequences
  readonly #pieces = new Assembly()
  readonly #tables = new Map<string, TargetTable>()
  /** Gathered: rows for one COPY, or statements, or tables to empty; never two of them. */
  #copy: { readonly head: string; readonly rows: string[] } | undefined
  #statements: Statement[] = []
  #emptied: TargetTable[] = []
  #bytes = 0
  /** Rows of the table that a picture tells at the moment. */
  #counted = { relation: '', rows: 0 }
  /** Statements of the schema since the last commit. */
  #defined = 0
  #erased = false
  readonly #unproved: string[] = []

  private constructor(db: Client) {
    this.#db = db
    this.#held = new HeldStill(db)
    this.#sequences = new TargetSequences(db)
  }

  /** Begins. What is committed on the way is marked as unfinished until {@link finish}: half a register is none. */
  static async begin(db: Client): Promise<PostgresTarget> {
    const target = new PostgresTarget(db)
    await target.#transaction()
    await db.query(`CREATE SCHEMA ${UNFINISHED}`)
    return target
  }

  /** A change that nobody opens any more: from here on a row may be missing that another change is about. */
  erased(): void {
    this.#erased = true
  }

  /** Throws what PostgreSQL says where the change does not fit: then this is not the register that it was at home. */
  async apply(change: Change): Promise<void> {
    const { operation, relation, key, row } = change
    switch (operation) {
      case 'insert':
      case 'update':
      case 'delete':
        await this.#row(this.#pieces.join(change))
        break
      case 'file':
        this.#pieces.add(change)
        break
      case 'truncate':
        if (this.#emptied.length === 0) await this.#flush()
        this.#emptied.push(await this.#table(relation))
        break
      case 'schema':
        await this.#flush()
        if (row === null) await this.#clear()
        else await this.#define(said(row['sql']))
        break
      case 'sequence':
        await this.#sequences.tell(said(key?.['oid']), relation, {
          last: said(row?.['last']),
          called: said(row?.['called']) === 't',
        })
        break
      case 'state':
        if (row?.['rows'] !== undefined) this.#compare(relation, said(row['rows']))
        break
      case 'document':
        // Nothing of the database.
        break
    }
  }

  /**
   * When all changes are applied: where sequences stand, what views show, what was held still. Durable when it resolves.
   *
   * @returns Foreign keys that do not hold any more, because a row was erased, and are there without a proof.
   */
  async finish(): Promise<readonly string[]> {
    await this.#flush()
    await this.#db.query('SET CONSTRAINTS ALL IMMEDIATE')
    await this.#held.release()
    await this.#sequences.set()
    if (this.#erased) await this.#prove()
    const { rows } = await this.#db.query(
      "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid",
    )
    for (const { name } of rows as { name: string }[]) await this.#db.query(`REFRESH MATERIALIZED VIEW ${name}`)
    await this.#db.query(`DROP SCHEMA ${UNFINISHED}`)
    await this.#db.query('COMMIT')
    return this.#unproved
  }

  async #transaction(): Promise<void> {
    await this.#db.query('BEGIN')
    await this.#db.query('SET LOCAL session_replication_role = replica')
    // What a deferred constraint lets pass until a commit at home.
    await this.#db.query('SET CONSTRAINTS ALL DEFERRED')
  }

  async #row({ operation, relation, key, row }: Pick<Change, 'operation' | 'relation' | 'key' | 'row'>): Promise<void> {
    const table = this.#tables.get(relation) ?? (await this.#table(relation))
    if (this.#emptied.length > 0) await this.#flush()
    if (operation === 'insert') {
      if (this.#counted.relation !== relation) this.#counted = { relation, rows: 0 }
      this.#counted.rows += 1
      await this.#insert(table, required(row))
      return
    }
    if (this.#copy !== undefined) await this.#flush()
    const sql =
      operation === 'delete' ? deleteFrom(table, required(key)) : updateOf(table, required(key), required(row))
    if (sql === undefined) return
    this.#statements.push(operation === 'delete' ? { sql } : { sql, otherwise: insertInto(table, required(row)) })
    await this.#gathered(sql.length)
  }

  async #insert(table: TargetTable, row: Row): Promise<void> {
    const names = Object.keys(row)
    if (names.length === 0) {
      if (this.#copy !== undefined) await this.#flush()
      this.#statements.push({ sql: insertInto(table, row) })
      return
    }
    const head = `COPY ${table.name} (${names.map(quoteName).join(', ')}) FROM STDIN`
    if (this.#copy?.head !== head) {
      await this.#flush()
      this.#copy = { head, rows: [] }
    }
    const line = names.map((name) => copyField(copied(row[name] ?? null))).join('\t')
    this.#copy.rows.push(line)
    await this.#gathered(line.length)
  }

  async #gathered(length: number): Promise<void> {
    this.#bytes += length
    if (this.#bytes >= GATHERED_BYTES || this.#statements.length >= GATHERED_STATEMENTS) await this.#flush()
  }

  async #flush(): Promise<void> {
    const [copy, statements, emptied] = [this.#copy, this.#statements, this.#emptied]
    ;[this.#copy, this.#statements, this.#emptied, this.#bytes] = [undefined, [], [], 0]
    if (copy !== undefined) await this.#db.query(new CopyIn(copy.head, Buffer.from(`${copy.rows.join('\n')}\n`))).done
    if (emptied.length > 0) await this.#empty(emptied)
    if (statements.length > 0) await this.#run(statements)
  }

  async #run(statements: readonly Statement[]): Promise<void> {
    // One by one where a row may be missing, because the next statement may be about the one that is made in its place.
    const together = this.#erased ? statements.map((each) => [each]) : [statements]
    for (const group of together) {
      const results = [await this.#db.query(group.map(({ sql }) => sql).join(';\n'))].flat()
      for (const [at, { rowCount }] of results.entries()) {
        if (rowCount === 1) continue
        const { sql, otherwise } = group[at] ?? { sql: '' }
        if (!this.#erased || rowCount !== 0) throw new TypeError(`${rowCount} rows were found by: ${sql.slice(0, 200)}`)
        if (otherwise !== undefined) await this.#db.query(otherwise)
      }
    }
  }

  /** All at once, as it was at home: one may refer to the other. */
  async #empty(tables: readonly TargetTable[]): Promise<void> {
    const names = tables.map(({ name }) => name)
    if (await this.#tried(`TRUNCATE ONLY ${names.join(', ONLY ')}`, NOT_SUPPORTED)) return
    // A table that is written anew is referred to by others, which keep their rows.
    for (const name of names) await this.#db.query(`DELETE FROM ONLY ${name}`)
  }

  async #define(sql: string): Promise<void> {
    await this.#held.release()
    this.#tables.clear()
    // Once more, behind what was done: within one transaction a row that was deleted is still there for an index, which it may not fit, and a deferred constraint
    // that was met long ago still waits.
    if (!(await this.#tried(sql, ANYTHING))) {
      await this.#commit()
      await this.#definedWhole(sql)
    }
    this.#defined += 1
    // A value that was added to a type can be used when it is committed; and each object is a lock until then.
    if (/^ALTER TYPE .* ADD VALUE /s.test(sql) || this.#defined >= DEFINED_TOGETHER) await this.#commit()
  }

  async #definedWhole(sql: string): Promise<void> {
    if (!this.#erased) await this.#db.query(sql)
    else if (!(await this.#tried(sql, NO_SUCH_ROW))) await this.#leftUnproved(sql)
  }

  /** A foreign key to a row that was erased. */
  async #leftUnproved(sql: string): Promise<void> {
    this.#unproved.push(sql)
    await this.#tried(`${sql} NOT VALID`, NOT_SUPPORTED)
  }

  async #commit(): Promise<void> {
    this.#defined = 0
    await this.#db.query('COMMIT')
    await this.#transaction()
  }

  /** False where PostgreSQL refused with such a code; nothing has happened then. */
  async #tried(sql: string, refusal: RegExp): Promise<boolean> {
    await this.#db.query('SAVEPOINT tried')
    try {
      await this.#db.query(sql)
      await this.#db.query('RELEASE SAVEPOINT tried')
      return true
    } catch (error) {
      const { code, severity } = error as { code?: unknown; severity?: unknown }
      if (severity !== 'ERROR' || !refusal.test(String(code))) throw error
      await this.#db.query('ROLLBACK TO SAVEPOINT tried')
      return false
    }
  }

  async #clear(): Promise<void> {
    this.#tables.clear()
    this.#counted = { relation: '', rows: 0 }
    this.#sequences.clear()
    await this.#held.release()
    await clear(this.#db)
  }

  /** Foreign keys were not looked at while rows came. */
  async #prove(): Promise<void> {
    const { rows } = await this.#db.query(
      `SELECT conrelid::regclass::text AS table, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition
       FROM pg_constraint WHERE contype = 'f' AND convalidated AND conparentid = 0 AND conrelid <> 0`,
    )
    for (const { table, name, definition } of rows as Record<string, string>[]) {
      await this.#db.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`)
      const add = `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`
      if (!(await this.#tried(add, NO_SUCH_ROW))) await this.#leftUnproved(add)
    }
  }

  #compare(relation: string, rows: string): void {
    const counted = this.#counted.relation === relation ? this.#counted.rows : 0
    this.#counted = { relation: '', rows: 0 }
    if (`${counted}` !== rows && !this.#erased)
      throw new TypeError(`${relation} has ${counted} rows; it had ${rows} at home`)
  }

  async #table(relation: string): Promise<TargetTable> {
    const known = this.#tables.get(relation)
    if (known !== undefined) return known
    const table = await tableOf(this.#db, relation)
    await this.#held.hold(table.name)
    this.#tables.set(relation, table)
    return table
  }
}

function copied(value: Value): string | null {
  return value === null ? null : textOf(value)
}

function required(row: Row | null): Row {
  if (row === null) throw new TypeError('A change of a row has no row')
  return row
}

function said(value: Value | undefined): string {
  if (typeof value !== 'string') throw new TypeError('A change of the schema has no text')
  return value
}
