// Consumer: a SOAP exchange from the information system's request to its answer (PR-MESS, wire-client §2), in the order of wire-client §2.10.
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  checkSoapAction,
  checkSoapConsistency,
  fault,
  ProtocolError,
  prefixed,
  readSoapContent,
  reducedSoap,
  returnedFault,
  type SoapContent,
  type SoapMessage,
  soapRequestHash,
  transportHeaders,
  XRoadFault,
} from '#protocol'
import { aboutSoap } from '../exchange/about.ts'
import { attachedTo } from '../exchange/attachments.ts'
import { drain } from '../exchange/drain.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { chunksOf, StalledError } from '../exchange/idle.ts'
import { note, sendSoapFault } from '../exchange/refusals.ts'
import { answered, watchSoap } from '../exchange/watched.ts'
import { deliverAnswer } from './deliver.ts'
import { identify, locate, prepared } from './identify.ts'
import type { Content } from './outgoing.ts'
import { type Expected, receive } from './receive.ts'
import { type Sent, send, sourceFault } from './send.ts'

const SIDE = 'server.clientproxy'

/** What the information system posted, read as far as its message. */
interface Posted {
  readonly message: SoapMessage
  /** Header lines of the message's part. */
  readonly lines: string
  readonly contentType: string
  readonly soapAction: string
  /** What follows the message. */
  readonly rest: AsyncGenerator<SoapContent>
}

/** The consumer's stages, in the order of design: "The way of a message". */
export async function exchangeSoap(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const requestId = crypto.randomUUID()
  const watched = gateway.monitoring.begin('Client')
  watched.requestId = requestId
  watched.stage('identify')
  try {
    const { method } = request
    if (method !== 'POST')
      throw fault(
        'client',
        'invalid_http_method',
        `Must use POST request method instead of ${method}; REST services are called at /r1/`,
      )
    const configuration = prepared(gateway)
    const posted = await readPosted(gateway, request)
    watchSoap(watched, posted.message)
    const about = aboutSoap(posted.message)
    const located = locate(identify(gateway, request, configuration, posted.message, { requestId, about, watched }))
    const sent = await send(gateway, located, request.socket, await contentOf(posted, request))
    const recorded = await receive(gateway, sent, answerTo(sent))
    watched.stage('deliver')
    watched.responseOutTs = gateway.clock.now().getTime()
    await deliverAnswer(gateway, recorded, response)
    gateway.counters.count('consumer', 'ok')
    gateway.monitoring.finish(watched, answered(undefined))
  } catch (error) {
    const refusal = prefixed(error, SIDE)
    gateway.monitoring.finish(watched, { succeeded: false, fault: refusal })
    note(gateway, 'consumer', refusal, { requestId, method: request.method })
    if (!(refusal.cause instanceof StalledError)) await drain(request)
    if (response.headersSent || response.destroyed) return void response.destroy()
    // What was not read within bounds cannot be told from the next request.
    sendSoapFault(gateway, response, refusal, !request.complete)
  }
}

async function readPosted(gateway: Gateway, request: IncomingMessage): Promise<Posted> {
  const { 'content-type': contentType = '', soapaction } = request.headers
  try {
    const soapAction = checkSoapAction(soapaction as string | undefined)
    const rest = readSoapContent(chunksOf(request, gateway.idleMs), contentType)
    const { value: first } = await rest.next()
    if (first === undefined) throw fault('client', 'missing_soap', 'The request has no SOAP message')
    if (first.kind === 'fault') throw returnedFault(first.fault)
    if (first.kind === 'soap') return { ...first, contentType, soapAction, rest }
    throw new TypeError('An attachment comes behind its message')
  } catch (error) {
    throw brokenContent(error, request)
  }
}

/** Read so far that one knows whether there are attachments. */
async function contentOf(posted: Posted, request: IncomingMessage): Promise<Content> {
  const { message, lines, contentType, soapAction, rest } = posted
  const broken = (error: unknown) => brokenContent(error, request)
  const first = await rest.next().catch((error) => {
    throw broken(error)
  })
  return {
    headers: {
      [transportHeaders.originalContentType]: contentType,
      [transportHeaders.originalSoapAction]: soapAction,
    },
    part(writer) {
      try {
        return Buffer.concat([writer.forward(lines), message.bytes])
      } catch (error) {
        throw broken(error)
      }
    },
    attached: (writer) => (first.done ? undefined : attachedTo(first.value, rest, writer)),
    broken,
    reduced: () => reducedSoap(message),
    requestHash: ({ headDigest }) => soapRequestHash(headDigest),
  }
}

/** What the information system sent is no message, or it stalled or went away while it was sending. */
function brokenContent(error: unknown, request: IncomingMessage): XRoadFault {
  const judged = error instanceof ProtocolError || error instanceof XRoadFault
  return judged || request.complete ? prefixed(error, 'client') : sourceFault(error)
}

function answerTo(sent: Sent<SoapMessage>): Expected<AnswerPart, AnswerPart> {
  return {
    missing: 'missing_soap',
    message: (part) => (part.kind === 'soap' ? part : undefined),
    reduced: ({ message }) => reducedSoap(message),
    check(part) {
      checkSoapConsistency(sent.message, part.message, sent.requestHash())
      return part
    },
  }
}

/** The answer with the header lines of its part. */
export interface AnswerPart {
  readonly bytes: Uint8Array
  readonly message: SoapMessage
  readonly lines: string
}
