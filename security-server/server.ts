// A security server, assembled: stores opened, keys read, listeners started, in the order in which each needs the last.
import { mkdir, readFile } from 'node:fs/promises'
import type { Server as HttpServer } from 'node:http'
import { join } from 'node:path'
import { openConfiguration } from '#global-configuration'
import {
  type Clock,
  closeHttp,
  healthServer,
  type Lifecycle,
  type Log,
  listen,
  runtimeSocket,
  serveControl,
  storePlace,
} from '#host'
import { parseServerId } from '#protocol'
import { connectSigner } from '#signer'
import { siteServer } from '#transparent-log'
import { type Archive, openArchive } from './archive/index.ts'
import { Auditors, auditorServer, openSearchAudit } from './auditor/index.ts'
import { internalTls } from './certificates/internal-tls.ts'
import { openKeyring } from './certificates/keyring.ts'
import { openOcspAnswers } from './certificates/ocsp-answers.ts'
import type { TlsIdentity } from './certificates/own-keys.ts'
import type { SecurityServerConfig } from './config.ts'
import { createClientListeners } from './consumer/listener.ts'
import { askOther } from './consumer/own-rest.ts'
import { openPeers } from './consumer/peers.ts'
import type { SecurityServerStatus } from './contract.ts'
import { controlRoutes } from './control.ts'
import { bodyLogging } from './exchange/body-logging.ts'
import { createCounters } from './exchange/counters.ts'
import type { Gateway } from './exchange/gateway.ts'
import { peerTls } from './exchange/peer-tls.ts'
import { checkHealth } from './health.ts'
import { openMessageLog } from './message-log/index.ts'
import { openMetadata } from './metadata/index.ts'
import { openMonitoring, serverCertificates, serverState } from './monitoring/index.ts'
import { openCaller } from './provider/call.ts'
import { descriptionFetcher, documentFetcher } from './provider/describe.ts'
import { createServerListener } from './provider/listener.ts'
import { createOcspListener } from './provider/ocsp-listener.ts'
import { openReconciliation } from './reconciliation/index.ts'
import { OWN_CODES, openServices } from './services/index.ts'
import { openDataTracker, trackerDescription } from './tracker/index.ts'
import { openTransparency, type Transparency } from './transparency/index.ts'

/** Running exchanges are waited for this long at a stop, then cut: their peers see what a crash would show. */
const EXCHANGE_ENDS_MS = 4_000

/** Filled in as the ports open. */
type Listening = { -readonly [K in keyof SecurityServerStatus['listening']]: SecurityServerStatus['listening'][K] }

export interface RunningSecurityServer {
  readonly gateway: Gateway
  readonly control: string
  readonly listening: Listening
}

