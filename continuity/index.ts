// The door of `continuity`: what home and an embassy agree on. Sealed changes, batches, orders to erase, decrees, ceremonies. Bytes in, values out.
export {
  type Batch,
  type BatchEntry,
  formatBatch,
  formatEntries,
  joinBatch,
  MAXIMUM_BATCH_BYTES,
  MAXIMUM_BATCH_ENTRIES,
  parseBatch,
  parseEntries,
  type ReadBatch,
  type ReadEntry,
} from './batch.ts'
export {
  type Change,
  decodeChange,
  encodeChange,
  MAXIMUM_CHANGE_BYTES,
  type Operation,
  type Row,
  type Value,
} from './change.ts'
export { CENTRE, type Decree, formatDecree, MODES, type Mode, openDecree, parseDecree } from './decree.ts'
export { DecreeKeys } from './decree-keys.ts'
export { type ChangeLeaf, formatLeaf, isDocument, type Leaf, parseLeaf, type SmallLeaf } from './entry.ts'
export { type Erasure, formatErasure, parseErasure } from './erasure.ts'
export { type ContinuityCode, ContinuityError } from './error.ts'
export { type Custodian, formatManifest, type Manifest, parseManifest } from './manifest.ts'
export { bucketOf } from './padding.ts'
export { Recipients, unwrap } from './recipients.ts'
export { blobFits, newBatchKey, open, type Place, type SealedEntry, SLOT_BYTES, seal, slotFits } from './seal.ts'
export { type Ceremony, checkShare, holdCeremony, openingKey, openShare, type Share } from './shares.ts'
