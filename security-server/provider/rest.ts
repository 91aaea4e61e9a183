// Provider: a REST service is called and its answer sent (PR-REST §4, wire-client §3.5–3.7).
import type { ServerResponse } from 'node:http'
import { buildRestResponse, mimeTypes, reducedRest } from '#protocol'
import { type BodyStart, startBody } from '../exchange/body.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { chunksOf } from '../exchange/idle.ts'
import type { LocalService } from '../services/index.ts'
import type { AcceptedRest } from './accept.ts'
import type { ServiceAnswer } from './call.ts'
import { callFault } from './call-fault.ts'
import { answerOwnRest } from './own.ts'
import type { OwnRestAnswer } from './own-answer.ts'
import { Reply } from './reply.ts'

const SIDE = 'server.serverproxy'
const EMPTY: BodyStart = { head: [], size: 0, rest: undefined }

/** GET, HEAD and TRACE give a body no meaning (RFC 9110 §9.3); it stays in the evidence and is not delivered. */
const BODILESS = new Set(['GET', 'HEAD', 'TRACE'])

export async function replyRest(gateway: Gateway, request: AcceptedRest, response: ServerResponse): Promise<void> {
  const reply = new Reply(gateway, request, response)
  const { watched } = request.exchange
  watched.stage('call')
  let answer: ServiceAnswer | OwnRestAnswer | undefined
  try {
    if (typeof request.service === 'string') answer = await answerOwnRest(gateway, request, request.service)
    else {
      watched.requestOutTs = gateway.clock.now().getTime()
      answer = await call(gateway, request, request.service)
      watched.responseInTs = gateway.clock.now().getTime()
    }
    const { status, reason, rawHeaders } = answer
    const { message, exchange, requestHash } = request
    const { requestId } = exchange
    const { bytes } = buildRestResponse({ status, reason, rawHeaders, request: message, requestId, requestHash })
    const start = await beginBody(request, answer)
    await reply.send({
      status,
      bytes,
      reduced: () => reducedRest(bytes),
      part: (writer) => writer.part(mimeTypes.restResponse, bytes),
      attached: (writer) => start && { opening: writer.open(mimeTypes.restBody), start },
      broken: (error) => callFault(error, SIDE),
    })
  } catch (error) {
    reply.refuse(error)
  } finally {
    // An answer that is not read to its end would hold its connection to the service for ever: a paused body has no time limit.
    answer?.body.on('error', () => {}).destroy()
  }
}

function call(gateway: Gateway, request: AcceptedRest, service: LocalService): Promise<ServiceAnswer> {
  const { provider, message, body } = request
  const { method, servicePath, query } = message
  const headers = message.headers.flat()
  const delivered = BODILESS.has(method) ? undefined : body
  if (delivered !== undefined) headers.push('Content-Length', String(delivered.size))
  return gateway.caller.call({
    service,
    provider,
    method,
    target: `${servicePath}${query === undefined ? '' : `?${query}`}`,
    headers,
    body: delivered === undefined ? null : (delivered.inline ?? gateway.messageLog.read(delivered)),
    side: SIDE,
  })
}

/** The entity of the answer, be it of length 0 (wire-message §2.5). HEAD, 204 and 304 have none; whatever follows on the wire is not one. */
async function beginBody(
  request: AcceptedRest,
  { status, body }: ServiceAnswer | OwnRestAnswer,
): Promise<BodyStart | undefined> {
  if (request.message.method === 'HEAD' || status === 204 || status === 304) {
    if ('dump' in body) await body.dump()
    return undefined
  }
  try {
    return (await startBody(chunksOf(body, 0))) ?? EMPTY
  } catch (error) {
    throw callFault(error, SIDE)
  }
}
