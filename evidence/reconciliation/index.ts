// Two parties compare what they have logged of each other, without showing what was said.
export { type SideCheckpoint, sideCheckpoint } from './checkpoint.ts'
export {
  type Alone,
  type Circumstances,
  type Direction,
  type Finding,
  type FindingKind,
  GRAVE,
  type RecordPlace,
  type Where,
} from './classify.ts'
export {
  type CompareOptions,
  type Comparison,
  compareStatements,
  countOf,
  isFromOther,
  type OpenStatement,
} from './compare.ts'
export { type StatementCode, StatementError } from './error.ts'
export { exchangeValue, VALUE_BYTES } from './exchange-value.ts'
export { Exchanges } from './exchanges.ts'
export { MAX_PAGE_BYTES, type ShownSignature } from './frames.ts'
export { leafPages, type OpenLeaf } from './leaf-pages.ts'
export { type OwnRecord, ProofReader, type ShownRecord } from './proof-reader.ts'
export {
  type CheckpointReport,
  type CheckpointState,
  isInAgreement,
  type ReconciliationReport,
  type SideReport,
} from './report.ts'
export { whyNotSigned } from './signature.ts'
export { readStatement, type StatementHead, type StatementPart, writeStatement } from './statement.ts'
export {
  belongsTo,
  isCompared,
  MAX_MARGIN_MS,
  type Party,
  type Period,
  runKey,
  SECRET_BYTES,
  type Terms,
} from './terms.ts'
export {
  type ListHead,
  MATCHED,
  matchLists,
  type Turn,
  ValueCollector,
  type ValueList,
  ValueReader,
} from './value-list.ts'
