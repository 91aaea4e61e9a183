// What stands for one leg of an exchange in a run: the same on both sides when both have logged the same, and nothing to anybody else.
import { hmac } from '#trust'
import type { CommittedRecord } from '../log-record.ts'

export const VALUE_BYTES = 32

const BODY = Uint8Array.of(1)
const NO_BODY = Uint8Array.of(0)

/** HMAC-SHA-256 over request id, leg, SHA-512 of the message and of its body, each of a fixed length or behind its length. */
export function exchangeValue(
  key: Uint8Array,
  { requestId, direction, headDigest, bodyDigest }: CommittedRecord,
): Uint8Array {
  const id = Buffer.from(requestId)
  const head = Buffer.alloc(3)
  head.writeUInt16BE(id.length)
  head[2] = direction === 'request' ? 0 : 1
  return bodyDigest === null
    ? hmac('SHA-256', key, head, id, headDigest, NO_BODY)
    : hmac('SHA-256', key, head, id, headDigest, BODY, bodyDigest)
}