/** Starts everything; resolves when all ports but 5500 are open. 5500 opens as soon as an authentication certificate is usable. */
export async function startSecurityServer(
  config: SecurityServerConfig,
  life: Lifecycle,
  log: Log,
  clock: Clock,
): Promise<RunningSecurityServer> {
  const startedAt = clock.now()
  const server = parseServerId(config.server)
  await mkdir(config.directory, { recursive: true, mode: 0o700 })

  const signer = await connectSigner({ ...config.signer, reconnect: true })
  life.onStop('signer connection', () => signer.close())
  const configuration = await openConfiguration({
    anchorFile: config.anchor,
    directory: join(config.directory, 'configuration'),
    intervalSeconds: config.configuration.intervalSeconds,
    allowedFederations: config.configuration.allowedFederations,
    clock,
    log,
  })
  life.onStop('configuration client', () => configuration.stop())
  // Each asks the next, which is opened after it.
  let transparency: Transparency | undefined
  let archive: Archive | undefined
  const messageLog = await openMessageLog({
    directory: join(config.directory, 'message-log'),
    store: config.store,
    configuration: () => configuration.current(),
    refusal: () => transparency?.refusal(),
    settings: config.messageLog,
    clock,
    log,
  })
  life.onStop('message log', () => messageLog.close())
  const history = await openTransparency({
    directory: config.directory,
    store: config.store,
    server,
    signer,
    messageLog,
    configuration: () => configuration.current(),
    settings: config.transparency,
    archivedUpTo: async () => (await archive?.status())?.archivedUpTo,
    witness: config.witness,
    clock,
    log,
  })
  transparency = history
  life.onStop('transparent log', () => history.close())
  archive = config.archive.enabled
    ? await openArchive({
        directory: config.directory,
        place: storePlace(config.store, config.directory, 'archive'),
        messageLog,
        proofs: history,
        settings: config.archive,
        clock,
        log,
      })
    : undefined
  life.onStop('archive', () => archive?.close())
  const audit = await openSearchAudit(config.directory, clock)
  life.onStop('audit trail', () => audit.close())
  const ownTls = await internalTls(signer, config.listen.host, server.serverCode)
  const services = await openServices({
    place: storePlace(config.store, config.directory, 'services'),
    server,
    fetchText: documentFetcher(ownTls),
    log,
  })
  life.onStop('services', () => services.close())
  const answers = await openOcspAnswers({ directory: join(config.directory, 'ocsp'), clock, log })
  const keyring = openKeyring({
    server,
    signer,
    answers,
    configuration: () => configuration.current(),
    fetchIntervalSeconds: config.ocsp.fetchIntervalSeconds,
    clock,
    log,
  })
  life.onStop('keyring', () => keyring.stop())
  const peers = openPeers({
    keyring,
    answers,
    clock,
    log,
    port: config.peers.port,
    ocspPort: config.peers.ocspPort,
    connectTimeoutMs: config.peers.connectTimeoutSeconds * 1000,
    responseTimeoutMs: config.peers.responseTimeoutSeconds * 1000,
    fastestMemoryMs: config.peers.fastestMemorySeconds * 1000,
  })
  life.onStop('connections to other security servers', () => peers.close())
  const caller = openCaller({ services, ownTls, connectTimeoutMs: 30_000 })
  life.onStop('connections to services', () => caller.close())
  const metadata = openMetadata({
    snapshot: () => services.snapshot(),
    fetch: descriptionFetcher(caller),
    ownDescriptions: new Map([[OWN_CODES.tracker, await trackerDescription()]]),
  })
  const monitoring = openMonitoring({
    server,
    place: storePlace(config.store, config.directory, 'operational-data'),
    settings: config.monitoring,
    clock,
    log,
    knows: (service) => services.snapshot().service(service) !== undefined,
    monitoringClient: () => configuration.current()?.monitoringClient,
    certificates: () => serverCertificates({ keyring, services, internalTls: ownTls.cert }),
    state: () => serverState({ messageLog, transparency: history, keyring, configuration, signer }),
  })
  // What is stopped last was opened first: exchanges that the listeners still wait for are told of.
  life.onStop('monitoring', () => monitoring.close())

  const reconciliation = await openReconciliation({
    directory: config.directory,
    place: storePlace(config.store, config.directory, 'reconciliation'),
    server,
    messageLog,
    transparency: history,
    configuration: () => configuration.current(),
    clients: () => services.snapshot().clients.map(({ id }) => id),
    ask: (question, most) => askOther(gateway, question, most),
    settings: config.reconciliation,
    clock,
    log,
  })
  life.onStop('reconciliation', () => reconciliation.close())
  const tracker = await openDataTracker({
    directory: config.directory,
    place: storePlace(config.store, config.directory, 'tracker'),
    server,
    messageLog,
    transparency: history,
    snapshot: () => services.snapshot(),
    settings: config.tracker,
    clock,
    log,
  })
  life.onStop('data tracker', () => tracker.close())

  const gateway: Gateway = {
    server,
    clock,
    log,
    configuration,
    services,
    messageLog,
    transparency: history,
    audit,
    archive,
    keyring,
    answers,
    peers,
    caller,
    metadata,
    monitoring,
    reconciliation,
    tracker,
    counters: createCounters(),
    logsBodies: bodyLogging(config.messageLog.bodyLogging),
    idleMs: config.limits.idleSeconds * 1000,
    minimumPeerVersion: config.peers.minimumVersion,
  }

  const { host } = config.listen
  const clients = createClientListeners(gateway, ownTls)
  const ocsp = createOcspListener(gateway)
  const health = healthServer(() => checkHealth(gateway))
  const listening: Listening = { host, client: 0, clientTls: 0, servers: config.listen.servers, ocsp: 0, health: 0 }
  const opened = new Set<HttpServer>()
  // All at once: one after another they could outlast the time that a stop has.
  life.onStop('listeners', async () => {
    await Promise.all([...opened].map((listener) => closeHttp(listener, EXCHANGE_ENDS_MS)))
  })
  const open = async (listener: HttpServer, port: number): Promise<number> => {
    listener.maxConnections = config.limits.maxConnections
    const bound = await listen(listener, host, port)
    opened.add(listener)
    return bound.port
  }
  listening.health = await open(health, config.listen.health)
  const { prometheus } = config.monitoring
  if (prometheus !== undefined) {
    const scraped = monitoring.metricsServer()
    listening.metrics = (await listen(scraped, prometheus.host, prometheus.port)).port
    opened.add(scraped)
  }
  const { listen: site } = config.transparency
  if (site !== undefined) {
    const read = siteServer({ sites: history.sites(), allow: site.allow, log })
    listening.transparency = (await listen(read, site.host, site.port)).port
    opened.add(read)
  }
  if (config.auditor !== undefined) {
    const { listen: at, auditors: file, tls } = config.auditor
    const auditors = new Auditors(file, clock, log)
    await auditors.open()
    const asked = await auditorServer({
      messageLog,
      transparency: history,
      configuration: () => configuration.current(),
      audit,
      auditors,
      tls: tls === undefined ? ownTls : await readTls(tls),
      log,
    })
    asked.maxConnections = config.limits.maxConnections
    listening.auditor = (await listen(asked, at.host, at.port)).port
    opened.add(asked)
  }
  listening.ocsp = await open(ocsp, config.listen.ocsp)
  listening.clientTls = await open(clients.secure, config.listen.clientTls)
  listening.client = await open(clients.plain, config.listen.client)

  const serving = serve5500(gateway, keyring.onIdentity, async (listener) => {
    listening.servers = await open(listener, config.listen.servers)
    log.info('open for other security servers', { host, port: listening.servers })
  })
  const refreshed = keyring.refresh()
  configuration.onChange(() => void keyring.refresh())

  const control = runtimeSocket(config.directory, 'control')
  const controlServer = await serveControl({
    socket: control,
    routes: controlRoutes(gateway, { startedAt, listening, database: join(config.directory, 'message-log') }),
    log,
  })
  life.onStop('control socket', () => controlServer.close())
  // Keys are read before "ready" is said; a signer without certificates yet is no reason to wait.
  await refreshed
  await serving()
  return { gateway, control, listening }
}

async function readTls(files: {
  readonly certificate: string
  readonly key: string
}): Promise<{ key: string; cert: string }> {
  const [cert, key] = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')])
  return { cert, key }
}

/**
 * Without a certificate there is nothing to say on 5500: it opens with the first identity, and follows each later one. When it
 * cannot be opened, the process ends (nobody catches that, now or later): half a server would look healthy.
 *
 * @returns Waits for an opening that is under way.
 */
function serve5500(
  gateway: Gateway,
  onIdentity: (listener: (identity: TlsIdentity) => void) => void,
  open: (listener: HttpServer) => Promise<void>,
): () => Promise<void> {
  let listener: ReturnType<typeof createServerListener> | undefined
  let opening = Promise.resolve()
  onIdentity((identity) => {
    if (listener !== undefined) return listener.setSecureContext(peerTls(identity))
    listener = createServerListener(gateway, identity)
    opening = open(listener)
  })
  return () => opening
}
