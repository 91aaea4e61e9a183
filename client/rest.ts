// Calls to one REST service: fetch as everybody knows it, and calls typed by the service's OpenAPI document.
import { type Body, encode, payloadOf } from './body.ts'
import { encodeId, type ServiceId } from './identifier.ts'
import { type MessageOptions, messageHeaders } from './message.ts'
import type { Answer, AnyOperation, AnyPaths, Method, OperationOf, ParametersOf, PathsOf } from './openapi.ts'
import { readJson, restError } from './rest-answer.ts'
import { fillPath, queryOf, rawTarget } from './target.ts'
import type { Transport } from './transport.ts'

export interface FetchInit extends MessageOptions {
  readonly method?: string
  readonly headers?: NonNullable<RequestInit['headers']>
  readonly body?: Body | null
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE'])

type Arguments<T> = Record<never, never> extends T ? [options?: T] : [options: T]
type Call<Paths, M extends Method> = <P extends PathsOf<Paths, M>>(
  path: P,
  ...options: Arguments<ParametersOf<OperationOf<Paths, P, M>> & MessageOptions>
) => Promise<Answer<OperationOf<Paths, P, M>>>

/** One service, as your client may call it. */
export interface RestService<Paths = AnyPaths> {
  readonly id: ServiceId
  /**
   * Sends a message and gives the service's answer, whatever its status. Path and query go out as they are; bodies stream both ways.
   *
   * @param path Behind the service: `/persons?name=tamm`, or empty.
   * @throws XRoadError: the message was not exchanged. NetworkError, TimeoutError: the security server was not reached.
   */
  fetch(path: string, init?: FetchInit): Promise<Response>
  readonly get: Call<Paths, 'get'>
  readonly put: Call<Paths, 'put'>
  readonly post: Call<Paths, 'post'>
  readonly patch: Call<Paths, 'patch'>
  readonly delete: Call<Paths, 'delete'>
}

/** What the calls below their types share. */
interface CallOptions extends MessageOptions {
  readonly path?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

/** `client` is the value of X-Road-Client; `standing` goes with every message that says nothing else. */
export function restService<Paths>(
  transport: Transport,
  id: ServiceId,
  client: string,
  standing: MessageOptions,
): RestService<Paths> {
  if (id.subsystemCode === undefined) throw new TypeError('a REST service belongs to a subsystem (wire-client §3.1)')
  if (id.serviceVersion !== undefined) throw new TypeError('a REST service has no version; its paths may have one')
  const prefix = `/r1/${encodeId(id)}`

  async function fetch(path: string, init: FetchInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    const method = (init.method ?? 'GET').toUpperCase()
    if (!METHODS.has(method)) throw new TypeError(`X-Road has no method ${method} (wire-client §3.2)`)
    const body = init.body === undefined || init.body === null ? undefined : payloadOf(init.body)
    if (body !== undefined && !/^(?:POST|PUT|PATCH)$/.test(method))
      throw new TypeError(`X-Road does not deliver the body of a ${method} to the service (wire-client §3.4)`)
    if (body?.contentType !== undefined && !headers.has('content-type')) headers.set('content-type', body.contentType)
    const options = { ...standing, ...init }
    headers.set('X-Road-Client', client)
    for (const [name, value] of Object.entries(messageHeaders({ ...options, id: options.id ?? crypto.randomUUID() })))
      headers.set(name, value)
    const response = await transport.send({
      method,
      target: prefix + rawTarget(path),
      headers,
      body: body?.payload,
      signal: options.signal,
    })
    const error = await restError(response)
    if (error) throw error
    return response
  }

  async function call(method: Method, template: string, options: CallOptions = {}): Promise<Answer<AnyOperation>> {
    const { path, query, headers: given, body, ...message } = options
    const headers = new Headers({ Accept: 'application/json' })
    for (const [name, value] of Object.entries(given ?? {})) if (value !== undefined) headers.set(name, String(value))
    const response = await fetch(fillPath(template, path ?? {}) + queryOf(query ?? {}), {
      ...message,
      method,
      headers,
      ...(body !== undefined && { body: jsonUnlessReady(body, headers) }),
    })
    const { status } = response
    const value = await readJson(response)
    return response.ok ? { ok: true, status, data: value, response } : { ok: false, status, error: value, response }
  }

  const typed = <M extends Method>(method: M) => call.bind(undefined, method) as Call<Paths, M>
  return {
    id,
    fetch,
    get: typed('get'),
    put: typed('put'),
    post: typed('post'),
    patch: typed('patch'),
    delete: typed('delete'),
  }
}

/** Values become JSON; what fetch would take as it is (bytes, forms, streams) is not touched. A string is JSON unless a header says otherwise. */
function jsonUnlessReady(body: unknown, headers: Headers): Body {
  const ready =
    body instanceof Uint8Array ||
    body instanceof ArrayBuffer ||
    body instanceof Blob ||
    body instanceof FormData ||
    body instanceof URLSearchParams ||
    body instanceof ReadableStream ||
    (typeof body === 'string' && headers.has('content-type') && !/json/i.test(headers.get('content-type') ?? ''))
  if (ready) return body as Body
  const text = JSON.stringify(body)
  if (text === undefined) throw new TypeError('the body cannot be written as JSON')
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  return encode(text)
}
