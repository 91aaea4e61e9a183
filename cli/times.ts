// Days and times as people give them; without a zone they are UTC, as everything else here.
import { CliError } from './error.ts'

const DAY = /^\d{4}-\d\d-\d\d$/
const DAY_MS = 86_400_000

/** A day is meant from its beginning. Throws CliError `usage`. */
export function timeOf(text: string, option: string): Date {
  const [, day, time = '00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text) ?? []
  const date = new Date(`${day}T${time}${zone}`)
  if (Number.isNaN(date.getTime()))
    throw new CliError(
      'usage',
      `${option} takes a day or a time, such as 2026-03-01 or 2026-03-01T12:30Z, not '${text}'`,
    )
  return date
}

/** A day is meant to its end. Throws CliError `usage`. */
export function endOf(text: string, option: string): Date {
  const date = timeOf(text, option)
  return DAY.test(text) ? new Date(date.getTime() + DAY_MS) : date
}
