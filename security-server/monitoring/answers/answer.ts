// What every monitoring service takes and gives: the request's body element, who asks, and the answer's body.
import { type ClientId, memberOf, type ServerId, sameId, XRoadFault } from '#protocol'

export interface Asker {
  readonly client: ClientId
  /** The securityServer header: without it the owner is not known as owner (wire-client §6.2). */
  readonly securityServer?: ServerId | undefined
}

export interface MonitoringAnswer {
  /** The one element of the SOAP body, with every namespace that it uses; UTF-8. */
  readonly body: Uint8Array
  readonly attachments: readonly MonitoringAttachment[]
}

export interface MonitoringAttachment {
  readonly contentType: string
  /** `content-transfer-encoding` and `content-id`, to be sent with it. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** May be read once. */
  readonly content: AsyncIterable<Uint8Array>
}

const DAEMON = 'server.serverproxy.opmonitor'

/** What X-Road's monitoring daemon says of a request that it does not take (wire-client §6.2). */
export function invalidRequest(message: string): XRoadFault {
  return new XRoadFault(`${DAEMON}.client.invalid_request`, message)
}

export function daemonFailed(message: string, cause: unknown): XRoadFault {
  return new XRoadFault(`${DAEMON}.internal_error`, message, { cause })
}

/** Whether the asker owns the server and named it, as X-Road's operational monitoring wants it. */
export function isOwnerOf(server: ServerId, { client, securityServer }: Asker): boolean {
  return securityServer !== undefined && sameId(securityServer, server) && sameId(client, memberOf(server))
}
