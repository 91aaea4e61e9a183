// What other rooms use of this folder; evidence/index.ts passes it on.
export { type LongTermCode, LongTermError } from './error.ts'
export { type Export, exportConforming } from './export.ts'
export { buildTree, type HashTree } from './hash-tree.ts'
export { judgeLasting, type LastingJudgement } from './judge.ts'
export { believe, type ProvenTime, readToken, type Standing } from './proven-time.ts'
export { hashesToRenew, writeRenewed } from './renewal.ts'
export { type Survey, surveyContainer, type TimeKind } from './survey.ts'
export type { Authorities, Stamp } from './upgrade.ts'
