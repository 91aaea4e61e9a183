// Port 5500: messages from other security servers, over mutual TLS (wire-message §1.2–1.4, §2).
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { fault, prefixed, shortId, writeSoapFault, type XRoadFault } from '#protocol'
import type { Certificate } from '#trust'
import type { TlsIdentity } from '../certificates/own-keys.ts'
import { peerChain } from '../consumer/connect.ts'
import { drain } from '../exchange/drain.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { StalledError } from '../exchange/idle.ts'
import { peerTls } from '../exchange/peer-tls.ts'
import { note, sendSoapFault } from '../exchange/refusals.ts'
import { answerable, begun, unparsed } from '../exchange/unparsed.ts'
import { accept } from './accept.ts'
import { readRequest } from './receive.ts'
import { replyRest } from './rest.ts'
import { replySoap } from './soap.ts'

const SIDE = 'server.serverproxy'

/** Above the consumers' idle time (50 s of ours, less of others), so that they close first. */
const KEEP_ALIVE_MS = 75_000

/** Who is at the other end of a TLS connection, found once when it opens. */
export type Peer = { readonly chain: readonly Certificate[] } | { readonly refused: string }

const peers = new WeakMap<object, Peer>()

export function createServerListener(gateway: Gateway, identity: TlsIdentity): Server {
  const server = createServer(
    {
      ...peerTls(identity),
      // Judged below, by the registry: no CA list of ours decides, and a refusal gets a fault that says why.
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: 30_000,
      maxHeaderSize: 16 * 1024,
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: 0,
      headersTimeout: 30_000,
      noDelay: true,
    },
    (request, response) => void handle(gateway, request, response),
  )
  server.on('secureConnection', (socket) => peers.set(socket, meet(gateway, socket)))
  server.on('tlsClientError', (error: Error & { code?: string }, socket) => {
    gateway.counters.count('provider', 'tls_handshake_failed')
    gateway.log.info('TLS handshake failed', { peer: socket.remoteAddress, reason: error.message, code: error.code })
    socket.destroy()
  })
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    // TLS handshakes that fail come here too, and are counted above.
    if (unparsed(error) === undefined || !answerable(socket)) return void socket.destroy()
    const refusal = fault(SIDE, 'internal_error', 'This is not an HTTP/1.1 request')
    note(gateway, 'provider', refusal, { parser: error.code })
    const body = Buffer.from(writeSoapFault(refusal))
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nContent-Type: text/xml;charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
  return server
}

/** In the reference this is the whole of the handshake check: a certificate, registered for some server (wire-message §1.4). */
function meet(gateway: Gateway, socket: TLSSocket): Peer {
  try {
    const chain = peerChain(socket)
    const [leaf] = chain
    if (leaf === undefined) return { refused: 'no certificate was presented' }
    const server = gateway.configuration.current()?.serverOf(leaf)
    if (server === undefined)
      return { refused: `certificate ${leaf.subject.text} is not registered for any security server` }
    gateway.log.debug('peer connected', { server: shortId(server.id), protocol: socket.getProtocol() })
    return { chain }
  } catch (error) {
    return { refused: `its certificate cannot be read: ${(error as Error).message}` }
  }
}

async function handle(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  begun(request, response)
  request.on('error', () => {})
  response.on('error', () => {})
  const watched = gateway.monitoring.begin('Producer')
  watched.stage('read')
  try {
    const peer = peers.get(request.socket) ?? { refused: 'the connection is not known' }
    if ('refused' in peer)
      throw fault(`${SIDE}.service_failed`, 'ssl_authentication_failed', `The peer is not accepted: ${peer.refused}`)
    const received = await readRequest(gateway, request, { chain: peer.chain, watched })
    try {
      const accepted = await accept(gateway, received)
      if (accepted.kind === 'rest') await replyRest(gateway, accepted, response)
      else await replySoap(gateway, accepted, response)
    } finally {
      // What no record names is not kept: a refused message's body, or one beyond the logging limit once it is passed on.
      if (received.body !== undefined) await gateway.messageLog.drop(received.body)
    }
  } catch (error) {
    const refusal = prefixed(error, SIDE)
    gateway.monitoring.finish(watched, { succeeded: false, fault: refusal })
    await refuse(gateway, request, response, refusal)
  }
}

/**
 * Before a multipart answer has begun, a fault is bare `text/xml` with status 200 (wire-message §2.2). Whoever was refused may go on over the
 * same connection, unless it is refused itself, which is judged once for each, or what it sent was not read to its end.
 */
async function refuse(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  refusal: XRoadFault,
): Promise<void> {
  note(gateway, 'provider', refusal, {
    peer: request.socket.remoteAddress,
    requestId: request.headers['x-road-request-id'],
  })
  if (!(refusal.cause instanceof StalledError)) await drain(request)
  if (response.headersSent || response.destroyed) return void response.destroy()
  const known = peers.get(request.socket)
  sendSoapFault(gateway, response, refusal, !request.complete || known === undefined || 'refused' in known)
}
