// Provider: TLS peer registered → message → peer belongs to the client → access right → attachments spooled and hashed
// (wire-message §6.1, rows 1–11). The reference judges access after it has read everything; here it is judged as soon as
// the message is known, so that nobody without a right makes this server spool an attachment.
import type { IncomingMessage } from 'node:http'
import type { GlobalConfiguration } from '#global-configuration'
import type { ClientId, RestRequestHead, ServiceId, SoapMessage } from '#protocol'
import {
  checkSoapAction,
  clientOf,
  fault,
  ProtocolError,
  prefixed,
  supportsVersion,
  transportHeaders,
  XRoadFault,
} from '#protocol'
import { aboutRest, aboutSoap } from '../exchange/about.ts'
import { type Gateway, validConfiguration } from '../exchange/gateway.ts'
import { chunksOf, StalledError } from '../exchange/idle.ts'
import { type Incoming, type MessagePart, readIncoming } from '../exchange/incoming.ts'
import type { Exchange } from '../exchange/record.ts'
import type { ReceivedSignature } from '../exchange/signing.ts'
import type { BodyReference } from '../message-log/index.ts'
import type { LocalService } from '../services/index.ts'
import { type Asker, judgeRest, judgeSoap, type OwnRest, type OwnSoap } from './judge.ts'

const SIDE = 'server.serverproxy'
const DECODING = `${SIDE}.service_failed` as const

declare const received: unique symbol
/** A complete request of a client that may call the service; its signature is not yet judged. Only `readRequest` makes one. */
export type Received = ReceivedRest | ReceivedSoap

interface ReceivedMessage {
  readonly [received]: true
  readonly exchange: Exchange
  readonly provider: ClientId
  readonly body: BodyReference | undefined
  readonly signature: ReceivedSignature
  readonly configuration: GlobalConfiguration
}

export interface ReceivedRest extends ReceivedMessage {
  readonly kind: 'rest'
  /** To be called, or what answers in its place. */
  readonly service: LocalService | OwnRest
  readonly message: RestRequestHead
}

export interface ReceivedSoap extends ReceivedMessage {
  readonly kind: 'soap'
  readonly service: LocalService | OwnSoap
  readonly message: SoapMessage
  /** Header lines of the message's part, and of each attachment's. */
  readonly lines: string
  readonly attachmentLines: readonly string[]
  readonly soapAction: string
  /** Content-Type that the information system sent, if its server tells. */
  readonly originalContentType: string | undefined
}

/** Reads a transport request and judges everything that can be judged before the signature. Throws XRoadFault. */
export async function readRequest(
  gateway: Gateway,
  request: IncomingMessage,
  peer: Pick<Asker, 'chain' | 'watched'>,
): Promise<Received> {
  // As the peer tells it, until a message says otherwise.
  peer.watched.requestId = header(request, transportHeaders.requestId)
  const asker = { ...peer, configuration: checkEnvelope(gateway, request) }
  // Compared as the reference does: whatever is not `REST` is SOAP (wire-message §2.1).
  return header(request, transportHeaders.messageType) === 'REST'
    ? await readRest(gateway, request, asker)
    : await readSoap(gateway, request, asker)
}

async function readRest(gateway: Gateway, request: IncomingMessage, asker: Asker): Promise<Received> {
  const { message, body, signature } = await readParts(
    gateway,
    request,
    'missing_rest',
    (part, ocsp) =>
      part.kind === 'rest-request'
        ? judgeRest(gateway, part.bytes, header(request, transportHeaders.requestId), asker, ocsp)
        : undefined,
    ({ head }) => head.service,
    ({ head, service }) =>
      service === 'reconciliation' ? gateway.reconciliation.mostAttached(head.client, head.servicePath) : 0,
  )
  const { head, service } = message
  const { configuration, watched } = asker
  const { id: queryId, requestId } = head
  const provider = clientOf(head.service)
  const logsBodies = gateway.logsBodies(SIDE, provider)
  const about = aboutRest(head)
  const exchange = { side: SIDE, member: provider, queryId, requestId, about, logsBodies, watched } as const
  return { kind: 'rest', message: head, exchange, provider, service, body, signature, configuration } as Received
}

