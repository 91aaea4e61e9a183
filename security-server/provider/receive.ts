// Provider: TLS peer registered → head → peer belongs to the client → access right → body spooled and hashed
// (wire-message §6.1, rows 1–11). The reference judges access after it has read everything; here it is judged as soon as
// the head is known, so that nobody without a right makes this server spool a body.
import type { IncomingMessage } from 'node:http'
import type { GlobalConfiguration } from '#global-configuration'
import type { ClientId, RestRequestHead } from '#protocol'
import {
  clientOf,
  fault,
  idKey,
  parseRestRequest,
  prefixed,
  readTransport,
  supportsVersion,
  transportHeaders,
  typedId,
  XRoadFault,
} from '#protocol'
import type { Certificate } from '#trust'
import { judgePeer } from '../certificates/peers.ts'
import { spoolWhole } from '../exchange/body.ts'
import { type Gateway, validConfiguration } from '../exchange/gateway.ts'
import { chunksOf, StalledError } from '../exchange/idle.ts'
import type { ReceivedSignature } from '../exchange/signing.ts'
import type { BodyReference } from '../message-log/index.ts'
import type { LocalService } from '../services/index.ts'

const SIDE = 'server.serverproxy'
const DECODING = `${SIDE}.service_failed` as const

declare const received: unique symbol
/** A complete request of a client that may call the service; its signature is not yet judged. Only `readRequest` makes one. */
export interface Received {
  readonly [received]: true
  readonly head: RestRequestHead
  readonly provider: ClientId
  readonly service: LocalService
  readonly body: BodyReference | undefined
  readonly signature: ReceivedSignature
  /** What the response carries (wire-message §3.4): that of the head, as signed. */
  readonly requestId: string
  readonly configuration: GlobalConfiguration
}

/** Reads a transport request and judges everything that can be judged before the signature. Throws XRoadFault. */
export async function readRequest(
  gateway: Gateway,
  request: IncomingMessage,
  chain: readonly Certificate[],
): Promise<Received> {
  const configuration = checkEnvelope(gateway, request)
  const ocsp: Uint8Array[] = []
  let head: RestRequestHead | undefined
  let service: LocalService | undefined
  let body: BodyReference | undefined
  const signature: { -readonly [K in keyof ReceivedSignature]?: ReceivedSignature[K] } = {}
  try {
    for await (const part of readTransport(
      chunksOf(request, gateway.idleMs),
      request.headers['content-type'] ?? '',
      'request',
    )) {
      switch (part.kind) {
        case 'ocsp':
          ocsp.push(part.der)
          break
        case 'rest-request':
          head = parseHead(part.bytes)
          checkRequestId(request, head)
          checkHead(gateway, head, chain, ocsp, configuration)
          service = authorise(gateway, head, configuration)
          break
        case 'rest-body':
          body = await spoolWhole(gateway.messageLog, part.body)
          break
        case 'chain-result':
          signature.chainResult = part.bytes
          break
        case 'chain':
          signature.chain = part.bytes
          break
        case 'signature':
          signature.signature = part.bytes
          break
        case 'fault':
          throw fault(DECODING, 'invalid_message', 'A request must not be a fault')
        case 'soap':
        case 'attachment':
        case 'rest-response':
          throw fault(DECODING, 'invalid_content_type', `A REST request must not carry a part of kind ${part.kind}`)
      }
    }
    if (head === undefined || service === undefined)
      throw fault(SIDE, 'missing_rest', 'The request has no REST message')
    if (signature.signature === undefined) throw fault(SIDE, 'missing_signature', 'The request has no signature')
  } catch (error) {
    // A body that no record will name is not kept.
    if (body !== undefined) await gateway.messageLog.drop(body)
    throw decodingFault(error, request)
  }
  return {
    head,
    provider: clientOf(head.service),
    service,
    body,
    signature: signature as ReceivedSignature,
    requestId: head.requestId,
    configuration,
  } as Received
}

/** Method, configuration, version, message type, hash algorithm: rows 1–5. */
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
  if (header(request, transportHeaders.messageType) !== 'REST')
    throw fault(SIDE, 'internal_error', 'This security server does not serve SOAP messages yet')
  const algorithm = header(request, transportHeaders.hashAlgorithm)
  if (algorithm === undefined)
    throw fault(SIDE, 'internal_error', 'Could not get hash algorithm identifier from message')
  // Nothing else works on the wire (wire-message §3.1).
  if (algorithm.toUpperCase() !== 'SHA-512')
    throw fault(SIDE, 'internal_error', `Hash algorithm '${algorithm}' is not SHA-512`)
  return configuration
}

function parseHead(bytes: Uint8Array): RestRequestHead {
  try {
    return parseRestRequest(bytes)
  } catch (error) {
    throw prefixed(error, DECODING)
  }
}

/** The reference answers and logs the unsigned header, and every peer sends the same twice: another one would be a lie in the evidence. */
function checkRequestId(request: IncomingMessage, head: RestRequestHead): void {
  const named = header(request, transportHeaders.requestId)
  if (named !== undefined && named !== head.requestId)
    throw fault(DECODING, 'internal_error', 'The request id of the transport message is not that of the REST message')
}

/** Rows b–d: the provider is ours, can be signed for, and the TLS peer speaks for the client of the message. */
function checkHead(
  gateway: Gateway,
  head: RestRequestHead,
  chain: readonly Certificate[],
  ocsp: readonly Uint8Array[],
  configuration: GlobalConfiguration,
): void {
  const provider = clientOf(head.service)
  const registered = configuration.server(gateway.server)?.clients.has(idKey(provider))
  if (gateway.services.snapshot().client(provider) === undefined || !registered)
    throw fault(DECODING, 'unknown_member', `Client '${typedId(provider)}' not found`)
  if (head.securityServer !== undefined && idKey(head.securityServer) !== idKey(gateway.server))
    throw fault(
      DECODING,
      'invalid_security_server',
      `The message is for security server '${typedId(head.securityServer)}', not for this one`,
    )
  if (gateway.keyring.signer(provider) === undefined)
    throw fault(
      DECODING,
      'cannot_create_signature',
      `No usable signing key for '${typedId(provider)}': ${gateway.keyring.reason('message', provider)}`,
    )
  const [leaf, ...sent] = chain
  if (leaf === undefined) throw fault(DECODING, 'ssl_authentication_failed', 'The peer presented no certificate')
  if (ocsp.length === 0)
    throw fault(
      DECODING,
      'ssl_authentication_failed',
      'Cannot verify TLS certificate, corresponding OCSP response is missing',
    )
  try {
    judgePeer({ leaf, sent, client: head.client, answers: ocsp, configuration, at: gateway.clock.now() })
  } catch (error) {
    throw fault(DECODING, 'ssl_authentication_failed', `The peer is not accepted: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Row 11: the service exists, is REST, may be called by this client with this method and path, and is not disabled. */
function authorise(gateway: Gateway, head: RestRequestHead, configuration: GlobalConfiguration): LocalService {
  return gateway.services.snapshot().authorise({
    service: head.service,
    client: head.client,
    method: head.method,
    servicePath: head.servicePath,
    inGlobalGroup: (groupCode) =>
      configuration.inGlobalGroup(head.client, { instance: gateway.server.instance, groupCode }),
  }).service
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function decodingFault(error: unknown, request: IncomingMessage): XRoadFault {
  if (error instanceof XRoadFault) return prefixed(error, SIDE)
  if (error instanceof StalledError || request.errored || request.destroyed)
    return fault(SIDE, 'io_error', `The request was not received whole: ${(error as Error).message}`, { cause: error })
  return prefixed(error, DECODING)
}
