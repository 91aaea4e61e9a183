// Both servers of an exchange know its X-Road request id and nothing else in common; so the ids of its trace are made of that one
// alone, and their spans join without a header on the wire.
import { digest } from '#trust'
import type { SecurityServerType } from '../operational/exchange.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const NOTHING = '0'.repeat(32)

/** 32 hexadecimal digits: the request id itself, without its hyphens, which people can search for; another form is hashed. */
export function traceId(requestId: string): string {
  if (UUID.test(requestId)) {
    const digits = requestId.replaceAll('-', '').toLowerCase()
    // All zeroes is no trace id (W3C Trace Context §3.2.2.3).
    if (digits !== NOTHING) return digits
  }
  return hash(`trace ${requestId}`, 32)
}

/** 16 hexadecimal digits: the span of one side as a whole. The other side knows it too, and so the provider's has a parent. */
export function sideSpanId(requestId: string, side: SecurityServerType): string {
  return hash(`${side} ${requestId}`, 16)
}

/** The span of the nth stage of a side. */
export function stageSpanId(requestId: string, side: SecurityServerType, index: number): string {
  return hash(`${side} ${index} ${requestId}`, 16)
}

/** Whether a trace is among the share that is kept: the same answer on every server. */
export function isSampled(trace: string, ratio: number): boolean {
  return ratio >= 1 || Number.parseInt(trace.slice(-8), 16) < ratio * 2 ** 32
}

function hash(text: string, digits: number): string {
  return Buffer.from(digest('SHA-256', Buffer.from(`saadik ${text}`))).toString('hex', 0, digits / 2)
}
