// getSecurityServerHealthData (wire-client §6.3): what each service did over the last minutes. Any client may ask.
import { escapeText, type ServiceId, type XmlElement } from '#protocol'
import type { Running } from '../health/running.ts'
import type { HealthStatistics, ServiceHealth } from '../health/statistics.ts'
import { invalidRequest, type MonitoringAnswer } from './answer.ts'
import { OP_MONITORING } from './operational-data.ts'
import { clientIdentifier, IDENTIFIERS, sequence } from './read.ts'

export interface HealthDataContext {
  readonly statistics: HealthStatistics
  readonly periodSeconds: number
  readonly startedAt: Date
  readonly now: Date
}

/** @throws XRoadFault `server.serverproxy.opmonitor.client.invalid_request` */
export function healthData(context: HealthDataContext, request: XmlElement): MonitoringAnswer {
  if (request.namespace !== OP_MONITORING || request.local !== 'getSecurityServerHealthData')
    throw invalidRequest(`<${request.name}> is not a request for health data`)
  const [criteria] = sequence(request, OP_MONITORING, ['filterCriteria']).filterCriteria
  const [client] = criteria === undefined ? [] : sequence(criteria, OP_MONITORING, ['client']).client
  const provider = client === undefined ? undefined : clientIdentifier(client)
  const services = context.statistics.services(context.now.getTime(), provider)
  const body =
    `<om:getSecurityServerHealthDataResponse xmlns:om="${OP_MONITORING}" xmlns:id="${IDENTIFIERS}">` +
    element('monitoringStartupTimestamp', context.startedAt.getTime()) +
    element('statisticsPeriodSeconds', context.periodSeconds) +
    `<om:servicesEvents>${services.map(serviceEvents).join('')}</om:servicesEvents>` +
    '</om:getSecurityServerHealthDataResponse>'
  return { body: Buffer.from(body), attachments: [] }
}

function serviceEvents(health: ServiceHealth): string {
  return (
    `<om:serviceEvents>${serviceElement(health.service)}` +
    element('lastSuccessfulRequestTimestamp', health.lastSuccessful) +
    element('lastUnsuccessfulRequestTimestamp', health.lastUnsuccessful) +
    element('serviceType', health.serviceType) +
    `<om:lastPeriodStatistics>${element('successfulRequestCount', health.successful)}` +
    element('unsuccessfulRequestCount', health.unsuccessful) +
    spread('request', 'Duration', health.duration) +
    spread('request', 'Size', health.requestSize) +
    spread('response', 'Size', health.responseSize) +
    '</om:lastPeriodStatistics></om:serviceEvents>'
  )
}

/** Without values there is nothing to say (wire-client §6.3). */
function spread(what: string, quantity: string, values: Running): string {
  if (values.count === 0) return ''
  return (
    element(`${what}Min${quantity}`, values.min) +
    element(`${what}Average${quantity}`, values.mean) +
    element(`${what}Max${quantity}`, values.max) +
    element(`${what}${quantity}StdDev`, values.deviation)
  )
}

function serviceElement(service: ServiceId): string {
  const part = (name: string, value: string | undefined) =>
    value === undefined ? '' : `<id:${name}>${escapeText(value)}</id:${name}>`
  return (
    '<om:service id:objectType="SERVICE">' +
    part('xRoadInstance', service.instance) +
    part('memberClass', service.memberClass) +
    part('memberCode', service.memberCode) +
    part('subsystemCode', service.subsystemCode) +
    part('serviceCode', service.serviceCode) +
    part('serviceVersion', service.serviceVersion) +
    '</om:service>'
  )
}

function element(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : `<om:${name}>${value}</om:${name}>`
}
