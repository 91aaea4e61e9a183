// Who asked what about a person: what a data tracker states, answers, and how that is judged.
export {
  MAX_ANSWER_BYTES,
  MAX_PAGE_USES,
  type PageUse,
  readAnswer,
  type TrackerAnswer,
  type TrackerMap,
  writeAnswer,
} from './answer.ts'
export { TrackerError } from './error.ts'
export { judgeAnswer, TRACKER_CHECKS, type TrackerReport } from './judge.ts'
export {
  formatStatement,
  mapKey,
  parseStatement,
  pseudonymInput,
  secretDigest,
  statementEntry,
  TRACKER_ENTRY,
  type TrackerStatement,
} from './statement.ts'
export { CHAIN_START, chained, type Link, linkOf, mapValue, type Use } from './use.ts'
