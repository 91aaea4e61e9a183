// Rows of a table as changes tell them: the text of each type, bytes as bytes.
import type { Row, Value } from '#continuity'
import { EmbassyError } from '../../error.ts'
import { malformed } from './bytes.ts'
import { type Relation, type Tuple, UNCHANGED } from './pgoutput.ts'

const BYTEA = 17

/** `\x00ff` as bytes; any other text as it is. */
export function textValue(type: number, text: string | null): Value {
  if (text === null || type !== BYTEA) return text
  const bytes = Buffer.from(text.slice(2), 'hex')
  if (!text.startsWith('\\x') || bytes.length * 2 !== text.length - 2)
    throw malformed('bytes are not told in hexadecimal')
  return bytes
}

/** @param old Where a value that did not change is taken from. */
export function rowOf({ schema, name, columns }: Relation, tuple: Tuple, old?: Tuple): Row {
  if (tuple.length !== columns.length) throw malformed(`a row of ${schema}.${name} has ${tuple.length} values`)
  const row: [string, Value][] = columns.map((column, at) => {
    const told = tuple[at] ?? null
    const text = told === UNCHANGED ? old?.[at] : told
    if (text === undefined || text === UNCHANGED)
      throw new EmbassyError(
        'source_unsupported',
        `${column.name} of ${schema}.${name} did not change and is not told: its replica identity was not FULL`,
      )
    return [column.name, textValue(column.type, text)]
  })
  return Object.fromEntries(row)
}

/** @param columns Of the key; null for the whole row. */
export function keyOf(row: Row, columns: readonly string[] | null): Row {
  if (columns === null) return row
  return Object.fromEntries(
    columns.map((name) => {
      const value = row[name]
      if (value === undefined) throw malformed(`a row has no ${name}, which is its key`)
      return [name, value]
    }),
  )
}
