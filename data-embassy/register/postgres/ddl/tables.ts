// Tables: plain ones, partitioned ones, partitions, those with parents. Their constraints and indexes are objects of their own.
import { alterColumns, columnDefinition, columnDetails } from './columns.ts'
import { type Maker, moved, optionChanges, optionList } from './maker.ts'
import type { Described } from './objects.ts'
import { qualified, quoteName } from './quote.ts'

type Table = Described<'table'>

export const table: Maker<'table'> = {
  create: (is) => {
    const columns = is.columns.map(columnDefinition).join(', ')
    const partitioned = is.partitioned === null ? '' : ` PARTITION BY ${is.partitioned}`
    const method = is.method === null ? '' : ` USING ${quoteName(is.method)}`
    const options = is.options === null ? '' : ` WITH (${optionList(is.options)})`
    return [
      `CREATE TABLE ${qualified(is)} (${columns})${partitioned}${method}${options}`,
      ...is.columns.flatMap((column) => columnDetails(is, column)),
      ...rowSecurity({ ...is, rowSecurity: false, forcedRowSecurity: false }, is),
    ]
  },
  // When it has what its parent has: as a partition it must.
  complete: (is) => is.parents.map((parent) => joined(is, parent)),
  alter: (before, after, context) => {
    const statements = moved('TABLE', before, after)
    const alter = (what: string) => statements.push(`ALTER TABLE ${qualified(after)} ${what}`)
    for (const parent of before.parents)
      if (!after.parents.some(({ oid }) => oid === parent.oid))
        statements.push(
          before.bound === null
            ? `ALTER TABLE ${qualified(after)} NO INHERIT ${qualified(parent)}`
            : `ALTER TABLE ${qualified(parent)} DETACH PARTITION ${qualified(after)}`,
        )
    statements.push(...alterColumns(before, after, context))
    for (const change of optionChanges(before.options, after.options)) alter(change)
    if (before.method !== after.method) alter(`SET ACCESS METHOD ${quoteName(after.method ?? 'heap')}`)
    statements.push(...rowSecurity(before, after))
    return statements
  },
  completeAlter: (before, after) =>
    after.parents
      .filter(({ oid }) => !before.parents.some((parent) => parent.oid === oid))
      .map((parent) => joined(after, parent)),
  drop: (is) => `DROP TABLE IF EXISTS ${qualified(is)} CASCADE`,
  named: (is) => `TABLE ${qualified(is)}`,
}

function joined(is: Table, parent: Table['parents'][number]): string {
  if (is.bound === null) return `ALTER TABLE ${qualified(is)} INHERIT ${qualified(parent)}`
  return `ALTER TABLE ONLY ${qualified(parent)} ATTACH PARTITION ${qualified(is)} ${is.bound}`
}

function rowSecurity(before: Table, after: Table): string[] {
  const statements: string[] = []
  const alter = (what: string) => statements.push(`ALTER TABLE ${qualified(after)} ${what} ROW LEVEL SECURITY`)
  if (before.rowSecurity !== after.rowSecurity) alter(after.rowSecurity ? 'ENABLE' : 'DISABLE')
  if (before.forcedRowSecurity !== after.forcedRowSecurity) alter(after.forcedRowSecurity ? 'FORCE' : 'NO FORCE')
  return statements
}
