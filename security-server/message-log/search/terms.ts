// The terms of a record: by what it is found without looking at it. Records are many and most of their values are seldom, so a term is a
// number, 37 bits of it; that two values share one is seldom too, and every record that is found is compared with what was asked.
import { crc32 } from 'node:zlib'
import { type ClientId, idKey } from '#protocol'
import { type PreparedQuery, serviceKey } from './query.ts'

const KINDS = [
  'id',
  'request',
  'client',
  'clientMember',
  'provider',
  'providerMember',
  'service',
  'user',
  'issue',
] as const
type Kind = (typeof KINDS)[number]

const KIND_SPAN = 2 ** 32

function term(kind: Kind, value: string): number {
  return (KINDS.indexOf(kind) + 1) * KIND_SPAN + crc32(value)
}

/** What terms are made of, in the order of TERM_COLUMNS. */
export type TermRow = readonly [
  queryId: string,
  requestId: string,
  client: string,
  provider: string,
  serviceCode: string,
  userId: string | null,
  issue: string | null,
]

export const TERM_COLUMNS = 'query_id, request_id, client, provider, service_code, user_id, issue'

export function termsOf([queryId, requestId, client, provider, serviceCode, userId, issue]: TermRow): number[] {
  const terms = [
    term('id', queryId),
    term('request', requestId),
    term('client', client),
    term('clientMember', memberPart(client)),
    term('provider', provider),
    term('providerMember', memberPart(provider)),
    term('service', `${provider} ${serviceCode}`),
  ]
  if (userId !== null) terms.push(term('user', userId))
  if (issue !== null) terms.push(term('issue', issue))
  return terms
}

/** What a query needs of a record: one term at least of each group. No group: any record may be meant. */
export function neededTerms(query: PreparedQuery): number[][] {
  const { id, requestId, client, provider, service, member, owner, userId, issue, scope } = query
  const groups: number[][] = []
  if (id !== undefined) groups.push([term('id', id)])
  if (requestId !== undefined) groups.push([term('request', requestId)])
  if (client !== undefined) groups.push([partyTerm('client', client)])
  if (provider !== undefined) groups.push([partyTerm('provider', provider)])
  if (service !== undefined) {
    const { provider: by, code } = serviceKey(service)
    groups.push([term('service', `${by} ${code}`)])
  }
  if (member !== undefined) groups.push(eitherParty(member))
  if (owner !== undefined) groups.push([term('client', idKey(owner)), term('provider', idKey(owner))])
  if (userId !== undefined) groups.push([term('user', userId)])
  if (issue !== undefined) groups.push([term('issue', issue)])
  if (scope !== undefined) groups.push(scope.flatMap(eitherParty))
  return groups
}

function eitherParty(id: ClientId): number[] {
  return [partyTerm('client', id), partyTerm('provider', id)]
}

function partyTerm(side: 'client' | 'provider', id: ClientId): number {
  return term(id.subsystemCode === undefined ? `${side}Member` : side, idKey(id))
}

/** The member of a client, as keys have it. */
function memberPart(key: string): string {
  return key.split('/', 3).join('/')
}
