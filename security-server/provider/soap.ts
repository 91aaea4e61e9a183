// Provider: a SOAP service is called and its answer sent (PR-MESS, wire-client §2.4–2.9).
import type { ServerResponse } from 'node:http'
import {
  fault,
  ProtocolError,
  prefixed,
  readSoapAnswer,
  readSoapContent,
  reducedSoap,
  transportHeaders,
} from '#protocol'
import { attachedTo, handOver } from '../exchange/attachments.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { chunksOf } from '../exchange/idle.ts'
import type { LocalService } from '../services/index.ts'
import type { AcceptedSoap } from './accept.ts'
import type { ServiceAnswer } from './call.ts'
import { callFault } from './call-fault.ts'
import { replyOwn } from './own.ts'
import { type Answer, Reply } from './reply.ts'

const SIDE = 'server.serverproxy.service_failed'

/** What may stand in a header of the transport message. */
const PRINTABLE = /^[\x20-\x7e]*$/

/**
 * Calls and answers. What goes wrong before the service has begun to answer is thrown, and told without a multipart (wire-message §2.3); from
 * there on it is a part of one.
 */
export async function replySoap(gateway: Gateway, request: AcceptedSoap, response: ServerResponse): Promise<void> {
  const { service, exchange } = request
  const { watched } = exchange
  watched.stage('call')
  if (typeof service === 'string') return await replyOwn(gateway, request, service, response)
  watched.requestOutTs = gateway.clock.now().getTime()
  const answer = await call(gateway, request, service)
  watched.responseInTs = gateway.clock.now().getTime()
  try {
    const contentType = typeOf(answer)
    const reply = new Reply(gateway, request, response, [transportHeaders.originalContentType, contentType])
    try {
      await pass(request, answer, contentType, reply)
    } catch (error) {
      reply.refuse(error)
    }
  } finally {
    // An answer that is not read to its end would hold its connection to the service for ever: a paused body has no time limit.
    answer.body.on('error', () => {}).destroy()
  }
}

/** The service sees the message, its attachments, the Content-Type of a multipart and the SOAPAction; nothing else of the request. */
function call(gateway: Gateway, request: AcceptedSoap, service: LocalService): Promise<ServiceAnswer> {
  const { provider, soapAction, originalContentType } = request
  const { contentType, size, content } = handOver(gateway.messageLog, request, originalContentType)
  const headers = ['Content-Type', contentType, 'Content-Length', String(size), 'SOAPAction', soapAction]
  return gateway.caller.call({ service, provider, method: 'POST', target: '', headers, body: content, side: SIDE })
}

/** The Content-Type of an answer that may be one. */
function typeOf({ status, rawHeaders }: ServiceAnswer): string {
  if (status !== 200 && status !== 500)
    throw fault(SIDE, 'http_error', `The service answered with HTTP status ${status}`)
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type')
  const contentType = at < 0 ? undefined : rawHeaders[at + 1]
  if (contentType === undefined)
    throw fault(SIDE, 'invalid_content_type', 'The answer of the service has no Content-Type')
  if (!PRINTABLE.test(contentType))
    throw fault(SIDE, 'invalid_content_type', 'The Content-Type of the service has characters that it must not have')
  return contentType
}

async function pass(request: AcceptedSoap, answer: ServiceAnswer, contentType: string, reply: Reply): Promise<void> {
  const rest = readSoapContent(chunksOf(answer.body, 0), contentType, (bytes, type) =>
    readSoapAnswer(bytes, type, request.requestHash),
  )
  try {
    const { value: first } = await rest.next()
    if (first === undefined) throw fault(SIDE, 'invalid_message', 'The service answered without a SOAP message')
    if (first.kind === 'fault') return reply.relay(first.fault, first.bytes)
    if (first.kind === 'attachment') throw new TypeError('An attachment comes behind its message')
    const { message, lines } = first
    const second = await rest.next()
    const sending: Answer = {
      bytes: message.bytes,
      reduced: () => reducedSoap(message),
      part: (writer) => Buffer.concat([writer.forward(lines), message.bytes]),
      attached: (writer) => (second.done ? undefined : attachedTo(second.value, rest, writer)),
      broken,
    }
    await reply.send(sending)
  } catch (error) {
    throw broken(error)
  }
}

/** The service answered with what is no SOAP message, or not to the end. */
function broken(error: unknown) {
  return error instanceof ProtocolError ? prefixed(error, SIDE) : callFault(error, SIDE)
}
