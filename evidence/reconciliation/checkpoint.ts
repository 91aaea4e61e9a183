// Whether a side's checkpoint is one of its own log, and who has seen it.
import { type ServerId, shortId } from '#protocol'
import { judgeCheckpoint, NO_QUORUM, type Policy, parseCheckpoint, parseNote, TransparencyError } from '#transparency'
import { isLogOf, isOwnWitness } from '../log-names.ts'
import { StatementError } from './error.ts'
import { type CheckpointReport, checkpointReport } from './report.ts'

/** A checkpoint and what is to be said of it. */
export interface SideCheckpoint {
  readonly size: number
  readonly root: Uint8Array
  readonly report: CheckpointReport
}

/**
 * Reads the checkpoint of a server's log and judges it by a policy that names this log. A server's own member never counts as its witness.
 *
 * @param policy Undefined where nobody is to be believed but the side itself; a policy without this log says as little.
 * @throws StatementError `wrong_proof` where it is of another log, or not signed by the keys that the policy has for it.
 */
export function sideCheckpoint(note: Uint8Array, server: ServerId, policy: Policy | undefined): SideCheckpoint {
  try {
    const parsed = parseNote(note)
    const { origin, size, root } = parseCheckpoint(parsed.text)
    if (!isLogOf(origin, server))
      throw new StatementError('wrong_proof', `The checkpoint is of ${origin}, not of the log of ${shortId(server)}`)
    const unjudged = { checkpoint: { origin, size, root, extensions: [] }, cosignatures: [], witnessed: false }
    if (policy === undefined || !policy.logs.some(({ key }) => key.name === origin))
      return { size, root, report: checkpointReport(unjudged, 'not judged') }
    const own = policy.witnesses.map(({ key }) => key.name).filter((name) => isOwnWitness(name, server))
    const judged = judgeCheckpoint(parsed, policy, new Set(own))
    return { size, root, report: checkpointReport(judged, policy.quorum === NO_QUORUM ? 'signed' : undefined) }
  } catch (cause) {
    if (!(cause instanceof TransparencyError)) throw cause
    throw new StatementError('wrong_proof', `The checkpoint is not to be believed: ${cause.message}`, { cause })
  }
}
