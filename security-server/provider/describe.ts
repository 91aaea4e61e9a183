// The description of a service, fetched when it is applied and for those who ask for it: over the connection that the service itself would be called by (wire-client §1.4).
import { Client } from 'undici'
import { clientOf, fault, XRoadFault } from '#protocol'
import type { ClientTls } from '../consumer/listener.ts'
import type { FetchDescription } from '../metadata/index.ts'
import type { FetchText } from '../services/index.ts'
import type { ServiceCaller } from './call.ts'
import { serviceConnector } from './service-tls.ts'

const SIDE = 'server.serverproxy'
const MAX_BYTES = 10 * 1024 * 1024
const SECONDS = 30
const HEADERS = ['Accept', '*/*', 'Accept-Encoding', 'identity', 'User-Agent', 'saadik']

/** @returns A function that throws XRoadFaults whose texts tell no address: whoever asks has no right to the service. */
export function descriptionFetcher(caller: ServiceCaller): FetchDescription {
  return async (url, service) => {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error(`not whole within ${SECONDS} s`)), SECONDS * 1000)
    try {
      const { status, rawHeaders, body } = await caller.call({
        // A service over http has no pins; what it describes itself by over https is judged as when it was applied.
        service: { ...service, url, timeoutSeconds: SECONDS, tls: service.tls === 'none' ? 'system' : service.tls },
        provider: clientOf(service.id),
        method: 'GET',
        target: '',
        headers: HEADERS,
        body: null,
        side: SIDE,
        signal: late.signal,
      })
      const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type')
      return { status, contentType: (at < 0 ? undefined : rawHeaders[at + 1]) ?? '', body: await whole(body) }
    } catch (cause) {
      const code = cause instanceof XRoadFault ? cause.code : `${SIDE}.io_error`
      throw new XRoadFault(code, 'The service description could not be fetched', { cause })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** For what a server document names while it is applied: its services are not known yet, and whom they trust comes with the question. */
export function documentFetcher(ownTls: ClientTls): FetchText {
  const connector = serviceConnector(ownTls, SECONDS * 1000)
  return async (address, { tls, pins }) => {
    const { origin, pathname, search } = new URL(address)
    const client = new Client(origin, { connect: connector({ url: address, tls }, pins), allowH2: false })
    const signal = AbortSignal.timeout(SECONDS * 1000)
    try {
      const { statusCode, body } = await client.request({
        method: 'GET',
        path: `${pathname}${search}`,
        headers: HEADERS,
        signal,
      })
      if (statusCode !== 200) throw new Error(`${address} answered with HTTP status ${statusCode}`)
      return Buffer.from(await whole(body)).toString('utf8')
    } catch (cause) {
      const why = signal.aborted ? `not whole within ${SECONDS} s` : (cause as Error).message
      throw new Error(`${address} could not be fetched: ${why}`, { cause })
    } finally {
      client.destroy().catch(() => {})
    }
  }
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_BYTES) throw fault(SIDE, 'io_error', `The description is longer than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
