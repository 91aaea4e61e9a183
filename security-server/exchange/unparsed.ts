// What Node's HTTP parser refuses never becomes a request, or is the rest of one. It is told so only where nothing else can be meant by it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The last request that the parser gave of each connection. */
const latest = new WeakMap<Duplex, { readonly request: IncomingMessage; readonly response: ServerResponse }>()

/** Every listener says of each request that it has begun, before anything else. */
export function begun(request: IncomingMessage, response: ServerResponse): void {
  latest.set(request.socket, { request, response })
}

/** What went wrong; undefined when it was not HTTP that went wrong, but TLS or the connection. */
export function unparsed({ code }: Error & { code?: string }): 'too large' | 'late' | 'malformed' | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 'too large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'late'
  return code?.startsWith('HPE_') ? 'malformed' : undefined
}

/**
 * Whether an answer to what the parser refused would be taken for that. Behind a whole request whose answer is under way it would be taken
 * for this answer, or stand in the middle of it.
 */
export function answerable(socket: Duplex): boolean {
  if (!socket.writable) return false
  const last = latest.get(socket)
  if (last === undefined || last.response.writableFinished) return true
  // In the middle of a request's body; without a socket, its answer waits behind others.
  return !last.request.complete && !last.response.headersSent && last.response.socket !== null
}
