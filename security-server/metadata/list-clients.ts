// `GET /listClients`: who is registered in an instance, for whoever asks on the information systems' ports (PR-META §2, wire-client §4.1).
import { type ClientId, fault, type Member, mediaType } from '#protocol'
import { identifierJson, identifierXml, NAMESPACES, textXml } from './identifiers.ts'

/** The members of the state and of those it is federated with; a global configuration is one. */
export interface Registered {
  /** The own instance. */
  readonly instance: string
  /** undefined: no such instance. */
  members(instance: string): readonly Member[] | undefined
}

export interface ListClientsAnswer {
  readonly status: 200
  readonly contentType: string
  readonly body: Uint8Array
}

/** Nobody says who asks, so that a list is written once for each configuration, not for each request. */
const written = new WeakMap<readonly Member[], { json?: Uint8Array; xml?: Uint8Array }>()

/**
 * Every member, each followed by its subsystems, in the order of the global configuration, registered on a server or not.
 *
 * @param request.target As received; `xRoadInstance` names an instance, blank is the own one.
 * @param request.accept Any entry `application/json`, whatever its q, makes the answer JSON; otherwise it is XML.
 * @throws XRoadFault `server.clientproxy.internal_error`: an instance that is not known here. It is told as a SOAP fault with status 200,
 * also to those who wanted JSON.
 */
export function listClients(
  request: { readonly target: string; readonly accept: string | undefined },
  registered: Registered,
): ListClientsAnswer {
  const wanted = new URLSearchParams(request.target.split('?', 2)[1] ?? '').get('xRoadInstance')?.trim() ?? ''
  const instance = wanted === '' ? registered.instance : wanted
  const members = registered.members(instance)
  if (members === undefined)
    throw fault('server.clientproxy', 'internal_error', `There is no valid configuration of instance ${instance}`)
  let kept = written.get(members)
  if (kept === undefined) {
    kept = {}
    written.set(members, kept)
  }
  if (acceptsJson(request.accept)) {
    kept.json ??= Buffer.from(clientsJson(instance, members))
    return { status: 200, contentType: 'application/json; charset=utf-8', body: kept.json }
  }
  kept.xml ??= Buffer.from(clientsXml(instance, members))
  return { status: 200, contentType: 'text/xml; charset=UTF-8', body: kept.xml }
}

interface Listed {
  readonly id: ClientId
  readonly name: string
  readonly subsystemName?: string
}

function* listed(instance: string, members: readonly Member[]): Generator<Listed> {
  for (const { memberClass, memberCode, name, subsystems } of members) {
    const id = { instance, memberClass, memberCode }
    yield { id, name }
    for (const { code, name: subsystemName } of subsystems)
      yield { id: { ...id, subsystemCode: code }, name, ...(subsystemName === undefined ? {} : { subsystemName }) }
  }
}

function clientsJson(instance: string, members: readonly Member[]): string {
  const member = Array.from(listed(instance, members), ({ id, name, subsystemName }) => ({
    id: identifierJson(id),
    name,
    subsystem_name: subsystemName,
  }))
  return JSON.stringify({ member })
}

function clientsXml(instance: string, members: readonly Member[]): string {
  let text = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<xroad:clientList ${NAMESPACES}>`
  for (const { id, name, subsystemName } of listed(instance, members)) {
    text += `<xroad:member>${identifierXml('xroad:id', id)}${textXml('name', name)}`
    if (subsystemName !== undefined) text += textXml('subsystemName', subsystemName)
    text += '</xroad:member>'
  }
  return `${text}</xroad:clientList>`
}

function acceptsJson(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((entry) => {
    try {
      return mediaType(entry).type === 'application/json'
    } catch {
      return false
    }
  })
}
