// What the reading thread of a log in PostgreSQL can be asked to do.
import type { PostgresSettings } from '#host'
import type { ReadingOperations as Operations } from '../reading-operations.ts'

export type ReadingOperations = Omit<Operations, 'open' | 'prepare'> & {
  /** First of all. */
  open(log: { readonly settings: PostgresSettings; readonly secrets: readonly Uint8Array[] }): void
  prepare(...argument: Parameters<Operations['prepare']>): Promise<ReturnType<Operations['prepare']>>
}
