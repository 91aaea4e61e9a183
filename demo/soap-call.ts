// A SOAP message as a person types it: one line, nothing in it that need not be (PR-MESS §2).
import { INSTANCE, type Member } from './layout.ts'

const HEADER = 'xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:i="http://x-road.eu/xsd/identifiers"'

export interface SoapParties {
  readonly client: readonly [Member, subsystem: string]
  readonly provider: readonly [Member, subsystem: string]
  /** Namespace of the service. */
  readonly namespace: string
}

/** The envelope of an operation, version v1, with one field. `id` is the message's own. */
export function soapMessage(
  { client, provider, namespace }: SoapParties,
  operation: string,
  [field, value]: readonly [string, string],
  id: string,
): string {
  const service = `${identifier(...provider)}<i:serviceCode>${operation}</i:serviceCode><i:serviceVersion>v1</i:serviceVersion>`
  const header = [
    `<x:client i:objectType="SUBSYSTEM">${identifier(...client)}</x:client>`,
    `<x:service i:objectType="SERVICE">${service}</x:service>`,
    `<x:id>${id}</x:id><x:protocolVersion>4.0</x:protocolVersion>`,
  ]
  const body = `<r:${operation} xmlns:r="${namespace}"><${field}>${value}</${field}></r:${operation}>`
  return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ${HEADER}><s:Header>${header.join('')}</s:Header><s:Body>${body}</s:Body></s:Envelope>`
}

function identifier({ code }: Member, subsystem: string): string {
  return `<i:xRoadInstance>${INSTANCE}</i:xRoadInstance><i:memberClass>GOV</i:memberClass><i:memberCode>${code}</i:memberCode><i:subsystemCode>${subsystem}</i:subsystemCode>`
}
