// The call of the service itself: no redirects, no cookies, nothing decompressed; the service sees what the client sent.
import { isIP } from 'node:net'
import { connect as connectTls, createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { buildConnector, type Dispatcher, Pool } from 'undici'
import type { Log } from '#host'
import { fault, XRoadFault } from '#protocol'
import { equalBytes } from '#trust'
import type { ClientTls } from '../consumer/listener.ts'
import type { MessageLog } from '../message-log/index.ts'
import type { LocalService, ServiceRegistry } from '../services/index.ts'
import type { Accepted } from './accept.ts'

const SIDE = 'server.serverproxy'

/** GET, HEAD and TRACE give a body no meaning (RFC 9110 §9.3); it stays in the evidence and is not delivered. */
const BODILESS = new Set(['GET', 'HEAD', 'TRACE'])
const MAX_POOLS = 1000

export interface ServiceAnswer {
  readonly status: number
  readonly reason: string
  /** name, value, name, value … as the service sent them. */
  readonly rawHeaders: readonly string[]
  readonly body: Dispatcher.ResponseData['body']
  /** Whether the answer has an entity, be it of length 0 (wire-message §2.5). */
  readonly hasBody: boolean
}

export interface ServiceCaller {
  call(request: Accepted, log: MessageLog): Promise<ServiceAnswer>
  close(): Promise<void>
}

/** @param ownTls What this server presents to services that ask for a certificate (wire-client §1.4). */
export function openCaller(settings: {
  readonly services: ServiceRegistry
  readonly ownTls: ClientTls
  readonly connectTimeoutMs: number
  readonly log: Log
}): ServiceCaller {
  const pools = new Map<string, Pool>()

  /** One pool for an origin and a way of trusting it; changed pins make a new one. */
  function pool(service: LocalService, origin: string, pins: readonly Uint8Array[]): Pool {
    const key = `${origin} ${service.tls} ${pins.map((pin) => Buffer.from(pin).toString('base64')).join(' ')}`
    let existing = pools.get(key)
    if (existing === undefined) {
      if (pools.size >= MAX_POOLS) closeOldest()
      existing = new Pool(origin, {
        connect: connector(service, pins),
        allowH2: false,
        pipelining: 1,
        keepAliveTimeout: 4_000,
        maxHeaderSize: 64 * 1024,
        connections: 256,
      })
      pools.set(key, existing)
    }
    return existing
  }

  function closeOldest(): void {
    const oldest = pools.entries().next().value
    if (oldest === undefined) return
    pools.delete(oldest[0])
    oldest[1].close().catch(() => {})
  }

  let system: SecureContext | undefined
  /** Node's authorities and those of the machine: read once, when the first service wants them. */
  function systemTrust(): SecureContext {
    system ??= createSecureContext({
      ...settings.ownTls,
      ca: [...getCACertificates('default'), ...getCACertificates('system')],
    })
    return system
  }

  /** Plain, or TLS that accepts exactly the pinned leaf or what the system trusts: nothing is accepted unseen. HTTP/1.1 only. */
  function connector(service: LocalService, pins: readonly Uint8Array[]): buildConnector.connector {
    const common = { timeout: settings.connectTimeoutMs, allowH2: false, maxCachedSessions: 0 }
    if (!service.url.startsWith('https:')) return buildConnector(common)
    return service.tls === 'system'
      ? buildConnector({ ...common, secureContext: systemTrust() })
      : pinnedConnector(createSecureContext(settings.ownTls), pins, settings.connectTimeoutMs)
  }

  return {
    async call(request, log) {
      const { service, head, body } = request
      const url = serviceUrl(service, head.servicePath, head.query)
      const client = settings.services.snapshot().client(request.provider)
      const pins = client?.tlsCertificates.map((certificate) => certificate.der) ?? []
      const headers = head.headers.flat()
      const withBody = body !== undefined && !BODILESS.has(head.method)
      if (withBody) headers.push('Content-Length', String(body.size))
      const timeout = service.timeoutSeconds * 1000
      try {
        const answer = await pool(service, url.origin, pins).request({
          method: head.method as Dispatcher.HttpMethod,
          path: url.pathAndQuery,
          headers,
          body: (withBody ? (body.inline ?? log.read(body)) : null) as Buffer | null,
          headersTimeout: timeout,
          bodyTimeout: timeout,
          responseHeaders: 'raw',
        })
        return {
          status: answer.statusCode,
          reason: answer.statusText,
          // `responseHeaders: 'raw'` gives a flat list; undici's types do not say so.
          rawHeaders: answer.headers as unknown as readonly string[],
          body: answer.body,
          hasBody: head.method !== 'HEAD' && answer.statusCode !== 204 && answer.statusCode !== 304,
        }
      } catch (error) {
        throw callFault(error)
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((open) => open.destroy()))
    },
  }
}

/** TLS to exactly one of the pinned leaves, whoever issued it and whatever name it bears (wire-client §1.4). */
function pinnedConnector(
  secureContext: SecureContext,
  pins: readonly Uint8Array[],
  timeoutMs: number,
): buildConnector.connector {
  return ({ hostname, port }, callback) => {
    const socket = connectTls({
      host: hostname,
      port: Number(port || 443),
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      secureContext,
      rejectUnauthorized: false,
    })
    const late = () => settle(failure('no TLS connection in time', 'UND_ERR_CONNECT_TIMEOUT'))
    const timer = setTimeout(late, timeoutMs)
    let settled = false
    const settle = (error: Error | null) => {
      clearTimeout(timer)
      if (settled) return
      settled = true
      if (error === null) return callback(null, socket)
      socket.destroy()
      callback(error, null)
    }
    socket.on('error', settle)
    socket.once('secureConnect', () => {
      const leaf = socket.getPeerX509Certificate()
      const pinned = leaf !== undefined && pins.some((pin) => equalBytes(pin, leaf.raw))
      const text = 'the service presented a certificate that is not registered for its client'
      settle(pinned ? null : failure(text, 'ERR_TLS_PIN'))
    })
  }
}

function failure(message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}

/** Service URL + service path + query, one slash between them (wire-client §3.5); the path goes out as it was matched. */
function serviceUrl(
  service: LocalService,
  servicePath: string,
  query: string | undefined,
): { origin: string; pathAndQuery: string } {
  if (service.url === '') throw fault(SIDE, 'service_missing_url', 'Service address is not specified')
  let base: URL
  try {
    base = new URL(service.url)
  } catch (error) {
    throw fault(SIDE, 'service_malformed_url', `The address of the service is not a URL: ${service.url}`, {
      cause: error,
    })
  }
  const prefix =
    base.pathname.endsWith('/') && servicePath.startsWith('/')
      ? base.pathname.slice(0, -1)
      : base.pathname === '/' && servicePath === ''
        ? '/'
        : base.pathname
  return { origin: base.origin, pathAndQuery: `${prefix}${servicePath}${query === undefined ? '' : `?${query}`}` }
}

/** wire-client §3.7, last line but one: no `service_failed` for REST. */
export function callFault(error: unknown): XRoadFault {
  if (error instanceof XRoadFault) return error
  const { code = '', message } = error as Error & { code?: string }
  const tell = (base: Parameters<typeof fault>[1], what: string) =>
    fault(SIDE, base, `${what}: ${message}`, { cause: error })
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return tell('unknown_host', 'The host of the service is unknown')
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return tell('io_error', 'The service did not answer in time')
  if (/^(ERR_TLS|ERR_SSL|EPROTO|UNABLE_TO_|HOSTNAME_)|CERT|SIGNATURE/.test(code))
    return tell('ssl_authentication_failed', 'The TLS connection to the service failed')
  if (
    code.startsWith('HPE_') ||
    code === 'UND_ERR_SOCKET' ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' ||
    code === 'UND_ERR_HEADERS_OVERFLOW'
  )
    return tell('io_error', 'The service broke the connection or did not answer in HTTP')
  if (code.startsWith('E') || code.startsWith('UND_ERR_CONNECT'))
    return tell('network_error', 'The service could not be reached')
  return tell('io_error', 'The call of the service failed')
}
