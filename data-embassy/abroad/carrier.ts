// The carrier service: what homes ask of this embassy (wire.ts). It stands behind the embassy's security server, which says who asks (X-Road-Client) and keeps
// the evidence of every batch; nobody else reaches this port.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ContinuityError, MAXIMUM_BATCH_BYTES } from '#continuity'
import type { Log } from '#host'
import { type EmbassyCode, EmbassyError } from '../error.ts'
import { OCTETS, originOf } from '../wire.ts'
import type { Mirrors } from './mirrors.ts'
import type { AuthoredLogs } from './takeover.ts'

interface Answer {
  readonly status: number
  readonly body?: Uint8Array
  readonly type?: string
}

const TIMEOUTS = { requestTimeout: 120_000, headersTimeout: 10_000, keepAliveTimeout: 75_000 }
const MAX_CONNECTIONS = 256
const PATH = /^\/mirrors\/([^/]+)\/(0|[1-9]\d{0,8})\/(batches|receipt)(?:\/(0|[1-9]\d{0,15}))?$/
const NOTE_TYPE = 'text/plain; charset=utf-8'

const STATUS: Partial<Record<EmbassyCode, number>> = {
  gap: 409,
  forked: 422,
  foreign: 403,
  epoch_over: 410,
  store_failed: 503,
  store_damaged: 503,
}

export function carrierServer({
  mirrors,
  authored,
  instance,
  log,
}: {
  readonly mirrors: Mirrors
  readonly authored: Pick<AuthoredLogs, 'batch'>
  readonly instance: string
  readonly log: Log
}): Server {
  async function answer(request: IncomingMessage): Promise<Answer> {
    const [, register = '', epoch = '', what, index] = PATH.exec(request.url ?? '') ?? []
    if (what === undefined || (what === 'receipt' && index !== undefined))
      return words(404, 'there is nothing at this path')
    const method = what === 'batches' && index === undefined ? 'POST' : 'GET'
    if (request.method !== method) return words(405, `only ${method}`)
    const origin = originOf(instance, named(register), Number(epoch))
    const client = clientOf(request)
    if (index !== undefined) {
      mirrors.admit(named(register), client)
      const batch = authored.batch(origin, Number(index))
      return batch === undefined ? { status: 204 } : { status: 200, type: OCTETS, body: batch }
    }
    const mirror = mirrors.for(origin, client)
    const over = mirrors.ended(origin)
    if (over !== undefined) return note(410, over.note)
    if (what === 'receipt')
      return mirror.receipt === undefined ? words(404, 'nothing was receipted yet') : note(200, mirror.receipt)
    try {
      return note(200, await mirrors.take(origin, client, await readBody(request)))
    } catch (error) {
      if (!(error instanceof EmbassyError)) throw error
      // From here home goes on by itself.
      if (error.code === 'gap') return note(409, mirror.receipt ?? new Uint8Array())
      const ended = error.code === 'epoch_over' ? mirrors.ended(origin) : undefined
      if (ended === undefined) throw error
      return note(410, ended.note)
    }
  }

  function refusal(error: unknown, request: IncomingMessage): Answer {
    const id = randomUUID()
    if (error instanceof EmbassyError || error instanceof ContinuityError) {
      const status = error instanceof ContinuityError ? 400 : (STATUS[error.code] ?? 500)
      // A fork is the worst that can be said of a home: it stays in the log of this embassy whatever the other side does.
      log[error.code === 'forked' ? 'error' : 'warn']('a batch was refused', {
        id,
        path: request.url,
        client: request.headers['x-road-client'],
        code: error.code,
        reason: error.message,
      })
      return words(status, `${error.code}: ${error.message} (${id})`)
    }
    log.error('a request to the carrier failed', { id, path: request.url, error })
    return words(503, `this embassy cannot store now (${id})`)
  }

  const server = createServer(TIMEOUTS, (request, response) => {
    answer(request)
      .catch((error: unknown) => refusal(error, request))
      .then((said) => send(request, response, said))
      .catch(() => response.destroy())
  })
  server.maxConnections = MAX_CONNECTIONS
  return server
}

function clientOf(request: IncomingMessage): string {
  const client = request.headers['x-road-client']
  if (typeof client !== 'string' || client === '') throw new EmbassyError('foreign', 'no security server says who asks')
  return client.split('/').map(named).join('/')
}

function named(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw new EmbassyError('foreign', 'a name is not encoded as one')
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAXIMUM_BATCH_BYTES)
      throw new ContinuityError('too_large', `a batch has at most ${MAXIMUM_BATCH_BYTES} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, type = NOTE_TYPE }: Answer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': body?.length ?? 0,
    'Cache-Control': 'no-store',
    // What was not read of a body must not be taken for the next request.
    ...(request.complete ? {} : { Connection: 'close' }),
  })
  response.end(body)
}

function note(status: number, body: Uint8Array): Answer {
  return { status, body }
}

function words(status: number, text: string): Answer {
  return { status, body: Buffer.from(`${text}\n`) }
}
