// `node pki/main.ts ca|ocsp|tsa --config FILE`: one authority a process.

import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Application, Express } from 'express'
import {
  closeHttp,
  createLog,
  HostError,
  type Lifecycle,
  type Log,
  listen,
  loadConfig,
  runProcess,
  runtimeSocket,
  serveControl,
  storePlace,
  systemClock,
  takeLock,
} from '#host'
import { connectSigner, type SignerClient } from '#signer'
import type { Certificate } from '#trust'
import { certificationAuthority } from './ca.ts'
import { caConfig, ocspConfig, tsaConfig } from './config.ts'
import type { AuthorityProcess, OcspStatus, TsaStatus } from './contract.ts'
import { caControl, statusControl } from './control.ts'
import { caHttp, type HttpCounters, ocspHttp, tsaHttp } from './http.ts'
import { ocspResponder } from './ocsp-responder.ts'
import { signerFault } from './signer-fault.ts'
import { openPkiStore, readPkiStore } from './store/schema.ts'
import { openSerialStore } from './store/serials.ts'
import { timestampingAuthority } from './tsa.ts'

/** The CA looks after CRLs and responder certificates this often, and at a quarter of a CRL's life if that is sooner. */
const TEND_MILLISECONDS = 3_600_000
/** A peer that does not finish its request within this is cut off: all requests here are small. */
const REQUEST_MILLISECONDS = 30_000
/** Answers under way at the stop are waited for this long: none takes more than a few signatures. */
const ANSWER_MILLISECONDS = 1_000
/** A security server keeps a handful open; past this, new ones are turned away. */
const MAX_CONNECTIONS = 2000

interface Common {
  readonly directory: string
  readonly signer: { readonly socket: string; readonly tokenFile: string }
  readonly listen: { readonly host: string; readonly port: number }
}

/** The register and the TSA's memory have one writer each; a second process would break what they promise. */
function alone(name: AuthorityProcess, { directory }: Common, life: Lifecycle): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const lock = takeLock(join(directory, `${name}.lock`), `the ${name} of ${directory}`)
  life.onStop('lock', () => lock.release())
}

async function signerOf({ signer }: Common, life: Lifecycle): Promise<SignerClient> {
  const client = await connectSigner({ ...signer, reconnect: true })
  life.onStop('signer', () => client.close())
  return client
}

/** Opens the public listener and closes it, with its idle connections, at the stop. Returns its URL. */
async function serve(app: Express, { listen: at }: Common, life: Lifecycle): Promise<string> {
  const server = createServer({ requestTimeout: REQUEST_MILLISECONDS, headersTimeout: REQUEST_MILLISECONDS }, app)
  server.maxConnections = MAX_CONNECTIONS
  const { port } = await listen(server, at.host, at.port)
  life.onStop('listener', () => closeHttp(server, ANSWER_MILLISECONDS))
  return `http://${at.host}:${port}`
}

async function control(
  name: AuthorityProcess,
  { directory }: Common,
  routes: (app: Application) => void,
  log: Log,
  life: Lifecycle,
): Promise<void> {
  const { close } = await serveControl({ socket: runtimeSocket(directory, name), routes, log })
  life.onStop('control', close)
}

async function startCa(file: string, life: Lifecycle): Promise<void> {
  const config = loadConfig(file, caConfig)
  const log = createLog({ process: 'ca', level: config.logLevel })
  alone('ca', config, life)
  const store = openPkiStore(storePlace(config.store, config.directory, 'ca'))
  life.onStop('store', () => store.close())
  await store.ready()
  const publicUrl = config.publicUrl ?? `http://${config.listen.host}:${config.listen.port}`
  const ca = certificationAuthority({
    db: store.db,
    signer: await signerOf(config, life),
    clock: systemClock,
    log,
    identity: config,
    subjectRules: config.subjectRules,
    crlSeconds: config.crlSeconds,
    locations: (issuer) => ({
      crl: issuer === 'root' ? `${publicUrl}/root.crl` : `${publicUrl}/crl`,
      issuer: `${publicUrl}/${issuer}.cer`,
      ...(config.ocspUrl === undefined ? {} : { ocsp: config.ocspUrl }),
    }),
  })
  await ca.start()
  const timer = setInterval(() => void ca.tend(), Math.min(TEND_MILLISECONDS, config.crlSeconds * 250))
  life.onStop('schedule', () => clearInterval(timer))
  await serve(caHttp(ca, log), config, life)
  await control('ca', config, caControl(ca), log, life)
}

