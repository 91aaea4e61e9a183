// The door of monitoring: operational and environmental monitoring, /metrics, traces.
export type { Asker, MonitoringAnswer, MonitoringAttachment } from './answers/answer.ts'
export type { MonitoredCertificate } from './environment/certificates.ts'
export { type Monitoring, type MonitoringOptions, type MonitoringService, openMonitoring } from './monitoring.ts'
export type { Exchange, Outcome, SecurityServerType, ServiceType } from './operational/exchange.ts'
export type { ServerState } from './prometheus/state-metrics.ts'
export { serverCertificates, serverState } from './server-state.ts'
export { type MonitoringSettings, monitoringSchema } from './settings.ts'
