// The body of a REST request, where it is short enough to be looked into.
import type { BodyReference, MessageLog } from '../message-log/index.ts'

/** Undefined where there is none. Throws RangeError for a longer one. */
export async function wholeBody(
  messageLog: MessageLog,
  body: BodyReference | undefined,
  most: number,
): Promise<Uint8Array | undefined> {
  if (body === undefined) return undefined
  if (body.size > most) throw new RangeError(`Its body has more than ${most} octets`)
  const chunks: Uint8Array[] = []
  for await (const chunk of messageLog.read(body)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
