// Who is who: members, subsystems, services, security servers, groups, and the text forms of their identifiers
// (wire-conf §1). Equality is exact and case-sensitive on every field.
import { ProtocolError } from './error.ts'

/** A member, or one of its subsystems: whoever calls and whoever provides. */
export interface ClientId {
  readonly instance: string
  readonly memberClass: string
  readonly memberCode: string
  readonly subsystemCode?: string
}

/** A service of a client. REST services have no version (wire-client §3.1.2). */
export interface ServiceId extends ClientId {
  readonly serviceCode: string
  readonly serviceVersion?: string
}

/** A security server, named after its owner. */
export interface ServerId {
  readonly instance: string
  readonly memberClass: string
  readonly memberCode: string
  readonly serverCode: string
}

export interface GlobalGroupId {
  readonly instance: string
  readonly groupCode: string
}

export type AnyId = ClientId | ServiceId | ServerId

/** Columns of the reference hold 255 characters (wire-conf §1.3); longer identifiers and message ids are refused. */
export const MAX_ID_LENGTH = 255

/** `DEMO/GOV/1` or `DEMO/GOV/1/sub`, as people write it in configuration files. Throws ProtocolError `invalid_identifier`. */
export function parseClientId(short: string): ClientId {
  const parts = short.split('/')
  if (parts.length < 3 || parts.length > 4) {
    throw invalid(`'${short}' is not INSTANCE/CLASS/MEMBER or INSTANCE/CLASS/MEMBER/SUBSYSTEM`)
  }
  return clientFrom(parts.map((part) => checkWritten(part, short)))
}

/** `DEMO/GOV/1/server`, as people write it in configuration files. Throws ProtocolError `invalid_identifier`. */
export function parseServerId(short: string): ServerId {
  const parts = short.split('/')
  if (parts.length !== 4) throw invalid(`'${short}' is not INSTANCE/CLASS/MEMBER/SERVER`)
  return serverFrom(parts.map((part) => checkWritten(part, short)))
}

/** `X-Road-Client` (PR-REST §4.3): three or four percent-encoded parts. Throws ProtocolError `invalid_identifier`. */
export function decodeClientId(value: string): ClientId {
  const parts = value.split('/')
  if (parts.length < 3 || parts.length > 4) throw invalid('a client identifier has three or four parts')
  return clientFrom(parts.map(decodeIdPart))
}

/** `X-Road-Security-Server` (PR-REST §4.3): four percent-encoded parts. Throws ProtocolError `invalid_identifier`. */
export function decodeServerId(value: string): ServerId {
  const parts = value.split('/')
  if (parts.length !== 4) throw invalid('a security server identifier has four parts')
  return serverFrom(parts.map(decodeIdPart))
}

/** The five parts of a REST service (wire-client §3.1.2). Throws ProtocolError `invalid_identifier`. */
export function decodeServiceId(value: string): ServiceId {
  const parts = value.split('/')
  if (parts.length !== 5) throw invalid('a REST service identifier has five parts')
  const [instance = '', memberClass = '', memberCode = '', subsystemCode = '', serviceCode = ''] =
    parts.map(decodeIdPart)
  return { instance, memberClass, memberCode, subsystemCode, serviceCode }
}

/** RFC 3986 §3.3 pchar: what may stand unescaped in a path segment. */
const SEGMENT = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*$/

/**
 * One percent-encoded part of an identifier: only pchar literally, UTF-8 inside the escapes, decoded once. `%2F` and the
 * other characters that identifiers should not have are let through, as the reference does (wire-client §3.1.3): such
 * a name is simply nobody's, and {@link idKey} keeps it apart from every other.
 *
 * @throws ProtocolError `invalid_identifier`: bad escapes, blank, over 255 characters, control characters, `.` and `..`.
 */
export function decodeIdPart(segment: string): string {
  if (!SEGMENT.test(segment)) throw invalid('an identifier part is not percent-encoded')
  if (!segment.includes('%')) return checkPart(segment)
  try {
    return checkPart(decodeURIComponent(segment))
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw invalid('an identifier part is not UTF-8', cause)
  }
}

/** What encodeURIComponent escapes although a path segment may hold it (RFC 3986 §3.3). */
const NEEDLESS = /%(?:24|26|2B|2C|3A|3B|3D|40)/g
const PLAIN = /^[A-Za-z0-9\-._~]*$/

