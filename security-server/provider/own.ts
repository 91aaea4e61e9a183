// Provider: what this server answers itself in place of a service: metadata, monitoring, reconciliation, the data tracker. Only the last one needs a
// right; signatures and log are those of any other exchange (wire-client §4, §6).
import type { ServerResponse } from 'node:http'
import {
  answerSoap,
  deliverSoap,
  prefixed,
  reducedSoap,
  soapQuestion,
  type TransportWriter,
  transportHeaders,
} from '#protocol'
import type { Attached } from '../exchange/compose.ts'
import type { Gateway } from '../exchange/gateway.ts'
import type { SoapMetadataAnswer, SoapMetadataAttachment } from '../metadata/index.ts'
import type { MonitoringAnswer } from '../monitoring/index.ts'
import type { AcceptedRest, AcceptedSoap } from './accept.ts'
import { asking, type OwnRest, type OwnSoap } from './judge.ts'
import type { OwnRestAnswer } from './own-answer.ts'
import { Reply } from './reply.ts'

const SIDE = 'server.serverproxy'

/** Throws XRoadFault. */
export async function answerOwnRest(gateway: Gateway, request: AcceptedRest, own: OwnRest): Promise<OwnRestAnswer> {
  const { message, configuration, body: reference } = request
  const { service, query, client, servicePath, method } = message
  if (own === 'tracker') return await gateway.tracker.answerRest({ method, service, servicePath, query })
  if (own === 'reconciliation') {
    const body = reference && gateway.messageLog.read(reference)
    return await gateway.reconciliation.answerRest({ client, service, servicePath, body })
  }
  return await gateway.metadata.answerRest({ service, query, ...asking(gateway, client, configuration) })
}

/** What goes wrong before the answer is there is thrown; from there on it is a part of the multipart (wire-message §2.3). */
export async function replyOwn(
  gateway: Gateway,
  request: AcceptedSoap,
  own: OwnSoap,
  response: ServerResponse,
): Promise<void> {
  const { watched } = request.exchange
  // The reference asks another process for its records; the rest it answers on the spot, and so do we (see Reply).
  const recorded = own === 'getSecurityServerOperationalData' || own === 'getSecurityServerHealthData'
  if (recorded) watched.requestOutTs = gateway.clock.now().getTime()
  const { body, attachments } = await answer(gateway, request, own)
  if (recorded) watched.responseInTs = gateway.clock.now().getTime()
  const message = answerSoap(request.message, request.requestHash, Buffer.from(body).toString('utf8'))
  const { contentType } = deliverSoap(message, undefined, attachments.length > 0)
  const lines = `content-type: ${deliverSoap(message, undefined, false).contentType}\r\n`
  const reply = new Reply(gateway, request, response, [transportHeaders.originalContentType, contentType])
  try {
    await reply.send({
      bytes: message.bytes,
      reduced: () => reducedSoap(message),
      part: (writer) => Buffer.concat([writer.forward(lines), message.bytes]),
      attached: (writer) => (attachments.length === 0 ? undefined : attached(attachments, writer)),
      broken: (error) => prefixed(error, SIDE),
    })
  } catch (error) {
    reply.refuse(error)
  }
}

async function answer(
  gateway: Gateway,
  { message, configuration }: AcceptedSoap,
  own: OwnSoap,
): Promise<SoapMetadataAnswer | MonitoringAnswer> {
  const { service, client, securityServer } = message
  try {
    const request = soapQuestion(message)
    return own === 'metadata'
      ? await gateway.metadata.answerSoap({ service, request, ...asking(gateway, client, configuration) })
      : await gateway.monitoring.answer(own, request, { client, securityServer })
  } catch (error) {
    throw prefixed(error, SIDE)
  }
}

async function* attached(
  attachments: readonly SoapMetadataAttachment[],
  writer: TransportWriter,
): AsyncGenerator<Attached> {
  for (const { contentType, headers, content } of attachments) {
    const lines = [['content-type', contentType] as const, ...headers].map(([name, value]) => `${name}: ${value}\r\n`)
    const rest = content[Symbol.asyncIterator]()
    try {
      yield { opening: writer.attachment(lines.join('')), start: { head: [], size: 0, rest } }
    } finally {
      await rest.return?.()
    }
  }
}
