// Captured changes, gathered into batches: up to 256, or as many octets as travel together, or what there is where the register is whole. While one is sealed
// and signed the next gathers, so under load they are full and otherwise nobody waits.
import { MAXIMUM_BATCH_ENTRIES, type Row } from '#continuity'
import type { Captured } from '../register/source.ts'

/** Padded it may double, and a batch travels within 16 MiB. */
const MAXIMUM_BYTES = 6 * 1024 * 1024
const OVERHEAD = 128

export async function* batches(changes: AsyncIterable<Captured>): AsyncGenerator<readonly Captured[]> {
  let batch: Captured[] = []
  let bytes = 0
  for await (const captured of changes) {
    const length = OVERHEAD + sizeOf(captured.change.key) + sizeOf(captured.change.row)
    if (batch.length > 0 && bytes + length > MAXIMUM_BYTES) {
      yield batch
      ;[batch, bytes] = [[], 0]
    }
    batch.push(captured)
    bytes += length
    if (!captured.complete && batch.length < MAXIMUM_BATCH_ENTRIES) continue
    yield batch
    ;[batch, bytes] = [[], 0]
  }
  if (batch.length > 0) yield batch
}

/** About: text in UTF-8 may be longer, by no more than the room that is left. */
function sizeOf(row: Row | null): number {
  let size = 0
  for (const [name, value] of Object.entries(row ?? {})) size += name.length + (value?.length ?? 0)
  return size
}
