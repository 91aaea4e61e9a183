// Ports 8080 and 8443: what information systems speak to (wire-client §1).
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Duplex } from 'node:stream'
import { acceptableTarget, fault, prefixed, renderRestError, writeSoapFault, type XRoadFault } from '#protocol'
import { drain } from '../exchange/drain.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { StalledError } from '../exchange/idle.ts'
import { NO_RESUMPTION } from '../exchange/peer-tls.ts'
import { endWith } from '../exchange/write.ts'
import { deliver } from './deliver.ts'
import { evidenceRoute } from './evidence.ts'
import { identify, locate } from './identify.ts'
import { receive } from './receive.ts'
import { send } from './send.ts'

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

export function createClientListeners(gateway: Gateway, tls: ClientTls): { plain: Server; secure: Server } {
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
  for (const server of [plain, secure])
    server.on('clientError', (error, socket) => refuseBroken(gateway, error, socket))
  return { plain, secure: secure as unknown as Server }
}

async function handle(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A connection that dies is noticed where it is read or written; without a listener it would end the process.
  request.on('error', () => {})
  response.on('error', () => {})
  const path = pathOf(request)
  try {
    if (path.startsWith('/r1/')) await exchangeRest(gateway, request, response)
    else if (request.method === 'GET' && (path === '/asic' || path === '/verificationconf'))
      await evidenceRoute(gateway, request, response, path)
    else await refuseSoap(gateway, request, response)
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

/** The consumer's stages, in the order of design: "The way of a message". */
async function exchangeRest(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = crypto.randomUUID()
  try {
    if (!acceptableTarget(request.url ?? '')) return await refuseTarget(gateway, request, response)
    const identified = identify(gateway, request, requestId)
    const located = locate(identified)
    const sent = await send(gateway, located, request)
    const recorded = await receive(gateway, sent)
    gateway.counters.count('consumer', 'ok')
    await deliver(gateway, recorded, response)
  } catch (error) {
    await refuse(gateway, request, response, prefixed(error, SIDE), requestId)
  }
}

/** An X-Road error to the information system: JSON or XML by what it accepts (wire-client §3.7). */
async function refuse(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  refusal: XRoadFault,
  requestId: string,
): Promise<void> {
  note(gateway, refusal, { requestId, method: request.method, path: pathOf(request) })
  if (!(refusal.cause instanceof StalledError)) await drain(request)
  if (response.headersSent || response.destroyed) return void response.destroy()
  const { status, contentType, body } = renderRestError(
    refusal,
    request.headers.accept === undefined ? [] : [request.headers.accept],
  )
  const headers = ['X-Road-Error', refusal.code, 'Content-Type', contentType, 'Content-Length', String(body.length)]
  // What was not read within bounds cannot be told from the next request.
  if (!request.complete) headers.push('Connection', 'close')
  response.writeHead(status, headers)
  endWith(response, body, gateway.idleMs)
}

/** Targets that X-Road's HTTP engine refuses with 400 (wire-client §3.1.6), here with a code and an id. */
async function refuseTarget(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal = fault(SIDE, 'internal_error', 'The request target is not an acceptable URI path')
  note(gateway, refusal, { method: request.method })
  await drain(request)
  const { contentType, body } = renderRestError(
    refusal,
    request.headers.accept === undefined ? [] : [request.headers.accept],
  )
  response.writeHead(400, [
    'X-Road-Error',
    refusal.code,
    'Content-Type',
    contentType,
    'Content-Length',
    String(body.length),
    'Connection',
    'close',
  ])
  endWith(response, body, gateway.idleMs)
}

/** Everything else belongs to the SOAP protocol, whose faults come with status 200 (wire-client §1.1.4, §2.9). */
async function refuseSoap(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal =
    request.method === 'POST'
      ? fault(
          SIDE,
          'internal_error',
          'This security server does not serve SOAP messages yet; REST services are called at /r1/',
        )
      : fault(
          'client',
          'invalid_http_method',
          `Must use POST request method instead of ${request.method}; REST services are called at /r1/`,
        )
  note(gateway, refusal, { method: request.method })
  await drain(request)
  const body = writeSoapFault(refusal)
  response.writeHead(200, [
    'Content-Type',
    'text/xml;charset=utf-8',
    'SOAPAction',
    '',
    'Content-Length',
    String(body.length),
  ])
  endWith(response, body, gateway.idleMs)
}

function note(gateway: Gateway, refusal: XRoadFault, facts: object): void {
  gateway.counters.count('consumer', refusal.code)
  const cause = refusal.cause instanceof Error ? refusal.cause.message : undefined
  gateway.log.warn('exchange refused', {
    side: 'consumer',
    code: refusal.code,
    id: refusal.detail,
    reason: refusal.message,
    cause,
    ...facts,
  })
}

/** What Node's parser refuses never becomes a request; it still gets a code and an id. */
function refuseBroken(gateway: Gateway, error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW'
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const status = tooLarge ? '431 Request Header Fields Too Large' : late ? '408 Request Timeout' : '400 Bad Request'
  const refusal = fault(
    SIDE,
    'internal_error',
    tooLarge
      ? 'The request head is too large'
      : late
        ? 'The request head did not come in time'
        : 'This is not an HTTP/1.1 request',
  )
  note(gateway, refusal, { parser: error.code })
  const { contentType, body } = renderRestError(refusal, [])
  socket.end(
    `HTTP/1.1 ${status}\r\nX-Road-Error: ${refusal.code}\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${Buffer.from(body)}`,
  )
}
