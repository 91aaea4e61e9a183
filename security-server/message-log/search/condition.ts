// What a record must be like, in SQL: every record that is found is compared with all that was asked.
import { type ClientId, idKey } from '#protocol'
import { type PreparedQuery, serviceKey } from './query.ts'

export interface Condition {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

export function conditionOf(query: PreparedQuery): Condition {
  const { id, requestId, from, to, client, provider, service, member, owner, userId, issue, scope } = query
  const { side, direction, protocol } = query
  const all: Condition[] = []
  const equals = (column: string, value: string | undefined) => {
    if (value !== undefined) all.push({ sql: `${column} = ?`, values: [value] })
  }
  equals('query_id', id)
  equals('request_id', requestId)
  equals('user_id', userId)
  equals('issue', issue)
  equals('side', side)
  equals('direction', direction)
  equals('protocol', protocol)
  if (from !== undefined) all.push({ sql: 'at >= ?', values: [from.getTime()] })
  if (to !== undefined) all.push({ sql: 'at < ?', values: [to.getTime()] })
  if (client !== undefined) all.push(party('client', client))
  if (provider !== undefined) all.push(party('provider', provider))
  if (member !== undefined) all.push(eitherParty(member))
  if (scope !== undefined) all.push(joined(' OR ', scope.map(eitherParty), 'FALSE'))
  if (owner !== undefined)
    all.push({ sql: "CASE side WHEN 'consumer' THEN client ELSE provider END = ?", values: [idKey(owner)] })
  if (service !== undefined) {
    const { provider: by, code } = serviceKey(service)
    equals('provider', by)
    equals('service_code', code)
    equals('service_version', service.serviceVersion)
  }
  return joined(' AND ', all, 'TRUE')
}

function eitherParty(id: ClientId): Condition {
  return joined(' OR ', [party('client', id), party('provider', id)], 'FALSE')
}

/** A member means its subsystems too: keys that go on with a slash, which '0' follows. */
function party(column: string, id: ClientId): Condition {
  const key = idKey(id)
  if (id.subsystemCode !== undefined) return { sql: `${column} = ?`, values: [key] }
  return { sql: `(${column} = ? OR (${column} > ? AND ${column} < ?))`, values: [key, `${key}/`, `${key}0`] }
}

function joined(by: string, parts: readonly Condition[], none: string): Condition {
  if (parts.length === 0) return { sql: none, values: [] }
  return { sql: `(${parts.map(({ sql }) => sql).join(by)})`, values: parts.flatMap(({ values }) => values) }
}
