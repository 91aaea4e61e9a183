// Where everything of the demo lives: addresses, identifiers, files. Facts only; nothing here touches the disk or the network.
import { basename, join } from 'node:path'
import { runtimeSocket } from '#host'

export const INSTANCE = 'DEMO'
export const COUNTRY = 'EE'
export const DEFAULT_BASE = '127.0.0'

export interface Member {
  readonly code: string
  readonly name: string
  readonly subsystems: readonly { readonly code: string; readonly name: string }[]
}

export const CENTRE: Member = {
  code: '70000000',
  name: 'State Information System Authority',
  subsystems: [{ code: 'management', name: 'Management services' }],
}
export const INTERIOR: Member = {
  code: '70000001',
  name: 'Ministry of the Interior',
  subsystems: [{ code: 'population-register', name: 'Population register' }],
}
export const CUSTOMS: Member = {
  code: '70000002',
  name: 'Tax and Customs Board',
  subsystems: [{ code: 'client', name: 'Case management' }],
}
export const EMBASSY: Member = {
  code: '70000003',
  name: 'Data Embassy in Luxembourg',
  subsystems: [{ code: 'embassy', name: 'Embassy services' }],
}
export const MEMBERS: readonly Member[] = [CENTRE, INTERIOR, CUSTOMS, EMBASSY]

/** `DEMO/GOV/70000001/population-register`, or the member alone. */
export function idOf(member: Member, subsystem?: string): string {
  return [INSTANCE, 'GOV', member.code, ...(subsystem ? [subsystem] : [])].join('/')
}

export interface ServerLayout {
  /** Server code, folder name and the name that `saadik --server` takes. */
  readonly code: string
  readonly owner: Member
  readonly host: string
  readonly folder: string
}

/** Where a signer and the process that it signs for find each other, and where the signer's PIN is. */
export interface SignerLayout {
  readonly config: string
  readonly directory: string
  readonly socket: string
  readonly tokenFile: string
  readonly pinFile: string
}

/** In containers the two processes share a folder for the socket, and PINs are secrets that somebody else made. */
export interface Containers {
  readonly secrets: string
}

export interface Layout {
  /** Absolute. */
  readonly directory: string
  readonly base: string
  readonly containers: Containers | undefined
  /** The signer beside the process that lives in `folder`. */
  signer(folder: string): SignerLayout
  readonly servers: readonly ServerLayout[]
  readonly central: { readonly host: string; readonly port: number; readonly folder: string }
  readonly pki: {
    readonly host: string
    readonly ca: number
    readonly ocsp: number
    readonly tsa: number
    readonly folder: string
  }
  readonly register: { readonly host: string; readonly port: number; readonly folder: string }
  readonly files: {
    readonly about: string
    readonly anchor: string
    readonly federation: string
    readonly evidence: string
    readonly logs: string
  }
}

/** The ports that X-Road's security servers listen on; the same at every address of the instance. */
export const PORTS = { client: 8080, clientTls: 8443, servers: 5500, ocsp: 5577, health: 5588 } as const

/** The demo in one folder at the addresses `base`.10 to `base`.21. */
export function layoutOf(directory: string, base: string, containers?: Containers): Layout {
  const server = (code: string, owner: Member, last: number): ServerLayout => ({
    code,
    owner,
    host: `${base}.${last}`,
    folder: join(directory, code),
  })
  const file = (...names: readonly string[]) => join(directory, ...names)
  return {
    directory,
    base,
    containers,
    signer: (folder) => ({
      config: join(folder, 'signer.yaml'),
      directory: join(folder, 'signer'),
      // A socket path is short (107 bytes): in a state folder of any depth only the runtime folder is safe.
      socket: containers ? join(folder, 'run', 'signer.sock') : runtimeSocket(join(folder, 'signer'), 'signer'),
      tokenFile: join(folder, 'run', 'signer-token'),
      pinFile: containers ? join(containers.secrets, `${basename(folder)}-pin`) : join(folder, 'signer-pin'),
    }),
    servers: [server('interior', INTERIOR, 11), server('customs', CUSTOMS, 12), server('embassy', EMBASSY, 13)],
    central: { host: `${base}.10`, port: 8090, folder: file('central-server') },
    pki: { host: `${base}.10`, ca: 8091, ocsp: 8092, tsa: 8093, folder: file('pki') },
    register: { host: `${base}.21`, port: 9001, folder: file('population-register') },
    files: {
      about: file('demo.json'),
      anchor: file('anchor.xml'),
      federation: file('federation.yaml'),
      evidence: file('evidence'),
      logs: file('logs'),
    },
  }
}

/** Every address and port that the demo listens on. */
export function listeners({
  servers,
  central,
  pki,
  register,
}: Layout): readonly { host: string; port: number; what: string }[] {
  return [
    { host: central.host, port: central.port, what: 'central server' },
    { host: pki.host, port: pki.ca, what: 'CA' },
    { host: pki.host, port: pki.ocsp, what: 'OCSP responder' },
    { host: pki.host, port: pki.tsa, what: 'time-stamping authority' },
    { host: register.host, port: register.port, what: 'population register' },
    ...servers.flatMap(({ host, code }) =>
      Object.values(PORTS).map((port) => ({ host, port, what: `security server ${code}` })),
    ),
  ]
}
