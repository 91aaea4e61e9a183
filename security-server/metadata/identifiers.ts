// Identifiers in metadata answers: as XML of the identifiers schema, and as JSON with the names that X-Road's serialiser gives them.
import { type ClientId, escapeText, type ServiceId } from '#protocol'

export const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
/** What the document element of every answer declares: the elements below use both prefixes. */
export const NAMESPACES = `xmlns:xroad="${XROAD}" xmlns:id="http://x-road.eu/xsd/identifiers"`

/** @param name Of the element, with the prefix `xroad`. */
export function identifierXml(name: string, id: ClientId | ServiceId): string {
  return `<${name} id:objectType="${objectType(id)}">${parts(id)
    .map(([part, value]) => `<id:${part}>${escapeText(value)}</id:${part}>`)
    .join('')}</${name}>`
}

/** An element of the X-Road namespace with text. */
export function textXml(name: string, text: string): string {
  return `<xroad:${name}>${escapeText(text)}</xroad:${name}>`
}

/** `object_type` first, `xroad_instance` and so on behind it. */
export function identifierJson(id: ClientId | ServiceId): Record<string, string> {
  return Object.fromEntries([
    ['object_type', objectType(id)],
    ...parts(id).map(([part, value]) => [JSON_NAMES[part] ?? part, value]),
  ])
}

const JSON_NAMES: Readonly<Record<string, string>> = {
  xRoadInstance: 'xroad_instance',
  memberClass: 'member_class',
  memberCode: 'member_code',
  subsystemCode: 'subsystem_code',
  serviceCode: 'service_code',
  serviceVersion: 'service_version',
}

function objectType(id: ClientId | ServiceId): 'MEMBER' | 'SUBSYSTEM' | 'SERVICE' {
  if ('serviceCode' in id) return 'SERVICE'
  return id.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM'
}

function parts(id: ClientId | ServiceId): [name: string, value: string][] {
  const { instance, memberClass, memberCode, subsystemCode } = id
  const service = 'serviceCode' in id ? id : undefined
  const all: [string, string | undefined][] = [
    ['xRoadInstance', instance],
    ['memberClass', memberClass],
    ['memberCode', memberCode],
    ['subsystemCode', subsystemCode],
    ['serviceCode', service?.serviceCode],
    ['serviceVersion', service?.serviceVersion],
  ]
  return all.filter((part): part is [string, string] => part[1] !== undefined)
}
