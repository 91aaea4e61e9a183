// Whom to believe about a log: a policy that the auditor has (C2SP tlog-policy), or what the server says of itself, which proves nothing about
// the server but everything about whether its word today fits its word of before.
import { controlPaths, type SecurityServerStatus } from '#security-server/contract'
import {
  formatPolicy,
  type Policy,
  parsePolicy,
  parseVerifierKey,
  quorumPolicy,
  TransparencyError,
} from '#transparency'
import type { Arguments, Output, Run } from './command.ts'
import { CliError } from './error.ts'
import { readInput, writeOutput } from './files.ts'
import { controlOf, targetOf } from './targets.ts'

/** From `--policy`, or the server's own. */
export async function policyFor(given: Arguments, out: Output): Promise<Policy> {
  const policy = await readPolicy(given)
  if (policy !== undefined) return policy
  out.note('judged by the keys that the server itself names; an auditor brings his own: --policy FILE')
  return ownPolicy(given)
}

/** From `--policy`. */
export async function readPolicy(given: Arguments): Promise<Policy | undefined> {
  const file = given.text('policy')
  return file === undefined ? undefined : policyIn(file, await readInput(file))
}

export const policy: Run = async (given, out) => {
  await writeOutput(given.text('output'), formatPolicy(await ownPolicy(given)), out)
  return 0
}

async function ownPolicy(given: Arguments): Promise<Policy> {
  const target = targetOf(given, ['security-server'])
  const { transparency } = await controlOf(target).get<SecurityServerStatus>(controlPaths.status)
  if (transparency.keys.length === 0)
    throw new CliError(
      'failed',
      `${target.shown} has no key for its log yet: ${transparency.lastError ?? 'it is starting'}`,
    )
  const logs = transparency.keys.map((key) => ({ key: parseVerifierKey(key) }))
  const witnesses = transparency.witnesses.map(({ name, key, url }) => ({ name, key: parseVerifierKey(key), url }))
  return quorumPolicy(logs, witnesses, transparency.quorum)
}

/** Of a file that an auditor names. Throws CliError `unreadable`. */
export function policyIn(file: string, bytes: Uint8Array): Policy {
  try {
    return parsePolicy(bytes)
  } catch (error) {
    if (!(error instanceof TransparencyError)) throw error
    throw new CliError('unreadable', `${file}: ${error.message}`, { cause: error })
  }
}
