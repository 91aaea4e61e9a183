// A provider with two security servers: which of them gets the message (wire-message §1.8; wire-client §3.3).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { LogListing } from '#security-server/contract'
import { CLIENT, CLIENT_HEADER, SERVICE_PATH } from '../federation/pair.ts'
import { startService, type TestService } from '../federation/service.ts'
import { type Federation, type State, startState } from '../federation/state.ts'

const CODES = ['P1', 'P2'] as const
type Code = (typeof CODES)[number]

let state: State
let service: TestService
before(async () => {
  service = await startService()
  const clients = [
    {
      id: 'TEST/GOV/1111/registry',
      connection: 'HTTP',
      services: [{ code: 'items', url: service.url, timeoutSeconds: 5, access: [{ subject: CLIENT }] }],
    },
  ]
  const config = { configuration: { intervalSeconds: 1 } }
  state = await startState({
    servers: [
      ...CODES.map((code) => ({ code, owner: 'GOV/1111', subsystems: ['registry'], clients, config })),
      {
        code: 'C',
        owner: 'GOV/2222',
        subsystems: ['office'],
        clients: [{ id: CLIENT, connection: 'HTTP' }],
        config: { ...config, peers: { connectTimeoutSeconds: 3 } },
      },
    ],
  })
})
after(async () => {
  await state?.stop()
  await service?.stop()
})

interface Outcome {
  /** X-Road-Error, or the status. */
  readonly result: string
  readonly text: string
  /** The server whose log has the message. */
  readonly by: Code | undefined
}

let count = 0
async function ask(target?: string): Promise<Outcome> {
  count += 1
  const id = `several-${count}`
  const answer = await fetch(`${state.server('C').client}${SERVICE_PATH}/items/${count}`, {
    headers: { ...CLIENT_HEADER, 'X-Road-Id': id, ...(target ? { 'X-Road-Security-Server': target } : {}) },
  })
  const text = await answer.text()
  const result = answer.headers.get('x-road-error') ?? `${answer.status}`
  let by: Code | undefined
  for (const code of result === '200' ? CODES : []) {
    const log = await state
      .server(code)
      .control.get<LogListing>(`/log?order=oldest&id=${id}`)
      .catch(() => undefined)
    if (log !== undefined && log.records.length > 0) by = code
  }
  return { result, text, by }
}

async function comes(what: (outcome: Outcome) => boolean, target?: string): Promise<Outcome> {
  let last: Outcome | undefined
  for (let left = 75; left > 0; left -= 1) {
    last = await ask(target)
    if (what(last)) return last
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return assert.fail(`it did not come: ${JSON.stringify(last)}`)
}

/** A change of one server's registration, known to the consumer when `what` holds. */
const register = (code: string, change: (server: Federation) => void) =>
  state.applyFederation((federation) =>
    change(federation['securityServers'].find((server: Federation) => server['code'] === code)),
  )

let fastest: Code

test('the first that can be reached is remembered: everything goes there', async () => {
  const first = await ask()
  assert.equal(first.result, '200', first.text)
  assert.ok(first.by)
  fastest = first.by
  // More than stand open at once, so that new connections are made too.
  const all = await Promise.all(Array.from({ length: 20 }, () => ask()))
  assert.deepEqual([...new Set(all.map(({ by }) => by))], [fastest])
})

test('the one that the request names gets it', async () => {
  for (const code of CODES) assert.equal((await ask(`TEST/GOV/1111/${code}`)).by, code)
  for (const stranger of ['TEST/GOV/1111/P3', 'TEST/GOV/2222/C'])
    assert.equal((await ask(stranger)).result, 'server.clientproxy.invalid_security_server')
})

test('one is down: the other takes over, and keeps it when the first is back', async () => {
  const down = state.server(fastest)
  const other = fastest === 'P1' ? 'P2' : 'P1'
  await down.process.kill()
  await comes(({ by }) => by === other)
  assert.equal((await ask(`TEST/GOV/1111/${fastest}`)).result, 'server.clientproxy.network_error')
  await down.start()
  await comes(({ by }) => by === fastest, `TEST/GOV/1111/${fastest}`)
  assert.equal((await ask()).by, other)
  fastest = other
})

test('both are down: network_error names them both', async () => {
  for (const code of CODES) await state.server(code).process.kill()
  // A request on a connection that was open when its server ended names that one.
  const named = /P1[\s\S]*P2|P2[\s\S]*P1/
  await comes(({ result, text }) => result === 'server.clientproxy.network_error' && named.test(text))
  await Promise.all(CODES.map((code) => state.server(code).start()))
  fastest = (await comes(({ by }) => by !== undefined)).by ?? fastest
})

test('in maintenance: passed over, and refused with its notice when there is no other', async () => {
  const other = fastest === 'P1' ? 'P2' : 'P1'
  await register(fastest, (server) => {
    server['maintenance'] = { message: 'back at noon' }
  })
  await comes(({ by }) => by === other)
  const targeted = await ask(`TEST/GOV/1111/${fastest}`)
  assert.equal(targeted.result, 'server.clientproxy.maintenance_mode')
  assert.match(targeted.text, /back at noon/)
  await register(other, (server) => {
    server['maintenance'] = {}
  })
  await comes(({ result }) => result === 'server.clientproxy.maintenance_mode')
  for (const code of CODES)
    await register(code, (server) => {
      delete server['maintenance']
    })
  await comes(({ result }) => result === '200')
})

test('a certificate that is no longer registered: the other takes over, also from connections that stand open', async () => {
  const { by } = await ask()
  assert.ok(by)
  const other = by === 'P1' ? 'P2' : 'P1'
  let certificates: unknown
  await register(by, (server) => {
    certificates = server['authenticationCertificates']
    server['authenticationCertificates'] = []
  })
  await comes((outcome) => outcome.by === other)
  const targeted = await ask(`TEST/GOV/1111/${by}`)
  assert.equal(targeted.result, 'server.clientproxy.ssl_authentication_failed')
  assert.match(targeted.text, /not registered/)
  assert.equal((await ask()).by, other)
  await register(by, (server) => {
    server['authenticationCertificates'] = certificates
  })
  await comes((outcome) => outcome.by === by, `TEST/GOV/1111/${by}`)
})

test('a certificate of another server of the same provider is not its own', async () => {
  await state.applyFederation((federation) => {
    const [one, two] = CODES.map((code) =>
      federation['securityServers'].find((server: Federation) => server['code'] === code),
    )
    const kept = one.authenticationCertificates
    one.authenticationCertificates = two.authenticationCertificates
    two.authenticationCertificates = kept
  })
  const { text } = await comes(({ result }) => result === 'server.clientproxy.ssl_authentication_failed')
  assert.match(text, /belongs to security server TEST\/GOV\/1111\/P/)
})
