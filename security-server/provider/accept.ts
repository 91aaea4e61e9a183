// Provider: signature verified → **logged** (wire-message §6.1, rows 12 and 13). The service is not called before.

import { restRequestHash } from '#protocol'
import type { Gateway } from '../exchange/gateway.ts'
import { logRefusal } from '../exchange/refusals.ts'
import { type HashedMessage, hashMessage, verify } from '../exchange/signing.ts'
import type { BodyReference } from '../message-log/index.ts'
import type { Received } from './receive.ts'

const SIDE = 'server.serverproxy'

declare const accepted: unique symbol
/** A verified request that the log holds. Only `accept` makes one; only it may reach the service. */
export interface Accepted extends Received {
  readonly [accepted]: true
  readonly requestHash: string
}

export async function accept(gateway: Gateway, request: Received): Promise<Accepted> {
  const { head, signature } = request
  const message: HashedMessage = hashMessage(head.bytes, request.body)
  verify(gateway, SIDE, head.client, message, signature, request.configuration)
  await record(gateway, request, { direction: 'request', head: head.bytes, body: request.body, ...signature })
  // A crash here leaves a logged request that was not executed and not answered: the consumer reports io_error, and its
  // log and ours agree on what was asked.
  return { ...request, requestHash: restRequestHash(message.headDigest, message.bodyDigest) } as Accepted
}

/** One record of the provider's side of the log. */
export async function record(
  gateway: Gateway,
  request: Received,
  entry: {
    readonly direction: 'request' | 'response'
    readonly head: Uint8Array
    readonly body: BodyReference | undefined
    readonly signature: Uint8Array
    readonly chain?: Uint8Array
    readonly chainResult?: Uint8Array
  },
): Promise<number> {
  const { body, ...rest } = entry
  try {
    return await gateway.messageLog.append({
      ...rest,
      at: gateway.clock.now(),
      side: 'provider',
      queryId: request.head.id,
      requestId: request.requestId,
      member: request.provider,
      ...(body === undefined ? {} : { body }),
    })
  } catch (error) {
    throw logRefusal(SIDE, error)
  }
}
