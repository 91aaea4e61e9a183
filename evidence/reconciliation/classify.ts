// What it means that only one side has a message. In X-Road each side logs a message before it goes on with it: the consumer a request before
// the signature that completes it leaves, the provider one that it has verified before it calls the service, and the same with the answer the
// other way round. So what a side has logged tells what the other side must have had, and what it need not.
import type { CommittedRecord } from '../log-record.ts'
import { isInPeriod, type Period } from './terms.ts'

export type Direction = 'request' | 'response'
export type Where = 'here' | 'there'

/**
 * `request_not_accepted`: the consumer alone has the request, and nobody an answer: its signature was not sent, got lost, or the provider's
 * server refused the message. `answer_not_delivered`: the provider alone has the answer: it was cut off, or the consumer's server refused it;
 * the service has been called all the same. Both happen to honest servers, and bind nobody to the message.
 *
 * `missing`: a side must have had it, and does not show it: it lost, removed or withholds it. `differs`: the two have different messages
 * under one name. `repeated`: a side has the same message more often than the other. `removed`: would be missing, but is older than what that
 * side still has. `elsewhere`: would be missing, but that side has other servers, whose logs were not compared. `unfounded`: a side shows a
 * message that must bear the other's signature, and it does not.
 */
export type FindingKind =
  | 'request_not_accepted'
  | 'answer_not_delivered'
  | 'missing'
  | 'differs'
  | 'repeated'
  | 'removed'
  | 'elsewhere'
  | 'unfounded'

/** Findings of these kinds say that a log is not what it should be. */
export const GRAVE: ReadonlySet<FindingKind> = new Set(['missing', 'differs', 'repeated', 'unfounded'])

export interface Finding {
  readonly kind: FindingKind
  readonly direction: Direction
  readonly requestId: string
  readonly queryId: string
  /** Who asked. */
  readonly consumer: Where
  /** Whose log does not have it, or has it less often; of `differs` both have one. */
  readonly lacking?: Where
  readonly here?: RecordPlace
  readonly there?: RecordPlace
}

export interface RecordPlace {
  readonly seq: number
  readonly at: number
  /** Whether the signature that came with it is the other side's; undefined where none is due or nobody has judged it. */
  readonly signatureValid?: boolean
}

/** A record that only one side has. */
export interface Alone {
  readonly record: CommittedRecord
  readonly signatureValid?: boolean | undefined
}

/** What is known of one leg of an exchange: records that both have, and those of one side alone. */
export interface Leg {
  both: number
  readonly here: Alone[]
  readonly there: Alone[]
}

export interface ExchangeLegs {
  readonly requestId: string
  readonly queryId: string
  readonly consumer: Where
  readonly request: Leg
  readonly response: Leg
}

export interface Circumstances {
  readonly period: Period
  /** What each side's log begins with; older records were archived and removed. Milliseconds since 1970, 0 for all. */
  readonly heldFrom: Readonly<Record<Where, number>>
  /** Whether each side has servers whose logs are not in the comparison. */
  readonly others: Readonly<Record<Where, boolean>>
}

/** The findings of one exchange; what lies in the margins of the period is none. */
export function classify(exchange: ExchangeLegs, circumstances: Circumstances): Finding[] {
  return [...findingsOf('request', exchange, circumstances), ...findingsOf('response', exchange, circumstances)].filter(
    ({ here, there }) => isInPeriod(circumstances.period, (here ?? there)?.at ?? 0),
  )
}

function findingsOf(direction: Direction, exchange: ExchangeLegs, circumstances: Circumstances): Finding[] {
  const { requestId, queryId, consumer } = exchange
  const { both, here, there } = exchange[direction]
  const name = { direction, requestId, queryId, consumer }
  const pairs = Math.min(here.length, there.length)
  const findings: Finding[] = []
  for (let at = 0; at < pairs; at += 1)
    findings.push({ ...name, kind: 'differs', ...placed('here', here[at]), ...placed('there', there[at]) })
  for (const where of ['here', 'there'] as const)
    for (const alone of exchange[direction][where].slice(pairs)) {
      const kind = both + pairs > 0 ? 'repeated' : kindOf(direction, where, alone, exchange, circumstances)
      findings.push({ ...name, kind, lacking: other(where), ...placed(where, alone) })
    }
  return findings
}

/** @param where Who alone has the record. */
function kindOf(
  direction: Direction,
  where: Where,
  { record, signatureValid }: Alone,
  { consumer, request, response }: ExchangeLegs,
  { heldFrom, others }: Circumstances,
): FindingKind {
  if (signatureValid === false) return 'unfounded'
  const lacking = other(where)
  if (record.at < heldFrom[lacking]) return 'removed'
  // An exchange of which both have something went over these two servers.
  if (others[lacking] && request.both + response.both === 0) return 'elsewhere'
  if (where === consumer) {
    const answered = response.both + response.here.length + response.there.length > 0
    return direction === 'request' && !answered ? 'request_not_accepted' : 'missing'
  }
  return direction === 'request' ? 'missing' : 'answer_not_delivered'
}

function other(where: Where): Where {
  return where === 'here' ? 'there' : 'here'
}

function placed(where: Where, alone: Alone | undefined): { here?: RecordPlace; there?: RecordPlace } {
  if (alone === undefined) return {}
  const { record, signatureValid } = alone
  const place = { seq: record.seq, at: record.at, ...(signatureValid === undefined ? {} : { signatureValid }) }
  return { [where]: place }
}
