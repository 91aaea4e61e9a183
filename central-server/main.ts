// node central-server/main.ts --config FILE
import { createServer } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  closeHttp,
  createLog,
  type Lifecycle,
  listen,
  loadConfig,
  runProcess,
  runtimeSocket,
  serveControl,
  storePlace,
  systemClock,
} from '#host'
import { centralServerConfig } from './config.ts'
import { controlRoutes } from './control.ts'
import { distribution } from './http.ts'
import { startPublisher } from './publication/publisher.ts'
import { openRegistry } from './registry/registry.ts'
import { openCentralStore } from './registry/schema.ts'
import { configurationSigner } from './signer.ts'
import { signingKeys } from './signing-keys.ts'

/** A request is one line; whoever takes longer to send it is cut off. */
const REQUEST_MS = 30_000
/** Answers under way at the stop are waited for this long. */
const ANSWER_MS = 1_000
const MAX_CONNECTIONS = 2_000

async function start(file: string, life: Lifecycle): Promise<void> {
  const config = loadConfig(file, centralServerConfig)
  const log = createLog({ process: 'central-server', level: config.logLevel })
  const store = openCentralStore(storePlace(config.store, config.directory, 'registry'))
  life.onStop('store', () => store.close())
  await store.ready()
  const signer = configurationSigner(config.signer)
  life.onStop('signer', () => signer.close())

  const published = join(config.directory, 'public')
  const common = { db: store.db, signer, clock: systemClock, log }
  const registry = openRegistry(store.db, systemClock)
  const keys = signingKeys({ ...common, algorithm: config.keyAlgorithm, expireSeconds: config.expireSeconds })
  const publisher = startPublisher({ ...common, ...config, signer, registry, keys, directory: published })
  life.onStop('publisher', () => publisher.stop())
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: 5_000 },
    distribution(published, log),
  )
  server.maxConnections = MAX_CONNECTIONS
  const { port } = await listen(server, config.listen.host, config.listen.port)
  life.onStop('listener', () => closeHttp(server, ANSWER_MS))
  // What cannot be published now stands in the status, and is tried again; the last good one is given out meanwhile.
  await publisher.publish().catch(() => undefined)
  const { close } = await serveControl({
    socket: runtimeSocket(config.directory, 'control'),
    routes: controlRoutes({
      ...common,
      registry,
      keys,
      publisher,
      address: config.address,
      url: `http://${config.listen.host}:${port}`,
      minimumVersion: config.minimumVersion,
    }),
    log,
  })
  life.onStop('control', close)
}

const { values } = parseArgs({ options: { config: { type: 'string' } } })
if (values.config === undefined) {
  process.stderr.write('usage: node central-server/main.ts --config FILE\n')
  process.exit(2)
}
const { config } = values
runProcess('central-server', (life) => start(config, life))
