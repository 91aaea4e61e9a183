// The X-Road headers of a message: what a caller may say, what an answer tells.
import { encodeId, type RepresentedParty, representedParty, type ServerId, serverId } from './identifier.ts'

/** What may go with every message, REST or SOAP. */
export interface MessageOptions {
  /** `X-Road-Id`: the id under which both sides log the message; a UUID of this client when absent. */
  readonly id?: string
  /** Who asks at your institution, as you name people: `EE38203190108`. Instead of the client's `userId`. */
  readonly userId?: string
  /** Why: the number of a case or a document. */
  readonly issue?: string
  /** For whom the message is sent, when not for yourself: `COM/12345678`, or the code alone. */
  readonly representedParty?: string | RepresentedParty
  /** The security server of the provider that is to answer: `INSTANCE/CLASS/MEMBER/SERVER`. Any of them when absent. */
  readonly securityServer?: string | ServerId
  /** Gives up when it aborts: `AbortSignal.timeout(5000)` for the whole of a call. */
  readonly signal?: AbortSignal | null
}

/** The message options as REST headers (PR-REST §4.3). */
export function messageHeaders(options: MessageOptions & { readonly id: string }): Record<string, string> {
  const { id, userId, issue, representedParty: party, securityServer } = options
  return {
    'X-Road-Id': headerValue('id', id),
    ...(userId !== undefined && { 'X-Road-UserId': headerValue('userId', userId) }),
    ...(issue !== undefined && { 'X-Road-Issue': headerValue('issue', issue) }),
    ...(party !== undefined && { 'X-Road-Represented-Party': encodeId(representedParty(party)) }),
    ...(securityServer !== undefined && { 'X-Road-Security-Server': encodeId(serverId(securityServer)) }),
  }
}

/** HTTP carries visible ASCII reliably, nothing else; X-Road does not say how other text would be encoded. */
function headerValue(name: string, value: string): string {
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) || value.length > 255)
    throw new TypeError(`'${name}' must be 1 to 255 visible ASCII characters; percent-encode others`)
  return value
}

/** What the answer's headers tell of the exchange; the evidence of both sides is found by `id`. */
export interface Exchange {
  readonly id: string | undefined
  /** Given by the security server, fresh for every exchange. */
  readonly requestId: string | undefined
  /** SHA-512 of the request in base64; the security server has verified it. */
  readonly requestHash: string | undefined
  readonly client: string | undefined
  readonly service: string | undefined
}

/** Reads the X-Road headers of an answer; all undefined when it came from no service (wire-client §3.6). */
export function exchangeOf({ headers }: Pick<Response, 'headers'>): Exchange {
  const value = (name: string) => headers.get(name) ?? undefined
  return {
    id: value('x-road-id'),
    requestId: value('x-road-request-id'),
    requestHash: value('x-road-request-hash'),
    client: value('x-road-client'),
    service: value('x-road-service'),
  }
}
