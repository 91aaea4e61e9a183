// Messages of PostgreSQL's logical replication (documentation, "Streaming Replication Protocol" and "Logical Replication Message Formats"), protocol version 1:
// a transaction comes whole, when it was committed. Strict: an octet too many, a letter that nobody knows, and nothing more is believed.
import { Bytes, malformed } from './bytes.ts'

/** Null, text as the type writes it, or a value outside the row that did not change. */
export type TupleValue = string | null | typeof UNCHANGED
export const UNCHANGED: unique symbol = Symbol('unchanged')
export type Tuple = readonly TupleValue[]

export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `d` the primary key, `f` the whole row, `i` an index, `n` nothing. */
  readonly identity: string
  readonly columns: readonly { readonly name: string; readonly type: number }[]
}

export type Message =
  | { readonly kind: 'begin'; readonly commit: bigint; readonly at: Date; readonly xid: number }
  | { readonly kind: 'commit'; readonly commit: bigint; readonly end: bigint }
  | { readonly kind: 'relation'; readonly relation: Relation }
  | { readonly kind: 'insert'; readonly oid: number; readonly row: Tuple }
  /** `old` is the whole row or, where `keyOnly`, its key with nulls in place of the rest; absent where the key did not change. */
  | {
      readonly kind: 'update'
      readonly oid: number
      readonly old?: Tuple
      readonly keyOnly: boolean
      readonly row: Tuple
    }
  | { readonly kind: 'delete'; readonly oid: number; readonly old: Tuple; readonly keyOnly: boolean }
  | { readonly kind: 'truncate'; readonly oids: readonly number[] }
  /** A type, an origin, a logical message: nothing for a register. */
  | { readonly kind: 'other' }

export type Frame =
  | { readonly kind: 'data'; readonly lsn: bigint; readonly payload: Buffer }
  /** Everything before `end` was sent. */
  | { readonly kind: 'keepalive'; readonly end: bigint; readonly reply: boolean }

/** PostgreSQL counts microseconds from 2000. */
const EPOCH_MS = Date.UTC(2000, 0, 1)
const MAXIMUM_RELATIONS = 1_000_000
/** What PostgreSQL lets a table have. */
const MAXIMUM_COLUMNS = 1600

/** What came as one CopyData. */
export function readFrame(bytes: Buffer): Frame {
  const input = new Bytes(bytes)
  const kind = letter(input)
  if (kind === 'w') {
    const lsn = input.u64()
    input.u64()
    input.i64()
    return { kind: 'data', lsn, payload: input.rest() }
  }
  if (kind !== 'k') throw malformed(`nobody knows a frame ${kind}`)
  const end = input.u64()
  input.i64()
  const reply = input.u8() === 1
  input.end()
  return { kind: 'keepalive', end, reply }
}

/** What we say: everything before `flushed` is safe elsewhere, whichever of the three a COMMIT waits for. */
export function standbyStatus(flushed: bigint, now: Date, reply: boolean): Buffer {
  const bytes = Buffer.alloc(34)
  bytes.write('r', 'latin1')
  for (const at of [1, 9, 17]) bytes.writeBigUInt64BE(flushed, at)
  bytes.writeBigInt64BE(BigInt(now.getTime() - EPOCH_MS) * 1000n, 25)
  bytes[33] = reply ? 1 : 0
  return bytes
}

export function readMessage(payload: Buffer): Message {
  const input = new Bytes(payload)
  const message = read(letter(input), input)
  if (message.kind !== 'other') input.end()
  return message
}

function read(kind: string, input: Bytes): Message {
  switch (kind) {
    case 'B': {
      const commit = input.u64()
      const at = new Date(EPOCH_MS + Number(input.i64() / 1000n))
      return { kind: 'begin', commit, at, xid: input.u32() }
    }
    case 'C': {
      input.u8()
      const [commit, end] = [input.u64(), input.u64()]
      input.i64()
      return { kind: 'commit', commit, end }
    }
    case 'R':
      return { kind: 'relation', relation: readRelation(input) }
    case 'I': {
      const oid = input.u32()
      expect(input, 'N')
      return { kind: 'insert', oid, row: readTuple(input) }
    }
    case 'U':
      return readUpdate(input)
    case 'D': {
      const oid = input.u32()
      const which = letter(input)
      if (which !== 'K' && which !== 'O') throw malformed(`a row that is gone is told as ${which}`)
      return { kind: 'delete', oid, old: readTuple(input), keyOnly: which === 'K' }
    }
    case 'T': {
      const count = input.u32()
      if (count > MAXIMUM_RELATIONS) throw malformed(`${count} relations at once`)
      input.u8()
      return { kind: 'truncate', oids: Array.from({ length: count }, () => input.u32()) }
    }
    case 'M':
    case 'O':
    case 'Y':
      return { kind: 'other' }
    default:
      throw malformed(`nobody knows a message ${kind}`)
  }
}

function readUpdate(input: Bytes): Message {
  const oid = input.u32()
  const which = letter(input)
  if (which === 'N') return { kind: 'update', oid, keyOnly: false, row: readTuple(input) }
  if (which !== 'K' && which !== 'O') throw malformed(`a row that was is told as ${which}`)
  const old = readTuple(input)
  expect(input, 'N')
  return { kind: 'update', oid, old, keyOnly: which === 'K', row: readTuple(input) }
}

function readRelation(input: Bytes): Relation {
  const oid = input.u32()
  const [schema, name] = [input.text(), input.text()]
  const identity = letter(input)
  const count = input.u16()
  if (count > MAXIMUM_COLUMNS) throw malformed(`${count} columns`)
  const columns = Array.from({ length: count }, () => {
    input.u8()
    const column = { name: input.text(), type: input.u32() }
    input.i32()
    return column
  })
  return { oid, schema, name, identity, columns }
}

function readTuple(input: Bytes): Tuple {
  const count = input.u16()
  if (count > MAXIMUM_COLUMNS) throw malformed(`${count} values`)
  return Array.from({ length: count }, () => {
    const kind = letter(input)
    if (kind === 'n') return null
    if (kind === 'u') return UNCHANGED
    if (kind !== 't') throw malformed(`a value is told as ${kind}`)
    return input.take(input.u32()).toString('utf8')
  })
}

function letter(input: Bytes): string {
  return String.fromCharCode(input.u8())
}

function expect(input: Bytes, wanted: string): void {
  const found = letter(input)
  if (found !== wanted) throw malformed(`${found} in place of ${wanted}`)
}
