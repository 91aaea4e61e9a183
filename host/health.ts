// Health for load balancers and people: 200 when every check holds, else 503, and always which one does not.
import type { Server } from 'node:http'

export interface HealthCheck {
  readonly ok: boolean
  /** In words, when it is not. */
  readonly detail?: string
}

export type HealthChecks = Readonly<Record<string, HealthCheck>>

/**
 * A server that answers every GET with `{status: "ok" | "failing", checks}`. `checks` is asked each time and must be cheap; when it
 * throws, the answer is 503 as well. Start it with `listen`.
 */
export function healthServer(checks: () => HealthChecks): Server {
  // Loaded here and not with the door: node:http costs 5 MB, which the signer need not pay.
  const { createServer } = process.getBuiltinModule('node:http')
  return createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end()
      return
    }
    let seen: HealthChecks
    try {
      seen = checks()
    } catch {
      seen = { health: { ok: false, detail: 'the checks themselves failed' } }
    }
    const healthy = Object.values(seen).every(({ ok }) => ok)
    response.writeHead(healthy ? 200 : 503, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    response.end(JSON.stringify({ status: healthy ? 'ok' : 'failing', checks: seen }))
  })
}
