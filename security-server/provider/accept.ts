// Provider: signature verified → **logged** (wire-message §6.1, rows 12 and 13). The service is not called before.
import { reducedRest, reducedSoap, restRequestHash, soapRequestHash } from '#protocol'
import type { Gateway } from '../exchange/gateway.ts'
import { record } from '../exchange/record.ts'
import { hashMessage, verify } from '../exchange/signing.ts'
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
  await record(gateway, request.exchange, { direction: 'request', head, headDigest, reduced, body, ...signature })
  // A crash here leaves a logged request that was not executed and not answered: the consumer reports network_error, and its
  // log and ours agree on what was asked.
  const requestHash =
    request.kind === 'rest' ? restRequestHash(hashed.headDigest, body?.digest) : soapRequestHash(hashed.headDigest)
  return { ...request, requestHash } as Accepted
}
