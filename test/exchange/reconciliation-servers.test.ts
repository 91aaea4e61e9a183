// A party with two security servers: each has a log of its own, and a message lies in one of them.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { compared, kindsOf } from '../federation/comparing.ts'
import { CLIENT, CLIENT_HEADER, SERVICE_PATH } from '../federation/pair.ts'
import { startService, type TestService } from '../federation/service.ts'
import { type State, startState } from '../federation/state.ts'
import { until } from '../federation/traces.ts'

const CODES = ['P1', 'P2'] as const

let state: State
let service: TestService
let from: number
before(async () => {
  service = await startService()
  const services = [{ code: 'items', url: service.url, timeoutSeconds: 5, access: [{ subject: CLIENT }] }]
  const clients = [{ id: 'TEST/GOV/1111/registry', connection: 'HTTP', services }]
  state = await startState({
    servers: [
      ...CODES.map((code) => ({ code, owner: 'GOV/1111', subsystems: ['registry'], clients })),
      { code: 'C', owner: 'GOV/2222', subsystems: ['office'], clients: [{ id: CLIENT, connection: 'HTTP' }] },
    ],
  })
  from = Date.now()
  for (const code of CODES)
    for (let at = 0; at < 3; at += 1)
      await until(async () => {
        const headers = { ...CLIENT_HEADER, 'X-Road-Security-Server': `TEST/GOV/1111/${code}` }
        return (await fetch(`${state.server('C').client}${SERVICE_PATH}/items/${at}`, { headers })).status === 200
      })
})
after(async () => {
  await state?.stop()
  await service?.stop()
})

test('the consumer compares with both, and everything agrees', async () => {
  const { report, findings, theirs } = await compared(state.server('C'), 'TEST/GOV/1111', { from })
  assert.deepEqual([findings, report.inAgreement, report.notCompared], [[], true, []])
  assert.deepEqual(
    report.there.map(({ server, messages }) => [server, messages]),
    [
      ['TEST/GOV/1111/P1', 6],
      ['TEST/GOV/1111/P2', 6],
    ],
  )
  assert.equal(report.agreed, 12)
  // Each of the two has seen what may lie with the other, and does not call it missing.
  for (const [at, one] of theirs.entries()) {
    assert.deepEqual([one.findings, one.inAgreement], [{ elsewhere: 6 }, true])
    assert.deepEqual(one.notCompared, [`TEST/GOV/1111/${CODES[1 - at]}`])
  }
})

test('one of the two alone says what the other may have', async () => {
  const { report, findings } = await compared(state.server('P1'), 'TEST/GOV/2222', { from })
  assert.deepEqual(report.notCompared, ['TEST/GOV/1111/P2'])
  assert.ok(kindsOf({ findings }).every((kind) => /^elsewhere .* here$/.test(kind)))
  assert.equal(report.inAgreement, true)
})

test('where one of the servers cannot be reached, what may lie there is not called missing', async () => {
  await state.server('P2').process.stop()
  const { report, findings } = await compared(state.server('C'), 'TEST/GOV/1111', { from })
  assert.deepEqual(report.notCompared, ['TEST/GOV/1111/P2'])
  assert.ok(findings.length >= 6 && kindsOf({ findings }).every((kind) => /^elsewhere .* there$/.test(kind)))
  await state.server('P2').start()
})
