// The door of host/: what any process needs, without knowledge of X-Road. Opening it loads no npm package: each is loaded by the
// first call that needs it.
export { type AuditLine, type AuditTrail, openAuditTrail, readAuditTrail } from './audit-trail.ts'
export { type Clock, systemClock } from './clock.ts'
export { passedOn } from './collector.ts'
export { filePath, loadConfig } from './config.ts'
export { serveControl } from './control.ts'
export { type ControlClient, controlClient } from './control-client.ts'
export { ifThere, sweepTemporary, syncFolder, writeFileDurable } from './durable.ts'
export { environment } from './environment.ts'
export { ConfigError, HostError, type HostErrorCode, type RemoteError, reasonOf } from './error.ts'
export { healthServer } from './health.ts'
export { type HttpAnswer, type HttpOptions, httpGet, httpPost } from './http-client.ts'
export { type Lifecycle, runProcess } from './lifecycle.ts'
export { closeHttp, listen } from './listener.ts'
export { type Lock, takeLock } from './lock.ts'
export { createLog, type Log, type LogOptions } from './log.ts'
export { discreet, lastResort, notFound } from './open-http.ts'
export {
  connectDriver,
  connectPostgres,
  type DriverOptions,
  type PostgresAnswer,
  type PostgresConnection,
} from './postgres-connection.ts'
export {
  type DatabaseSettings,
  databaseSetting,
  type PostgresSettings,
  type StoreSettings,
  storeSetting,
} from './postgres-settings.ts'
export { connectStore } from './postgres-store.ts'
export { runtimeSocket } from './runtime-folder.ts'
export { schemaFaults, withoutUndefined } from './schema.ts'
export { SingleConnection } from './single-connection.ts'
export { type Migration, openStore, openStoreForReading, type Store, type StorePlace, storePlace } from './store.ts'
export { turnstile } from './turnstile.ts'
export { listenUnix } from './unix-listener.ts'
export { productVersion } from './version.ts'
export { readYaml, type YamlReading } from './yaml.ts'
