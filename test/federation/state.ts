// A whole state with fresh keys: authorities, a central server, security servers; real processes, real sockets.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { controlClient, runtimeSocket, type StorePlace } from '#host'
import { parseServerId, requestSubject } from '#protocol'
import { connectSigner, type KeyInfo, type SignerClient } from '#signer'
import { placeOf, storeConfig } from '../stores.ts'
import { type Authorities, type AuthoritiesOptions, startAuthorities } from './authorities.ts'
import { freshAddress, startProcess, type TestProcess } from './process.ts'

export interface ServerPlan {
  readonly code: string
  /** `CLASS/CODE` of the owner. */
  readonly owner: string
  readonly subsystems: readonly string[]
  /** The `clients` of a services document (contract: server.yaml). */
  readonly clients: readonly object[]
  /** Merged over the process's configuration file. */
  readonly config?: object
  /** Of this server's keys; the state's when absent. */
  readonly algorithm?: KeyInfo['algorithm']
}

export interface StateOptions {
  /** `TEST` when absent. */
  readonly instance?: string
  readonly algorithm?: KeyInfo['algorithm']
  readonly servers: readonly ServerPlan[]
  readonly settings?: {
    readonly ocspFreshnessSeconds?: number
    readonly timestampingIntervalSeconds?: number
    readonly verifyNextUpdate?: boolean
  }
  readonly central?: {
    readonly intervalSeconds?: number
    readonly expireSeconds?: number
    /** Merged over the process's configuration file. */
    readonly config?: object
  }
  readonly globalGroups?: readonly object[]
  readonly authorities?: AuthoritiesOptions
}

export interface StateServer {
  readonly code: string
  readonly address: string
  /** Base of `/r1/…`. */
  readonly client: string
  readonly clientTls: string
  readonly health: string
  readonly directory: string
  readonly configFile: string
  /** Of its store of that name, for reading beside it. */
  place(name: string): StorePlace
  readonly control: ReturnType<typeof controlClient>
  readonly signer: SignerClient
  readonly signerProcess: TestProcess
  process: TestProcess
  /** Ends it (SIGTERM, or SIGKILL) and starts it again on the same state. */
  restart(signal?: NodeJS.Signals): Promise<void>
  start(): Promise<void>
}

export interface State {
  readonly instance: string
  readonly directory: string
  readonly authorities: Authorities
  readonly anchor: string
  readonly central: ReturnType<typeof controlClient>
  readonly centralUrl: string
  server(code: string): StateServer
  /** Registers what the plan says plus changes; publishes. */
  applyFederation(change?: (federation: Federation) => void): Promise<void>
  stopCentral(): Promise<void>
  startCentral(): Promise<void>
  stop(): Promise<void>
}

// The document is loosely typed on purpose: tests bend it.
// biome-ignore lint/suspicious/noExplicitAny: tests write wrong values into it
export type Federation = Record<string, any>

const PIN = '1234-5678'

export async function startSigner(
  directory: string,
): Promise<{ process: TestProcess; client: SignerClient; socket: string; tokenFile: string }> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const pinFile = join(directory, 'pin')
  await writeFile(pinFile, PIN, { mode: 0o600 })
  const config = join(directory, 'signer.yaml')
  await writeFile(config, stringify({ directory: join(directory, 'keys'), pin: { file: pinFile } }))
  const process = await startProcess('signer/main.ts', ['--config', config])
  const socket = runtimeSocket(join(directory, 'keys'), 'signer')
  const tokenFile = join(directory, 'keys', 'token')
  return { process, client: await connectSigner({ socket, tokenFile }), socket, tokenFile }
}

