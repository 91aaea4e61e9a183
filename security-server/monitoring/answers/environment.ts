// getSecurityServerMetrics (wire-client §6.4): the machine, its processes and packages, the server's certificates.
import {
  type ClientId,
  descendants,
  fault,
  memberOf,
  type ServerId,
  sameId,
  textOf,
  typedId,
  type XmlElement,
} from '#protocol'
import { PRODUCT_VERSION } from '../../exchange/version.ts'
import { certificateSet, type MonitoredCertificate } from '../environment/certificates.ts'
import type { Listings } from '../environment/listings.ts'
import { type EnvironmentMetric, MONITORING, metricElement } from '../environment/metric-set.ts'
import type { SystemMetrics } from '../environment/system.ts'
import type { Asker, MonitoringAnswer } from './answer.ts'

/** Names that a request may ask for; there are 16 metrics. */
const MAX_NAMES = 1000

export interface EnvironmentContext {
  readonly server: ServerId
  /** Of the global configuration. */
  readonly monitoringClient: ClientId | undefined
  /** Whether all but the owner are shown the operating system and the certificates only. */
  readonly limitRemoteDataSet: boolean
  readonly system: SystemMetrics
  readonly listings: Listings
  readonly certificates: () => readonly MonitoredCertificate[]
}

/** @throws XRoadFault `server.serverproxy.access_denied` for all but the owner and the monitoring client. */
export async function environment(
  context: EnvironmentContext,
  request: XmlElement,
  { client }: Asker,
): Promise<MonitoringAnswer> {
  const owner = memberOf(context.server)
  const isOwner = sameId(client, owner)
  const { monitoringClient } = context
  if (!isOwner && (monitoringClient === undefined || !sameId(monitoringClient, client))) {
    const service = { ...owner, serviceCode: 'getSecurityServerMetrics' }
    throw fault('server.serverproxy', 'access_denied', `Request is not allowed: ${typedId(service)}`)
  }
  const names = requestedNames(request)
  const metrics = await systemMetrics(context, names, isOwner || !context.limitRemoteDataSet)
  const root = {
    name: typedId(context.server),
    metrics: [
      { name: 'proxyVersion', value: PRODUCT_VERSION },
      { name: 'systemMetrics', metrics },
    ],
  }
  return {
    body: Buffer.from(
      `<m:getSecurityServerMetricsResponse xmlns:m="${MONITORING}">${metricElement(root)}</m:getSecurityServerMetricsResponse>`,
    ),
    attachments: [],
  }
}

/** Wherever they stand: the reference looks no closer, and those who ask it have grown used to that. Empty asks for all. */
function requestedNames(request: XmlElement): ReadonlySet<string> {
  const names = new Set<string>()
  for (const element of descendants(request)) {
    if (element.namespace === MONITORING && element.local === 'outputField') names.add(textOf(element))
    if (names.size > MAX_NAMES)
      throw fault('server.serverproxy', 'invalid_request', `More than ${MAX_NAMES} output fields were asked for`)
  }
  return names
}

/** In the reference's order. A list is only made when it is wanted. */
async function systemMetrics(
  { certificates, system, listings }: EnvironmentContext,
  names: ReadonlySet<string>,
  everything: boolean,
): Promise<EnvironmentMetric[]> {
  const wants = (name: string) => names.size === 0 || names.has(name)
  const parts: (EnvironmentMetric[] | Promise<EnvironmentMetric[]>)[] = []
  if (wants('Certificates')) parts.push([certificateSet(certificates())])
  if (wants('OperatingSystem')) parts.push(listings.operatingSystem())
  if (everything) {
    parts.push(listings.diskSpace(), system.metrics())
    if (wants('Processes')) parts.push(listings.processes())
    if (wants('Xroad Processes')) parts.push(listings.ownProcesses())
    if (wants('Packages')) parts.push(listings.packages())
  }
  return (await Promise.all(parts)).flat().filter(({ name }) => wants(name))
}
