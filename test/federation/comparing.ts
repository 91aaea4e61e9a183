// A comparison of logs as an operator has it made, waited for.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding, ReconciliationReport } from '#evidence'
import type { ReconciliationState } from '#security-server/contract'
import type { StateServer } from './state.ts'
import { until } from './traces.ts'

export interface Compared {
  readonly report: ReconciliationReport
  /** What the other side's servers have found. */
  readonly theirs: readonly ReconciliationReport[]
  readonly findings: readonly Finding[]
}

/** Messages under way at the end of the period would be findings; on one machine they are over at once. */
const MARGIN_SECONDS = 0.5

export interface Period {
  readonly from: number
  readonly to?: number
  readonly policy?: string
}

/** What was logged since `from`, up to now. */
export async function compared(server: StateServer, there: string, period: Period): Promise<Compared> {
  const state = await ended(server, there, period)
  assert.equal(state.state, 'done', JSON.stringify(state.error))
  assert.ok(state.report)
  const path = `/reconciliation/${state.run}/findings`
  const { findings } = await server.control.get<{ findings: Finding[] }>(path)
  return { report: state.report, theirs: state.theirs, findings }
}

/** How a comparison ended, well or not. */
export async function ended(server: StateServer, there: string, period: Period): Promise<ReconciliationState> {
  const { from, to = Date.now(), policy } = period
  await sleep(1000 * MARGIN_SECONDS + 100)
  const { run } = await server.control.post<{ run: string }>('/reconciliation', {
    there,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    marginSeconds: MARGIN_SECONDS,
    ...(policy === undefined ? {} : { policy }),
  })
  let state: ReconciliationState | undefined
  await until(async () => {
    state = await server.control.get<ReconciliationState>(`/reconciliation/${run}`)
    return state.state !== 'running'
  }, 60)
  return state as ReconciliationState
}

/** Findings in short, sorted: `missing request there`. */
export function kindsOf({ findings }: Pick<Compared, 'findings'>): string[] {
  return findings.map(({ kind, direction, lacking = 'neither' }) => `${kind} ${direction} ${lacking}`).sort()
}
