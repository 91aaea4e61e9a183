// What a table is where a register is made again: by what its rows are found there, and what of it would act by itself even now.
import type { Client } from 'pg'
import type { Row, Value } from '#continuity'
import { qualified, quoteName, quoteText } from './ddl/quote.ts'
import { readName } from './names.ts'

export interface TargetTable {
  /** As SQL takes it. */
  readonly name: string
  /** Columns of its primary key, sorted; empty where it has none. */
  readonly key: readonly string[]
  /** Columns that no UPDATE may set: at home none did. */
  readonly fixed: ReadonlySet<string>
}

/** Throws where there is no such table. */
export async function tableOf(db: Client, relation: string): Promise<TargetTable> {
  const name = qualified(readName(relation))
  const { rows } = await db.query(
    `SELECT coalesce((SELECT json_agg(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
        WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate), '[]') AS key,
      coalesce((SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity = 'a'), '[]') AS fixed
     FROM pg_class c WHERE c.oid = $1::regclass`,
    [name],
  )
  const { key = '[]', fixed = '[]' } = (rows[0] ?? {}) as { key?: string; fixed?: string }
  return { name, key: (JSON.parse(key) as string[]).sort(), fixed: new Set(JSON.parse(fixed) as string[]) }
}

export function insertInto(table: TargetTable, row: Row): string {
  const names = Object.keys(row)
  if (names.length === 0) return `INSERT INTO ${table.name} DEFAULT VALUES`
  const values = names.map((name) => literal(row[name] ?? null)).join(', ')
  return `INSERT INTO ${table.name} (${names.map(quoteName).join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${values})`
}

/** Undefined where nothing of it can be set: then nothing of it changed. */
export function updateOf(table: TargetTable, key: Row, row: Row): string | undefined {
  const sets = Object.entries(row)
    .filter(([name]) => !table.fixed.has(name))
    .map(([name, value]) => `${quoteName(name)} = ${literal(value)}`)
  return sets.length === 0 ? undefined : `UPDATE ONLY ${table.name} SET ${sets.join(', ')} WHERE ${found(table, key)}`
}

export function deleteFrom(table: TargetTable, key: Row): string {
  return `DELETE FROM ONLY ${table.name} WHERE ${found(table, key)}`
}

/** One row: by its primary key, or one of those that look just so. */
function found({ name, key: primary }: TargetTable, key: Row): string {
  const columns = Object.keys(key)
  if (columns.length === primary.length && columns.toSorted().every((column, at) => column === primary[at]))
    return columns.map((column) => `${quoteName(column)} = ${literal(key[column] ?? null)}`).join(' AND ')
  // By their text: equal numbers may look different (1.0, 1.00), and some types know no equality.
  const same = columns.map((column) => {
    const value = key[column] ?? null
    return value === null
      ? `${quoteName(column)} IS NOT DISTINCT FROM NULL`
      : `${quoteName(column)} IS DISTINCT FROM NULL AND format('%s', ${quoteName(column)}) = ${literal(value)}`
  })
  return `ctid = (SELECT ctid FROM ONLY ${name}${same.length > 0 ? ` WHERE ${same.join(' AND ')}` : ''} LIMIT 1)`
}

function literal(value: Value): string {
  return value === null ? 'NULL' : quoteText(textOf(value))
}

/** As the type's input takes it. */
export function textOf(value: Exclude<Value, null>): string {
  return typeof value === 'string'
    ? value
    : `\\x${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}`
}
