// Objects of a register on PostgreSQL, as its own database describes them (server/described.sql). Bounded and strict: they come over the network.
import { z } from 'zod'

const oid = z.int().min(1).max(0xffff_ffff)
const text = z.string().max(16 * 1024 * 1024)
const name = z.string().min(1).max(255)
const named = z.object({ oid, schema: name, name })
const needs = z.array(z.tuple([z.string(), oid])).max(100_000)
const comment = text.nullable()
const options = z.array(text).max(1000).nullable()
const placed = { schema: name, schemaOid: oid, name, comment, needs }

const column = z.object({
  number: z.int().min(1),
  name,
  /** As SQL says it, with what it is limited to. */
  type: text,
  typeOid: oid,
  modifier: z.int(),
  collation: text.nullable(),
  required: z.boolean(),
  default: text.nullable(),
  generated: text.nullable(),
  stored: z.boolean(),
  /** `a` always, `d` by default, or nothing. */
  identity: z.enum(['', 'a', 'd']),
  /** Of a parent: what happens to it happens there. */
  inherited: z.boolean(),
  /** What rows that are older than the column have in it. */
  missing: text.nullable(),
  storage: z.enum(['p', 'e', 'm', 'x']),
  usualStorage: z.enum(['p', 'e', 'm', 'x']),
  compression: z.enum(['p', 'l']).nullable(),
  statistics: z.int().nullable(),
  options,
  comment,
})
const columns = z.array(column).max(1600)
export type Column = z.infer<typeof column>

const kinds = {
  schema: z.object({ name, comment, needs }),
  extension: z.object({ name, schema: name, needs }),
  enum: z.object({ ...placed, labels: z.array(z.object({ oid, label: text })).max(100_000) }),
  domain: z.object({
    ...placed,
    base: text,
    collation: text.nullable(),
    required: z.boolean(),
    default: text.nullable(),
  }),
  composite: z.object({ ...placed, columns }),
  range: z.object({
    ...placed,
    subtype: text,
    multirange: text,
    operators: text.nullable(),
    collation: text.nullable(),
    difference: text.nullable(),
  }),
  sequence: z.object({
    ...placed,
    type: text,
    start: text,
    minimum: text,
    maximum: text,
    increment: text,
    cycle: z.boolean(),
    cache: text,
    /** Made by its column, and gone with it. */
    identity: z.boolean(),
    owner: named.extend({ column: name, always: z.boolean() }).nullable(),
  }),
  table: z.object({
    ...placed,
    /** How it is partitioned; null where it has rows of its own. */
    partitioned: text.nullable(),
    /** What of its parent it holds, as a partition. */
    bound: text.nullable(),
    parents: z.array(named).max(1000),
    columns,
    key: z.array(name).nullable(),
    options,
    method: name.nullable(),
    rowSecurity: z.boolean(),
    forcedRowSecurity: z.boolean(),
  }),
  constraint: z.object({
    name,
    /** Check, foreign key, primary key, unique, exclusion. */
    type: z.enum(['c', 'f', 'p', 'u', 'x']),
    definition: text,
    table: named.nullable(),
    domain: named.nullable(),
    /** A parent has it too. */
    inherited: z.boolean(),
    /** Part of one of a partitioned table. */
    attached: z.boolean(),
    /** Parents of its table. */
    parents: z.array(oid),
    validated: z.boolean(),
    deferrable: z.boolean(),
    deferred: z.boolean(),
    comment,
    needs,
  }),
  index: z.object({
    ...placed,
    table: named,
    definition: text,
    /** Made by a constraint. */
    constraint: z.boolean(),
    parent: named.nullable(),
    options,
    clustered: z.boolean(),
    statistics: z.record(z.string(), z.int()).nullable(),
  }),
  view: z.object({
    ...placed,
    materialized: z.boolean(),
    definition: text,
    columns,
    options,
    populated: z.boolean(),
    method: name.nullable(),
  }),
  function: z.object({ ...placed, arguments: text, definition: text, procedure: z.boolean() }),
  trigger: z.object({
    name,
    table: named,
    definition: text,
    enabled: z.enum(['O', 'D', 'R', 'A']),
    attached: z.boolean(),
    comment,
    needs,
  }),
  rule: z.object({ name, table: named, definition: text, enabled: z.enum(['O', 'D', 'R', 'A']), comment, needs }),
  policy: z.object({
    name,
    table: named,
    command: z.enum(['r', 'a', 'w', 'd', '*']),
    permissive: z.boolean(),
    roles: z.array(text).max(10_000),
    using: text.nullable(),
    check: text.nullable(),
    comment,
    needs,
  }),
  statistics: z.object({ ...placed, definition: text, target: z.int().nullable() }),
} as const

export type Kind = keyof typeof kinds
export type Described<K extends Kind = Kind> = { [P in K]: z.infer<(typeof kinds)[P]> }[K]
/** An object, by its kind and the oid that it keeps. */
export type RegisterObject<K extends Kind = Kind> = {
  [P in K]: { readonly kind: P; readonly oid: number; readonly is: z.infer<(typeof kinds)[P]> }
}[K]
/** What a statement made of an object: made where there was none before, dropped where there is none after. */
export type ObjectChange<K extends Kind = Kind> = {
  [P in K]: {
    readonly kind: P
    readonly oid: number
    readonly before: z.infer<(typeof kinds)[P]> | null
    readonly after: z.infer<(typeof kinds)[P]> | null
  }
}[K]

const sequence = z.object({ oid, schema: name, name, last: z.string().regex(/^-?\d{1,19}$/), called: z.boolean() })
/** Where a sequence stood. */
export type SequenceState = z.infer<typeof sequence>

const told = z.object({
  objects: z.array(z.object({ kind: z.string(), oid, before: z.unknown(), after: z.unknown() })),
  sequences: z.array(sequence),
  rewritten: z.array(named),
})

/** What became of the schema by one statement. */
export interface SchemaChange {
  readonly objects: readonly ObjectChange[]
  readonly sequences: readonly SequenceState[]
  /** Tables whose rows follow, all of them. */
  readonly rewritten: readonly z.infer<typeof named>[]
}

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(kinds, kind)
}

/** Throws ZodError or TypeError for anything else than a description. */
export function readObject(kind: string, id: number, description: unknown): RegisterObject {
  if (!isKind(kind)) throw new TypeError(`nobody knows an object of kind ${kind}`)
  return { kind, oid: id, is: kinds[kind].parse(description) } as RegisterObject
}

/** Throws ZodError, SyntaxError or TypeError for anything else than what saadik.follow() wrote. */
export function readSchemaChange(json: string): SchemaChange {
  const { objects, sequences, rewritten } = told.parse(JSON.parse(json))
  const read = objects.map(({ kind, oid: id, before, after }) => {
    const of = (description: unknown) => (description === null ? null : readObject(kind, id, description).is)
    return { kind, oid: id, before: of(before), after: of(after) } as ObjectChange
  })
  return { objects: read, sequences, rewritten }
}
