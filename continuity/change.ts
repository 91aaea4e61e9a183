// One change of a register, as it is before it is sealed and after it is opened: what happened to which row, file or document.
import { ContinuityError } from './error.ts'

/**
 * A value as its source writes it in text: PostgreSQL's text form, SQLite's decimal or text. Bytes stay bytes. Numbers stay text, because a register's
 * numeric(20,2) is no double.
 */
export type Value = string | Uint8Array | null
export type Row = Readonly<Record<string, Value>>

/**
 * `insert`, `update`, `delete`, `truncate`: rows of a relation. `schema`: a statement that makes or changes it, or what there is of it. `sequence`: where it
 * stands. `document`: a service description, access rights, a run-book, whole under its name. `file`: a piece of a file, in order; an empty piece ends it.
 * `state`: how many rows a relation has and what their digest is, to be compared when it is restored.
 */
export const OPERATIONS = [
  'insert',
  'update',
  'delete',
  'truncate',
  'schema',
  'sequence',
  'document',
  'file',
  'state',
] as const
export type Operation = (typeof OPERATIONS)[number]

export interface Change {
  readonly operation: Operation
  /** Table, file or document: `public.persons`. */
  readonly relation: string
  /** What finds the row that changed: its replica identity. */
  readonly key: Row | null
  /** The whole row after the change; null where there is none. */
  readonly row: Row | null
  /** Where the source has it: an LSN, a number of its journal. Rises within a register. */
  readonly position: string
  /** When the source committed it. */
  readonly at: Date
}

/** Octets of an encoded change: with its end mark it fills a bucket of 4 MiB. Longer content travels as a file, piece by piece. */
export const MAXIMUM_CHANGE_BYTES = 4 * 1024 * 1024 - 1
export const MAXIMUM_COLUMNS = 1664
const MAXIMUM_NAME = 512

const refuse = (why: string) => new ContinuityError('malformed_change', `The change is malformed: ${why}`)

interface Encoded {
  readonly o: Operation
  readonly r: string
  readonly p: string
  readonly t: number
  readonly k: EncodedRow
  readonly v: EncodedRow
}
/** Text as it is; bytes by where they lie behind the JSON, as start and end. */
type EncodedRow = Record<string, string | null | readonly [number, number]> | null

/** Length of its JSON (u32), the JSON, all bytes one behind another. Throws `too_large`, `malformed_change`. */
export function encodeChange(change: Change): Buffer {
  const bytes: Uint8Array[] = []
  let end = 0
  const pack = (row: Row | null): EncodedRow =>
    row &&
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => {
        if (value === null || typeof value === 'string') return [name, value]
        bytes.push(value)
        end += value.length
        return [name, [end - value.length, end] as const]
      }),
    )
  const { operation, relation, position, at, key, row } = change
  const encoded: Encoded = { o: operation, r: relation, p: position, t: at.getTime(), k: pack(key), v: pack(row) }
  const json = Buffer.from(JSON.stringify(encoded))
  if (4 + json.length + end > MAXIMUM_CHANGE_BYTES)
    throw new ContinuityError(
      'too_large',
      `A change of ${json.length + end} octets is longer than ${MAXIMUM_CHANGE_BYTES}`,
    )
  const head = Buffer.alloc(4)
  head.writeUInt32BE(json.length)
  return Buffer.concat([head, json, ...bytes])
}

/** What {@link encodeChange} gave; anything else throws `malformed_change`. */
export function decodeChange(bytes: Uint8Array): Change {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (all.length < 4 || all.length > MAXIMUM_CHANGE_BYTES) throw refuse(`${all.length} octets are no change`)
  const json = all.subarray(4, 4 + all.readUInt32BE(0))
  if (json.length !== all.readUInt32BE(0)) throw refuse('it ends early')
  const content = all.subarray(4 + json.length)
  const encoded = parse(json)
  const { o, r, p, t } = encoded
  const operation = OPERATIONS.find((known) => known === o)
  if (operation === undefined) throw refuse('nobody knows this operation')
  if (!isName(r) || !isName(p)) throw refuse('it names no relation or no position')
  if (!Number.isSafeInteger(t) || Math.abs(t) > 8.64e15) throw refuse('its time is no time')
  return {
    operation,
    relation: r,
    position: p,
    at: new Date(t),
    key: unpack(encoded.k, content),
    row: unpack(encoded.v, content),
  }
}

function parse(json: Buffer): Encoded {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
    if (typeof value === 'object' && value !== null) return value as Encoded
  } catch (cause) {
    throw new ContinuityError('malformed_change', 'The change is malformed: it is no JSON', { cause })
  }
  throw refuse('it is no object')
}

const isName = (value: unknown) => typeof value === 'string' && value !== '' && value.length <= MAXIMUM_NAME

function unpack(row: unknown, content: Buffer): Row | null {
  if (row === null) return null
  if (typeof row !== 'object' || Array.isArray(row)) throw refuse('a row is no object')
  const columns = Object.entries(row as object)
  if (columns.length > MAXIMUM_COLUMNS) throw refuse(`a row has ${columns.length} columns`)
  // No prototype: a column may be called __proto__.
  const values: Record<string, Value> = Object.create(null)
  for (const [name, value] of columns) values[name] = unpackValue(value, content)
  return values
}

function unpackValue(value: unknown, content: Buffer): Value {
  if (value === null || typeof value === 'string') return value
  const [start, end] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : []
  if (!isOffset(start) || !isOffset(end) || start > end || end > content.length) throw refuse('a value is none')
  return content.subarray(start, end)
}

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
