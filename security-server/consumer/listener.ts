// Ports 8080 and 8443: what information systems speak to (wire-client §1).
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttps, type Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { fault, renderRestError } from '#protocol'
import type { Gateway } from '../exchange/gateway.ts'
import { NO_RESUMPTION } from '../exchange/peer-tls.ts'
import { note } from '../exchange/refusals.ts'
import { answerable, begun, unparsed } from '../exchange/unparsed.ts'
import { clientsRoute } from './clients.ts'
import { evidenceRoute } from './evidence.ts'
import { exchangeRest } from './rest.ts'
import { exchangeSoap } from './soap.ts'

const SIDE = 'server.clientproxy'

/** Request line and headers together; X-Road's engine takes 8 KiB, ours a little more. */
const MAX_HEADER_BYTES = 16 * 1024
/** Above what HTTP clients keep idle connections for, so that the client closes first. */
const KEEP_ALIVE_MS = 75_000

/** The TLS certificate of 8443 may change while the server runs. */
export interface ClientTls {
  readonly key: string
  readonly cert: string
}

export function createClientListeners(gateway: Gateway, tls: ClientTls): { plain: Server; secure: HttpsServer } {
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: 0,
    headersTimeout: 30_000,
    noDelay: true,
  }
  const handler = (request: IncomingMessage, response: ServerResponse) => void handle(gateway, request, response)
  const plain = createHttp(options, handler)
  // The client's certificate is asked for, not demanded: each client's connection type decides (wire-client §1.3).
  const secure = createHttps(
    {
      ...options,
      ...tls,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      secureOptions: NO_RESUMPTION,
      handshakeTimeout: 30_000,
    },
    handler,
  )
  const broken = (error: Error, socket: Duplex) => refuseBroken(gateway, error, socket)
  plain.on('clientError', broken)
  secure.on('clientError', broken)
  secure.on('tlsClientError', ({ message }, { remoteAddress }) =>
    gateway.log.info('TLS handshake failed', { client: remoteAddress, reason: message }),
  )
  return { plain, secure }
}

async function handle(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  begun(request, response)
  // A connection that dies is noticed where it is read or written; without a listener it would end the process.
  request.on('error', () => {})
  response.on('error', () => {})
  const path = pathOf(request)
  try {
    if (path.startsWith('/r1/')) await exchangeRest(gateway, request, response, path)
    else if (request.method === 'GET' && (path === '/asic' || path === '/verificationconf'))
      await evidenceRoute(gateway, request, response, path)
    else if (request.method === 'GET' && path === '/listClients') clientsRoute(gateway, request, response)
    // Everything else belongs to the SOAP protocol (wire-client §1.1.4).
    else await exchangeSoap(gateway, request, response)
  } catch (error) {
    gateway.log.error('request failed outside an exchange', {
      reason: (error as Error).message,
      stack: (error as Error).stack,
    })
    response.destroy()
  }
}

/** Without the query, which may say more of people than a process log should keep. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? ''
}

const UNPARSED = {
  'too large': ['431 Request Header Fields Too Large', 'The request head is too large'],
  late: ['408 Request Timeout', 'The request head did not come in time'],
  malformed: ['400 Bad Request', 'This is not an HTTP/1.1 request'],
} as const

/** What Node's parser refuses still gets a code and an id. */
function refuseBroken(gateway: Gateway, error: Error & { code?: string }, socket: Duplex): void {
  const wrong = unparsed(error)
  // Only who has spoken HTTP can be told. A TLS handshake that takes too long comes here too, and its socket is ours to end.
  if (wrong === undefined || !answerable(socket)) return void socket.destroy()
  const [status, text] = UNPARSED[wrong]
  const refusal = fault(SIDE, 'internal_error', text)
  note(gateway, 'consumer', refusal, { parser: error.code })
  const { contentType, body } = renderRestError(refusal, [])
  socket.end(
    `HTTP/1.1 ${status}\r\nX-Road-Error: ${refusal.code}\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${Buffer.from(body)}`,
  )
}
