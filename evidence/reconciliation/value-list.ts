// A side's values in ascending order, with a place for each (where its record is found) and what has become known of it. 41 octets for a value;
// bound by the root of a Merkle tree over them, so that a side can be held to its list before it has seen the other's.
import { Frontier, type Hash, leafHash } from '#transparency'
import { equalBytes } from '#trust'
import { StatementError } from './error.ts'
import { VALUE_BYTES } from './exchange-value.ts'

/** Lets others have their turn; called every millisecond or so. */
export type Turn = () => Promise<void> | undefined

/** What a list is known by before it is shown. */
export interface ListHead {
  readonly count: number
  readonly root: Hash
}

/** The other side has it too. */
export const MATCHED = 1
/** Its leaf was shown. */
export const PROVEN = 2

export class ValueList implements ListHead {
  readonly count: number
  readonly root: Hash
  readonly #values: Buffer
  readonly #places: Float64Array
  readonly #marks: Uint8Array

  constructor({ count, root }: ListHead, values: Buffer, places: Float64Array) {
    this.count = count
    this.root = root
    this.#values = values
    this.#places = places
    this.#marks = new Uint8Array(count)
  }

  value(index: number): Buffer {
    return this.#values.subarray(index * VALUE_BYTES, (index + 1) * VALUE_BYTES)
  }

  /** Values from one on, as they stand. */
  slice(first: number, count: number): Buffer {
    return this.#values.subarray(first * VALUE_BYTES, (first + count) * VALUE_BYTES)
  }

  place(index: number): number {
    return this.#places[index] ?? 0
  }

