// Two copies of a register on SQLite, row by row in the order of their keys: what one has and the other has not, and what they say differently.
import { DatabaseSync } from 'node:sqlite'
import type { Row } from '#continuity'
import { fromQuoted, quoteName } from './sqlite-literal.ts'
import { type Table, tablesOf } from './sqlite-tables.ts'

/** Of each kind and table; counts go on. */
const SHOWN = 1000

export interface Difference {
  readonly key: Row
  readonly here?: Row
  readonly there?: Row
}

export interface TableComparison {
  readonly relation: string
  readonly equal: number
  readonly onlyHere: number
  readonly onlyThere: number
  readonly different: number
  /** The first of them. */
  readonly rows: readonly Difference[]
}

export interface Comparison {
  readonly equal: boolean
  readonly tables: readonly TableComparison[]
  /** Tables that one side alone has. */
  readonly missing: readonly { readonly relation: string; readonly side: 'here' | 'there' }[]
}

/** Both are read in one snapshot each, a row at a time. */
export function compareSqlite(here: string, there: string): Comparison {
  const [one, two] = [new DatabaseSync(here, { readOnly: true }), new DatabaseSync(there, { readOnly: true })]
  try {
    one.exec('BEGIN')
    two.exec('BEGIN')
    const [ours, theirs] = [tablesOf(one), tablesOf(two)]
    const named = (tables: readonly Table[]) => new Set(tables.map(({ name }) => name))
    const missing = [
      ...ours
        .filter(({ name }) => !named(theirs).has(name))
        .map(({ name }) => ({ relation: name, side: 'there' as const })),
      ...theirs
        .filter(({ name }) => !named(ours).has(name))
        .map(({ name }) => ({ relation: name, side: 'here' as const })),
    ]
    const tables = ours.flatMap((table) => {
      const other = theirs.find(({ name }) => name === table.name)
      return other === undefined ? [] : compareTable(rowsOf(one, table), rowsOf(two, other), table)
    })
    return { equal: missing.length === 0 && tables.every(isEqual), tables, missing }
  } finally {
    one.close()
    two.close()
  }
}

function isEqual({ onlyHere, onlyThere, different }: TableComparison): boolean {
  return onlyHere + onlyThere + different === 0
}

interface Keyed {
  readonly key: readonly string[]
  readonly literals: Readonly<Record<string, string>>
}

function compareTable(here: Iterator<Keyed>, there: Iterator<Keyed>, { name, key }: Table): TableComparison {
  const counts = { equal: 0, onlyHere: 0, onlyThere: 0, different: 0 }
  const rows: Difference[] = []
  const keyOf = ({ literals }: Keyed) =>
    values(Object.fromEntries(key.map((column) => [column, literals[column] ?? 'NULL'])))
  const tell = (kind: Exclude<keyof typeof counts, 'equal'>, ours: Keyed | undefined, theirs: Keyed | undefined) => {
    counts[kind] += 1
    const either = ours ?? theirs
    if (either === undefined || rows.length >= SHOWN) return
    rows.push({
      key: keyOf(either),
      ...(ours === undefined ? {} : { here: values(ours.literals) }),
      ...(theirs === undefined ? {} : { there: values(theirs.literals) }),
    })
  }
  let [ours, theirs] = [next(here), next(there)]
  while (ours !== undefined || theirs !== undefined) {
    const order = ours === undefined ? 1 : theirs === undefined ? -1 : compareKeys(ours.key, theirs.key)
    if (order < 0) tell('onlyHere', ours, undefined)
    else if (order > 0) tell('onlyThere', undefined, theirs)
    else if (sameRow(ours, theirs)) counts.equal += 1
    else tell('different', ours, theirs)
    if (order <= 0) ours = next(here)
    if (order >= 0) theirs = next(there)
  }
  return { relation: name, ...counts, rows }
}

/** By the text of their keys, which both sides order in the same way. */
function* rowsOf(db: DatabaseSync, { name, columns, key }: Table): Generator<Keyed> {
  const read = columns.map((column) => `quote(${quoteName(column)})`).join(', ')
  const order = key.map((column) => `quote(${quoteName(column)}) COLLATE BINARY`).join(', ')
  const statement = db.prepare(`SELECT ${read} FROM ${quoteName(name)} ORDER BY ${order}`)
  statement.setReturnArrays(true)
  for (const row of statement.iterate() as Iterable<unknown>) {
    const literals = Object.fromEntries(columns.map((column, at) => [column, String((row as unknown[])[at])]))
    yield { key: key.map((column) => literals[column] ?? ''), literals }
  }
}

function next(rows: Iterator<Keyed>): Keyed | undefined {
  const step = rows.next()
  return step.done ? undefined : step.value
}

/** As SQLite's BINARY collation does: by octets of UTF-8. */
function compareKeys(one: readonly string[], other: readonly string[]): number {
  for (const [at, text] of one.entries()) {
    const order = Buffer.compare(Buffer.from(text), Buffer.from(other[at] ?? ''))
    if (order !== 0) return order
  }
  return 0
}

function sameRow(one: Keyed | undefined, other: Keyed | undefined): boolean {
  const names = new Set([...Object.keys(one?.literals ?? {}), ...Object.keys(other?.literals ?? {})])
  return [...names].every((name) => one?.literals[name] === other?.literals[name])
}

function values(literals: Readonly<Record<string, string>>): Row {
  return Object.fromEntries(Object.entries(literals).map(([name, literal]) => [name, fromQuoted(literal)]))
}
