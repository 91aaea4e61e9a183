// Everything a caller may send, checked at the wall; all faults of a request are reported at once.
import { type FieldFault, invalid } from './problem.ts'
import type { Search, Update } from './store.ts'

const MAX_PAGE = 100_000
const MAX_PAGE_SIZE = 100
const ADDRESS_FIELDS = ['street', 'postalCode', 'municipality', 'county'] as const
const IMMUTABLE_FIELDS = ['personalCode', 'sex', 'dateOfBirth'] as const

/** `?name=&birthYear=&municipality=&page=&pageSize=`; unknown and repeated parameters are faults. */
export function readSearch(query: URLSearchParams): Search {
  const faults: FieldFault[] = []
  const values = new Map<string, string>()
  for (const [field, value] of query) {
    if (!['name', 'birthYear', 'municipality', 'page', 'pageSize'].includes(field))
      faults.push({ field, message: 'is not a parameter of this search' })
    else if (values.has(field)) faults.push({ field, message: 'is given twice' })
    else values.set(field, value)
  }
  const text = (field: string) => {
    const value = values.get(field)?.trim()
    if (value !== undefined && value.length > 100) faults.push({ field, message: 'is longer than 100 characters' })
    return value === '' ? undefined : value
  }
  const whole = (field: string, least: number, most: number) => {
    const value = text(field)
    if (value === undefined) return undefined
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= least && number <= most))
      faults.push({ field, message: `must be a whole number from ${least} to ${most}` })
    return number
  }
  const name = text('name')
  const municipality = text('municipality')
  const birthYear = whole('birthYear', 1800, 2199)
  const page = whole('page', 1, MAX_PAGE) ?? 1
  const pageSize = whole('pageSize', 1, MAX_PAGE_SIZE) ?? 20
  if (faults.length > 0) throw invalid(faults)
  return {
    ...(name !== undefined && { name }),
    ...(municipality !== undefined && { municipality }),
    ...(birthYear !== undefined && { birthYear }),
    page,
    pageSize,
  }
}

/** The body of an update: the names and the address as a whole. Facts of birth may be repeated, never changed. */
export function readUpdate(
  body: unknown,
  current: Readonly<Record<(typeof IMMUTABLE_FIELDS)[number], string>>,
): Update {
  if (!isRecord(body)) throw invalid([{ field: 'body', message: 'must be a JSON object' }])
  const faults: FieldFault[] = []
  const text = (from: Record<string, unknown>, field: string, path: string) => {
    const value = from[field]
    if (typeof value !== 'string' || value.trim() === '')
      faults.push({ field: path, message: 'must be a text that is not empty' })
    else if (value.length > 200) faults.push({ field: path, message: 'is longer than 200 characters' })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
    else if (/[\u0000-\u001f\u007f]/.test(value)) faults.push({ field: path, message: 'holds a control character' })
    else return value.trim()
    return ''
  }
  const unknown = (from: Record<string, unknown>, known: readonly string[], prefix: string) => {
    for (const field of Object.keys(from).slice(0, 20)) {
      if (!known.includes(field))
        faults.push({ field: `${prefix}${field}`, message: 'is not a field that can be updated' })
    }
  }
  unknown(body, ['givenName', 'surname', 'address', ...IMMUTABLE_FIELDS], '')
  for (const field of IMMUTABLE_FIELDS) {
    if (field in body && body[field] !== current[field]) faults.push({ field, message: 'cannot be changed' })
  }
  const givenName = text(body, 'givenName', 'givenName')
  const surname = text(body, 'surname', 'surname')
  const sent = body['address']
  const address = { street: '', postalCode: '', municipality: '', county: '' }
  if (!isRecord(sent)) faults.push({ field: 'address', message: 'must be a JSON object' })
  else {
    unknown(sent, ADDRESS_FIELDS, 'address.')
    for (const field of ADDRESS_FIELDS) address[field] = text(sent, field, `address.${field}`)
    if (address.postalCode !== '' && !/^\d{5}$/.test(address.postalCode))
      faults.push({ field: 'address.postalCode', message: 'must have five digits' })
  }
  if (faults.length > 0) throw invalid(faults)
  return { givenName, surname, address }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
