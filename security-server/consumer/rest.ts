// Consumer: a REST exchange from the information system's request to its answer (PR-REST §4, wire-client §3).
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  acceptableTarget,
  buildRestRequest,
  checkRestConsistency,
  fault,
  mimeTypes,
  parseRestResponse,
  prefixed,
  type RestRequestHead,
  type RestResponseHead,
  reducedRest,
  renderRestError,
  restRequestHash,
  transportHeaders,
  type XRoadFault,
} from '#protocol'
import { aboutRest } from '../exchange/about.ts'
import { type BodyStart, startBody } from '../exchange/body.ts'
import { drain } from '../exchange/drain.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { chunksOf, StalledError } from '../exchange/idle.ts'
import { note } from '../exchange/refusals.ts'
import { answered, type Watched, watchRest } from '../exchange/watched.ts'
import { endWith } from '../exchange/write.ts'
import { deliverRest } from './deliver.ts'
import { identify, locate, prepared } from './identify.ts'
import type { Content } from './outgoing.ts'
import { type Expected, receive } from './receive.ts'
import { type Sent, send, sourceFault } from './send.ts'

const SIDE = 'server.clientproxy'

/** The consumer's stages, in the order of design: "The way of a message". */
export async function exchangeRest(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const requestId = crypto.randomUUID()
  const watched = gateway.monitoring.begin('Client')
  watched.requestId = requestId
  watched.stage('identify')
  try {
    if (!acceptableTarget(request.url ?? '')) return await refuseTarget(gateway, request, response, watched)
    const configuration = prepared(gateway)
    const head = headOf(gateway, request, requestId)
    watchRest(watched, head)
    // Only the provider's server knows how its services are described.
    watched.serviceType = gateway.services.snapshot().service(head.service)?.type ?? 'REST'
    const located = locate(
      identify(gateway, request, configuration, head, { requestId, about: aboutRest(head), watched }),
    )
    const start = hasBody(request) ? await begin(gateway, request) : undefined
    const sent = await send(gateway, located, request.socket, contentOf(head, start))
    const recorded = await receive(gateway, sent, answerTo(sent))
    watched.stage('deliver')
    watched.statusCode = recorded.answer.status
    watched.responseOutTs = gateway.clock.now().getTime()
    await deliverRest(gateway, recorded, response)
    gateway.counters.count('consumer', 'ok')
    gateway.monitoring.finish(watched, answered(watched.statusCode))
  } catch (error) {
    const refusal = prefixed(error, SIDE)
    gateway.monitoring.finish(watched, { succeeded: false, fault: refusal })
    note(gateway, 'consumer', refusal, { requestId, method: request.method, path })
    if (!(refusal.cause instanceof StalledError)) await drain(request)
    if (response.headersSent || response.destroyed) return void response.destroy()
    // What was not read within bounds cannot be told from the next request.
    sendRestError(gateway, request, response, refusal, { last: !request.complete })
  }
}

function headOf(gateway: Gateway, request: IncomingMessage, requestId: string): RestRequestHead {
  return buildRestRequest({
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    requestId,
    newId: () => `${gateway.server.instance}-${crypto.randomUUID()}`,
  })
}

function hasBody(source: IncomingMessage): boolean {
  return source.headers['transfer-encoding'] !== undefined || Number(source.headers['content-length'] ?? 0) > 0
}

async function begin(gateway: Gateway, source: IncomingMessage): Promise<BodyStart | undefined> {
  try {
    return await startBody(chunksOf(source, gateway.idleMs))
  } catch (error) {
    throw sourceFault(error)
  }
}

/** A REST request as it goes out. */
export function contentOf(head: RestRequestHead, start: BodyStart | undefined): Content {
  return {
    headers: { [transportHeaders.messageType]: 'REST' },
    part: (writer) => writer.part(mimeTypes.restRequest, head.bytes),
    attached: (writer) => start && { opening: writer.open(mimeTypes.restBody), start },
    broken: sourceFault,
    reduced: () => reducedRest(head.bytes),
    requestHash: ({ headDigest }, body) => restRequestHash(headDigest, body?.digest),
  }
}

/** What of an answer must fit its request. */
export function answerTo(sent: Sent<RestRequestHead>): Expected<{ readonly bytes: Uint8Array }, RestResponseHead> {
  return {
    missing: 'missing_rest',
    message: (part) => (part.kind === 'rest-response' ? part : undefined),
    reduced: ({ bytes }) => reducedRest(bytes),
    check({ bytes }) {
      const head = parseRestResponse(bytes)
      checkRestConsistency(sent.message, head, sent.requestHash())
      return head
    },
  }
}

/** Targets that X-Road's HTTP engine refuses with 400 (wire-client §3.1.6), here with a code and an id. */
async function refuseTarget(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  watched: Watched,
): Promise<void> {
  const refusal = fault(SIDE, 'internal_error', 'The request target is not an acceptable URI path')
  gateway.monitoring.finish(watched, { succeeded: false, fault: refusal })
  note(gateway, 'consumer', refusal, { method: request.method })
  await drain(request)
  sendRestError(gateway, request, response, refusal, { status: 400, last: true })
}

/** An X-Road error to the information system: JSON or XML by what it accepts (wire-client §3.7). */
function sendRestError(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  refusal: XRoadFault,
  how: { readonly status?: number; readonly last: boolean },
): void {
  const { accept } = request.headers
  const { status, contentType, body } = renderRestError(refusal, accept === undefined ? [] : [accept])
  const headers = ['X-Road-Error', refusal.code, 'Content-Type', contentType, 'Content-Length', String(body.length)]
  if (how.last) headers.push('Connection', 'close')
  response.writeHead(how.status ?? status, headers)
  endWith(response, body, gateway.idleMs)
}
