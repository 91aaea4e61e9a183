// The end of a run: what one side alone has, with what both have of the same exchanges, and what that means.
import {
  type Circumstances,
  countOf,
  type Exchanges,
  type Finding,
  isInAgreement,
  type ReconciliationReport,
  type SideReport,
  type Terms,
  type Turn,
} from '#evidence'
import type { WorkFile } from './work-file.ts'

/** Findings that are told one by one; of more their number is known. */
export const MAX_FINDINGS = 10_000
/** Exchanges that are looked into: each has two findings at most. */
export const MAX_EXCHANGES = 50_000

/** @param matched Which messages of the work file the other party has. */
export async function conclude(
  messages: WorkFile,
  matched: Uint8Array,
  exchanges: Exchanges,
  circumstances: Circumstances,
  turn: Turn,
): Promise<readonly Finding[]> {
  let number = 0
  for await (const { record } of messages.all()) {
    if (matched[number] !== 1) exchanges.alone('here', { record })
    number += 1
    await turn()
  }
  number = 0
  for await (const { record } of messages.all()) {
    if (matched[number] === 1) exchanges.both('here', record)
    number += 1
    await turn()
  }
  return [...exchanges.findings(circumstances)]
}

export function reportOf(
  { run, from, to, margin }: Terms,
  sides: { readonly here: SideReport; readonly there: readonly SideReport[]; readonly notCompared: readonly string[] },
  found: { readonly agreed: number; readonly findings: readonly Finding[]; readonly beyond: number },
): ReconciliationReport {
  const counted = { ...sides, findings: countOf(found.findings), beyond: found.beyond }
  return {
    run,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    marginSeconds: margin / 1000,
    agreed: found.agreed,
    ...counted,
    inAgreement: isInAgreement(counted),
  }
}
