// Provider: signature verified → **logged** (wire-message §6.1, rows 12 and 13). The service is not called before.
import { reducedRest, reducedSoap, restRequestHash, soapRequestHash } from '#protocol'
import type { Gateway } from '../exchange/gateway.ts'
import { record } from '../exchange/record.ts'
import { hashMessage, verify } from '../exchange/signing.ts'
import { type RequestToLog, wholeBody } from '../tracker/index.ts'
import type { Received, ReceivedRest, ReceivedSoap } from './receive.ts'

const SIDE = 'server.serverproxy'

declare const accepted: unique symbol
/** A verified request that the log holds. Only `accept` makes one; only it may reach the service. */
export type Accepted = AcceptedRest | AcceptedSoap

interface AcceptedMessage {
  readonly [accepted]: true
  /** What the answer carries. */
  readonly requestHash: string
}

export type AcceptedRest = ReceivedRest & AcceptedMessage
export type AcceptedSoap = ReceivedSoap & AcceptedMessage

export async function accept(gateway: Gateway, request: Received): Promise<Accepted> {
  const { message, body, signature, configuration } = request
  request.exchange.watched.stage('accept')
  const hashed = hashMessage(message.bytes, body)
  verify(gateway, SIDE, message.client, hashed, signature, configuration)
  const { head, headDigest } = hashed
  const reduced = () => (request.kind === 'rest' ? reducedRest(head) : reducedSoap(request.message))
  const logged = { direction: 'request', head, headDigest, reduced, body, ...signature } as const
  await gateway.tracker.logged(toLog(gateway, request), (tracked) =>
    record(gateway, request.exchange, { ...logged, ...(tracked && { tracked }) }),
  )
  // A crash here leaves a logged request that was not executed and not answered: the consumer reports network_error, and its
  // log and ours agree on what was asked.
  const requestHash =
    request.kind === 'rest' ? restRequestHash(hashed.headDigest, body?.digest) : soapRequestHash(hashed.headDigest)
  return { ...request, requestHash } as Accepted
}

/** What the data tracker needs to know of it. */
function toLog({ messageLog }: Gateway, request: Received): RequestToLog {
  const { service, body, exchange } = request
  const { about, requestId } = exchange
  const rules = typeof service === 'string' ? undefined : service.tracker
  return request.kind === 'soap'
    ? { about, requestId, rules, request: { kind: 'soap', message: request.message } }
    : {
        ...{ about, requestId, rules },
        request: { kind: 'rest', head: request.message, body: (most) => wholeBody(messageLog, body, most) },
      }
}
