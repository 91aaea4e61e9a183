// The call of the service itself: no redirects, no cookies, nothing decompressed; the service sees what the client sent.
import { type Dispatcher, Pool } from 'undici'
import { type ClientId, fault } from '#protocol'
import type { ClientTls } from '../consumer/listener.ts'
import type { LocalService, ServiceRegistry } from '../services/index.ts'
import { type CallSide, callFault } from './call-fault.ts'
import { serviceConnector } from './service-tls.ts'

const SIDE = 'server.serverproxy'

const MAX_POOLS = 1000

export interface ServiceAnswer {
  readonly status: number
  readonly reason: string
  /** name, value, name, value … as the service sent them. */
  readonly rawHeaders: readonly string[]
  readonly body: Dispatcher.ResponseData['body']
}

/** One call of one service. */
export interface ServiceCall {
  readonly service: LocalService
  /** Whose service it is, and whose certificates it may present. */
  readonly provider: ClientId
  readonly method: string
  /** What follows the service's address: path and query; '' for SOAP. */
  readonly target: string
  /** name, value, name, value … */
  readonly headers: readonly string[]
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
  /** What its failures are called. */
  readonly side: CallSide
  /** Ends the call, also within the answer. */
  readonly signal?: AbortSignal
}

export interface ServiceCaller {
  /** Resolves with the head of the answer. Throws XRoadFault. */
  call(call: ServiceCall): Promise<ServiceAnswer>
  close(): Promise<void>
}

/** @param ownTls What this server presents to services that ask for a certificate (wire-client §1.4). */
export function openCaller(settings: {
  readonly services: ServiceRegistry
  readonly ownTls: ClientTls
  readonly connectTimeoutMs: number
}): ServiceCaller {
  const pools = new Map<string, Pool>()
  const connector = serviceConnector(settings.ownTls, settings.connectTimeoutMs)

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

  return {
    async call({ service, provider, method, target, headers, body, side, signal }) {
      const url = serviceUrl(service, target)
      const pins =
        settings.services
          .snapshot()
          .client(provider)
          ?.tlsCertificates.map(({ der }) => der) ?? []
      const timeout = service.timeoutSeconds * 1000
      try {
        const answer = await pool(service, url.origin, pins).request({
          method: method as Dispatcher.HttpMethod,
          path: url.pathAndQuery,
          headers: headers as string[],
          // undici takes any async iterable; its types name only streams.
          body: body as Buffer | null,
          headersTimeout: timeout,
          bodyTimeout: timeout,
          responseHeaders: 'raw',
          ...(signal && { signal }),
        })
        return {
          status: answer.statusCode,
          reason: answer.statusText,
          // `responseHeaders: 'raw'` gives a flat list; undici's types do not say so.
          rawHeaders: answer.headers as unknown as readonly string[],
          body: answer.body,
        }
      } catch (error) {
        throw callFault(error, side)
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((open) => open.destroy()))
    },
  }
}

/** Service URL, path and query, one slash between them (wire-client §3.5); the path goes out as it was matched. */
function serviceUrl({ url }: LocalService, target: string): { origin: string; pathAndQuery: string } {
  if (url === '') throw fault(SIDE, 'service_missing_url', 'Service address is not specified')
  let base: URL
  try {
    base = new URL(url)
  } catch (error) {
    throw fault(SIDE, 'service_malformed_url', `The address of the service is not a URL: ${url}`, { cause: error })
  }
  return { origin: base.origin, pathAndQuery: join(base, target) }
}

/** A query in the address itself is kept only where nothing follows it: SOAP services have such addresses. */
function join({ pathname, search }: URL, target: string): string {
  if (target === '') return `${pathname}${search}`
  return `${pathname.endsWith('/') && target.startsWith('/') ? pathname.slice(0, -1) : pathname}${target}`
}
