// Consumer: connected → body streamed and hashed while it is spooled to the log → signed → **logged** → signature sent.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { TransportWriter } from '#protocol'
import {
  fault,
  mimeTypes,
  randomBoundary,
  restRequestHash,
  transportHeaders,
  transportWriter,
  XRoadFault,
} from '#protocol'
import { type BodyStart, keepSmall, passThrough, startBody } from '../exchange/body.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { chunksOf, paced, StalledError } from '../exchange/idle.ts'
import { logRefusal } from '../exchange/refusals.ts'
import { type HashedMessage, hashMessage, sign } from '../exchange/signing.ts'
import { PRODUCT_VERSION } from '../exchange/version.ts'
import type { BodyReference } from '../message-log/index.ts'
import type { Located } from './identify.ts'
import type { PeerConnection } from './peers.ts'

const SIDE = 'server.clientproxy'

declare const sent: unique symbol
/** A request that is logged, and an answer that has begun to come. Only `send` makes one. */
export interface Sent extends Located {
  readonly [sent]: true
  readonly connection: PeerConnection
  readonly response: Dispatcher.ResponseData
  /** What the response must carry as `x-road-request-hash`; known once the request is complete. */
  requestHash(): string
}

/** Sends the request and resolves with the head of the transport response. Throws XRoadFault. */
export async function send(gateway: Gateway, request: Located, source: IncomingMessage): Promise<Sent> {
  const start = hasBody(source) ? await begin(gateway, source) : undefined
  const connection = await gateway.peers.acquire(request.targets, request.provider, request.configuration)
  const outgoing = new Outgoing(gateway, request, source)
  const giveUp = (why: string) => {
    outgoing.failure ??= fault(SIDE, 'io_error', why)
    connection.discard()
  }
  const attended = whileAttended(source.socket, gateway.idleMs, () =>
    giveUp('The information system has gone, and no answer of the provider security server came since'),
  )
  try {
    const writer = transportWriter(randomBoundary('xtop'))
    const body =
      start?.rest === undefined
        ? await outgoing.whole(writer, start)
        : paced(outgoing.stream(writer, start), gateway.idleMs, () =>
            giveUp('The provider security server has stopped to take the request'),
          )
    const response = await dispatch(connection, request, writer.contentType, body)
    return {
      ...request,
      connection,
      response,
      requestHash: () => outgoing.requestHash(),
    } as Sent
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
function whileAttended(asker: Socket, idleMs: number, giveUp: () => void): { end(): void } {
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

function hasBody(source: IncomingMessage): boolean {
  return source.headers['transfer-encoding'] !== undefined || Number(source.headers['content-length'] ?? 0) > 0
}

async function begin(gateway: Gateway, source: IncomingMessage): Promise<BodyStart | undefined> {
  try {
    return await startBody(chunksOf(source, gateway.idleMs))
  } catch (error) {
    throw sourceFault(error)
  }
}

/** The information system stalled or went away while it was sending. */
function sourceFault(error: unknown): XRoadFault {
  const what = error instanceof StalledError ? 'stalled' : 'was cut'
  return fault(SIDE, 'io_error', `The request body of the information system ${what}: ${(error as Error).message}`, {
    cause: error,
  })
}

/** Builds the transport message; what went wrong inside is kept, because undici reports only that the body failed. */
class Outgoing {
  failure: XRoadFault | undefined
  #hash: string | undefined
  readonly #gateway: Gateway
  readonly #request: Located
  readonly #source: IncomingMessage

  constructor(gateway: Gateway, request: Located, source: IncomingMessage) {
    this.#gateway = gateway
    this.#request = request
    this.#source = source
  }

  requestHash(): string {
    if (this.#hash === undefined)
      throw fault(SIDE, 'inconsistent_response', 'The response came before the request was complete')
    return this.#hash
  }

  /** A message without a body, or with a small one: one buffer, one write. */
  async whole(writer: TransportWriter, start: BodyStart | undefined): Promise<Buffer> {
    const body = start === undefined ? undefined : await keepSmall(this.#gateway.messageLog, start.head)
    const pieces = this.#opening(writer)
    if (start !== undefined) pieces.push(writer.part(mimeTypes.restBody, Buffer.concat(start.head)))
    pieces.push(...(await this.#signature(writer, body)))
    return Buffer.concat(pieces)
  }

  async *stream(writer: TransportWriter, start: BodyStart): AsyncGenerator<Uint8Array> {
    const spool = this.#gateway.messageLog.spool()
    try {
      yield Buffer.concat([...this.#opening(writer), writer.open(mimeTypes.restBody)])
      try {
        for await (const chunk of passThrough(start, spool)) yield chunk
      } catch (error) {
        throw this.#source.errored || error instanceof StalledError || this.#source.destroyed
          ? sourceFault(error)
          : error
      }
      yield Buffer.concat(await this.#signature(writer, await spool.finish()))
    } catch (error) {
      this.failure =
        error instanceof XRoadFault ? error : fault(SIDE, 'io_error', (error as Error).message, { cause: error })
      throw this.failure
    } finally {
      // Also after an early answer, when nobody asks for the rest. A body that a record names stays.
      await spool.discard()
    }
  }

  #opening(writer: TransportWriter): Uint8Array[] {
    const ocsp = this.#gateway.keyring.authentication()?.ocsp ?? []
    return [
      ...ocsp.map((der) => writer.part(mimeTypes.ocspResponse, der)),
      writer.part(mimeTypes.restRequest, this.#request.head.bytes),
    ]
  }

  async #signature(writer: TransportWriter, body: BodyReference | undefined): Promise<Uint8Array[]> {
    const { head } = this.#request
    const message: HashedMessage = hashMessage(head.bytes, body)
    this.#hash = restRequestHash(message.headDigest, message.bodyDigest)
    const signature = await sign(this.#gateway, SIDE, head.client, message)
    // The request is evidence before its signature leaves: a crash here leaves a record of a message that was never
    // completed (the provider refuses it without a signature); a crash one line earlier leaves neither.
    await record(this.#gateway, {
      direction: 'request',
      request: this.#request,
      head: head.bytes,
      body,
      signature: signature.xml,
      ...(signature.chain ? { chain: signature.chain } : {}),
      ...(signature.chainResult ? { chainResult: signature.chainResult } : {}),
    })
    const pieces: Uint8Array[] = []
    if (signature.chainResult !== undefined) pieces.push(writer.part(mimeTypes.chainResult, signature.chainResult))
    if (signature.chain !== undefined) pieces.push(writer.part(mimeTypes.chain, signature.chain))
    pieces.push(writer.part(mimeTypes.signature, signature.xml), writer.end())
    return pieces
  }
}

/** One record of the consumer's side of the log (interfaces: Message log). */
export async function record(
  gateway: Gateway,
  entry: {
    readonly direction: 'request' | 'response'
    readonly request: Located
    readonly head: Uint8Array
    readonly body: BodyReference | undefined
    readonly signature: Uint8Array
    readonly chain?: Uint8Array
    readonly chainResult?: Uint8Array
  },
): Promise<number> {
  const { request, body, ...rest } = entry
  try {
    return await gateway.messageLog.append({
      ...rest,
      at: gateway.clock.now(),
      side: 'consumer',
      queryId: request.head.id,
      requestId: request.head.requestId,
      member: request.head.client,
      ...(body === undefined ? {} : { body }),
    })
  } catch (error) {
    throw logRefusal(SIDE, error)
  }
}

function dispatch(
  connection: PeerConnection,
  request: Located,
  contentType: string,
  body: Buffer | AsyncGenerator<Uint8Array>,
): Promise<Dispatcher.ResponseData> {
  const { requestId, hashAlgorithm, proxyVersion, messageType } = transportHeaders
  return connection.client.request({
    method: 'POST',
    path: '/',
    headers: {
      'Content-Type': contentType,
      [hashAlgorithm]: 'SHA-512',
      [proxyVersion]: PRODUCT_VERSION,
      [messageType]: 'REST',
      [requestId]: request.head.requestId,
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
