// `saadik demo status`: what runs, where, and what can be called. Its JSON is an interface (interfaces.md): tests, benchmarks
// and consoles read it; a field is added, never changed.
import { join } from 'node:path'
import { controlClient, runtimeSocket } from '#host'
import { type Call, callsOf } from './calls.ts'
import { INSTANCE, INTERIOR, idOf, LAND_BOARD, type Layout, type Member, PORTS, type RegisterLayout } from './layout.ts'
import { healthUrl } from './opening.ts'

export type DemoState = 'starting' | 'ready' | 'degraded' | 'stopped'

export interface DemoStatus {
  readonly state: DemoState
  readonly instance: string
  readonly directory: string
  readonly anchor: string
  /** Where security servers download their configuration. */
  readonly internalConfiguration: string
  readonly authorities: { readonly ca: string; readonly ocsp: string; readonly tsa: string }
  readonly securityServers: readonly {
    readonly id: string
    readonly code: string
    readonly owner: string
    readonly address: string
    readonly client: string
    readonly tls: string
    /** Answers 200 or 503 with `{status, checks}`. */
    readonly health: string
    readonly control: string
    readonly signerSocket: string
    readonly pid: number | null
    readonly signerPid: number | null
    readonly database: string
  }[]
  /** The information systems behind the security servers, and the descriptions of their services. */
  readonly registers: readonly {
    readonly id: string
    readonly descriptions: readonly string[]
    readonly pid: number | null
  }[]
  /** `expect.json` is part of the answer: there may be more fields. */
  readonly calls: readonly Call[]
}

/** Process ids by the names that the supervisor gives: `interior`, `interior signer`. */
export type Pids = (name: string) => number | undefined

export function describe(layout: Layout, state: DemoState, pids: Pids): DemoStatus {
  const { central, pki, population, land, files } = layout
  const register = ({ name, host, port }: RegisterLayout, owner: Member, ...descriptions: readonly string[]) => ({
    id: idOf(owner, name),
    descriptions: descriptions.map((file) => `http://${host}:${port}/${file}`),
    pid: pids(name) ?? null,
  })
  return {
    state,
    instance: INSTANCE,
    directory: layout.directory,
    anchor: files.anchor,
    internalConfiguration: `http://${central.host}:${central.port}/internalconf`,
    authorities: {
      ca: `http://${pki.host}:${pki.ca}`,
      ocsp: `http://${pki.host}:${pki.ocsp}`,
      tsa: `http://${pki.host}:${pki.tsa}`,
    },
    securityServers: layout.servers.map(({ code, owner, host, folder }) => ({
      id: `${idOf(owner)}/${code}`,
      code,
      owner: idOf(owner),
      address: host,
      client: `http://${host}:${PORTS.client}`,
      tls: `https://${host}:${PORTS.clientTls}`,
      health: healthUrl({ host }),
      control: runtimeSocket(join(folder, 'data'), 'control'),
      signerSocket: layout.signer(folder).socket,
      pid: pids(code) ?? null,
      signerPid: pids(`${code} signer`) ?? null,
      database: join(folder, 'data', 'message-log', 'log.db'),
    })),
    registers: [
      register(population, INTERIOR, 'openapi.yaml', 'persons.wsdl'),
      register(land, LAND_BOARD, 'land.wsdl'),
    ],
    calls: callsOf(layout),
  }
}

/** The running supervisor's own answer; undefined when none runs for this folder. */
export async function askSupervisor(directory: string): Promise<DemoStatus | undefined> {
  try {
    return await controlClient(runtimeSocket(directory, 'demo')).get<DemoStatus>('/status')
  } catch {
    return undefined
  }
}

/** For people. */
export function statusLines(status: DemoStatus): string[] {
  const { state, directory, internalConfiguration, authorities, securityServers, registers, calls } = status
  const pid = (value: number | null) => (value === null ? 'not running' : `pid ${value}`)
  return [
    `demo in ${directory}: ${state}`,
    '',
    `  central server    ${internalConfiguration}`,
    `  authorities       CA ${authorities.ca}, OCSP ${authorities.ocsp}, time-stamping ${authorities.tsa}`,
    ...securityServers.map(
      ({ id, client, pid: server, signerPid }) =>
        `  ${id.padEnd(28)} ${client}  ${pid(server)}, signer ${pid(signerPid)}`,
    ),
    ...registers.map(({ id, descriptions, pid: one }) => `  ${id.padEnd(39)}  ${pid(one)}, ${descriptions.join(', ')}`),
    '',
    '  what can be called (--json says how):',
    ...calls.map(({ name }) => `    ${name}`),
  ]
}
