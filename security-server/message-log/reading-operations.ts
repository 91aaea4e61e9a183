// What the reading thread can be asked to do.
import type { Round, Selection } from './round.ts'
import type { PreparedQuery, SearchPage } from './search/query.ts'

export type ReadingOperations = {
  /** First of all: the index, and the folders of segments and bodies. */
  open(log: {
    readonly file: string
    readonly segments: string
    readonly bodies: string
    /** Of the keys by which records are read, the newest last. */
    readonly secrets: readonly Uint8Array[]
  }): void
  /** A key that new records are encrypted with from now on. */
  addKey(secret: Uint8Array): void
  /** A round of time-stamping over records that wait; null where none does. */
  prepare(selection: Selection): Round | null
  search(query: PreparedQuery): Promise<SearchPage>
}
