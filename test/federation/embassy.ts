// A home and an embassy as processes, between the security servers of a state: keys, a ceremony, configuration files, and what custodians and holders of
// decree keys do.
import { sign } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import {
  type Ceremony,
  type Decree,
  DecreeKeys,
  formatDecree,
  formatManifest,
  holdCeremony,
  openShare,
  type Share,
} from '#continuity'
import { type ControlClient, closeHttp, controlClient, listen, runtimeSocket } from '#host'
import type { SignerClient } from '#signer'
import { formatNote, formatVerifierKey, parseVerifierKey, type VerifierKey } from '#transparency'
import { NoteKeys } from '#transparent-log'
import { encodeBase64 } from '#trust'
import { scratch } from '../unit/host/scratch.ts'
import { startedSigner, type TestSigner } from '../unit/signer/signer-process.ts'
import { type NoteSigner, noteSigner } from '../unit/transparency/signers.ts'
import { startProcess, type TestProcess } from './process.ts'
import { type State, startState } from './state.ts'

export const INSTANCE = 'TEST'
export const EMBASSY = 'TEST/GOV/3333/carrier'
export const COURIER = 'TEST/GOV/1111/courier'
const SERVICE = `${EMBASSY}/continuity`
const HOST = '127.0.0.1'

export interface RegisterPlan {
  readonly name: string
  /** SQLite, in write-ahead mode. */
  readonly database: string
  readonly durability?: 'strict' | 'available'
  /** Where the register's own program listens; then there is a gate before it. */
  readonly upstream?: string
  /** How it is started abroad. */
  readonly command?: readonly string[]
  readonly readPaths?: readonly string[]
}

export interface EmbassyStage {
  readonly state: State
  readonly ceremony: Ceremony
  readonly holders: readonly NoteSigner[]
  /** Custodians' opened shares. */
  readonly shares: readonly Share[]
  readonly agent: {
    readonly control: ControlClient
    /** In the first epoch, or in the one that this decree began. */
    start(later?: { readonly epoch: number; readonly decree: string }): Promise<TestProcess>
    readonly directory: string
    readonly signer: SignerClient
  }
  /** Home's own key for the way back. */
  readonly returnIdentity: string
  readonly embassy: {
    readonly control: ControlClient
    start(): Promise<TestProcess>
    readonly directory: string
    readonly work: string
  }
  /** `http://…` of the gate before a register at home, and of the one abroad. */
  homeGate(register: string): string
  abroadGate(register: string): string
  /** Signed by these holders, all when absent. */
  decree(
    facts: Partial<Decree> & Pick<Decree, 'subject' | 'from' | 'to' | 'epoch'>,
    signers?: readonly NoteSigner[],
  ): string
  readonly decreeKeys: DecreeKeys
  /** With which the embassy signs the log of a take-over. */
  abroadKeys(register: string, epoch: number): Promise<readonly VerifierKey[]>
  /** Brings shares, as custodians do, one after another. */
  bring(shares: readonly Share[]): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer()
  const { port } = await listen(server, HOST, 0)
  await closeHttp(server, 0)
  return port
}

