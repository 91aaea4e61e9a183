// Sequences, free ones and those of columns.
import { type Maker, moved } from './maker.ts'
import type { Described } from './objects.ts'
import { qualified, quoteName } from './quote.ts'

type Sequence = Described<'sequence'>

export const sequence: Maker<'sequence'> = {
  create: (is) => {
    if (is.owner === null || !is.identity) return [`CREATE SEQUENCE ${qualified(is)} AS ${is.type} ${settings(is)}`]
    const always = is.owner.always ? 'ALWAYS' : 'BY DEFAULT'
    return [
      `ALTER TABLE ONLY ${qualified(is.owner)} ALTER COLUMN ${quoteName(is.owner.column)} ADD GENERATED ${always} AS IDENTITY (SEQUENCE NAME ${qualified(is)} ${settings(is)})`,
    ]
  },
  complete: (is) => (is.owner === null || is.identity ? [] : [owned(is)]),
  alter: (before, after) => {
    // What a column owns moves with its table.
    const statements = moved(
      'SEQUENCE',
      after.owner === null ? before : { ...before, schema: after.schema, schemaOid: after.schemaOid },
      after,
    )
    const type = after.identity ? '' : `AS ${after.type} `
    if (before.type !== after.type || settings(before) !== settings(after))
      statements.push(`ALTER SEQUENCE ${qualified(after)} ${type}${settings(after)}`)
    return statements
  },
  completeAlter: (before, after) => {
    const same = before.owner?.oid === after.owner?.oid && (before.owner === null) === (after.owner === null)
    const renamed = same && before.owner?.column !== after.owner?.column
    return after.identity || (same && !renamed) ? [] : [owned(after)]
  },
  drop: (is) =>
    is.owner === null || !is.identity
      ? `DROP SEQUENCE IF EXISTS ${qualified(is)} CASCADE`
      : `ALTER TABLE IF EXISTS ${qualified(is.owner)} ALTER COLUMN ${quoteName(is.owner.column)} DROP IDENTITY IF EXISTS`,
  named: (is) => `SEQUENCE ${qualified(is)}`,
}

function settings(is: Sequence): string {
  return `INCREMENT BY ${is.increment} MINVALUE ${is.minimum} MAXVALUE ${is.maximum} START WITH ${is.start} CACHE ${is.cache} ${is.cycle ? 'CYCLE' : 'NO CYCLE'}`
}

function owned(is: Sequence): string {
  const owner = is.owner === null ? 'NONE' : `${qualified(is.owner)}.${quoteName(is.owner.column)}`
  return `ALTER SEQUENCE ${qualified(is)} OWNED BY ${owner}`
}
