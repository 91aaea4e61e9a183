// Columns of a table. They keep their number when they are renamed; one that a parent has changes where the parent does.
import type { Context } from './maker.ts'
import { commentOn, optionChanges } from './maker.ts'
import type { Column, Described } from './objects.ts'
import { qualified, quoteName, quoteText } from './quote.ts'

type Table = Described<'table'>

const STORAGE = { p: 'PLAIN', e: 'EXTERNAL', m: 'MAIN', x: 'EXTENDED' } as const
const COMPRESSION = { p: 'pglz', l: 'lz4' } as const

/** As CREATE TABLE has it. */
export function columnDefinition(column: Column): string {
  const { name, type, collation, generated, stored, required } = column
  const parts = [quoteName(name), type]
  if (collation !== null) parts.push(`COLLATE ${collation}`)
  if (generated !== null) parts.push(`GENERATED ALWAYS AS (${generated}) ${stored ? 'STORED' : 'VIRTUAL'}`)
  if (column.default !== null) parts.push(`DEFAULT ${column.default}`)
  if (required) parts.push('NOT NULL')
  return parts.join(' ')
}

/** What CREATE TABLE cannot say of a new column. */
export function columnDetails(table: Table, column: Column): string[] {
  return details(table, column, {
    ...column,
    storage: column.usualStorage,
    compression: null,
    statistics: null,
    options: null,
    comment: null,
  })
}

function details(table: Table, column: Column, was: Column): string[] {
  const statements: string[] = []
  const alter = (what: string) =>
    statements.push(`ALTER TABLE ONLY ${qualified(table)} ALTER COLUMN ${quoteName(column.name)} ${what}`)
  if (column.storage !== was.storage) alter(`SET STORAGE ${STORAGE[column.storage]}`)
  if (column.compression !== was.compression)
    alter(`SET COMPRESSION ${column.compression === null ? 'default' : COMPRESSION[column.compression]}`)
  if (column.statistics !== was.statistics) alter(`SET STATISTICS ${column.statistics ?? -1}`)
  for (const change of optionChanges(was.options, column.options)) alter(change)
  if (column.comment !== was.comment)
    statements.push(commentOn(`COLUMN ${qualified(table)}.${quoteName(column.name)}`, column.comment))
  return statements
}

/** From one set of columns to another, in statements that lose nothing of the others. */
export function alterColumns(before: Table, after: Table, { rewritten, missing }: Context): string[] {
  const statements: string[] = []
  const alter = (what: string, only = '') => statements.push(`ALTER TABLE ${only}${qualified(after)} ${what}`)
  const old = new Map(before.columns.map((column) => [column.number, column]))
  const present = new Set(after.columns.map(({ number }) => number))
  for (const column of after.columns) {
    const was = old.get(column.number)
    if (was !== undefined && was.name !== column.name && !column.inherited)
      alter(`RENAME COLUMN ${quoteName(was.name)} TO ${quoteName(column.name)}`)
  }
  for (const { number, name, inherited } of before.columns)
    if (!present.has(number) && !inherited) alter(`DROP COLUMN IF EXISTS ${quoteName(name)}`)
  for (const column of after.columns) {
    const was = old.get(column.number)
    if (was !== undefined) statements.push(...alterColumn(after, was, column, rewritten))
    else if (!column.inherited)
      statements.push(...addColumn(after, { ...column, missing: column.missing ?? missing(column.name) }))
  }
  return statements
}

function addColumn(table: Table, column: Column): string[] {
  const add = (one: Column) => `ALTER TABLE ${qualified(table)} ADD COLUMN IF NOT EXISTS ${columnDefinition(one)}`
  const { missing, default: usual } = column
  if (missing === null) return [add(column), ...columnDetails(table, column)]
  // Rows that were there have what the default gave when the column came: that may have been the time of then.
  const first = add({ ...column, default: `${quoteText(missing)}::${column.type}` })
  return [
    first,
    `ALTER TABLE ${qualified(table)} ALTER COLUMN ${quoteName(column.name)} ${usual === null ? 'DROP DEFAULT' : `SET DEFAULT ${usual}`}`,
    ...columnDetails(table, column),
  ]
}

function alterColumn(table: Table, was: Column, column: Column, rewritten: boolean): string[] {
  const statements: string[] = []
  const name = quoteName(column.name)
  const alter = (what: string, only = '') =>
    statements.push(`ALTER TABLE ${only}${qualified(table)} ALTER COLUMN ${name} ${what}`)
  const retyped =
    was.typeOid !== column.typeOid || was.modifier !== column.modifier || was.collation !== column.collation
  const moved = retyped && !column.inherited
  if (was.generated !== null && column.generated === null) alter('DROP EXPRESSION IF EXISTS')
  // A default of the old type may not fit the new one.
  if (was.default !== null && (moved || column.default === null)) alter('DROP DEFAULT', 'ONLY ')
  if (moved) {
    const collation = column.collation === null ? '' : ` COLLATE ${column.collation}`
    // There is no row to convert, or none that needs it.
    alter(`TYPE ${column.type}${collation} USING ${rewritten ? 'NULL' : name}::${column.type}`)
  }
  if (rewritten && was.generated !== null && column.generated !== null && was.generated !== column.generated)
    alter(`SET EXPRESSION AS (${column.generated})`)
  if (column.default !== null && (moved || was.default !== column.default))
    alter(`SET DEFAULT ${column.default}`, 'ONLY ')
  if (was.required !== column.required) alter(column.required ? 'SET NOT NULL' : 'DROP NOT NULL')
  if (was.identity !== '' && column.identity !== '' && was.identity !== column.identity)
    alter(`SET GENERATED ${column.identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'}`)
  // Another type brings its own storage.
  statements.push(
    ...details(table, column, retyped ? { ...was, storage: column.usualStorage, compression: was.compression } : was),
  )
  return statements
}
