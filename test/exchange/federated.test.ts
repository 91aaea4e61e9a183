// Two states that trust each other: who there is in the other one, and what it offers.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createClient, XRoadError } from '#client'
import { assertPassed, evidenceOf, verdictOf } from '../federation/evidence.ts'
import { type State, startState } from '../federation/state.ts'
import { until } from '../federation/traces.ts'

const ASKER = 'TEST/GOV/1111/office'
const PROVIDER = 'ELSE/GOV/9999/far'

const config = { configuration: { intervalSeconds: 2, allowedFederations: 'all' } }
const states: State[] = []
let home: State
let away: State
before(async () => {
  home = await startState({
    servers: [
      {
        code: 'H',
        owner: 'GOV/1111',
        subsystems: ['office'],
        clients: [{ id: ASKER, connection: 'HTTP' }],
        config,
      },
    ],
  })
  states.push(home)
  away = await startState({
    instance: 'ELSE',
    servers: [
      {
        code: 'A',
        owner: 'GOV/9999',
        subsystems: ['far'],
        clients: [
          { id: PROVIDER, connection: 'HTTP', services: [{ code: 'items', url: 'http://127.0.0.1:1', access: [] }] },
        ],
        config,
      },
    ],
  })
  states.push(away)
  const [here, there] = await Promise.all(states.map((state) => state.central.get<string>('/anchor?source=external')))
  await home.applyFederation((federation) => (federation['trustedAnchors'] = [there]))
  await away.applyFederation((federation) => (federation['trustedAnchors'] = [here]))
})
after(async () => {
  for (const state of states) await state.stop()
})

test('listClients and listMethods of a federated instance', async () => {
  const xroad = createClient({ securityServer: home.server('H').client, client: ASKER })
  try {
    await until(async () => (await xroad.listClients('ELSE')).length > 0)
    assert.deepEqual(
      (await xroad.listClients('ELSE')).map(({ id, name }) => [id.instance, id.memberCode, id.subsystemCode, name]),
      [
        ['ELSE', '9999', undefined, 'Member 9999'],
        ['ELSE', '9999', 'far', 'Member 9999'],
      ],
    )
    // The other side must have heard of us too.
    await until(async () => (await xroad.listMethods(PROVIDER, { id: 'fed-wait' })).length > 0)
    const methods = await xroad.listMethods(PROVIDER, { id: 'fed-1' })
    assert.deepEqual(
      methods.map(({ id }) => id.serviceCode),
      ['items'],
    )
    const refused = await xroad
      .service(`${PROVIDER}/items`)
      .fetch('/x')
      .catch((error) => error)
    assert.ok(refused instanceof XRoadError, String(refused))
    assert.equal(refused.code, 'server.serverproxy.access_denied')
  } finally {
    xroad.close()
  }
  for (const [server, member] of [
    [home.server('H'), ASKER],
    [away.server('A'), PROVIDER],
  ] as const)
    for (const leg of ['requestOnly', 'responseOnly'] as const)
      assertPassed(await verdictOf(server, await evidenceOf(server, member, 'fed-1', leg)))
})
