// An exchange as spans in the JSON form of OTLP 1.x: one for the side, one below it for each stage.
import { shortId } from '#protocol'
import type { Finished } from '../operational/to-record.ts'
import { sideSpanId, stageSpanId, traceId } from './ids.ts'

/** OTLP's numbers. */
const KIND = { internal: 1, server: 2 } as const
const STATUS = { ok: 1, error: 2 } as const

export interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue: string } | { readonly intValue: string }
}

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  readonly status: { readonly code: number; readonly message?: string }
}

/** @param endedAt Milliseconds of `performance.now()`. */
export function spansOf({ exchange, outcome }: Finished, endedAt: number): Span[] {
  const { requestId, side, stages } = exchange
  const [first] = stages
  if (requestId === undefined || first === undefined) return []
  const trace = traceId(requestId)
  const whole = sideSpanId(requestId, side)
  const status = outcome.succeeded
    ? { code: STATUS.ok }
    : { code: STATUS.error, message: outcome.fault?.code ?? 'error' }
  return [
    {
      traceId: trace,
      spanId: whole,
      // The consumer's side is the root; where that server is not one of ours, collectors show a parent that never came.
      ...(side === 'Producer' ? { parentSpanId: sideSpanId(requestId, 'Client') } : {}),
      name: side === 'Client' ? 'consumer' : 'provider',
      kind: KIND.server,
      startTimeUnixNano: nanos(first.at),
      endTimeUnixNano: nanos(endedAt),
      attributes: attributes(exchange),
      status,
    },
    ...stages.map((stage, index) => ({
      traceId: trace,
      spanId: stageSpanId(requestId, side, index),
      parentSpanId: whole,
      name: stage.name,
      kind: KIND.internal,
      startTimeUnixNano: nanos(stage.at),
      endTimeUnixNano: nanos(stages[index + 1]?.at ?? endedAt),
      attributes: [],
      // A stage that did not hand on to the next one is where it ended.
      status: index === stages.length - 1 ? status : { code: STATUS.ok },
    })),
  ]
}

/** Who asked whom for what; no path, no user, no message. */
function attributes({
  client,
  service,
  messageId,
  requestId,
  restMethod,
  statusCode,
}: Finished['exchange']): Attribute[] {
  const texts: Record<string, string | undefined> = {
    'xroad.client': client && shortId(client),
    'xroad.service': service && shortId(service),
    'xroad.message.id': messageId,
    'xroad.request.id': requestId,
    'http.request.method': restMethod,
  }
  const found: Attribute[] = []
  for (const [key, stringValue] of Object.entries(texts))
    if (stringValue !== undefined) found.push({ key, value: { stringValue } })
  if (statusCode !== undefined)
    found.push({ key: 'http.response.status_code', value: { intValue: String(statusCode) } })
  return found
}

/** OTLP's JSON has 64-bit numbers as decimal strings. */
function nanos(at: number): string {
  const micros = BigInt(Math.round((performance.timeOrigin + at) * 1000))
  return `${micros}000`
}
