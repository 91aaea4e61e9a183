// Two real servers compare what they have logged of each other (docs/auditors.md, "Reconciliation").
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import type { Finding, ReconciliationReport } from '#evidence'
import type { ReconciliationState } from '#security-server/contract'
import { CLIENT, CLIENT_HEADER, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import type { StateServer } from '../federation/state.ts'
import { until } from '../federation/traces.ts'

let pair: Pair
let from: number
before(async () => {
  from = Date.now()
  pair = await startPair()
})
after(() => pair?.stop())

interface Compared {
  readonly report: ReconciliationReport
  readonly theirs: readonly ReconciliationReport[]
  readonly findings: readonly Finding[]
  readonly state: ReconciliationState
}

async function compare(server: StateServer, there: string, marginSeconds = 0.5): Promise<Compared> {
  await sleep(1000 * marginSeconds + 100)
  const to = Date.now() - 1000 * marginSeconds
  const { run } = await server.control.post<{ run: string }>('/reconciliation', {
    there,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    marginSeconds,
  })
  let state = await server.control.get<ReconciliationState>(`/reconciliation/${run}`)
  await until(async () => {
    state = await server.control.get<ReconciliationState>(`/reconciliation/${run}`)
    return state.state !== 'running'
  }, 60)
  assert.equal(state.state, 'done', JSON.stringify(state))
  const { findings } = await server.control.get<{ findings: Finding[] }>(`/reconciliation/${run}/findings`)
  assert.ok(state.report)
  return { report: state.report, theirs: state.theirs, findings, state }
}

test('what two servers have exchanged agrees, asked from either side', async () => {
  for (let at = 0; at < 20; at += 1) assert.equal((await pair.call(`/items/${at}`)).status, 200)
  const body = await pair.call('/echo', { method: 'POST', body: 'x'.repeat(300_000) })
  assert.equal(body.status, 200)
  const asked = await compare(pair.consumer, 'TEST/GOV/1111')
  assert.equal(asked.report.agreed, 42)
  assert.deepEqual([asked.report.inAgreement, asked.findings], [true, []])
  const [theirs] = asked.theirs
  assert.deepEqual([theirs?.agreed, theirs?.inAgreement], [42, true])
  assert.equal(theirs?.there[0]?.list, asked.report.here.list)
  const back = await compare(pair.provider, 'TEST/GOV/2222/office')
  assert.ok(back.report.agreed >= 42)
  assert.equal(back.report.inAgreement, true)
  void CLIENT
  void CLIENT_HEADER
  void SERVICE_PATH
})
