// From what became of objects to the statements that do the same elsewhere. Comparing what is with what was, instead of repeating what somebody wrote: a statement
// within a function, several in one string, a default that depends on the day, are all the same then.
import { constraint, index } from './constraints.ts'
import { type Context, commentOn, type Maker } from './maker.ts'
import type { Described, Kind, ObjectChange, RegisterObject, SchemaChange } from './objects.ts'
import { inOrder } from './order.ts'
import { policy, routine, rule, statistics, trigger, view } from './programs.ts'
import { sequence } from './sequences.ts'
import { table } from './tables.ts'
import { composite, domain, enumeration, extension, range, schema } from './types.ts'

export interface Statement {
  /** The object, for people. */
  readonly about: string
  readonly sql: string
}

const MAKERS: { readonly [K in Kind]: Maker<K> } = {
  ...{ schema, extension, enum: enumeration, domain, composite, range, sequence, table },
  ...{ constraint, index, view, function: routine, trigger, rule, policy, statistics },
}

const makerOf = (kind: Kind) => MAKERS[kind] as unknown as Maker<Kind>

/** The whole schema: what rows need, and what is quicker made, or only true, when they are there. */
export function schemaStatements(objects: readonly RegisterObject[]): {
  readonly beforeRows: readonly Statement[]
  readonly afterRows: readonly Statement[]
} {
  const ordered = inOrder(objects)
  const late = afterRows(ordered)
  const [early, rest] = [ordered.filter((each) => !late.has(each)), ordered.filter((each) => late.has(each))]
  return { beforeRows: created(early, ordered), afterRows: created(rest, ordered) }
}

/** What one statement at home did. */
export function changeStatements({ objects, rewritten }: SchemaChange): readonly Statement[] {
  const made = inOrder(
    objects.flatMap(({ kind, oid, before, after }) =>
      before === null && after !== null ? [{ kind, oid, is: after } as RegisterObject] : [],
    ),
  )
  const altered = inOrder(
    objects.flatMap(({ kind, oid, before, after }) =>
      before !== null && after !== null ? [{ kind, oid, is: after } as RegisterObject] : [],
    ),
  )
  const was = new Map(objects.map(({ kind, oid, before }) => [`${kind} ${oid}`, before]))
  const before = (each: RegisterObject) => was.get(`${each.kind} ${each.oid}`) as Described
  const statements: Statement[] = []
  const say = (each: { readonly kind: Kind; readonly is: Described }, sql: readonly string[]) => {
    for (const one of sql) statements.push({ about: aboutOf(each.kind, each.is), sql: one })
  }
  for (const each of dropped(objects))
    say(
      each,
      [makerOf(each.kind).drop(each.is)].filter((sql) => sql !== undefined),
    )
  // A column that is added may be of a type that is made by the same statement, or count by its sequence.
  const needed = made.filter(
    ({ kind, is }) =>
      ['schema', 'extension', 'enum', 'domain', 'composite', 'range', 'function'].includes(kind) ||
      (kind === 'sequence' && !(is as Described<'sequence'>).identity),
  )
  statements.push(...creations(needed, made))
  for (const each of altered) {
    const context: Context = {
      rewritten: rewritten.some(({ oid }) => oid === each.oid),
      missing: (column) => missingBelow(each.oid, column, altered),
    }
    say(each, makerOf(each.kind).alter(before(each), each.is, context))
    say(each, recommented(each.kind, before(each), each.is))
  }
  const rest = made.filter((each) => !needed.includes(each))
  statements.push(...creations(rest, made))
  for (const each of made) say(each, makerOf(each.kind).complete?.(each.is) ?? [])
  for (const each of altered) say(each, makerOf(each.kind).completeAlter?.(before(each), each.is) ?? [])
  return statements
}

