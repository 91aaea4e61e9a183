// Options that the commands of `saadik evidence` share.
import type { TrustMaterial } from '#protocol'
import { type DigestName, digestNamed } from '#trust'
import type { Arguments, Output } from './command.ts'
import { CliError } from './error.ts'
import { type Believed, believedBy } from './trust.ts'

/** As for `verify`. */
export async function believed(given: Arguments, out: Output): Promise<Believed> {
  const found = await believedBy({ conf: given.text('conf'), anchor: given.text('anchor') })
  if (found.how !== undefined) out.note(found.how)
  return found
}

export async function trustNow(given: Arguments, out: Output): Promise<TrustMaterial> {
  return (await believed(given, out)).trust
}

/** `--hash`; throws CliError `usage` for one that vouches for nothing. */
export function digestOf(given: Arguments): DigestName | undefined {
  const name = given.text('hash')
  if (name === undefined) return undefined
  const algorithm = digestNamed(name)
  if (algorithm === undefined || algorithm.use === 'names')
    throw new CliError('usage', `--hash is SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-384 or SHA3-512, not '${name}'`)
  return algorithm.name
}

const DAY_MS = 24 * 3600_000
const YEAR_DAYS = 365

/** The moment before which a container must not cease to stand: `--within` days from now, a year without it. */
export function horizonOf(given: Arguments): Date {
  const text = given.text('within') ?? String(YEAR_DAYS)
  if (!/^\d{1,5}$/.test(text)) throw new CliError('usage', `--within is a number of days, not '${text}'`)
  return new Date(Date.now() + Number(text) * DAY_MS)
}
