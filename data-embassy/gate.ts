// Stands before a register and holds back what may not be said yet: no write is acknowledged before it is as durable as the register's class demands, none is
// taken where the mode or the epoch forbids it. At home and abroad the same; the register's program knows nothing of it.
import {
  request as ask,
  Agent as Connections,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Log } from '#host'

export interface Refusal {
  readonly status: number
  /** For programs: `read_only`, `sealed`, `epoch_over`, `not_receipted`. */
  readonly code: string
  readonly message: string
}

export interface GatePolicy {
  /** Asked before the register sees a request, and once more just before its answer goes out: what was allowed then may not be now. */
  refusal(write: boolean): Refusal | undefined
  /** Before the answer to a write goes out: resolves when it may be acknowledged, with undefined, or says why not. */
  settled(): Promise<Refusal | undefined>
  /** On every answer: mode, epoch, how old it is. */
  headers(): Readonly<Record<string, string>>
}

export interface GateOptions {
  /** The register's own program, `http://127.0.0.1:9001`; undefined while there is none, which the policy refuses. */
  readonly upstream: () => URL | undefined
  /** Paths whose POST only reads, as SOAP's do. */
  readonly readPaths: readonly string[]
  readonly policy: GatePolicy
  readonly log: Log
}

const TIMEOUTS = { requestTimeout: 0, headersTimeout: 10_000, keepAliveTimeout: 75_000 }
const READS = new Set(['GET', 'HEAD', 'OPTIONS'])
const MAX_CONNECTIONS = 1024
/** Until the register begins to answer. */
const PATIENCE_MS = 60_000
/** Of one hop, not of the message (RFC 9110 §7.6.1). */
const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

export function gateServer({ upstream, readPaths, policy, log }: GateOptions): Server {
  const connections = new Connections({ keepAlive: true, maxSockets: 128 })

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const method = request.method ?? 'GET'
    const write = !READS.has(method) && !(method === 'POST' && readPaths.includes(path))
    const refused = policy.refusal(write)
    if (refused !== undefined) return refuse(request, response, refused)
    const answer = await forward(request, path)
    // The register has done it. From here on the question is only what may be said of it.
    const held = (write && succeeded(answer) ? await policy.settled() : undefined) ?? policy.refusal(write)
    if (held !== undefined) {
      answer.destroy()
      return refuse(request, response, held)
    }
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, [
      ...kept(answer.rawHeaders),
      ...Object.entries(policy.headers()).flat(),
    ])
    await pipeline(answer, response)
  }

  function forward(request: IncomingMessage, path: string): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const to = upstream()
    if (to === undefined) return Promise.reject(new Error('there is no program'))
    const { hostname, port } = to
    const headers = [...kept(request.rawHeaders), 'Host', to.host]
    const target = { hostname, port, path: (request.url ?? path) as string, method: request.method ?? 'GET' }
    const out = ask({ ...target, agent: connections, headers, timeout: PATIENCE_MS }, resolve)
    out.on('error', reject).on('timeout', () => out.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)))
    pipeline(request, out).catch(reject)
    return promise
  }

  function refuse(request: IncomingMessage, response: ServerResponse, { status, code, message }: Refusal): void {
    request.resume()
    const body = Buffer.from(JSON.stringify({ error: { code, message } }))
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      ...policy.headers(),
      ...(request.complete ? {} : { Connection: 'close' }),
    })
    response.end(body)
  }

  const server = createServer(TIMEOUTS, (request, response) => {
    pass(request, response).catch((error: Error) => {
      log.error('the register did not answer', { method: request.method, reason: error.message })
      if (response.headersSent) response.destroy()
      else refuse(request, response, { status: 502, code: 'register_failed', message: 'the register did not answer' })
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  server.on('close', () => connections.destroy())
  return server
}

/** An answer that says that something was done. What failed at the register acknowledges nothing. */
function succeeded({ statusCode = 500 }: IncomingMessage): boolean {
  return statusCode < 400
}

/** Name, value, name, value … without what belongs to the hop. `Host` is the next one's. */
function kept(raw: readonly string[]): string[] {
  const headers: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (!HOP.has(name.toLowerCase()) && name.toLowerCase() !== 'host') headers.push(name, raw[at + 1] ?? '')
  }
  return headers
}
