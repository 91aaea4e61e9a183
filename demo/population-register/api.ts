// The register's HTTP API, as openapi.yaml and persons.wsdl describe it. It is an ordinary service: it knows nothing of signatures or of
// security servers, and sees who asks only by the X-Road headers that its security server hands on.
import { createReadStream } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { answerSoap } from '../soap/endpoint.ts'
import { sendWsdl } from '../soap/wsdl.ts'
import { readSearch, readUpdate } from './input.ts'
import { parsePersonalCode } from './personal-code.ts'
import { portrait } from './photo.ts'
import { invalid, Problem, unknownPerson } from './problem.ts'
import { PERSONS_WSDL, soapService } from './soap.ts'
import type { RegisterStore, StoredPerson } from './store.ts'

const MAX_BODY = 64 * 1024
export const OPENAPI = join(import.meta.dirname, 'openapi.yaml')

type Handler = (exchange: {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  person: () => StoredPerson
}) => Promise<void> | void

interface Route {
  readonly path: RegExp
  readonly methods: Readonly<Record<string, Handler>>
}

export interface AccessLine {
  readonly method: string
  readonly path: string
  readonly status: number
  /** Who asked, as the security server vouches for it. */
  readonly client: string | undefined
  readonly messageId: string | undefined
}

/** The request listener; `logged` hears one line per answer, without query, body or other headers. */
export function registerApi(store: RegisterStore, logged: (line: AccessLine) => void): RequestListener {
  const soap = soapService(store)
  const routes: readonly Route[] = [
    { path: /^\/openapi\.yaml$/, methods: { GET: ({ response }) => sendFile(response, OPENAPI, 'application/yaml') } },
    {
      path: /^\/health$/,
      methods: { GET: ({ response }) => sendJson(response, 200, { status: 'ok', persons: store.count() }) },
    },
    {
      path: /^\/persons\.wsdl$/,
      methods: { GET: ({ request, response }) => sendWsdl(PERSONS_WSDL, request, response) },
    },
    { path: /^\/soap$/, methods: { POST: ({ request, response }) => answerSoap(soap, request, response) } },
    { path: /^\/persons$/, methods: { GET: (exchange) => search(store, exchange.url, exchange.response) } },
    {
      path: /^\/persons\/([^/]+)$/,
      methods: {
        GET: ({ response, person }) => sendPerson(response, person()),
        PUT: ({ request, response, person }) => update(store, request, response, person()),
      },
    },
    { path: /^\/persons\/([^/]+)\/photo$/, methods: { GET: ({ response, person }) => sendPhoto(response, person()) } },
  ]
  return (request, response) => {
    const method = request.method ?? 'GET'
    const url = URL.parse(request.url ?? '/', 'http://register')
    response.on('finish', () => {
      const client = oneHeader(request, 'x-road-client')
      logged({
        method,
        path: url?.pathname ?? '',
        status: response.statusCode,
        client,
        messageId: oneHeader(request, 'x-road-id'),
      })
    })
    answer(routes, store, request, response, method, url).catch((error: unknown) => fail(response, error))
  }
}

async function answer(
  routes: readonly Route[],
  store: RegisterStore,
  request: IncomingMessage,
  response: ServerResponse,
  method: string,
  url: URL | null,
): Promise<void> {
  if (!url) throw new Problem(400, 'Invalid request', 'the request target is no path')
  for (const route of routes) {
    const match = route.path.exec(url.pathname)
    if (!match) continue
    const handler = route.methods[method === 'HEAD' ? 'GET' : method]
    if (!handler) {
      const allow = Object.keys(route.methods)
        .flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]))
        .join(', ')
      throw new Problem(405, 'Method not allowed', `${method} is not possible here; ${allow} are`, {
        headers: { Allow: allow },
      })
    }
    return handler({ request, response, url, person: () => personOf(store, match[1] ?? '') })
  }
  throw new Problem(404, 'Not found', `there is nothing at ${url.pathname}; see /openapi.yaml`)
}

function personOf(store: RegisterStore, segment: string): StoredPerson {
  if (!parsePersonalCode(segment))
    throw invalid([{ field: 'personalCode', message: 'is not a valid Estonian personal code' }])
  const person = store.find(segment)
  if (!person) throw unknownPerson(segment)
  return person
}

function search(store: RegisterStore, url: URL, response: ServerResponse): void {
  const query = readSearch(url.searchParams)
  const { total, persons } = store.search(query)
  const pages = Math.ceil(total / query.pageSize)
  const next = new URLSearchParams(url.searchParams)
  next.set('page', String(query.page + 1))
  sendJson(response, 200, {
    total,
    page: query.page,
    pageSize: query.pageSize,
    ...(query.page < pages && { next: `/persons?${next}` }),
    persons: persons.map(shown),
  })
}

async function update(
  store: RegisterStore,
  request: IncomingMessage,
  response: ServerResponse,
  current: StoredPerson,
): Promise<void> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new Problem(415, 'Unsupported media type', 'an update is application/json')
  const change = readUpdate(await readJson(request), current)
  const condition = request.headers['if-match']
  const version = condition === undefined || condition === '*' ? undefined : etagVersion(condition)
  const result = store.update(current.personalCode, change, version)
  if (result.kind === 'unknown') throw unknownPerson(current.personalCode)
  if (result.kind === 'changed') {
    throw new Problem(
      412,
      'Changed meanwhile',
      'the person was updated since you read it; read again and repeat your change',
    )
  }
  sendPerson(response, result.person)
}

function shown({ version: _, ...person }: StoredPerson): object {
  return person
}

function sendPerson(response: ServerResponse, person: StoredPerson): void {
  sendJson(response, 200, shown(person), { ETag: `"${person.version}"` })
}

function sendPhoto(response: ServerResponse, person: StoredPerson): void {
  const png = portrait(person.personalCode)
  response.writeHead(200, { 'Content-Type': 'image/png', 'Content-Length': png.length, 'Cache-Control': 'private' })
  response.end(png)
}

async function sendFile(response: ServerResponse, file: string, type: string): Promise<void> {
  response.writeHead(200, { 'Content-Type': type })
  if (response.req.method === 'HEAD') response.end()
  else await pipeline(createReadStream(file), response)
}

function sendJson(response: ServerResponse, status: number, value: object, headers: Record<string, string> = {}): void {
  const body = Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
  const type = status >= 400 ? 'application/problem+json' : 'application/json'
  response.writeHead(status, { 'Content-Type': `${type}; charset=utf-8`, 'Content-Length': body.length, ...headers })
  response.end(body)
}

/** A version that cannot be (0) for an entity tag that is not ours: the condition then fails, as it must. */
function etagVersion(condition: string): number {
  return Number(/^"(\d{1,15})"$/.exec(condition.trim())?.[1] ?? 0)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY)
      throw new Problem(413, 'Body too large', `an update has at most ${MAX_BODY} bytes`, {
        headers: { Connection: 'close' },
      })
    chunks.push(chunk)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch (error) {
    throw new Problem(400, 'Invalid JSON', error instanceof SyntaxError ? error.message : 'the body is not UTF-8')
  }
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  // What is not a Problem is our own mistake: the caller learns no more than that.
  const problem = error instanceof Problem ? error : new Problem(500, 'Internal error', 'the register could not answer')
  sendJson(response, problem.status, problem.toJSON(), problem.headers)
}

function oneHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}