/** Starts the state and both signers; agent and embassy are started by the test. */
export async function embassyStage(t: TestContext, registers: readonly RegisterPlan[]): Promise<EmbassyStage> {
  const ports = await Promise.all(Array.from({ length: 1 + 2 * registers.length }, freePort))
  const [carrierPort = 0] = ports
  const services = [
    { code: 'continuity', url: `http://${HOST}:${carrierPort}`, timeoutSeconds: 60, access: [{ subject: COURIER }] },
  ]
  const state = await startState({
    servers: [
      {
        code: 'E',
        owner: 'GOV/3333',
        subsystems: ['carrier'],
        clients: [{ id: EMBASSY, connection: 'HTTP', services }],
      },
      { code: 'H', owner: 'GOV/1111', subsystems: ['courier'], clients: [{ id: COURIER, connection: 'HTTP' }] },
    ],
  })
  t.after(() => state.stop())
  const [home, abroad] = [await startedSigner(t), await startedSigner(t)]
  const [agentDirectory, embassyDirectory, files] = [scratch(t), scratch(t), scratch(t)]
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const work = mkdtempSync(join(memory, 'saadik-opened-'))
  t.after(() => rmSync(work, { recursive: true, force: true }))

  const names = ['Kask', 'Saar', 'Tamm']
  const holders = names.map((name) => noteSigner('note', `${INSTANCE}/decree/${name}`))
  const decrees = { version: 1, threshold: 2, keys: holders.map(({ key }) => formatVerifierKey(key)) }
  const identities = await Promise.all(names.map(() => generateX25519Identity()))
  const recipients = await Promise.all(identities.map(identityToRecipient))
  const ceremony = await holdCeremony(
    { instance: INSTANCE, embassy: EMBASSY, version: 1, threshold: 2 },
    new Map(names.map((name, at) => [name, recipients[at] ?? ''])),
  )
  const shares = await Promise.all(
    names.map((name, at) => openShare(ceremony.sealed.get(name) ?? '', identities[at] ?? '')),
  )
  const manifest = join(files, 'manifest')
  const master = noteSigner('note', `${INSTANCE}/ceremonies`)
  writeFileSync(manifest, signedNote(formatManifest(ceremony.manifest), [master]))
  const ceremonyFile = { manifest, keys: [formatVerifierKey(master.key)] }

  const mirrorName = `${INSTANCE}/mirror/${EMBASSY.split('/').slice(1).join('/')}`
  const mirrorKey = await verifierOf(abroad, 'mirror', mirrorName)
  const gates = new Map(
    registers.map(({ name }, at) => [name, { home: ports[1 + 2 * at] ?? 0, abroad: ports[2 + 2 * at] ?? 0 }]),
  )
  const portOf = (name: string, side: 'home' | 'abroad') => gates.get(name)?.[side] ?? 0

  const returnIdentity = await generateHybridIdentity()
  const agentFile = join(files, 'agent.yaml')
  const writeAgent = (later: { readonly epoch?: number; readonly decree?: string }) =>
    writeYaml(agentFile, {
      directory: agentDirectory,
      instance: INSTANCE,
      signer: { socket: home.socket, tokenFile: home.tokenFile },
      securityServer: { url: state.server('H').client, client: COURIER },
      ceremony: ceremonyFile,
      decrees,
      embassies: [{ name: 'luxembourg', service: SERVICE, mirrorKey }],
      registers: registers.map(({ name, database, durability = 'strict', upstream, readPaths = [] }) => ({
        ...{ name, durability, source: { sqlite: database }, ...later },
        ...(upstream === undefined
          ? {}
          : { gate: { listen: { host: HOST, port: portOf(name, 'home') }, upstream, readPaths } }),
      })),
    })
  const embassyFile = join(files, 'embassy.yaml')
  writeYaml(embassyFile, {
    directory: embassyDirectory,
    instance: INSTANCE,
    embassy: EMBASSY,
    signer: { socket: abroad.socket, tokenFile: abroad.tokenFile },
    listen: { host: HOST, port: carrierPort },
    ceremony: ceremonyFile,
    decrees,
    work,
    returnRecipient: await identityToRecipient(returnIdentity),
    registers: await Promise.all(
      registers.map(async ({ name, command, readPaths = [] }) => ({
        ...{ name, client: COURIER },
        epochs: await Promise.all(
          [1, 3].map(async (epoch) => ({
            epoch,
            logKeys: [await verifierOf(home, 'log', `${INSTANCE}/${name}/${epoch}`)],
          })),
        ),
        ...(command === undefined
          ? {}
          : { service: { command, gate: { listen: { host: HOST, port: portOf(name, 'abroad') }, readPaths } } }),
      })),
    ),
  })

  const started = (what: string, file: string) => async () => {
    const process = await startProcess('data-embassy/main.ts', [what, '--config', file])
    t.after(() => process.kill())
    return process
  }
  const control = controlClient(runtimeSocket(embassyDirectory, 'control'))
  return {
    ...{ state, ceremony, holders, shares, returnIdentity },
    agent: {
      control: controlClient(runtimeSocket(agentDirectory, 'control')),
      signer: home.client,
      async start(later) {
        const decree = join(files, 'decree')
        if (later !== undefined) writeFileSync(decree, later.decree)
        writeAgent(later === undefined ? {} : { epoch: later.epoch, decree })
        return started('agent', agentFile)()
      },
      directory: agentDirectory,
    },
    embassy: { control, start: started('embassy', embassyFile), directory: embassyDirectory, work },
    homeGate: (register) => `http://${HOST}:${portOf(register, 'home')}`,
    abroadGate: (register) => `http://${HOST}:${portOf(register, 'abroad')}`,
    decree(facts, signers = holders) {
      const now = Date.now()
      const whole: Decree = {
        ...{ instance: INSTANCE, embassy: EMBASSY, keys: 1, nonce: crypto.randomUUID().replaceAll('-', '') },
        ...{ notBefore: new Date(now - 60_000), notAfter: new Date(now + 3_600_000) },
        ...facts,
      }
      return signedNote(formatDecree(whole), signers).toString()
    },
    decreeKeys: new DecreeKeys(decrees.version, decrees.threshold, decrees.keys),
    async abroadKeys(register, epoch) {
      return [parseVerifierKey(await verifierOf(abroad, 'log', `${INSTANCE}/${register}/${epoch}`))]
    },
    async bring(brought) {
      for (const { salt, share, ...who } of brought)
        await control.post('/shares', { ...who, salt: encodeBase64(salt), share: encodeBase64(share) })
    },
  }
}

function signedNote(text: string, signers: readonly NoteSigner[]): Buffer {
  const signatures = signers.map(({ key, privateKey }) => ({
    name: key.name,
    id: key.id,
    signature: sign(null, Buffer.from(text), privateKey),
  }))
  return formatNote({ text, signatures })
}

async function verifierOf(signer: TestSigner, use: 'log' | 'mirror', name: string): Promise<string> {
  const client = await signer.connect()
  const [key] = (await NoteKeys.open(client, use, name)).verifierKeys
  return key === undefined ? '' : formatVerifierKey(key)
}

function writeYaml(file: string, value: object): void {
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(value), { mode: 0o600 })
}
