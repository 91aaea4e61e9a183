// Monitoring, assembled: what stages tell goes to the store, the statistics and the traces; those who may ask are answered.
import type { Server } from 'node:http'
import { type Clock, type Log, productVersion, type StorePlace } from '#host'
import { type ClientId, memberOf, type ServerId, type ServiceId, sameId, shortId, type XmlElement } from '#protocol'
import type { Asker, MonitoringAnswer } from './answers/answer.ts'
import { environment } from './answers/environment.ts'
import { healthData } from './answers/health-data.ts'
import { operationalData } from './answers/operational-data.ts'
import type { MonitoredCertificate } from './environment/certificates.ts'
import { Listings } from './environment/listings.ts'
import { SystemMetrics } from './environment/system.ts'
import { HealthStatistics } from './health/statistics.ts'
import { Batches } from './operational/batches.ts'
import { Exchange, type Outcome, type SecurityServerType } from './operational/exchange.ts'
import { OperationalStore } from './operational/store.ts'
import { ExchangeMetrics } from './prometheus/exchange-metrics.ts'
import { metricsServer } from './prometheus/listener.ts'
import { type ServerState, stateMetrics } from './prometheus/state-metrics.ts'
import { renderMetrics } from './prometheus/text.ts'
import type { MonitoringSettings } from './settings.ts'
import { TraceExporter } from './traces/exporter.ts'

/** The services that monitoring answers itself, by their reserved codes (wire-client §4). */
export type MonitoringService =
  | 'getSecurityServerOperationalData'
  | 'getSecurityServerHealthData'
  | 'getSecurityServerMetrics'

export interface MonitoringOptions {
  readonly server: ServerId
  /** Of the store of records. */
  readonly place: StorePlace
  readonly settings: MonitoringSettings
  readonly clock: Clock
  readonly log: Log
  /** Whether a service is registered here; others are not counted one by one. */
  readonly knows: (service: ServiceId) => boolean
  /** Of the present global configuration. */
  readonly monitoringClient: () => ClientId | undefined
  /** What environmental monitoring lists. */
  readonly certificates: () => readonly MonitoredCertificate[]
  /** What the gauges of /metrics show; asked at each scrape. */
  readonly state: () => Promise<ServerState>
}

export interface Monitoring {
  /** Tells that a request has come. Whoever begins an exchange finishes it, however it ends. */
  begin(side: SecurityServerType): Exchange
  /** Tells how it ended; the second time it says nothing. Never throws, and takes microseconds. */
  finish(exchange: Exchange, outcome: Outcome): void
  /** The monitoring service that is asked for, undefined when it is somebody's ordinary one. */
  serviceOf(service: ServiceId): MonitoringService | undefined
  /**
   * Answers a SOAP request to a monitoring service. No access right is looked at: each service has rules of its own (wire-client §6).
   *
   * @param request The one element of the SOAP body.
   * @throws XRoadFault with its whole code.
   */
  answer(service: MonitoringService, request: XmlElement, asker: Asker): Promise<MonitoringAnswer>
  /** The text of /metrics. */
  metrics(): Promise<string>
  /** Not yet listening; answers /metrics and nothing else. */
  metricsServer(): Server
  /** Stores and sends what waits, and ends. */
  close(): Promise<void>
}

export function openMonitoring(options: MonitoringOptions): Monitoring {
  const { server, place, settings, clock, log, knows, monitoringClient, certificates } = options
  const { operational, health, traces } = settings
  const startedAt = clock.now()
  const store = new OperationalStore({ place, ...operational, clock, log })
  const batches = new Batches({
    store: (batch) => store.append(batch),
    queueRecords: operational.queueRecords,
    intervalMs: operational.storeIntervalSeconds * 1000,
    log,
  })
  const statistics = new HealthStatistics({ periodSeconds: health.periodSeconds, knows })
  const exchanges = new ExchangeMetrics()
  const system = new SystemMetrics(clock)
  const listings = new Listings()
  const exporter = traces && new TraceExporter({ ...traces, server: shortId(server), version: productVersion(), log })

  async function metrics(): Promise<string> {
    const counted = { waiting: batches.waiting, dropped: batches.dropped, spansDropped: exporter?.dropped ?? 0 }
    const state = await options.state()
    return renderMetrics([...exchanges.metrics(), ...stateMetrics(state, counted, startedAt, clock.now())])
  }

  return {
    begin: (side) => new Exchange(side, clock.now().getTime(), exporter !== undefined),
    finish(exchange, outcome) {
      if (!exchange.finishOnce()) return
      const finished = { exchange, outcome, responseOutTs: exchange.responseOutTs ?? clock.now().getTime() }
      exchanges.add(finished)
      statistics.add(finished)
      if (operational.queueRecords > 0) batches.add(finished)
      exporter?.add(finished)
    },
    serviceOf: (service) => monitoringService(server, service),
    async answer(service, request, asker) {
      switch (service) {
        case 'getSecurityServerOperationalData':
          return await operationalData(
            { server, store, monitoringClient: monitoringClient(), maxRecords: operational.maxRecordsInAnswer, clock },
            request,
            asker,
          )
        case 'getSecurityServerHealthData':
          return healthData({ statistics, periodSeconds: health.periodSeconds, startedAt, now: clock.now() }, request)
        case 'getSecurityServerMetrics': {
          const { limitRemoteDataSet } = settings.environment
          const context = {
            server,
            monitoringClient: monitoringClient(),
            limitRemoteDataSet,
            system,
            listings,
            certificates,
          }
          return await environment(context, request, asker)
        }
      }
    },
    metrics,
    metricsServer: () => metricsServer(metrics, log),
    async close() {
      system.stop()
      await Promise.all([exporter?.close(), batches.close().then(() => store.close())])
    },
  }
}

/** Addressed to the member that owns the server; the environment's code has no version (wire-client §6.2, §6.4). */
function monitoringService(server: ServerId, service: ServiceId): MonitoringService | undefined {
  if (service.subsystemCode !== undefined || !sameId(memberOf(service), memberOf(server))) return undefined
  switch (service.serviceCode) {
    case 'getSecurityServerOperationalData':
    case 'getSecurityServerHealthData':
      return service.serviceCode
    case 'getSecurityServerMetrics':
      return service.serviceVersion === undefined ? service.serviceCode : undefined
    default:
      return undefined
  }
}
