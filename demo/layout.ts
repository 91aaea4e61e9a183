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
/** Has no security server of its own: it is a client of the ministry's. */
export const LAND_BOARD: Member = {
  code: '70000004',
  name: 'Land Board',
  subsystems: [{ code: 'land-register', name: 'Land register' }],
}
export const MEMBERS: readonly Member[] = [CENTRE, INTERIOR, CUSTOMS, EMBASSY, LAND_BOARD]

/** `DEMO/GOV/70000001/population-register`, or the member alone. */
export function idOf(member: Member, subsystem?: string): string {
  return [INSTANCE, 'GOV', member.code, ...(subsystem ? [subsystem] : [])].join('/')
}

export interface ServerLayout {
  /** Server code, folder name and the name that `saadik --server` takes. */
  readonly code: string
  readonly owner: Member
  /** Whoever else is a client of it; each has a signing key of its own in its signer. */
  readonly guests: readonly Member[]
  readonly host: string
  readonly folder: string
}

/** An information system behind a security server. */
export interface RegisterLayout {
  /** Process, and folder of its state. */
  readonly name: string
  readonly host: string
  readonly port: number
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
  readonly population: RegisterLayout
  readonly land: RegisterLayout
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

/** Where a security server's transparent log can be read, and where it is asked as a witness. */
export const TRANSPARENCY_PORT = 5580

/** The demo in one folder at the addresses `base`.10 to `base`.22. */
export function layoutOf(directory: string, base: string, containers?: Containers): Layout {
  const server = (code: string, last: number, owner: Member, ...guests: readonly Member[]): ServerLayout => ({
    code,
    owner,
    guests,
    host: `${base}.${last}`,
    folder: join(directory, code),
  })
  const register = (name: string, last: number): RegisterLayout => ({
    name,
    host: `${base}.${last}`,
    port: 9001,
    folder: join(directory, name),
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
    servers: [
      server('interior', 11, INTERIOR, LAND_BOARD),
      server('customs', 12, CUSTOMS),
      server('embassy', 13, EMBASSY),
    ],
    central: { host: `${base}.10`, port: 8090, folder: file('central-server') },
    pki: { host: `${base}.10`, ca: 8091, ocsp: 8092, tsa: 8093, folder: file('pki') },
    population: register('population-register', 21),
    land: register('land-register', 22),
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
  population,
  land,
}: Layout): readonly { host: string; port: number; what: string }[] {
  return [
    { host: central.host, port: central.port, what: 'central server' },
    { host: pki.host, port: pki.ca, what: 'CA' },
    { host: pki.host, port: pki.ocsp, what: 'OCSP responder' },
    { host: pki.host, port: pki.tsa, what: 'time-stamping authority' },
    ...[population, land].map(({ host, port, name }) => ({ host, port, what: name.replace('-', ' ') })),
    ...servers.flatMap(({ host, code }) =>
      [...Object.values(PORTS), TRANSPARENCY_PORT].map((port) => ({ host, port, what: `security server ${code}` })),
    ),
  ]
}

/** What the land register is told: where its security server is, who it is there, and what it asks. */
export function landArguments({ servers }: Layout): readonly string[] {
  const { host } = servers.find(({ guests }) => guests.includes(LAND_BOARD)) as ServerLayout
  const persons = `${idOf(INTERIOR, 'population-register')}/persons`
  return [
    ...['--security-server', `http://${host}:${PORTS.client}`],
    ...['--client', idOf(LAND_BOARD, 'land-register')],
    ...['--persons', persons],
  ]
}
