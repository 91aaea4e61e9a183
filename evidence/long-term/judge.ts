// What makes a container last, as a check of its report.
import type { TrustMaterial } from '#protocol'
import { EvidenceError } from '../error.ts'
import { CHECKS, type Check, type Lasting } from '../report.ts'
import type { TrustOverTime } from '../trust-over-time.ts'
import type { Source } from './contents.ts'
import { LongTermError } from './error.ts'
import { surveyContainer } from './survey.ts'

export interface LastingJudgement {
  readonly check: Check
  /** Undefined where it does not hold. */
  readonly lasting?: Lasting
}

/** For containers that have such things (`ReadContainer.lasts`): they are read several times. Never throws for what is wrong with one. */
export async function judgeLasting(open: Source, trust: TrustMaterial | TrustOverTime): Promise<LastingJudgement> {
  try {
    const { layout, times } = await surveyContainer(open, trust)
    const last = times.at(-1)
    if (last === undefined) throw new EvidenceError('asic_timestamp_not_found', 'The container has no time-stamp')
    const timestamps = times.map(({ kind, genTime, digest, tsa }) => ({
      kind,
      genTime: genTime.toISOString(),
      digest,
      authority: tsa.subject.text,
    }))
    const { until, because } = last.standing
    const lasting = { layout, timestamps, until: until.toISOString(), because }
    return { check: { name: CHECKS.lasting, ok: true }, lasting }
  } catch (error) {
    if (!(error instanceof LongTermError) && !(error instanceof EvidenceError)) throw error
    return { check: { name: CHECKS.lasting, ok: false, code: error.code, detail: error.message } }
  }
}
