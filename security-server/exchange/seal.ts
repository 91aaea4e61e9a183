// The end of every message that leaves: hashed → signed → **logged** → signature parts. What the evidence says is written before the
// signature can be sent.
import { mimeTypes, type TransportWriter } from '#protocol'
import type { BodyReference } from '../message-log/index.ts'
import type { Gateway } from './gateway.ts'
import { type Exchange, record, type Signed } from './record.ts'
import { type HashedMessage, sign } from './signing.ts'

/**
 * Signs for the exchange's member and logs. Returns the parts that end the transport message. A crash right after it leaves a record of a
 * message that was never completed: without its signature part whoever gets it refuses it. A crash before leaves neither.
 *
 * @throws XRoadFault `cannot_create_signature`, `logging_failed`.
 */
export async function seal(
  gateway: Gateway,
  exchange: Exchange,
  direction: Signed['direction'],
  message: HashedMessage & Pick<Signed, 'reduced'>,
  body: BodyReference | undefined,
  writer: TransportWriter,
): Promise<Uint8Array[]> {
  const { xml: signature, chain, chainResult } = await sign(gateway, exchange.side, exchange.member, message)
  await record(gateway, exchange, {
    direction,
    head: message.head,
    headDigest: message.headDigest,
    reduced: message.reduced,
    body,
    signature,
    ...(chain ? { chain } : {}),
    ...(chainResult ? { chainResult } : {}),
  })
  const parts: Uint8Array[] = []
  if (chainResult !== undefined) parts.push(writer.part(mimeTypes.chainResult, chainResult))
  if (chain !== undefined) parts.push(writer.part(mimeTypes.chain, chain))
  parts.push(writer.part(mimeTypes.signature, signature), writer.end())
  return parts
}