  is(index: number, mark: number): boolean {
    return ((this.#marks[index] ?? 0) & mark) !== 0
  }

  mark(index: number, mark: number): void {
    this.#marks[index] = (this.#marks[index] ?? 0) | mark
  }

  /** Nothing is so marked any more. */
  clear(mark: number): void {
    for (const [index, marks] of this.#marks.entries()) this.#marks[index] = marks & ~mark
  }

  /** How many are not. */
  without(mark: number): number {
    return this.#marks.reduce((sum, marks) => sum + ((marks & mark) === 0 ? 1 : 0), 0)
  }

  /** The first of the values that are equal to this one; undefined where there is none. */
  find(value: Uint8Array): number | undefined {
    let [from, to] = [0, this.count]
    while (from < to) {
      const middle = from + Math.floor((to - from) / 2)
      if (Buffer.compare(this.value(middle), value) < 0) from = middle + 1
      else to = middle
    }
    return from < this.count && this.value(from).equals(value) ? from : undefined
  }

  /** The first of the values that are equal to this one and not so marked. */
  findWithout(value: Uint8Array, mark: number): number | undefined {
    for (let at = this.find(value) ?? this.count; at < this.count && this.value(at).equals(value); at += 1)
      if (!this.is(at, mark)) return at
    return undefined
  }

  /** Whether the side has the same more than once. */
  isRepeated(index: number): boolean {
    const value = this.value(index)
    return (index > 0 && this.value(index - 1).equals(value)) || this.value(index + 1).equals(value)
  }
}

/** Marks what both lists have; of values that are there several times as many as both have. Gives how many pairs there are. */
export async function matchLists(here: ValueList, there: ValueList, turn: Turn): Promise<number> {
  let pairs = 0
  for (let [a, b] = [0, 0]; a < here.count && b < there.count; ) {
    const order = here.value(a).compare(there.value(b))
    if (order === 0) {
      here.mark(a, MATCHED)
      there.mark(b, MATCHED)
      pairs += 1
    }
    if (order <= 0) a += 1
    if (order >= 0) b += 1
    if ((a + b) % SLICE === 0) await turn()
  }
  return pairs
}

/** Steps between two turns. */
const SLICE = 1024
/** Values are gathered by their first bits: what is sorted at once stays small. */
const BUCKETS = 4096
const ROW_BYTES = VALUE_BYTES + 8

/** Gathers the values of a side in any order. */
export class ValueCollector {
  readonly #buckets: Bucket[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  /** @param place Where its record is found again; a number. */
  add(value: Uint8Array, place: number): void {
    const index = ((value[0] ?? 0) << 4) | ((value[1] ?? 0) >> 4)
    this.#buckets[index] ??= new Bucket()
    this.#buckets[index].add(value, place)
    this.#count += 1
  }

  /** The list; the collector is used up. */
  async sorted(turn: Turn): Promise<ValueList> {
    const values = Buffer.allocUnsafe(this.#count * VALUE_BYTES)
    const places = new Float64Array(this.#count)
    const frontier = new Frontier()
    for (let index = 0; index < BUCKETS; index += 1) {
      for (const row of this.#buckets[index]?.sorted() ?? []) {
        row.copy(values, frontier.size * VALUE_BYTES, 0, VALUE_BYTES)
        places[frontier.size] = row.readDoubleBE(VALUE_BYTES)
        frontier.append(leafHash(row.subarray(0, VALUE_BYTES)))
      }
      delete this.#buckets[index]
      await turn()
    }
    return new ValueList({ count: this.#count, root: frontier.root() }, values, places)
  }
}

class Bucket {
  #rows = Buffer.allocUnsafe(16 * ROW_BYTES)
  #count = 0

  add(value: Uint8Array, place: number): void {
    const at = this.#count * ROW_BYTES
    if (at === this.#rows.length) this.#rows = Buffer.concat([this.#rows], 2 * this.#rows.length)
    this.#rows.set(value, at)
    this.#rows.writeDoubleBE(place, at + VALUE_BYTES)
    this.#count += 1
  }

  sorted(): Buffer[] {
    const rows = Array.from({ length: this.#count }, (_, at) =>
      this.#rows.subarray(at * ROW_BYTES, (at + 1) * ROW_BYTES),
    )
    return rows.sort((a, b) => a.compare(b))
  }
}

/** Takes the other side's list, page by page, and holds it to what it had bound itself to. */
export class ValueReader {
  readonly #head: ListHead
  readonly #values: Buffer
  readonly #frontier = new Frontier()

  /** @param most Of values that are taken. Throws StatementError `too_many`. */
  constructor(head: ListHead, most: number) {
    if (head.count > most)
      throw new StatementError('too_many', `The other side has ${head.count} items; this run takes ${most}`)
    this.#head = head
    this.#values = Buffer.alloc(head.count * VALUE_BYTES)
  }

  get count(): number {
    return this.#frontier.size
  }

  /** Throws StatementError `malformed_statement`, `wrong_values`. */
  async take(page: Uint8Array, turn: Turn): Promise<void> {
    if (page.length % VALUE_BYTES !== 0)
      throw new StatementError('malformed_statement', `A page of ${page.length} octets is no list of values`)
    if (this.count * VALUE_BYTES + page.length > this.#values.length)
      throw new StatementError('wrong_values', `There are more values than the ${this.#head.count} that were announced`)
    for (let at = 0; at < page.length; at += VALUE_BYTES) {
      const place = this.count * VALUE_BYTES
      this.#values.set(page.subarray(at, at + VALUE_BYTES), place)
      const value = this.#values.subarray(place, place + VALUE_BYTES)
      if (place > 0 && this.#values.subarray(place - VALUE_BYTES, place).compare(value) > 0)
        throw new StatementError('malformed_statement', `Value ${this.count} is not in its order`)
      this.#frontier.append(leafHash(value))
      if (this.count % SLICE === 0) await turn()
    }
  }

  /** Throws StatementError `wrong_values` where it is not the list that was announced. */
  end(): ValueList {
    const { count, root } = this.#head
    if (this.count !== count || !equalBytes(this.#frontier.root(), root))
      throw new StatementError('wrong_values', 'The values are not those that the other side had bound itself to')
    return new ValueList(this.#head, this.#values, new Float64Array(count))
  }
}
