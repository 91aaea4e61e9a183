// A message enters the log: the same for both sides and both protocols (interfaces: Message log).
import type { ClientId, Side } from '#protocol'
import type { BodyReference, ExchangeFacts, TrackedFacts } from '../message-log/index.ts'
import type { Gateway } from './gateway.ts'
import { logRefusal } from './refusals.ts'
import { measure, type Watched } from './watched.ts'

/** An exchange as this server takes part in it. */
export interface Exchange {
  readonly side: Exclude<Side, 'client'>
  /** Whose it is here: the client of the message on the consumer's server, the provider on the provider's. */
  readonly member: ClientId
  /** The message id that the information system chose. */
  readonly queryId: string
  /** Of this one exchange; the consumer's server made it. */
  readonly requestId: string
  readonly about: ExchangeFacts
  /** Whether the log keeps what the information systems have said, or only digests of it. */
  readonly logsBodies: boolean
  readonly watched: Watched
}

/** A signed message. */
export interface Signed {
  readonly direction: 'request' | 'response'
  readonly head: Uint8Array
  /** SHA-512. */
  readonly headDigest: Uint8Array
  /** What is kept of the head where bodies are not logged. */
  readonly reduced: () => Uint8Array
  /** The REST body, or all attachments of a SOAP message. */
  readonly body: BodyReference | undefined
  readonly signature: Uint8Array
  readonly chain?: Uint8Array
  readonly chainResult?: Uint8Array
  /** Of a request that the data tracker tells of. */
  readonly tracked?: TrackedFacts
}

/** Logs it: durable when it resolves, with its number. Throws XRoadFault `logging_failed`. */
export async function record(gateway: Gateway, exchange: Exchange, message: Signed): Promise<number> {
  const { side, about, queryId, requestId, logsBodies, watched } = exchange
  measure(watched, message)
  const { body, head, headDigest, reduced, ...rest } = message
  try {
    return await gateway.messageLog.append({
      ...rest,
      ...(logsBodies ? { head } : { head: reduced(), headDigest }),
      at: gateway.clock.now(),
      side: side === 'server.clientproxy' ? 'consumer' : 'provider',
      queryId,
      requestId,
      ...about,
      ...(body === undefined ? {} : { body }),
    })
  } catch (error) {
    throw logRefusal(side, error)
  }
}
