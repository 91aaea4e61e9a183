// GET /metrics. It names certificates and failures, so it belongs on an address that only the monitoring reaches.
import { createServer, type Server } from 'node:http'
import { type Log, reasonOf } from '#host'
import { PROMETHEUS_TEXT } from './text.ts'

/** @param text Asked at each scrape; when it fails, the scrape does, with 503. */
export function metricsServer(text: () => Promise<string>, log: Log): Server {
  return createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    const [path] = (request.url ?? '').split('?', 1)
    if (path !== '/metrics') return void response.writeHead(404).end()
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405, { Allow: 'GET, HEAD' }).end()
    text().then(
      (body) => {
        response.writeHead(200, { 'Content-Type': PROMETHEUS_TEXT, 'Cache-Control': 'no-store' })
        response.end(body)
      },
      (error: unknown) => {
        log.error('metrics could not be read', { reason: reasonOf(error) })
        response.writeHead(503).end()
      },
    )
  })
}
