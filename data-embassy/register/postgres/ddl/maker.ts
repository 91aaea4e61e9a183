// What can be done with an object of one kind, in statements of PostgreSQL.
import type { Described, Kind } from './objects.ts'
import { quoteName, quoteText } from './quote.ts'

export interface Maker<K extends Kind> {
  create(is: Described<K>): readonly string[]
  /** Once everything that is made with it is there. */
  complete?(is: Described<K>): readonly string[]
  /** Names have changed before: schemas and types, then tables. */
  alter(before: Described<K>, after: Described<K>, context: Context): readonly string[]
  /** Once everything else is altered and made. */
  completeAlter?(before: Described<K>, after: Described<K>): readonly string[]
  /** Nothing where it goes with what it belongs to. CASCADE takes what went at home in the same statement, and is not asked for the same again. */
  drop(is: Described<K>): string | undefined
  /** As COMMENT ON names it; nothing where none can be. */
  named(is: Described<K>): string | undefined
}

export interface Context {
  /** The table is empty now: its rows are told anew behind the statements. */
  readonly rewritten: boolean
  /** What the rows of a table's children have in a column that came to all of them: a partitioned table has no rows itself. */
  missing(column: string): string | null
}

/** `null` takes a comment away. */
export function commentOn(named: string, comment: string | null): string {
  return `COMMENT ON ${named} IS ${comment === null ? 'NULL' : quoteText(comment)}`
}

interface Placed {
  readonly schema: string
  readonly schemaOid: number
  readonly name: string
}

/** Into another schema, under another name. */
export function moved(kind: string, before: Placed, after: Placed, signature = ''): string[] {
  const statements: string[] = []
  const same = before.schemaOid === after.schemaOid
  const old = `${quoteName(same ? after.schema : before.schema)}.${quoteName(before.name)}${signature}`
  if (!same) statements.push(`ALTER ${kind} ${old} SET SCHEMA ${quoteName(after.schema)}`)
  if (before.name !== after.name)
    statements.push(
      `ALTER ${kind} ${quoteName(after.schema)}.${quoteName(before.name)}${signature} RENAME TO ${quoteName(after.name)}`,
    )
  return statements
}

/** `["fillfactor=70"]` as SQL has it in parentheses. */
export function optionList(options: readonly string[]): string {
  return options
    .map((option) => {
      const at = option.indexOf('=')
      const [key, value] = at < 0 ? [option, 'true'] : [option.slice(0, at), option.slice(at + 1)]
      return `${key.split('.').map(quoteName).join('.')} = ${quoteText(value)}`
    })
    .join(', ')
}

/** What ALTER … takes for other options: SET and RESET. */
export function optionChanges(before: readonly string[] | null, after: readonly string[] | null): string[] {
  const keyOf = (option: string) => option.split('=', 1)[0] ?? ''
  const [had, has] = [before ?? [], after ?? []]
  const set = has.filter((option) => !had.includes(option))
  const gone = had.map(keyOf).filter((key) => !has.map(keyOf).includes(key))
  return [
    ...(set.length > 0 ? [`SET (${optionList(set)})`] : []),
    ...(gone.length > 0 ? [`RESET (${gone.map((key) => key.split('.').map(quoteName).join('.')).join(', ')})`] : []),
  ]
}
