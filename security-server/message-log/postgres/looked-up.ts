// What of a search the indexes of the tables can find. Each record that they give is compared with all that was asked (search/condition.ts).
import { type ClientId, idKey, memberOf } from '#protocol'
import type { Condition } from '../search/condition.ts'
import { type PreparedQuery, serviceKey } from '../search/query.ts'
import { LOOKED_UP, type LookedUp } from './tables.ts'

/** One condition for each that an index answers; none: any record may be meant. */
export function lookedUp(query: PreparedQuery): Condition[] {
  const { id, requestId, client, provider, service, member, owner, userId, issue, scope } = query
  const found: Condition[] = []
  const one = (column: LookedUp, value: string | undefined) => {
    if (value !== undefined) found.push(among(column, [value]))
  }
  one('query_id', id)
  one('request_id', requestId)
  one('user_id', userId)
  one('issue', issue)
  if (client !== undefined) one('client', memberKey(client))
  if (provider !== undefined) one('provider', memberKey(provider))
  if (service !== undefined) one('provider', memberPart(serviceKey(service).provider))
  if (member !== undefined) found.push(eitherParty([member]))
  if (owner !== undefined) found.push(eitherParty([owner]))
  if (scope !== undefined) found.push(eitherParty(scope))
  return found
}

function eitherParty(ids: readonly ClientId[]): Condition {
  const members = [...new Set(ids.map(memberKey))]
  const [client, provider] = [among('client', members), among('provider', members)]
  return { sql: `(${client.sql} OR ${provider.sql})`, values: [...client.values, ...provider.values] }
}

function among(column: LookedUp, values: readonly string[]): Condition {
  const hashes = values.map(() => 'hashtextextended(?, 0)').join(', ')
  return {
    sql: `(${column} IS NOT NULL AND hashtextextended(${LOOKED_UP[column]}, 0) IN (${hashes || 'NULL'}))`,
    values,
  }
}

function memberKey(id: ClientId): string {
  return idKey(memberOf(id))
}

function memberPart(key: string): string {
  return key.split('/', 3).join('/')
}
