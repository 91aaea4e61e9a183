// What a comparison says: of each side what it has shown and under which checkpoint, of both what agrees and what does not.
import type { JudgedCheckpoint } from '#transparency'
import { type FindingKind, GRAVE } from './classify.ts'

/**
 * How far the checkpoint of a side is believed. `witnessed`: signed by a log and cosigned by enough witnesses of the policy. `signed`: by the
 * log, and the policy asks for no witness. `not witnessed`: by the log, and not yet by enough. `not judged`: there was no policy for this log;
 * then only the side itself vouches for its checkpoint.
 */
export type CheckpointState = 'witnessed' | 'signed' | 'not witnessed' | 'not judged'

export interface CheckpointReport {
  readonly origin: string
  readonly size: number
  /** Hex. */
  readonly root: string
  readonly state: CheckpointState
  readonly witnesses: readonly { readonly name: string; readonly at: string }[]
}

/** One log of a side. */
export interface SideReport {
  /** `INSTANCE/CLASS/MEMBER[/SUBSYSTEM]`, the same on both ends of a run. */
  readonly party: string
  readonly server: string
  /** Messages in the list, margins included. */
  readonly messages: number
  /** Root over the list, hex: what the side had bound itself to. */
  readonly list: string
  /** Messages of the list that no leaf was shown for. */
  readonly unproven: number
  readonly checkpoint: CheckpointReport
}

export interface ReconciliationReport {
  readonly run: string
  readonly from: string
  readonly to: string
  readonly marginSeconds: number
  readonly here: SideReport
  /** Several where the other party has several servers, each compared under a key of its own. */
  readonly there: readonly SideReport[]
  /** Servers of the two parties whose logs were not compared. */
  readonly notCompared: readonly string[]
  /** Messages that both have, margins included. */
  readonly agreed: number
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
  /** Messages of exchanges that were too many to be looked into. */
  readonly beyond: number
  readonly inAgreement: boolean
}

/** Whether nothing was found that an honest log does not show. */
export function isInAgreement({
  here,
  there,
  findings,
  beyond,
}: Pick<ReconciliationReport, 'here' | 'there' | 'findings' | 'beyond'>): boolean {
  const grave = Object.keys(findings).some((kind) => GRAVE.has(kind as FindingKind))
  return !grave && beyond === 0 && [here, ...there].every(({ unproven }) => unproven === 0)
}

export function checkpointReport(
  { checkpoint, cosignatures, witnessed }: JudgedCheckpoint,
  state: CheckpointState = witnessed ? 'witnessed' : 'not witnessed',
): CheckpointReport {
  const { origin, size, root } = checkpoint
  return {
    origin,
    size,
    root: Buffer.from(root).toString('hex'),
    state,
    witnesses: cosignatures
      .filter(({ counts }) => counts)
      .map(({ witness, time }) => ({ name: witness.name, at: new Date(time * 1000).toISOString() })),
  }
}
