// A value that is longer than a change may be travels before its row, piece by piece: `file` changes of the row's table, each with its part, its column and a
// piece. Whoever makes the register again puts them back into the next change of that table.
import type { Row, Value } from '#continuity'
import { EmbassyError } from '../../error.ts'
import { keyOf } from './rows.ts'
import type { Told } from './told.ts'

/** Of an encoded change; there is room for names and places. */
const MAXIMUM_BYTES = 3_500_000
/** Text may be six times as long when it is encoded. */
const PIECE_BYTES = 512 * 1024
/** PostgreSQL lets a value have 1 GB. One of ours is held whole. */
const MAXIMUM_VALUE = 256 * 1024 * 1024

/** The change as it can travel. */
export function* inPieces(told: Told): Generator<Told> {
  if (sizeOf(told.key) + sizeOf(told.row) <= MAXIMUM_BYTES) {
    yield told
    return
  }
  const { operation, relation, key, row } = told
  const after = key === null || row === null ? key : keyOf(row, Object.keys(key))
  if (operation !== 'update' || sameRow(key, after)) yield* taken(told)
  else {
    // Whoever erases the row by either key finds all of it.
    yield* taken({ operation: 'delete', relation, key, row: null })
    yield* taken({ operation: 'insert', relation, key: after, row })
  }
}

/** As many values out of the change as make it short enough. */
function* taken(told: Told): Generator<Told> {
  const { relation } = told
  const [key, row] = [{ ...told.key }, { ...told.row }]
  // What finds the pieces when the row is erased: its key, where that is short.
  const found = sizeOf(told.key) <= PIECE_BYTES ? told.key : null
  for (const [part, values] of [
    ['row', row],
    ['key', key],
  ] as const)
    while (sizeOf(key) + sizeOf(row) > MAXIMUM_BYTES) {
      const [column, value] = longest(values)
      if (column === undefined) break
      for (const piece of piecesOf(value, relation, column))
        yield { operation: 'file', relation, key: found, row: { part, column, piece } }
      delete values[column]
    }
  yield { ...told, key: told.key === null ? null : key, row: told.row === null ? null : row }
}

function sameRow(one: Row | null, other: Row | null): boolean {
  return JSON.stringify(Object.entries(one ?? {})) === JSON.stringify(Object.entries(other ?? {}))
}

function longest(values: Record<string, Value>): [string, Exclude<Value, null>] | [undefined, undefined] {
  let [found, length] = ['', -1]
  for (const [name, value] of Object.entries(values))
    if (value !== null && value.length > length) [found, length] = [name, value.length]
  const value = values[found]
  return value === undefined || value === null ? [undefined, undefined] : [found, value]
}

function* piecesOf(value: string | Uint8Array, relation: string, column: string): Generator<string | Uint8Array> {
  if (value.length > MAXIMUM_VALUE)
    throw new EmbassyError(
      'source_unsupported',
      `A value of ${value.length} octets in ${column} of ${relation} is longer than ${MAXIMUM_VALUE}`,
    )
  for (let at = 0; at < value.length; ) {
    let end = Math.min(at + PIECE_BYTES, value.length)
    // Not between the halves of a character.
    if (typeof value === 'string' && end < value.length && (value.charCodeAt(end) & 0xfc00) === 0xdc00) end -= 1
    yield typeof value === 'string' ? value.slice(at, end) : value.subarray(at, end)
    at = end
  }
}

/** As it is encoded, at most. */
function sizeOf(row: Row | null): number {
  let size = 0
  for (const [name, value] of Object.entries(row ?? {})) {
    size += name.length * 2 + 32
    if (value instanceof Uint8Array) size += value.length
    else if (value !== null) size += value.length < 4096 ? value.length * 6 : Buffer.byteLength(JSON.stringify(value))
  }
  return size
}

/** The reverse: pieces that wait for their row. */
export class Assembly {
  #parts = new Map<
    string,
    {
      readonly relation: string
      readonly part: string
      readonly column: string
      readonly pieces: (string | Uint8Array)[]
    }
  >()

  add({ relation, row }: Pick<Told, 'relation' | 'row'>): void {
    const { part, column, piece } = row ?? {}
    if (typeof part !== 'string' || typeof column !== 'string' || piece === undefined || piece === null)
      throw new TypeError('a piece of nothing')
    const name = `${part} ${column}`
    const waiting = this.#parts.get(name) ?? { relation, part, column, pieces: [] }
    waiting.pieces.push(piece)
    this.#parts.set(name, waiting)
  }

  /** The change with its long values back in it; what it has itself stands, so that pieces of a row that was erased harm no other. */
  join<T extends Pick<Told, 'relation' | 'key' | 'row'>>(change: T): T {
    if (this.#parts.size === 0) return change
    const parts = [...this.#parts.values()]
    this.#parts = new Map()
    const of = (wanted: string) =>
      Object.fromEntries(
        parts
          .filter(({ part, relation }) => part === wanted && relation === change.relation)
          .map(({ column, pieces }): [string, Value] => [column, joined(pieces)]),
      )
    return {
      ...change,
      key: change.key === null ? null : { ...of('key'), ...change.key },
      row: change.row === null ? null : { ...of('row'), ...change.row },
    }
  }
}

function joined(pieces: readonly (string | Uint8Array)[]): Value {
  const bytes = pieces.filter((piece) => piece instanceof Uint8Array)
  return bytes.length > 0 ? Buffer.concat(bytes) : pieces.join('')
}