/** Escapes one part as the reference writes it in `x-road-client` and `x-road-service` (wire-message §3.4). */
export function encodeIdPart(part: string): string {
  if (PLAIN.test(part)) return part
  return encodeURIComponent(part.toWellFormed()).replace(NEEDLESS, decodeURIComponent)
}

/** `DEMO/GOV/1/sub`: for people. Two different identifiers may look the same in it. */
export function shortId(id: AnyId): string {
  return partsOf(id).join('/')
}

/** `SUBSYSTEM:DEMO/GOV/1/sub`: the form of fault texts (wire-conf §1.2). */
export function typedId(id: AnyId): string {
  return `${typeOf(id)}:${shortId(id)}`
}

/**
 * The REST header form: percent-encoded parts joined by `/`. Unambiguous within one type, so it is the only form used as
 * a key; identifiers of different types do not share a map.
 */
export function idKey(id: AnyId): string {
  let key = keys.get(id)
  if (key === undefined) {
    key = partsOf(id).map(encodeIdPart).join('/')
    keys.set(id, key)
  }
  return key
}

/** Identifiers never change, and a message asks for the key of one several times. */
const keys = new WeakMap<AnyId, string>()

/** The member behind a subsystem, a service or a security server. */
export function memberOf(id: AnyId): ClientId {
  return { instance: id.instance, memberClass: id.memberClass, memberCode: id.memberCode }
}

/** The client that provides a service. */
export function clientOf(service: ServiceId): ClientId {
  const member = memberOf(service)
  return service.subsystemCode === undefined ? member : { ...member, subsystemCode: service.subsystemCode }
}

/** Same type and the same in every field. */
export function sameId(a: AnyId, b: AnyId): boolean {
  if (typeOf(a) !== typeOf(b)) return false
  const [left, right] = [partsOf(a), partsOf(b)]
  return left.length === right.length && left.every((part, index) => part === right[index])
}

function typeOf(id: AnyId): 'SERVER' | 'SERVICE' | 'SUBSYSTEM' | 'MEMBER' {
  if ('serverCode' in id) return 'SERVER'
  if ('serviceCode' in id) return 'SERVICE'
  return id.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM'
}

function partsOf(id: AnyId): string[] {
  const parts = [id.instance, id.memberClass, id.memberCode]
  if ('serverCode' in id) return [...parts, id.serverCode]
  if (id.subsystemCode !== undefined) parts.push(id.subsystemCode)
  if (!('serviceCode' in id)) return parts
  parts.push(id.serviceCode)
  if (id.serviceVersion !== undefined) parts.push(id.serviceVersion)
  return parts
}

function clientFrom(parts: readonly string[]): ClientId {
  const [instance = '', memberClass = '', memberCode = '', subsystemCode] = parts
  const member = { instance, memberClass, memberCode }
  return subsystemCode === undefined ? member : { ...member, subsystemCode }
}

function serverFrom(parts: readonly string[]): ServerId {
  const [instance = '', memberClass = '', memberCode = '', serverCode = ''] = parts
  return { instance, memberClass, memberCode, serverCode }
}

/** Control characters, the byte-order mark and the zero-width space (wire-conf §1.3). */
const INVISIBLE = /[\p{Cc}\uFEFF\u200B]/u
/** What the reference's legacy rule forbids in newly written identifiers (wire-conf §1.3). */
const FORBIDDEN = /[:;/\\%]/

function checkWritten(part: string, whole: string): string {
  if (FORBIDDEN.test(part)) throw invalid(`'${whole}' has a character that identifiers must not have (: ; / \\ %)`)
  return checkPart(part)
}

/** One part of an identifier, as it is meant. Throws ProtocolError `invalid_identifier`, as {@link decodeIdPart}. */
export function checkPart(part: string): string {
  if (part.trim() === '') throw invalid('an identifier part is blank')
  if (part.length > MAX_ID_LENGTH) throw invalid(`an identifier part has over ${MAX_ID_LENGTH} characters`)
  if (INVISIBLE.test(part) || !part.isWellFormed()) throw invalid('an identifier part has an invisible character')
  if (part === '.' || part === '..') throw invalid('an identifier part is a dot segment')
  return part
}

function invalid(message: string, cause?: unknown): ProtocolError {
  return new ProtocolError('invalid_identifier', `Invalid identifier: ${message}`, cause === undefined ? {} : { cause })
}
