// REST responses: the head that a provider's security server makes of what the service answered, its reading on the
// consumer's side, and whether it belongs to the request (wire-message §3.4, §3.6).
import { decodeBase64, digest, encodeBase64 } from '#trust'
import { fault, type XRoadFault } from './faults.ts'
import { type ClientId, decodeClientId, decodeServiceId, idKey, type ServiceId, sameId } from './identifier.ts'
import type { HeaderList } from './multipart.ts'
import { type Header, last, list, malformed, parseLines, restHeaders, serialize, transported } from './rest-head.ts'
import type { RestRequestHead } from './rest-request.ts'

export interface RestResponseHead {
  readonly status: number
  /** May be empty. */
  readonly reason: string
  readonly headers: HeaderList
  readonly client: ClientId
  readonly service: ServiceId
  readonly id: string
  readonly requestId: string
  /** Base64 of SHA-512. */
  readonly requestHash: string
  /** The head as it is hashed, signed, sent and logged. */
  readonly bytes: Uint8Array
}

/** What the service may not say itself. `x-road-service` is not among them: the reference lets it through, before its own. */
const SET_HERE: ReadonlySet<string> = new Set([
  restHeaders.id,
  restHeaders.client,
  restHeaders.requestId,
  restHeaders.requestHash,
])

/** RFC 9112 §4: a reason phrase; may be empty. */
const REASON = /^[\t\u0020-\u007E\u0080-\u00FF]*$/

/**
 * Builds the head of a response from what the service answered.
 *
 * @param input.rawHeaders Flat list: name, value, name, value.
 * @param input.requestId From the HTTP header of the transport request (wire-message §3.4).
 * @throws XRoadFault `server.serverproxy.http_error` when the service's answer cannot be written as a head.
 */
export function buildRestResponse(input: {
  readonly status: number
  readonly reason: string
  readonly rawHeaders: readonly string[]
  readonly request: RestRequestHead
  readonly requestId: string
  readonly requestHash: string
}): RestResponseHead {
  const { status, reason, request, requestId, requestHash } = input
  const refuse = (what: string): XRoadFault =>
    fault('server.serverproxy', 'http_error', `The service's answer is refused: ${what}`)
  if (!isStatus(status)) throw refuse('its status is not one of a final response')
  if (!REASON.test(reason)) throw refuse('its reason phrase has a character that it must not have')
  const headers = transported(input.rawHeaders, refuse).filter(({ lower }) => !SET_HERE.has(lower))
  const own: readonly (readonly [name: string, value: string])[] = [
    [restHeaders.id, request.id],
    [restHeaders.client, idKey(request.client)],
    [restHeaders.service, idKey(request.service)],
    [restHeaders.requestId, requestId],
    [restHeaders.requestHash, requestHash],
  ]
  for (const [name, value] of own) headers.push({ name, lower: name, value })
  const { id, client, service } = request
  return {
    status,
    reason,
    headers: list(headers),
    client,
    service,
    id,
    requestId,
    requestHash,
    bytes: serialize(String(status), reason, headers),
  }
}

/**
 * Reads the head part of a received response. Whether it fits the request is for {@link checkRestConsistency}.
 *
 * @throws XRoadFault `server.clientproxy.service_failed.internal_error`
 */
export function parseRestResponse(bytes: Uint8Array): RestResponseHead {
  const { first, second: reason, headers } = parseLines(bytes, 'server.clientproxy')
  const refuse = (what: string, cause?: unknown): XRoadFault => malformed('server.clientproxy', what, cause)
  if (!/^[1-9]\d{2}$/.test(first) || !isStatus(Number(first))) throw refuse('the status is not one of a final response')
  if (!REASON.test(reason)) throw refuse('the reason phrase has a character that it must not have')
  const requestHash = required(headers, restHeaders.requestHash)
  if (decodeBase64(requestHash)?.length !== 64) throw refuse('x-road-request-hash is not a SHA-512 digest')
  try {
    return {
      status: Number(first),
      reason,
      headers: list(headers),
      client: decodeClientId(required(headers, restHeaders.client)),
      service: decodeServiceId(required(headers, restHeaders.service)),
      id: required(headers, restHeaders.id),
      requestId: required(headers, restHeaders.requestId),
      requestHash,
      bytes,
    }
  } catch (cause) {
    throw refuse((cause as Error).message, cause)
  }
}

/** Informational statuses never end an exchange; beyond 599 there are none, but services invent them, and HTTP carries them (RFC 9110 §15). */
function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 999
}

function required(headers: readonly Header[], lower: string): string {
  const value = last(headers, lower)
  if (value === undefined || value === '') throw malformed('server.clientproxy', `${lower} is missing`)
  return value
}

/**
 * What a response says about its request (wire-message §3.6): SHA-512 of the head when the request had no body part, else
 * SHA-512 of both digests, one after the other. Base64.
 */
export function restRequestHash(headDigest: Uint8Array, bodyDigest?: Uint8Array): string {
  const hash = bodyDigest === undefined ? headDigest : digest('SHA-512', headDigest, bodyDigest)
  return encodeBase64(hash)
}

/**
 * Whether a verified response answers this request (wire-message §6.2 row 9'').
 *
 * @param requestHash Of the request that was sent.
 * @throws XRoadFault `server.clientproxy.inconsistent_response`
 */
export function checkRestConsistency(request: RestRequestHead, response: RestResponseHead, requestHash: string): void {
  const differs = [
    ['x-road-client', sameId(request.client, response.client)],
    ['x-road-service', sameId(request.service, response.service)],
    ['x-road-id', request.id === response.id],
    ['x-road-request-id', request.requestId === response.requestId],
    ['x-road-request-hash', requestHash === response.requestHash],
  ].flatMap(([name, same]) => (same ? [] : [name]))
  if (differs.length > 0) {
    throw fault(
      'server.clientproxy',
      'inconsistent_response',
      `The response does not belong to the request: ${differs.join(', ')} differ`,
    )
  }
}
