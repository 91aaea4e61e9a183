// What a register does by itself: views, functions, triggers, rules, policies. And statistics, which are dropped and made again as lightly.
import { commentOn, type Maker, moved, optionChanges, optionList } from './maker.ts'
import type { Described } from './objects.ts'
import { qualified, quoteName } from './quote.ts'

type View = Described<'view'>

const kindOf = ({ materialized }: View) => (materialized ? 'MATERIALIZED VIEW' : 'VIEW')

function viewDefinition(is: View): string {
  const columns = is.columns.map(({ name }) => quoteName(name)).join(', ')
  const method = is.method === null ? '' : ` USING ${quoteName(is.method)}`
  const options = is.options === null ? '' : ` WITH (${optionList(is.options)})`
  return `${kindOf(is)} ${qualified(is)} (${columns})${method}${options} AS ${is.definition}`
}

function viewColumns(before: readonly View['columns'][number][], after: View): string[] {
  const old = new Map(before.map((column) => [column.number, column]))
  return after.columns.flatMap((column) => {
    const was = old.get(column.number)
    const initial = column.default === null ? 'DROP DEFAULT' : `SET DEFAULT ${column.default}`
    return [
      ...((was?.default ?? null) === column.default
        ? []
        : [`ALTER VIEW ${qualified(after)} ALTER COLUMN ${quoteName(column.name)} ${initial}`]),
      ...((was?.comment ?? null) === column.comment
        ? []
        : [commentOn(`COLUMN ${qualified(after)}.${quoteName(column.name)}`, column.comment)]),
    ]
  })
}

export const view: Maker<'view'> = {
  create: (is) => [`CREATE ${viewDefinition(is)}${is.materialized ? ' WITH NO DATA' : ''}`, ...viewColumns([], is)],
  // What it shows is made again, not told.
  complete: (is) => (is.materialized && is.populated ? [`REFRESH MATERIALIZED VIEW ${qualified(is)}`] : []),
  alter: (before, after) => {
    const statements = moved(kindOf(after), before, after)
    const alter = (what: string) => statements.push(`ALTER ${kindOf(after)} ${qualified(after)} ${what}`)
    const old = new Map(before.columns.map(({ number, name }) => [number, name]))
    for (const { number, name } of after.columns) {
      const was = old.get(number)
      if (was !== undefined && was !== name) alter(`RENAME COLUMN ${quoteName(was)} TO ${quoteName(name)}`)
    }
    const replaced = before.definition !== after.definition || before.columns.length !== after.columns.length
    if (!after.materialized && replaced) statements.push(`CREATE OR REPLACE ${viewDefinition(after)}`)
    for (const change of optionChanges(before.options, after.options)) alter(change)
    statements.push(...viewColumns(before.columns, after))
    if (before.populated !== after.populated)
      statements.push(`REFRESH MATERIALIZED VIEW ${qualified(after)}${after.populated ? '' : ' WITH NO DATA'}`)
    return statements
  },
  drop: (is) => `DROP ${kindOf(is)} IF EXISTS ${qualified(is)} CASCADE`,
  named: (is) => `${kindOf(is)} ${qualified(is)}`,
}

export const routine: Maker<'function'> = {
  create: ({ definition }) => [definition],
  alter: (before, after) => [
    ...moved('ROUTINE', before, after, `(${after.arguments})`),
    ...(before.definition === after.definition ? [] : [after.definition]),
  ],
  drop: (is) => `DROP ROUTINE IF EXISTS ${qualified(is)}(${is.arguments}) CASCADE`,
  named: (is) => `ROUTINE ${qualified(is)}(${is.arguments})`,
}

