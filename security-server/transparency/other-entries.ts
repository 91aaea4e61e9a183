// Entries that are no records, on their way into the tree. Whoever gave one is told its index when a signed checkpoint has it; until then a
// crash, or a tree that had to be opened again, may have forgotten it.
import type { TileLog } from '#transparent-log'
import { HistoryError } from './error.ts'

const WAITING = 1000

interface Other {
  readonly entry: Uint8Array
  readonly resolve: (index: number) => void
  readonly reject: (reason: Error) => void
  index?: number
}

export class OtherEntries {
  #waiting: Other[] = []

  add(entry: Uint8Array): Promise<number> {
    if (this.#waiting.length >= WAITING)
      return Promise.reject(new HistoryError('unavailable', `${WAITING} entries wait to become part of the log`))
    return new Promise((resolve, reject) => this.#waiting.push({ entry, resolve, reject }))
  }

  /** Brings in those that are not in the tree. */
  async bringInto(tree: TileLog): Promise<void> {
    for (const other of this.#waiting) other.index ??= await tree.append([other.entry], true)
  }

  /** A tree was opened (again): what it has not must be brought in once more. */
  reopened(tree: TileLog): void {
    for (const other of this.#waiting) if (other.index !== undefined && other.index >= tree.size) delete other.index
  }

  /** A tree of so many leaves was signed. */
  signed(size: number): void {
    const done = this.#waiting.filter(({ index }) => index !== undefined && index < size)
    this.#waiting = this.#waiting.filter((other) => !done.includes(other))
    for (const { index, resolve } of done) resolve(index as number)
  }

  refuse(reason: Error): void {
    for (const { reject } of this.#waiting) reject(reason)
    this.#waiting = []
  }
}
