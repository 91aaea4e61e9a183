// The HTTP side: what is read by whom, and nothing else. Each part of it answers for a prefix of the paths.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'
import type { Log } from '#host'
import { MAXIMUM_REQUEST_BYTES } from '#transparency'

export interface Answer {
  readonly status: number
  readonly type?: string
  readonly body?: Uint8Array
  /** What will never change may be kept by whoever carries it. */
  readonly immutable?: boolean
}

/** Undefined where there is nothing at that path. `body` reads it, bounded. */
export type Site = (method: string, path: string, body: () => Promise<Uint8Array>) => Promise<Answer | undefined>

export interface SiteOptions {
  /** By prefix, which ends with a slash; the longest that fits answers. */
  readonly sites: Readonly<Record<string, Site>>
  /** Networks that may read, as `10.0.0.0/8`, and single addresses. */
  readonly allow: readonly string[]
  readonly log: Log
}

const TIMEOUTS = { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 60_000 }
const MAX_CONNECTIONS = 256

const FORBIDDEN: Answer = {
  status: 403,
  type: 'text/plain; charset=utf-8',
  body: Buffer.from('this address is not among those that may read here\n'),
}

class TooLarge extends Error {}

/** To be listened on (#host). */
export function siteServer({ sites, allow, log }: SiteOptions): Server {
  const admitted = networks(allow)
  const prefixes = Object.entries(sites).sort(([a], [b]) => b.length - a.length)

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { method = '', url = '' } = request
    const path = url.split('?', 1)[0] ?? ''
    for (const [prefix, site] of prefixes) {
      if (!path.startsWith(prefix)) continue
      // Who asks for the head of a thing is told of the thing.
      const found = await site(method === 'HEAD' ? 'GET' : method, path.slice(prefix.length), () => readBody(request))
      if (found !== undefined) return found
    }
    return { status: 404, type: 'text/plain; charset=utf-8', body: Buffer.from('not found\n') }
  }

  const server = createServer(TIMEOUTS, (request, response) => {
    const told = admits(admitted, request.socket.remoteAddress) ? answer(request) : Promise.resolve(FORBIDDEN)
    told
      .catch((error: Error): Answer => {
        if (error instanceof TooLarge) return { status: 413 }
        log.error('a request to the transparent log failed', { path: request.url, error })
        return { status: 500 }
      })
      .then((said) => send(request, response, said))
      .catch(() => response.destroy())
  })
  server.maxConnections = MAX_CONNECTIONS
  return server
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body, immutable }: Answer): void {
  response.writeHead(status, {
    ...(type === undefined ? {} : { 'Content-Type': type }),
    'Content-Length': body?.length ?? 0,
    'Cache-Control': immutable ? 'public, max-age=31536000, immutable' : 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 429 || status === 503 ? { 'Retry-After': '1' } : {}),
    // What was not read of a body must not be taken for the next request.
    ...(request.complete ? {} : { Connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAXIMUM_REQUEST_BYTES) throw new TooLarge('the body is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Throws RangeError for what is no network. */
export function networks(allow: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of allow) {
    const [address = '', bits, more] = text.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    const prefix = bits === undefined ? (family === 'ipv6' ? 128 : 32) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    try {
      if (more !== undefined) throw new RangeError('two slashes')
      list.addSubnet(address, prefix, family)
    } catch (cause) {
      throw new RangeError(`'${text}' is no network: 10.0.0.0/8 or one address`, { cause })
    }
  }
  return list
}

function admits(list: BlockList, address: string | undefined): boolean {
  if (address === undefined) return false
  // On a socket of both families an IPv4 address comes in IPv6's clothes.
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}
