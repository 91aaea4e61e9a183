// Schemas, extensions and types.
import { type Maker, moved } from './maker.ts'
import type { Described } from './objects.ts'
import { qualified, quoteName, quoteText } from './quote.ts'

export const schema: Maker<'schema'> = {
  // `public` is there in a new database.
  create: ({ name }) => [`CREATE SCHEMA IF NOT EXISTS ${quoteName(name)}`],
  alter: (before, after) =>
    before.name === after.name ? [] : [`ALTER SCHEMA ${quoteName(before.name)} RENAME TO ${quoteName(after.name)}`],
  drop: ({ name }) => `DROP SCHEMA IF EXISTS ${quoteName(name)} CASCADE`,
  named: ({ name }) => `SCHEMA ${quoteName(name)}`,
}

export const extension: Maker<'extension'> = {
  create: ({ name, schema: place }) => [
    `CREATE EXTENSION IF NOT EXISTS ${quoteName(name)} WITH SCHEMA ${quoteName(place)}`,
  ],
  alter: (before, after) =>
    before.schema === after.schema
      ? []
      : [`ALTER EXTENSION ${quoteName(after.name)} SET SCHEMA ${quoteName(after.schema)}`],
  drop: ({ name }) => `DROP EXTENSION IF EXISTS ${quoteName(name)} CASCADE`,
  // The extension's own.
  named: () => undefined,
}

const dropType = (is: { readonly schema: string; readonly name: string }) =>
  `DROP TYPE IF EXISTS ${qualified(is)} CASCADE`
const namedType = (is: { readonly schema: string; readonly name: string }) => `TYPE ${qualified(is)}`

export const enumeration: Maker<'enum'> = {
  create: (is) => [
    `CREATE TYPE ${qualified(is)} AS ENUM (${is.labels.map(({ label }) => quoteText(label)).join(', ')})`,
  ],
  alter: (before, after) => [...moved('TYPE', before, after), ...labels(before, after)],
  drop: dropType,
  named: namedType,
}

/** Labels are never dropped; they keep their oid when they are renamed. */
function labels(before: Described<'enum'>, after: Described<'enum'>): string[] {
  const statements: string[] = []
  const old = new Map(before.labels.map(({ oid, label }) => [oid, label]))
  for (const [at, { oid, label }] of after.labels.entries()) {
    const was = old.get(oid)
    if (was !== undefined && was !== label)
      statements.push(`ALTER TYPE ${qualified(after)} RENAME VALUE ${quoteText(was)} TO ${quoteText(label)}`)
    if (was !== undefined) continue
    const previous = after.labels[at - 1]?.label
    const next = after.labels.slice(at + 1).find((each) => old.has(each.oid))?.label
    const place =
      previous !== undefined ? ` AFTER ${quoteText(previous)}` : next === undefined ? '' : ` BEFORE ${quoteText(next)}`
    statements.push(`ALTER TYPE ${qualified(after)} ADD VALUE ${quoteText(label)}${place}`)
  }
  return statements
}

export const domain: Maker<'domain'> = {
  create: (is) => {
    const collation = is.collation === null ? '' : ` COLLATE ${is.collation}`
    const initial = is.default === null ? '' : ` DEFAULT ${is.default}`
    return [`CREATE DOMAIN ${qualified(is)} AS ${is.base}${collation}${initial}${is.required ? ' NOT NULL' : ''}`]
  },
  alter: (before, after) => {
    const statements = moved('DOMAIN', before, after)
    const alter = (what: string) => statements.push(`ALTER DOMAIN ${qualified(after)} ${what}`)
    if (before.default !== after.default)
      alter(after.default === null ? 'DROP DEFAULT' : `SET DEFAULT ${after.default}`)
    if (before.required !== after.required) alter(after.required ? 'SET NOT NULL' : 'DROP NOT NULL')
    return statements
  },
  drop: (is) => `DROP DOMAIN IF EXISTS ${qualified(is)} CASCADE`,
  named: (is) => `DOMAIN ${qualified(is)}`,
}

export const composite: Maker<'composite'> = {
  create: (is) => [`CREATE TYPE ${qualified(is)} AS (${is.columns.map(attribute).join(', ')})`],
  alter: (before, after) => {
    const statements = moved('TYPE', before, after)
    const alter = (what: string) => statements.push(`ALTER TYPE ${qualified(after)} ${what}`)
    const old = new Map(before.columns.map((column) => [column.number, column]))
    const present = new Set(after.columns.map(({ number }) => number))
    for (const { number, name } of before.columns)
      if (!present.has(number)) alter(`DROP ATTRIBUTE IF EXISTS ${quoteName(name)}`)
    for (const column of after.columns) {
      const was = old.get(column.number)
      if (was === undefined) alter(`ADD ATTRIBUTE ${attribute(column)}`)
      else if (was.name !== column.name) alter(`RENAME ATTRIBUTE ${quoteName(was.name)} TO ${quoteName(column.name)}`)
      if (
        was !== undefined &&
        (was.typeOid !== column.typeOid || was.modifier !== column.modifier || was.collation !== column.collation)
      )
        alter(`ALTER ATTRIBUTE ${quoteName(column.name)} TYPE ${column.type}${collated(column)}`)
    }
    return statements
  },
  drop: dropType,
  named: namedType,
}

type Attribute = Described<'composite'>['columns'][number]

const collated = ({ collation }: Attribute) => (collation === null ? '' : ` COLLATE ${collation}`)
const attribute = (column: Attribute) => `${quoteName(column.name)} ${column.type}${collated(column)}`

export const range: Maker<'range'> = {
  create: (is) => {
    const parts = [
      `SUBTYPE = ${is.subtype}`,
      `MULTIRANGE_TYPE_NAME = ${is.multirange}`,
      ...(is.operators === null ? [] : [`SUBTYPE_OPCLASS = ${is.operators}`]),
      ...(is.collation === null ? [] : [`COLLATION = ${is.collation}`]),
      ...(is.difference === null ? [] : [`SUBTYPE_DIFF = ${is.difference}`]),
    ]
    return [`CREATE TYPE ${qualified(is)} AS RANGE (${parts.join(', ')})`]
  },
  alter: (before, after) => moved('TYPE', before, after),
  drop: dropType,
  named: namedType,
}
