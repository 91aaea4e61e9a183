// Which leaf is which record. Entries of other kinds stand between them and are marked in the tree; a later epoch begins with the records that
// were left then.
import type { TileLog } from '#transparent-log'

export class RecordLeaves {
  readonly tree: TileLog
  /** The first record that is in the tree. */
  readonly first: number

  constructor(tree: TileLog, first: number) {
    this.tree = tree
    this.first = first
  }

  /** The last record that is in the tree; the one before the first where none is. */
  get last(): number {
    return this.first - 1 + this.tree.unmarked
  }

  /** The last record among so many leaves. */
  lastIn(size: number): number {
    return this.first - 1 + this.tree.unmarkedIn(size)
  }

  /** Throws TransparentLogError `out_of_range`. */
  indexOf(seq: number): number {
    return this.tree.indexOf(seq - this.first)
  }

  has(seq: number): boolean {
    return seq >= this.first && seq <= this.last
  }

  /** Undefined for a leaf that is no record's. */
  recordAt(index: number): number | undefined {
    const ordinal = this.tree.ordinalOf(index)
    return ordinal === undefined ? undefined : this.first + ordinal
  }

  /** The entries of records, dense from one on; all are in the tree. */
  async entries(seq: number, count: number): Promise<Uint8Array[]> {
    const from = this.indexOf(seq)
    const to = this.indexOf(seq + count - 1)
    const entries = await this.tree.entries(from, to - from + 1)
    return entries.filter((_, at) => this.tree.ordinalOf(from + at) !== undefined)
  }
}
