// One HTTP call to the security server. Node's own http and https rather than the global fetch: client certificates and pins
// work alike on every Node, the path goes out as it is (fetch would fold `..` and `%2e`), and no redirect is ever followed.
import { type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { type Payload, pieces } from './body.ts'
import { AnswerError, NetworkError, TimeoutError, XRoadClientError } from './error.ts'
import { agentFor } from './tls.ts'
import type { TlsOptions } from './tls-options.ts'

export interface OutgoingCall {
  readonly method: string
  /** Path and query as they go out. */
  readonly target: string
  readonly headers: Headers
  readonly body?: Payload | undefined
  readonly signal?: AbortSignal | null | undefined
}

export interface Transport {
  /** Ends as soon as the head of the answer is there; the body streams. */
  send(call: OutgoingCall): Promise<Response>
  /** Ends idle connections; those of running calls end with them. */
  close(): void
}

/** How bytes travel is decided here; a caller's word on it could only contradict. */
const OURS = [
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

export function transportTo(origin: string, tls: TlsOptions | undefined, timeout: number): Transport {
  const base = originOf(origin)
  const agent = agentFor(base.protocol, tls)
  const open = base.protocol === 'https:' ? overHttps : overHttp
  const hostname = base.hostname.replace(/^\[|\]$/g, '')
  const where = `The security server at ${base.origin}`

  async function send({ method, target, headers, body, signal }: OutgoingCall): Promise<Response> {
    signal?.throwIfAborted()
    for (const name of OURS) headers.delete(name)
    const length = typeof body === 'object' && body instanceof Uint8Array ? body.byteLength : undefined
    const request = open({
      agent,
      hostname,
      port: base.port || (base.protocol === 'https:' ? 443 : 80),
      method,
      path: target,
      headers: {
        ...Object.fromEntries(headers),
        ...(length !== undefined && { 'content-length': length }),
        ...(body !== undefined && length === undefined && { 'transfer-encoding': 'chunked' }),
        ...(body === undefined && /^(?:POST|PUT|PATCH)$/.test(method) && { 'content-length': 0 }),
      },
      ...(signal && { signal }),
    })
    const wait = patience(request, timeout, where)
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.on('error', reject)
    })
    // Whoever waits for the answer gets the error; nobody waits while a body is still being read from the caller.
    answered.catch(() => {})
    let ofBody: Error | undefined
    const sent = upload(request, body, wait).catch((error: Error) => {
      ofBody = error
      request.destroy(error)
    })
    try {
      return answerOf(request, await Promise.race([answered, sent.then(() => wait(answered))]), wait, (error) =>
        told(error, where, signal),
      )
    } catch (error) {
      request.destroy()
      throw ofBody ?? told(error, where, signal)
    }
  }

  return { send, close: () => agent.destroy() }
}

function originOf(origin: string): URL {
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search || url.hash || url.username)
    throw new TypeError(
      `securityServer: '${origin}' is not an address like http://10.0.0.1:8080 or https://xroad.example:8443`,
    )
  return url
}

/** Waits for something that the other side must do, but not for ever. */
type Wait = <T>(thing: Promise<T>) => Promise<T>

function patience(request: ClientRequest, milliseconds: number, where: string): Wait {
  return async (thing) => {
    let late: TimeoutError | undefined
    const timer = setTimeout(() => {
      late = new TimeoutError(milliseconds, where)
      request.destroy(late)
    }, milliseconds)
    try {
      const result = await thing
      if (late) throw late
      return result
    } catch (error) {
      // A destroyed connection is told as a reset; what it was destroyed for says more.
      throw late ?? error
    } finally {
      clearTimeout(timer)
    }
  }
}

async function upload(request: ClientRequest, body: Payload | undefined, wait: Wait): Promise<void> {
  if (body !== undefined)
    for await (const piece of pieces(body)) {
      if (request.destroyed) return
      if (!request.write(piece)) await wait(drained(request))
    }
  request.end()
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      request.off('drain', done)
      request.off('close', done)
      resolve()
    }
    request.on('drain', done)
    request.on('close', done)
  })
}

/** A standard Response whose body is read from the connection only as fast as it is asked for. */
function answerOf(
  request: ClientRequest,
  message: IncomingMessage,
  wait: Wait,
  tell: (error: unknown) => Error,
): Response {
  const status = message.statusCode ?? 0
  const headers = new Headers()
  for (let i = 0; i < message.rawHeaders.length; i += 2)
    headers.append(message.rawHeaders[i] as string, message.rawHeaders[i + 1] as string)
  if (status < 200 || status > 599) {
    message.destroy()
    throw new AnswerError(`The security server answered with HTTP status ${status}`)
  }
  // Who answers before the message is there does not want the rest of it.
  message.once('close', () => {
    if (!request.writableEnded) request.destroy()
  })
  const empty = status === 204 || status === 205 || status === 304
  if (empty) message.resume()
  return new Response(empty ? null : streamOf(message, wait, tell), {
    status,
    statusText: message.statusMessage ?? '',
    headers,
  })
}

function streamOf(message: IncomingMessage, wait: Wait, tell: (error: unknown) => Error): ReadableStream<Uint8Array> {
  const chunks = message[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await wait(chunks.next())
          if (done) controller.close()
          else controller.enqueue(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
        } catch (error) {
          controller.error(tell(error))
        }
      },
      cancel: () => void message.destroy(),
    },
    { highWaterMark: 0 },
  )
}

/** What Node says, as an error that says what to do. Aborts and errors of the caller's own body pass as they are. */
function told(error: unknown, where: string, signal: AbortSignal | null | undefined): Error {
  if (signal?.aborted)
    return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason })
  if (error instanceof XRoadClientError || !(error instanceof Error)) return error as Error
  const code = (error as NodeJS.ErrnoException).code
  if (code === undefined) return error
  return new NetworkError(code, `${where} ${SAYS[code] ?? `cannot be used: ${error.message}`}`, error)
}

const SAYS: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'refuses connections: is it running, and is this its port for information systems (8080, or 8443 for https)?',
  ENOTFOUND: 'is not known by that name: check the address',
  EHOSTUNREACH: 'cannot be reached from this network',
  ECONNRESET: 'ended the connection before its answer was complete; the message may have been executed',
  EPIPE:
    'ended the connection before the whole body was sent: it refuses the message, or does not wait for a body of that size',
  EPROTO: 'does not speak TLS on this port, or no version of it that this client accepts',
  HPE_INVALID_CONSTANT: 'does not speak HTTP on this port',
  DEPTH_ZERO_SELF_SIGNED_CERT: "has a self-signed TLS certificate: give it as 'tls.pinned', from a place you trust",
  SELF_SIGNED_CERT_IN_CHAIN:
    "has a TLS certificate of an authority that is not believed here: give 'tls.ca' or 'tls.pinned'",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "has a TLS certificate of an authority that is not believed here: give 'tls.ca' or 'tls.pinned'",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "has a TLS certificate of an authority that is not believed here: give 'tls.ca' or 'tls.pinned'",
  CERT_HAS_EXPIRED: 'has a TLS certificate that has expired',
  ERR_TLS_CERT_ALTNAME_INVALID:
    "has a TLS certificate for another name: use that name as address, or give the certificate as 'tls.pinned'",
}
