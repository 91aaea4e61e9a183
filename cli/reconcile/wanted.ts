// What is to be compared, as every command of the group takes it.
import type { Arguments } from '../command.ts'
import { CliError } from '../error.ts'
import { endOf, timeOf } from '../times.ts'

/** Clocks of servers that exchange messages differ by seconds; an answer may take minutes. */
const MARGIN_SECONDS = 900
const MAX_MARGIN_SECONDS = 86_400
/** So that what ends now, by this clock, has ended by the other's. */
const BEFORE_NOW_MS = 60_000

export interface WantedBody {
  readonly here?: string
  readonly there: string
  readonly from: string
  readonly to: string
  readonly marginSeconds: number
}

/** Throws CliError `usage`. */
export function wantedOf(given: Arguments): WantedBody {
  const there = given.text('with')
  const from = given.text('from')
  const to = given.text('to')
  if (there === undefined) throw new CliError('usage', 'with whom? --with INSTANCE/CLASS/MEMBER[/SUBSYSTEM]')
  if (from === undefined) throw new CliError('usage', 'from when? --from 2026-03-01')
  const marginSeconds = marginOf(given.text('margin'))
  const end = to === undefined ? new Date(Date.now() - 1000 * marginSeconds - BEFORE_NOW_MS) : endOf(to, '--to')
  const here = given.text('as')
  return {
    ...(here === undefined ? {} : { here }),
    there,
    from: timeOf(from, '--from').toISOString(),
    to: end.toISOString(),
    marginSeconds,
  }
}

function marginOf(text: string | undefined): number {
  if (text === undefined) return MARGIN_SECONDS
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN
  if (seconds <= MAX_MARGIN_SECONDS) return seconds
  throw new CliError('usage', `--margin takes seconds, at most ${MAX_MARGIN_SECONDS}, not '${text}'`)
}
