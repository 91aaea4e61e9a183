// Options that the commands of `saadik evidence` share.
import type { TrustMaterial } from '#protocol'
import { type DigestName, digestNamed } from '#trust'
import type { Trust } from '#verification'
import type { Arguments, Output } from './command.ts'
import { CliError } from './error.ts'
import { downloadConfiguration } from './trust.ts'
import { readTrustSpec, trustOf } from './verify/trust-spec.ts'

export interface Whom {
  /** Of the time that is judged. */
  readonly trust: Trust
  /** Of today: who can be asked. */
  readonly now: TrustMaterial
}

/** As for `verify`. Throws CliError `usage`, `unreadable`. */
export async function whomToBelieve(given: Arguments, out: Output): Promise<Whom> {
  const spec = await readTrustSpec(given, out)
  const trust = trustOf(spec, spec.download ? await downloadConfiguration(spec.anchor?.path ?? '') : undefined)
  const now = trust.at(new Date())?.trust
  if (now === undefined) throw new CliError('unreadable', 'nothing that was given says whom to believe today')
  return { trust, now }
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