/** Of the first child that has it; all got the same. */
function missingBelow(parent: number, column: string, altered: readonly RegisterObject[]): string | null {
  for (const { kind, oid, is } of altered) {
    if (kind !== 'table' || !is.parents.some((each) => each.oid === parent)) continue
    const found = is.columns.find(({ name }) => name === column)?.missing ?? missingBelow(oid, column, altered)
    if (found !== null) return found
  }
  return null
}

function created(objects: readonly RegisterObject[], all: readonly RegisterObject[]): readonly Statement[] {
  const complete = objects.flatMap(({ kind, is }) =>
    (makerOf(kind).complete?.(is) ?? []).map((sql) => ({ about: aboutOf(kind, is), sql })),
  )
  return [...creations(objects, all), ...complete]
}

function creations(objects: readonly RegisterObject[], all: readonly RegisterObject[]): Statement[] {
  return objects
    .filter((each) => !madeByParent(each, all))
    .flatMap(({ kind, is }) => {
      const named = 'comment' in is && is.comment !== null ? makerOf(kind).named(is) : undefined
      const comment = named === undefined ? [] : [commentOn(named, (is as { comment: string }).comment)]
      return [...makerOf(kind).create(is), ...comment].map((sql) => ({ about: aboutOf(kind, is), sql }))
    })
}

/** A check of a parent makes that of its children. */
function madeByParent({ kind, is }: RegisterObject, all: readonly RegisterObject[]): boolean {
  if (kind !== 'constraint') return false
  const { type, inherited, name, parents } = is as Described<'constraint'>
  if (type !== 'c' || !inherited) return false
  return all.some((other) => {
    if (other.kind !== 'constraint' || other.is.type !== 'c' || other.is.name !== name) return false
    return other.is.table !== null && parents.includes(other.is.table.oid)
  })
}

/** What is dropped by itself: not what goes with its table. */
function dropped(objects: readonly ObjectChange[]): { readonly kind: Kind; readonly is: Described }[] {
  const gone = objects.filter(({ after }) => after === null)
  const tables = new Set(gone.filter(({ kind }) => kind === 'table' || kind === 'view').map(({ oid }) => oid))
  const domains = new Set(gone.filter(({ kind }) => kind === 'domain').map(({ oid }) => oid))
  return gone.flatMap(({ kind, before }) => {
    if (before === null) return []
    if ('table' in before && before.table !== null && tables.has(before.table.oid)) return []
    if ('domain' in before && before.domain !== null && domains.has(before.domain.oid)) return []
    if ('owner' in before && before.owner !== null && tables.has(before.owner.oid)) return []
    return [{ kind, is: before }]
  })
}

function recommented(kind: Kind, before: Described, after: Described): readonly string[] {
  if (!('comment' in before) || !('comment' in after) || before.comment === after.comment) return []
  const named = makerOf(kind).named(after)
  return named === undefined ? [] : [commentOn(named, after.comment)]
}

/** Indexes, constraints and programs, and whatever needs one of them. */
function afterRows(ordered: readonly RegisterObject[]): Set<RegisterObject> {
  const late = new Set<RegisterObject>()
  const lateNames = new Set<string>()
  for (const each of ordered) {
    const { kind, is } = each
    const own =
      ['index', 'trigger', 'rule', 'policy', 'statistics'].includes(kind) ||
      (kind === 'constraint' && (is as Described<'constraint'>).table !== null) ||
      (kind === 'view' && (is as Described<'view'>).materialized)
    if (!own && !is.needs.some(([needed, oid]) => lateNames.has(`${needed} ${oid}`))) continue
    late.add(each)
    lateNames.add(`${kind} ${each.oid}`)
  }
  return late
}

const LONGEST = 400

/** Within what a change may be called. */
function aboutOf(kind: Kind, is: Described): string {
  const place =
    'schema' in is ? `${is.schema}.` : 'table' in is && is.table !== null ? `${is.table.schema}.${is.table.name}.` : ''
  return `${kind} ${place}${is.name}`.slice(0, LONGEST)
}
