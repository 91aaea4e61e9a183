// REST requests: the head that a consumer's security server makes of what the information system sent, and its reading
// on the provider's side (wire-message §3.4, wire-client §3.1–3.3).
import { fault, type XRoadFault } from './faults.ts'
import {
  type ClientId,
  decodeClientId,
  decodeIdPart,
  decodeServerId,
  decodeServiceId,
  MAX_ID_LENGTH,
  type ServerId,
  type ServiceId,
} from './identifier.ts'
import type { HeaderList } from './multipart.ts'
import { type Header, last, list, malformed, parseLines, restHeaders, serialize, transported } from './rest-head.ts'

export interface RestRequestHead {
  readonly method: string
  /** Path and query, raw, as the information system sent them. */
  readonly target: string
  /** Raw; '' for a target that ends with `?`, undefined without one. */
  readonly query?: string
  /** What is transported to the service, in order. */
  readonly headers: HeaderList
  readonly client: ClientId
  readonly service: ServiceId
  /** Raw; '' or what begins with the slash after the service code. */
  readonly servicePath: string
  /** X-Road-Id: the information system's name for the message, or ours. */
  readonly id: string
  /** x-road-request-id: the consumer's name for this exchange. */
  readonly requestId: string
  readonly userId?: string
  readonly issue?: string
  readonly representedParty?: string
  readonly securityServer?: ServerId
  /** The head as it is hashed, signed, sent and logged. */
  readonly bytes: Uint8Array
}

const METHODS: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE'])

/**
 * Builds the head of an outgoing request. What the information system says about request id and request hash does not
 * count; the first is set here, `x-road-id` is made when it is missing and stands after it.
 *
 * @param input.rawHeaders Node's flat list: name, value, name, value.
 * @throws XRoadFault `server.clientproxy.invalid_client_identifier` when X-Road-Client is missing or repeated,
 * `server.clientproxy.internal_error` for everything else that is malformed (wire-client §3.1.3, §3.3).
 */
export function buildRestRequest(input: {
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly string[]
  readonly requestId: string
  readonly newId: () => string
}): RestRequestHead {
  const refuse = (what: string, cause?: unknown): XRoadFault =>
    fault('server.clientproxy', 'internal_error', `Invalid REST request: ${what}`, { cause })
  const { method, target, requestId } = input
  const headers = transported(input.rawHeaders, refuse).filter(
    ({ lower }) => lower !== restHeaders.requestId && lower !== restHeaders.requestHash,
  )
  headers.push(header(restHeaders.requestId, requestId))
  if (last(headers, restHeaders.id) === undefined) headers.push(header(restHeaders.id, input.newId()))
  const repeated = (what: string): XRoadFault => fault('server.clientproxy', 'invalid_client_identifier', what)
  return { ...read(method, target, headers, requestId, refuse, repeated), bytes: serialize(method, target, headers) }
}

/**
 * Reads the head part of a received request.
 *
 * @throws XRoadFault `server.serverproxy.service_failed.internal_error`, or `…invalid_client_identifier` when the client
 * is missing or repeated.
 */
export function parseRestRequest(bytes: Uint8Array): RestRequestHead {
  const refuse = (what: string, cause?: unknown): XRoadFault => malformed('server.serverproxy', what, cause)
  const { first, second, headers } = parseLines(bytes, 'server.serverproxy')
  // The reference finds this one header in lower case only, and always writes it so (wire-message §3.4).
  const requestId = headers.findLast(({ name }) => name === restHeaders.requestId)?.value
  if (requestId === undefined) throw refuse('x-road-request-id is missing')
  const repeated = (what: string): XRoadFault =>
    fault('server.serverproxy.service_failed', 'invalid_client_identifier', what)
  return { ...read(first, second, headers, requestId, refuse, repeated), bytes }
}

type Refuse = (what: string, cause?: unknown) => XRoadFault

function read(
  method: string,
  target: string,
  headers: readonly Header[],
  requestId: string,
  refuse: Refuse,
  refuseClient: Refuse,
): Omit<RestRequestHead, 'bytes'> {
  if (!METHODS.has(method)) throw refuse(`the method ${method.slice(0, 20)} is not one of X-Road's`)
  const attempt = <T>(what: string, decode: () => T): T => {
    try {
      return decode()
    } catch (cause) {
      throw refuse(`${what}: ${(cause as Error).message}`, cause)
    }
  }
  const { service, servicePath, query } = attempt('the target', () => splitTarget(target))
  const clients = headers.filter(({ lower }) => lower === restHeaders.client)
  const [client] = clients
  if (client === undefined) throw refuseClient('X-Road-Client is missing')
  // Who reads the first and who reads the last would see different clients (docs/divergences.md).
  if (clients.length > 1) throw refuseClient('X-Road-Client is repeated')
  const id = last(headers, restHeaders.id)
  if (id === undefined || id.trim() === '') throw refuse('X-Road-Id is missing or empty')
  for (const value of [id, requestId])
    if (value.length > MAX_ID_LENGTH) throw refuse(`a message id has over ${MAX_ID_LENGTH} characters`)
  const securityServer = last(headers, restHeaders.securityServer)
  const representedParty = last(headers, restHeaders.representedParty)
  if (representedParty !== undefined) attempt('X-Road-Represented-Party', () => checkRepresentedParty(representedParty))
  return {
    method,
    target,
    headers: list(headers),
    client: attempt('X-Road-Client', () => decodeClientId(client.value)),
    service,
    servicePath,
    id,
    requestId,
    ...(query === undefined ? {} : { query }),
    ...(securityServer === undefined
      ? {}
      : { securityServer: attempt('X-Road-Security-Server', () => decodeServerId(securityServer)) }),
    ...(representedParty === undefined ? {} : { representedParty }),
    ...optional('userId', headers, restHeaders.userId),
    ...optional('issue', headers, restHeaders.issue),
  }
}

/** Recorded as the reference records them: the first of a repeated header (wire-client §3.3). */
function optional<K extends 'userId' | 'issue'>(
  key: K,
  headers: readonly Header[],
  lower: string,
): { [P in K]?: string } {
  const found = headers.find((candidate) => candidate.lower === lower)
  return found === undefined ? {} : ({ [key]: found.value } as { [P in K]?: string })
}

/** What the reference's URI parser takes in line 2 (wire-message §3.4), without anything beyond ASCII. */
const TARGET =
  /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]]|%[0-9A-Fa-f]{2})*)?$/

/** `/r1/instance/class/member/subsystem/service[/path][?query]` (wire-client §3.1). */
function splitTarget(target: string): { service: ServiceId; servicePath: string; query?: string } {
  if (!TARGET.test(target)) throw new Error('it is not a URI path and query')
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const segments = path.split('/')
  if (segments[1] !== 'r1') throw new Error('the protocol version is not r1')
  if (segments.length < 7) throw new Error('it does not name instance, class, member, subsystem and service')
  const service = decodeServiceId(segments.slice(2, 7).join('/'))
  const rest = segments.slice(7)
  return {
    service,
    servicePath: rest.length === 0 ? '' : `/${rest.join('/')}`,
    ...(mark < 0 ? {} : { query: target.slice(mark + 1) }),
  }
}

/** `[class/]code` (PR-REST §4.3). */
function checkRepresentedParty(value: string): void {
  const parts = value.split('/')
  if (parts.length > 2) throw new Error('it has over two parts')
  for (const part of parts) decodeIdPart(part)
}

function header(name: string, value: string): Header {
  return { name, lower: name, value }
}
