// A search as the parameters of a URL: on the control socket and for auditors. All is read strictly: a parameter that nobody knows would be a
// condition that nobody checks.
import { type ClientId, decodeClientId, decodeIdPart, type ServiceId } from '#protocol'
import { LogError } from '../error.ts'
import type { SearchQuery } from './query.ts'

type Fields = { -readonly [K in keyof SearchQuery]: SearchQuery[K] }

const READERS: Readonly<Record<string, (query: Fields, value: string) => void>> = {
  id: (query, value) => (query.id = value),
  requestId: (query, value) => (query.requestId = value),
  from: (query, value) => (query.from = timeIn(value, 'from')),
  to: (query, value) => (query.to = timeIn(value, 'to')),
  client: (query, value) => (query.client = clientIn(value, 'client')),
  provider: (query, value) => (query.provider = clientIn(value, 'provider')),
  service: (query, value) => (query.service = serviceIn(value)),
  member: (query, value) => (query.member = clientIn(value, 'member')),
  userId: (query, value) => (query.userId = value),
  issue: (query, value) => (query.issue = value),
  side: (query, value) => (query.side = oneOf(value, 'side', ['consumer', 'provider'])),
  direction: (query, value) => (query.direction = oneOf(value, 'direction', ['request', 'response'])),
  protocol: (query, value) => (query.protocol = oneOf(value, 'protocol', ['rest', 'soap'])),
  text: (query, value) => (query.text = value),
  order: (query, value) => (query.order = oneOf(value, 'order', ['newest', 'oldest'])),
  cursor: (query, value) => (query.cursor = value),
  limit: (query, value) => (query.limit = numberIn(value)),
}

/** Throws LogError `invalid_query`. */
export function readParameters(parameters: URLSearchParams): SearchQuery {
  const query: Fields = {}
  for (const name of new Set(parameters.keys())) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined
    if (reader === undefined)
      throw invalid(`there is no parameter '${name.slice(0, 50)}'; there are ${Object.keys(READERS).join(', ')}`)
    const [value = '', ...more] = parameters.getAll(name)
    if (more.length > 0) throw invalid(`'${name}' is given twice`)
    if (value === '') throw invalid(`'${name}' is empty`)
    reader(query, value)
  }
  return query
}

/** `DEMO/GOV/1/sub/service` or `…/service/version`, each part percent-encoded; for a service of a member itself the subsystem is empty. */
function serviceIn(value: string): ServiceId {
  try {
    const parts = value.split('/')
    if (parts.length < 5 || parts.length > 6) throw new Error('it has not five or six parts')
    const [code = '', version] = parts.slice(4).map(decodeIdPart)
    const provider = decodeClientId(parts.slice(0, parts[3] === '' ? 3 : 4).join('/'))
    return { ...provider, serviceCode: code, ...(version === undefined ? {} : { serviceVersion: version }) }
  } catch (error) {
    throw invalid(`'service' is not INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE[/VERSION]: ${(error as Error).message}`)
  }
}

function clientIn(value: string, name: string): ClientId {
  try {
    return decodeClientId(value)
  } catch (error) {
    throw invalid(`'${name}' is not INSTANCE/CLASS/CODE[/SUBSYSTEM]: ${(error as Error).message}`)
  }
}

/** RFC 3339, with its zone: a time that means another one elsewhere finds other records. */
function timeIn(value: string, name: string): Date {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(value)
    ? new Date(value)
    : new Date(Number.NaN)
  if (Number.isNaN(time.getTime())) throw invalid(`'${name}' is not a time such as 2026-03-01T12:00:00Z`)
  return time
}

function numberIn(value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw invalid(`'limit' is not a number`)
  return Number(value)
}

function oneOf<const T extends string>(value: string, name: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === value)
  if (choice === undefined) throw invalid(`'${name}' is not ${choices.join(' or ')}`)
  return choice
}

function invalid(why: string): LogError {
  return new LogError('invalid_query', `This search cannot be done: ${why}`)
}