const STATES = { O: 'ENABLE', D: 'DISABLE', R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' } as const

type Trigger = Described<'trigger'>

const triggerState = ({ table, enabled, name }: Trigger) =>
  `ALTER TABLE ONLY ${qualified(table)} ${STATES[enabled]} TRIGGER ${quoteName(name)}`
const dropTrigger = ({ name, table }: Trigger) =>
  `DROP TRIGGER IF EXISTS ${quoteName(name)} ON ${qualified(table)} CASCADE`

export const trigger: Maker<'trigger'> = {
  // One of a partitioned table makes those of its partitions.
  create: (is) => [
    ...(is.attached ? [] : [is.definition]),
    ...(is.enabled === 'O' || is.attached ? [] : [triggerState(is)]),
  ],
  // A partition has it by then.
  complete: (is) => (is.attached && is.enabled !== 'O' ? [triggerState(is)] : []),
  alter: (before, after) => {
    const remade = !after.attached && (before.definition !== after.definition || before.name !== after.name)
    if (remade)
      return [
        dropTrigger({ ...after, name: before.name }),
        after.definition,
        ...(after.enabled === 'O' ? [] : [triggerState(after)]),
      ]
    return before.enabled === after.enabled ? [] : [triggerState(after)]
  },
  drop: (is) => (is.attached ? undefined : dropTrigger(is)),
  named: ({ name, table }) => `TRIGGER ${quoteName(name)} ON ${qualified(table)}`,
}

type Rule = Described<'rule'>

const ruleState = ({ table, enabled, name }: Rule) =>
  enabled === 'O' ? [] : [`ALTER TABLE ${qualified(table)} ${STATES[enabled]} RULE ${quoteName(name)}`]
const dropRule = ({ name, table }: Rule) => `DROP RULE IF EXISTS ${quoteName(name)} ON ${qualified(table)} CASCADE`

export const rule: Maker<'rule'> = {
  create: (is) => [is.definition, ...ruleState(is)],
  alter: (before, after) =>
    before.definition === after.definition && before.name === after.name && before.enabled === after.enabled
      ? []
      : [dropRule({ ...after, name: before.name }), after.definition, ...ruleState(after)],
  drop: dropRule,
  named: ({ name, table }) => `RULE ${quoteName(name)} ON ${qualified(table)}`,
}

type Policy = Described<'policy'>

const COMMANDS = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE', '*': 'ALL' } as const

function policyDefinition({ name, table, command, permissive, roles, using, check }: Policy): string {
  const parts = [
    `CREATE POLICY ${quoteName(name)} ON ${qualified(table)} AS ${permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${COMMANDS[command]} TO ${roles.join(', ')}`,
    ...(using === null ? [] : [`USING (${using})`]),
    ...(check === null ? [] : [`WITH CHECK (${check})`]),
  ]
  return parts.join(' ')
}

const dropPolicy = ({ name, table }: Policy) => `DROP POLICY IF EXISTS ${quoteName(name)} ON ${qualified(table)}`

export const policy: Maker<'policy'> = {
  create: (is) => [policyDefinition(is)],
  alter: (before, after) =>
    policyDefinition(before) === policyDefinition(after)
      ? []
      : [dropPolicy({ ...after, name: before.name }), policyDefinition(after)],
  drop: dropPolicy,
  named: ({ name, table }) => `POLICY ${quoteName(name)} ON ${qualified(table)}`,
}

type Statistics = Described<'statistics'>

const statisticsTarget = (is: Statistics) =>
  is.target === null ? [] : [`ALTER STATISTICS ${qualified(is)} SET STATISTICS ${is.target}`]

export const statistics: Maker<'statistics'> = {
  create: (is) => [is.definition, ...statisticsTarget(is)],
  alter: (before, after) => {
    const statements = moved('STATISTICS', before, after)
    if (before.definition !== after.definition || before.target !== after.target)
      statements.push(`DROP STATISTICS IF EXISTS ${qualified(after)}`, after.definition, ...statisticsTarget(after))
    return statements
  },
  drop: (is) => `DROP STATISTICS IF EXISTS ${qualified(is)}`,
  named: (is) => `STATISTICS ${qualified(is)}`,
}