export async function startState(options: StateOptions): Promise<State> {
  const directory = await mkdtemp(join(tmpdir(), 'saadik-state-'))
  const closers: (() => Promise<void> | void)[] = [() => rm(directory, { recursive: true, force: true })]
  try {
    return await assemble(options, directory, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function closeAll(closers: (() => Promise<void> | void)[]): Promise<void> {
  for (const close of closers.reverse()) await Promise.resolve(close()).catch(() => {})
}

async function assemble(
  options: StateOptions,
  directory: string,
  closers: (() => Promise<void> | void)[],
): Promise<State> {
  const { algorithm = 'EC-P256', instance = 'TEST' } = options
  const authorities = await startAuthorities(join(directory, 'pki'), options.authorities)
  closers.push(() => authorities.stop())

  const centralSigner = await startSigner(join(directory, 'central-signer'))
  closers.push(() => centralSigner.process.stop())
  const centralAddress = freshAddress()
  const centralConfig = join(directory, 'central-server.yaml')
  await writeFile(
    centralConfig,
    stringify({
      directory: join(directory, 'central'),
      ...storeConfig(),
      signer: { socket: centralSigner.socket, tokenFile: centralSigner.tokenFile },
      listen: { host: centralAddress, port: 8090 },
      address: `${centralAddress}:8090`,
      intervalSeconds: options.central?.intervalSeconds ?? 5,
      expireSeconds: options.central?.expireSeconds ?? 600,
      ...options.central?.config,
    }),
  )
  let centralProcess = await startProcess('central-server/main.ts', ['--config', centralConfig])
  closers.push(() => centralProcess.stop())
  const central = controlClient(runtimeSocket(join(directory, 'central'), 'control'))

  const servers = new Map<string, StateServer>()
  const authCertificates = new Map<string, string>()
  const prepared = await Promise.all(
    options.servers.map(async (plan) => {
      const home = join(directory, plan.code)
      const signer = await startSigner(join(home, 'signer'))
      closers.push(() => signer.process.stop())
      const [memberClass = '', memberCode = ''] = plan.owner.split('/')
      const address = freshAddress()
      const facts = {
        instance,
        memberClass,
        memberCode,
        memberName: `Member ${memberCode}`,
        serverCode: plan.code,
        dnsName: address,
        country: 'EE',
      }
      const own = plan.algorithm ?? algorithm
      const auth = await signer.client.generate({ use: 'authentication', algorithm: own })
      const sign = await signer.client.generate({ use: 'message', algorithm: own })
      const authCert = await authorities.issue(
        'authentication',
        await signer.client.csr({
          key: auth.id,
          subject: requestSubject('Basic', 'authentication', facts),
          dnsName: plan.code,
        }),
      )
      const signCert = await authorities.issue(
        'signing',
        await signer.client.csr({ key: sign.id, subject: requestSubject('Basic', 'signing', facts) }),
      )
      await signer.client.importCertificate(authCert)
      await signer.client.importCertificate(signCert)
      authCertificates.set(plan.code, Buffer.from(authCert).toString('base64'))
      return { plan, home, signer, address }
    }),
  )

  const federation: Federation = {
    instance,
    memberClasses: { GOV: 'Government', COM: 'Commercial' },
    members: [...new Map(options.servers.map((plan) => [plan.owner, plan])).values()].map((plan) => ({
      class: plan.owner.split('/')[0],
      code: plan.owner.split('/')[1],
      name: `Member ${plan.owner.split('/')[1]}`,
      subsystems: [
        ...new Set(options.servers.filter((other) => other.owner === plan.owner).flatMap((other) => other.subsystems)),
      ].map((code) => ({ code })),
    })),
    securityServers: prepared.map(({ plan, address }) => ({
      owner: plan.owner,
      code: plan.code,
      address,
      authenticationCertificates: [authCertificates.get(plan.code)],
      clients: plan.subsystems.map((code) => `${plan.owner}/${code}`),
    })),
    globalGroups: options.globalGroups ?? [],
    authorities: [
      {
        name: 'Test CA',
        certificate: Buffer.from(authorities.issuing).toString('base64'),
        profile: 'Basic',
        ocsp: [{ url: authorities.ocspUrl, certificate: Buffer.from(authorities.ocspCertificate).toString('base64') }],
      },
    ],
    timestampingAuthorities: [
      {
        name: 'Test TSA',
        url: authorities.tsaUrl,
        certificate: Buffer.from(authorities.tsaCertificate).toString('base64'),
      },
    ],
    managementService: { provider: `${options.servers[0]?.owner}` },
    settings: { ocspFreshnessSeconds: 3600, timestampingIntervalSeconds: 60, ...options.settings },
  }
  const applyFederation = async (change?: (federation: Federation) => void): Promise<void> => {
    change?.(federation)
    await central.post('/apply', federation)
    await central.post('/publish')
  }
  await applyFederation()
  const anchor = join(directory, 'anchor.xml')
  const anchorText = await central.get<string>('/anchor?source=internal')
  await writeFile(anchor, anchorText)

  await Promise.all(
    prepared.map(async ({ plan, home, signer, address }) => {
      const configFile = join(home, 'security-server.yaml')
      const data = join(home, 'data')
      const store = storeConfig()
      const config = {
        directory: data,
        ...store,
        server: `${instance}/${plan.owner}/${plan.code}`,
        anchor,
        signer: { socket: signer.socket, tokenFile: signer.tokenFile },
        listen: { host: address },
        configuration: { intervalSeconds: 2 },
        ...plan.config,
      }
      parseServerId(config.server)
      await writeFile(configFile, stringify(config))
      const start = () => startProcess('security-server/main.ts', ['--config', configFile])
      const control = controlClient(runtimeSocket(data, 'control'))
      const server: StateServer = {
        code: plan.code,
        address,
        client: `http://${address}:8080`,
        clientTls: `https://${address}:8443`,
        health: `http://${address}:5588`,
        directory: data,
        configFile,
        place: (name) => placeOf(store, data, name),
        control,
        signer: signer.client,
        signerProcess: signer.process,
        process: await start(),
        async start() {
          server.process = await start()
        },
        async restart(signal = 'SIGTERM') {
          await server.process.kill(signal)
          await server.start()
        },
      }
      closers.push(() => server.process.stop())
      servers.set(plan.code, server)
      await control.post('/apply', { clients: plan.clients })
    }),
  )

  return {
    instance,
    directory,
    authorities,
    anchor,
    central,
    centralUrl: `http://${centralAddress}:8090`,
    server(code) {
      const found = servers.get(code)
      if (found === undefined) throw new Error(`no server ${code} in this state`)
      return found
    },
    applyFederation,
    async stopCentral() {
      await centralProcess.stop()
    },
    async startCentral() {
      centralProcess = await startProcess('central-server/main.ts', ['--config', centralConfig])
    },
    async stop() {
      await closeAll(closers)
    },
  }
}
