// Constraints of tables and domains, and indexes.
import { type Maker, optionChanges } from './maker.ts'
import type { Described } from './objects.ts'
import { qualified, quoteName } from './quote.ts'

type Constraint = Described<'constraint'>

export const constraint: Maker<'constraint'> = {
  create: (is) => {
    // One of a partitioned table makes those of its partitions, unless each is told by itself, as those with an index are.
    if (is.type === 'f' && is.attached) return []
    const only = is.type === 'c' || is.type === 'f' ? '' : 'ONLY '
    return [`ALTER ${holder(is, only)} ADD CONSTRAINT ${quoteName(is.name)} ${is.definition}`]
  },
  alter: (before, after) => {
    const statements: string[] = []
    const alter = (what: string) => statements.push(`ALTER ${holder(after)} ${what}`)
    if (before.name !== after.name && !(after.inherited && after.type === 'c'))
      alter(`RENAME CONSTRAINT ${quoteName(before.name)} TO ${quoteName(after.name)}`)
    if (!before.validated && after.validated) alter(`VALIDATE CONSTRAINT ${quoteName(after.name)}`)
    const deferred = before.deferrable !== after.deferrable || before.deferred !== after.deferred
    if (deferred && after.type === 'f' && !after.attached)
      alter(
        `ALTER CONSTRAINT ${quoteName(after.name)} ${after.deferrable ? 'DEFERRABLE' : 'NOT DEFERRABLE'} INITIALLY ${after.deferred ? 'DEFERRED' : 'IMMEDIATE'}`,
      )
    return statements
  },
  drop: (is) => {
    if (is.attached || (is.inherited && is.type === 'c')) return undefined
    const exists = is.table === null ? '' : 'IF EXISTS '
    return `ALTER ${holder(is, exists)} DROP CONSTRAINT IF EXISTS ${quoteName(is.name)} CASCADE`
  },
  named: (is) =>
    `CONSTRAINT ${quoteName(is.name)} ON ${is.table === null ? `DOMAIN ${qualifiedDomain(is)}` : qualified(is.table)}`,
}

function holder(is: Constraint, prefix = ''): string {
  return is.table === null ? `DOMAIN ${qualifiedDomain(is)}` : `TABLE ${prefix}${qualified(is.table)}`
}

function qualifiedDomain({ domain }: Constraint): string {
  if (domain === null) throw new TypeError('a constraint of nothing')
  return qualified(domain)
}

type Index = Described<'index'>

export const index: Maker<'index'> = {
  create: (is) => [
    ...(is.constraint ? [] : [is.definition]),
    ...details({ ...is, options: is.constraint ? null : is.options, statistics: null }, is),
  ],
  complete: (is) => [...attached(null, is), ...clustered(false, is)],
  alter: (before, after) => {
    const statements: string[] = []
    if (before.name !== after.name && !after.constraint)
      statements.push(`ALTER INDEX ${qualified({ ...after, name: before.name })} RENAME TO ${quoteName(after.name)}`)
    statements.push(...details(before, after))
    if (before.clustered && !after.clustered)
      statements.push(`ALTER TABLE ${qualified(after.table)} SET WITHOUT CLUSTER`)
    return statements
  },
  completeAlter: (before, after) => [...attached(before.parent, after), ...clustered(before.clustered, after)],
  drop: (is) => (is.constraint || is.parent !== null ? undefined : `DROP INDEX IF EXISTS ${qualified(is)} CASCADE`),
  named: (is) => `INDEX ${qualified(is)}`,
}

function details(before: Index, after: Index): string[] {
  const columns = new Set([...Object.keys(before.statistics ?? {}), ...Object.keys(after.statistics ?? {})])
  return [
    ...optionChanges(before.options, after.options),
    ...[...columns]
      .filter((number) => before.statistics?.[number] !== after.statistics?.[number])
      .map((number) => `ALTER COLUMN ${number} SET STATISTICS ${after.statistics?.[number] ?? -1}`),
  ].map((change) => `ALTER INDEX ${qualified(after)} ${change}`)
}

/** Nothing happens where attaching the table has done it. */
function attached(before: Index['parent'], is: Index): string[] {
  if (is.parent === null || is.parent.oid === before?.oid) return []
  return [`ALTER INDEX ${qualified(is.parent)} ATTACH PARTITION ${qualified(is)}`]
}

function clustered(before: boolean, is: Index): string[] {
  return is.clustered && !before ? [`ALTER TABLE ${qualified(is.table)} CLUSTER ON ${quoteName(is.name)}`] : []
}