async function readSoap(gateway: Gateway, request: IncomingMessage, asker: Asker): Promise<Received> {
  const soapAction = actionOf(request)
  const incoming = await readParts(
    gateway,
    request,
    'missing_soap',
    (part, ocsp) =>
      part.kind === 'soap' ? { ...part, service: judgeSoap(gateway, part.message, asker, ocsp) } : undefined,
    ({ message }) => message.service,
    () => 0,
  )
  const { message, service, lines } = incoming.message
  const provider = clientOf(message.service)
  // It stands nowhere in a SOAP message, so that no signature covers it (wire-message §2.1).
  const requestId = header(request, transportHeaders.requestId) ?? ''
  return {
    kind: 'soap',
    message,
    lines,
    attachmentLines: incoming.lines,
    soapAction,
    originalContentType: header(request, transportHeaders.originalContentType),
    exchange: {
      side: SIDE,
      member: provider,
      queryId: message.id,
      requestId,
      about: aboutSoap(message),
      logsBodies: gateway.logsBodies(SIDE, provider),
      watched: asker.watched,
    },
    provider,
    service,
    body: incoming.body,
    signature: incoming.signature,
    configuration: asker.configuration,
  } as Received
}

async function readParts<M extends { readonly service: LocalService | string }>(
  gateway: Gateway,
  request: IncomingMessage,
  missing: 'missing_rest' | 'missing_soap',
  message: (part: MessagePart, ocsp: readonly Uint8Array[]) => M | undefined,
  asked: (message: M) => ServiceId,
  mostOf: (message: M) => number,
): Promise<Incoming<M>> {
  try {
    const source = chunksOf(request, gateway.idleMs)
    // Everybody may ask this server itself, but not make it keep things.
    const mostAttached = (message: M) =>
      typeof message.service === 'string' ? mostOf(message) : Number.POSITIVE_INFINITY
    const logsBodies = (message: M) => gateway.logsBodies(SIDE, clientOf(asked(message)))
    const reading = { side: SIDE, role: 'request', missing, message, logsBodies, mostAttached } as const
    return await readIncoming(gateway.messageLog, source, request.headers['content-type'] ?? '', reading)
  } catch (error) {
    throw decodingFault(error, request)
  }
}

function actionOf(request: IncomingMessage): string {
  try {
    return checkSoapAction(header(request, transportHeaders.originalSoapAction))
  } catch (error) {
    throw prefixed(error, SIDE)
  }
}

/** Method, configuration, version, hash algorithm: rows 1–3 and 5. */
function checkEnvelope(gateway: Gateway, request: IncomingMessage): GlobalConfiguration {
  if (request.method !== 'POST')
    throw fault(SIDE, 'invalid_http_method', `Must use POST request method instead of ${request.method}`)
  const configuration = validConfiguration(gateway, SIDE)
  const version = header(request, transportHeaders.proxyVersion)
  if (gateway.minimumPeerVersion !== undefined && !supportsVersion(version, gateway.minimumPeerVersion))
    throw fault(
      SIDE,
      'client_proxy_version_not_supported',
      `The consumer's version '${version ?? ''}' is below ${gateway.minimumPeerVersion}`,
    )
  const algorithm = header(request, transportHeaders.hashAlgorithm)
  if (algorithm === undefined)
    throw fault(SIDE, 'internal_error', 'Could not get hash algorithm identifier from message')
  // Nothing else works on the wire (wire-message §3.1).
  if (algorithm.toUpperCase() !== 'SHA-512')
    throw fault(SIDE, 'internal_error', `Hash algorithm '${algorithm}' is not SHA-512`)
  return configuration
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function decodingFault(error: unknown, request: IncomingMessage): XRoadFault {
  if (error instanceof XRoadFault) return prefixed(error, SIDE)
  // A broken multipart is not what the other side's message says (row 9).
  if (error instanceof ProtocolError)
    return prefixed(error, error.code === 'mime_parsing_failed' || error.code === 'io_error' ? SIDE : DECODING)
  // A request that was read to its end is destroyed too.
  if (error instanceof StalledError || (request.destroyed && !request.complete))
    return fault(SIDE, 'io_error', `The request was not received whole: ${(error as Error).message}`, { cause: error })
  return prefixed(error, DECODING)
}
