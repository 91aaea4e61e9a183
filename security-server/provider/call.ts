// The call of the service itself: no redirects, no cookies, nothing decompressed; the service sees what the client sent.
import { type Dispatcher, Pool } from 'undici'
import { type ClientId, fault } from '#protocol'
import type { ClientTls } from '../consumer/listener.ts'
import type { LocalService, ServiceRegistry } from '../services/index.ts'
import { type CallSide, callFault } from './call-fault.ts'
import { Places } from './places.ts'
import { serviceConnector } from './service-tls.ts'

const SIDE = 'server.serverproxy'

const MAX_POOLS = 1000
/** Of one service: calls under way, which are connections, and calls that wait for one of them to end. */
const MAX_CALLS = 256
const MAX_WAITING = 1024

interface Connections {
  readonly pool: Pool
  readonly places: Places
}

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
  /** Resolves with the head of the answer, whose body must be read to its end or destroyed. Throws XRoadFault. */
  call(call: ServiceCall): Promise<ServiceAnswer>
  close(): Promise<void>
}

/** @param ownTls What this server presents to services that ask for a certificate (wire-client §1.4). */
export function openCaller(settings: {
  readonly services: ServiceRegistry
  readonly ownTls: ClientTls
  readonly connectTimeoutMs: number
}): ServiceCaller {
  const pools = new Map<string, Connections>()
  const connector = serviceConnector(settings.ownTls, settings.connectTimeoutMs)

  /** One pool for an origin and a way of trusting it; changed pins make a new one. */
  function connections(service: LocalService, origin: string, pins: readonly Uint8Array[]): Connections {
    const key = `${origin} ${service.tls} ${pins.map((pin) => Buffer.from(pin).toString('base64')).join(' ')}`
    let existing = pools.get(key)
    if (existing === undefined) {
      if (pools.size >= MAX_POOLS) closeOldest()
      const pool = new Pool(origin, {
        connect: connector(service, pins),
        allowH2: false,
        pipelining: 1,
        keepAliveTimeout: 4_000,
        maxHeaderSize: 64 * 1024,
        connections: MAX_CALLS,
      })
      existing = { pool, places: new Places(MAX_CALLS, MAX_WAITING) }
      pools.set(key, existing)
    }
    return existing
  }

  function closeOldest(): void {
    const oldest = pools.entries().next().value
    if (oldest === undefined) return
    pools.delete(oldest[0])
    oldest[1].pool.close().catch(() => {})
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
      const { pool, places } = connections(service, url.origin, pins)
      let leave: (() => void) | undefined
      try {
        const began = Date.now()
        leave = await places.take(timeout)
        const answer = await pool.request({
          method: method as Dispatcher.HttpMethod,
          path: url.pathAndQuery,
          headers: headers as string[],
          // undici takes any async iterable; its types name only streams.
          body: body as Buffer | null,
          // What it has waited for its place counts.
          headersTimeout: timeout === 0 ? 0 : Math.max(1, timeout - (Date.now() - began)),
          bodyTimeout: timeout,
          responseHeaders: 'raw',
          ...(signal && { signal }),
        })
        answer.body.once('close', leave)
        return {
          status: answer.statusCode,
          reason: answer.statusText,
          // `responseHeaders: 'raw'` gives a flat list; undici's types do not say so.
          rawHeaders: answer.headers as unknown as readonly string[],
          body: answer.body,
        }
      } catch (error) {
        leave?.()
        throw callFault(error, side)
      }
    },
    async close() {
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()))
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
