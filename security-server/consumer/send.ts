// Consumer: connected → attachments streamed and hashed while they are spooled to the log → signed → **logged** → signature sent.
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import { fault, transportHeaders, XRoadFault } from '#protocol'
import type { Gateway } from '../exchange/gateway.ts'
import { paced, StalledError } from '../exchange/idle.ts'
import { PRODUCT_VERSION } from '../exchange/version.ts'
import type { Located, Message } from './identify.ts'
import type { PeerConnection } from './kept-connections.ts'
import { type Content, Outgoing } from './outgoing.ts'

const SIDE = 'server.clientproxy'

declare const sent: unique symbol
/** A request on its way, and an answer that has begun to come. Only `send` makes one. */
export interface Sent<M extends Message> extends Located<M> {
  readonly [sent]: true
  readonly connection: PeerConnection
  readonly response: Dispatcher.ResponseData
  /** What the answer must carry. Throws XRoadFault until the request is complete and logged: no answer is taken before. */
  requestHash(): string
}

/** Who waits for the answer: an information system by its connection, or this server itself, until the signal. */
export type Asker = Socket | AbortSignal

/** Sends the request and resolves with the head of the transport response. Throws XRoadFault. */
export async function send<M extends Message>(
  gateway: Gateway,
  request: Located<M>,
  asker: Asker,
  content: Content,
): Promise<Sent<M>> {
  const { watched } = request.exchange
  watched.stage('connect')
  const connection = await gateway.peers.acquire(request.targets, request.provider, request.configuration)
  watched.stage('send')
  watched.serviceSecurityServerAddress = connection.server.address
  const outgoing = new Outgoing(gateway, request, content)
  const giveUp = (why: string) => {
    outgoing.failure ??= fault(SIDE, 'io_error', why)
    connection.discard()
  }
  const attended = whileAttended(asker, gateway.idleMs, () =>
    giveUp('Who asked has gone, and no answer of the provider security server came since'),
  )
  try {
    const body = outgoing.body()
    watched.requestOutTs = gateway.clock.now().getTime()
    const response = await dispatch(
      connection,
      request,
      outgoing.contentType,
      content.headers,
      body instanceof Promise
        ? await body
        : paced(body, gateway.idleMs, () => giveUp('The provider security server has stopped to take the request')),
    )
    watched.responseInTs = gateway.clock.now().getTime()
    return {
      ...request,
      connection,
      response,
      requestHash: () => outgoing.requestHash(),
    } as Sent<M>
  } catch (error) {
    connection.discard()
    throw outgoing.failure ?? transportFault(error, connection)
  } finally {
    attended.end()
  }
}

/**
 * An answer that nobody waits for is waited for a little longer, as evidence, but not for ever: information systems that ask
 * again and again would fill this server with exchanges of a peer that never answers.
 */
function whileAttended(asker: Asker, idleMs: number, giveUp: () => void): { end(): void } {
  if (asker instanceof AbortSignal) {
    if (asker.aborted) giveUp()
    else asker.addEventListener('abort', giveUp, { once: true })
    return { end: () => asker.removeEventListener('abort', giveUp) }
  }
  let timer: NodeJS.Timeout | undefined
  const gone = () => {
    timer = setTimeout(giveUp, idleMs)
  }
  if (asker.destroyed) gone()
  else asker.once('close', gone)
  return {
    end() {
      clearTimeout(timer)
      asker.off('close', gone)
    },
  }
}

/** The information system stalled or went away while it was sending. */
export function sourceFault(error: unknown): XRoadFault {
  const what = error instanceof StalledError ? 'stalled' : 'was cut'
  return fault(SIDE, 'io_error', `The request body of the information system ${what}: ${(error as Error).message}`, {
    cause: error,
  })
}

function dispatch(
  connection: PeerConnection,
  request: Located<Message>,
  contentType: string,
  headers: Content['headers'],
  body: Buffer | AsyncGenerator<Uint8Array>,
): Promise<Dispatcher.ResponseData> {
  const { requestId, hashAlgorithm, proxyVersion } = transportHeaders
  return connection.client.request({
    method: 'POST',
    path: '/',
    headers: {
      'Content-Type': contentType,
      [hashAlgorithm]: 'SHA-512',
      [proxyVersion]: PRODUCT_VERSION,
      [requestId]: request.exchange.requestId,
      ...headers,
    },
    // undici takes any async iterable; its types name only streams.
    body: body as Buffer,
  })
}

/** What a failed connection means. A TLS 1.3 peer judges us only after our handshake, so its refusal comes as an alert on the first message. */
export function transportFault(error: unknown, connection: PeerConnection): XRoadFault {
  if (error instanceof XRoadFault) return error
  const alert = connection.alert()
  if (alert !== undefined)
    return fault(
      SIDE,
      'ssl_authentication_failed',
      `The provider security server refused this server's certificate: ${alert.message}`,
      { cause: alert },
    )
  const { code, message } = error as Error & { code?: string }
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return fault(SIDE, 'io_error', 'The provider security server did not answer in time', { cause: error })
  if (code?.startsWith('HPE_') || /Parse Error/i.test(message))
    return fault(SIDE, 'http_error', 'The provider security server did not answer in HTTP', { cause: error })
  return fault(SIDE, 'network_error', `The connection to the provider security server broke: ${message}`, {
    cause: error,
  })
}