async function startOcsp(file: string, life: Lifecycle): Promise<void> {
  const config = loadConfig(file, ocspConfig)
  const log = createLog({ process: 'ocsp', level: config.logLevel })
  const store = readPkiStore(storePlace(config.store, config.directory, 'ca'))
  life.onStop('store', () => store.close())
  const signer = await signerOf(config, life)
  const { nextUpdateSeconds, cacheSeconds } = config
  const responder = ocspResponder({ db: store.db, signer, clock: systemClock, nextUpdateSeconds, cacheSeconds })
  const counters: HttpCounters = { answered: 0, signed: 0, refused: 0 }
  const url = await serve(ocspHttp(responder, counters, log), config, life)
  const status = async (): Promise<OcspStatus> => ({
    ...(await readiness(signer, responder, store)),
    url,
    ...counters,
  })
  await control('ocsp', config, statusControl(status), log, life)
}

async function startTsa(file: string, life: Lifecycle): Promise<void> {
  const config = loadConfig(file, tsaConfig)
  const log = createLog({ process: 'tsa', level: config.logLevel })
  alone('tsa', config, life)
  const store = readPkiStore(storePlace(config.store, config.directory, 'ca'))
  life.onStop('store', () => store.close())
  const serials = openSerialStore(storePlace(config.store, config.directory, 'tsa'))
  life.onStop('serial numbers', () => serials.close())
  await serials.ready()
  const signer = await signerOf(config, life)
  const tsa = timestampingAuthority({ db: store.db, serials, signer, clock: systemClock, policy: config.policy })
  life.onStop('time ceiling', () => tsa.settle())
  const counters: HttpCounters = { answered: 0, signed: 0, refused: 0 }
  const url = await serve(tsaHttp(tsa, counters, log), config, life)
  const status = async (): Promise<TsaStatus> => ({
    ...(await readiness(signer, tsa, store)),
    url,
    granted: counters.signed,
    refused: counters.refused,
  })
  await control('tsa', config, statusControl(status), log, life)
}

/** Ready is: the store answers, certified, and the signer would sign. */
async function readiness(
  signer: SignerClient,
  authority: { certificate(): Promise<Certificate | undefined> },
  store: { ready(): Promise<void> },
) {
  let certificate: Certificate | undefined
  try {
    await store.ready()
    certificate = await authority.certificate()
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    // No store yet is no ceremony yet: the CA makes the store when it starts.
    if (error.code !== 'store_unusable') return { ready: false, reason: error.message }
  }
  const expires = certificate === undefined ? {} : { expires: certificate.notAfter.toISOString() }
  const reason = certificate === undefined ? 'the key ceremony has not been held' : await signerFault(signer)
  return reason === undefined ? { ready: true, ...expires } : { ready: false, reason, ...expires }
}

const STARTS: Readonly<Record<AuthorityProcess, (file: string, life: Lifecycle) => Promise<void>>> = {
  ca: startCa,
  ocsp: startOcsp,
  tsa: startTsa,
}

const { values, positionals } = parseArgs({ options: { config: { type: 'string' } }, allowPositionals: true })
const [name] = positionals
if ((name !== 'ca' && name !== 'ocsp' && name !== 'tsa') || values.config === undefined) {
  process.stderr.write('usage: node pki/main.ts ca|ocsp|tsa --config FILE\n')
  process.exit(2)
}
const { config } = values
runProcess(name, (life) => STARTS[name](config, life))
