// `saadik log find`: messages in the message log of a security server, found by what is known of them.
import { controlPaths, type LogEntry, type LogListing } from '#security-server/contract'
import type { Arguments, Run } from './command.ts'
import { CliError } from './error.ts'
import { controlOf, targetOf } from './targets.ts'
import { endOf, timeOf } from './times.ts'

const LIMIT = 100
const MOST = 10_000
const PAGE = 500
/** How often it is told how far a search is that finds nothing. */
const TELL_MS = 5_000

/** Options that are parameters of the search as they are. */
const PARAMETERS = {
  id: 'id',
  'request-id': 'requestId',
  client: 'client',
  provider: 'provider',
  service: 'service',
  member: 'member',
  user: 'userId',
  issue: 'issue',
  side: 'side',
  direction: 'direction',
  protocol: 'protocol',
  text: 'text',
  cursor: 'cursor',
} as const

export const find: Run = async (given, out) => {
  const wanted = parametersOf(given)
  const limit = limitOf(given.text('limit'))
  const control = controlOf(targetOf(given, ['security-server']))
  const records: LogEntry[] = []
  let page: LogListing
  let told = Date.now()
  do {
    wanted.set('limit', String(Math.min(PAGE, limit - records.length)))
    page = await control.get<LogListing>(`${controlPaths.log}?${wanted}`)
    records.push(...page.records)
    if (page.next !== undefined) wanted.set('cursor', page.next)
    if (page.reached !== undefined && Date.now() - told > TELL_MS) {
      told = Date.now()
      out.note(`${records.length} found; looked up to number ${page.reached.seq}, of ${page.reached.at}`)
    }
  } while (page.next !== undefined && records.length < limit)

  const { next } = page
  if (given.on('json')) {
    out.json({ records, ...(next === undefined ? {} : { next }) })
    return records.length > 0 ? 0 : 1
  }
  for (const record of records) out.line(lineOf(record))
  if (records.length === 0) out.note('no message was found')
  if (next !== undefined) out.note(`there may be more: the same with --cursor ${next}`)
  return records.length > 0 ? 0 : 1
}

function parametersOf(given: Arguments): URLSearchParams {
  const [id] = given.positionals
  if (id !== undefined && given.text('id') !== undefined) throw new CliError('usage', 'the id is given twice')
  const wanted = new URLSearchParams(id === undefined ? {} : { id })
  for (const [option, parameter] of Object.entries(PARAMETERS)) {
    const value = given.text(option)
    if (value !== undefined) wanted.set(parameter, value)
  }
  const from = given.text('from')
  const to = given.text('to')
  if (from !== undefined) wanted.set('from', timeOf(from, '--from').toISOString())
  if (to !== undefined) wanted.set('to', endOf(to, '--to').toISOString())
  if (given.on('oldest')) wanted.set('order', 'oldest')
  return wanted
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return LIMIT
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MOST) throw new CliError('usage', `--limit takes a number from 1 to ${MOST}, not '${text}'`)
  return limit
}

function lineOf(record: LogEntry): string {
  const { seq, at, side, direction, client, service, queryId, userId, issue, timestamped, damaged } = record
  const what = [
    `${String(seq).padStart(8)}  ${at}  ${side.padEnd(8)} ${direction.padEnd(8)}`,
    `${client} → ${service}`,
    queryId,
    ...(userId === undefined ? [] : [`user ${userId}`]),
    ...(issue === undefined ? [] : [`issue ${issue}`]),
    ...(timestamped ? [] : ['(not yet time-stamped)']),
    ...(damaged === undefined ? [] : [`DAMAGED: ${damaged}`]),
  ]
  return what.join('  ').replace(/[\r\n]+/g, ' ')
}
