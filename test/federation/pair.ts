// The state of most tests: a consumer and a provider with one REST service between them.
import { startService, type TestService } from './service.ts'
import { type ServerPlan, type State, type StateOptions, startState } from './state.ts'

export const SERVICE_PATH = '/r1/TEST/GOV/1111/registry/items'
export const CLIENT = 'TEST/GOV/2222/office'
export const CLIENT_HEADER = { 'X-Road-Client': CLIENT }

export interface Pair {
  readonly state: State
  readonly service: TestService
  readonly provider: ReturnType<State['server']>
  readonly consumer: ReturnType<State['server']>
  /** Calls the service through both servers. */
  call(path?: string, init?: RequestInit): Promise<Response>
  stop(): Promise<void>
}

export interface PairOptions extends Partial<StateOptions> {
  readonly providerConfig?: object
  readonly consumerConfig?: object
  readonly services?: (url: string) => readonly object[]
  readonly providerClient?: object
  readonly consumerClient?: object
  readonly more?: readonly ServerPlan[]
}

export async function startPair(options: PairOptions = {}): Promise<Pair> {
  const service = await startService()
  const services = options.services?.(service.url) ?? [
    { code: 'items', url: service.url, timeoutSeconds: 5, access: [{ subject: CLIENT }] },
  ]
  const plan: StateOptions = {
    ...options,
    servers: [
      {
        code: 'P',
        owner: 'GOV/1111',
        subsystems: ['registry'],
        clients: [{ id: 'TEST/GOV/1111/registry', connection: 'HTTP', services, ...options.providerClient }],
        config: options.providerConfig ?? {},
      },
      {
        code: 'C',
        owner: 'GOV/2222',
        subsystems: ['office'],
        clients: [{ id: CLIENT, connection: 'HTTP', ...options.consumerClient }],
        config: options.consumerConfig ?? {},
      },
      ...(options.more ?? []),
    ],
  }
  // A service that goes on listening would keep the test from ending.
  const state = await startState(plan).catch(async (error) => {
    await service.stop()
    throw error
  })
  const consumer = state.server('C')
  return {
    state,
    service,
    provider: state.server('P'),
    consumer,
    call: (path = '/echo', init: RequestInit = {}) =>
      fetch(`${consumer.client}${SERVICE_PATH}${path}`, { ...init, headers: { ...CLIENT_HEADER, ...init.headers } }),
    async stop() {
      await state.stop()
      await service.stop()
    },
  }
}
