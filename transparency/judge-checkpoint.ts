// Whether a checkpoint may be believed: signed by the log, and cosigned by enough witnesses of a policy.
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { TransparencyError } from './error.ts'
import type { VerifierKey } from './key.ts'
import { type Note, type NoteSignature, openNote } from './note.ts'
import { NO_QUORUM, type Policy, type PolicyWitness } from './policy.ts'
import { cosignatureTime, noteVerifier } from './verifier.ts'

/** A witness of the policy that cosigned. */
export interface Cosignature {
  readonly witness: PolicyWitness
  /** Seconds since 1970, as the witness says; 0 where it says nothing. */
  readonly time: number
  /** False for one that was excluded. */
  readonly counts: boolean
}

export interface JudgedCheckpoint {
  readonly checkpoint: Required<Checkpoint>
  /** In the order of the policy; the earliest of each witness. */
  readonly cosignatures: readonly Cosignature[]
  /** Whether the quorum is reached. Until then the log alone says that this is its tree. */
  readonly witnessed: boolean
}

/**
 * Verifies the signatures of the log and of every witness of the policy. `exclude` are names of keys that never count, an operator's own
 * witnesses. Throws `unsigned` where no key of the policy with the checkpoint's origin signed it, `bad_signature`, `malformed_checkpoint`.
 */
export function judgeCheckpoint(
  note: Note,
  policy: Policy,
  exclude: ReadonlySet<string> = new Set(),
): JudgedCheckpoint {
  const checkpoint = parseCheckpoint(note.text)
  const logs = policy.logs.map(({ key }) => key).filter(({ name }) => name === checkpoint.origin)
  const keys = [...logs, ...policy.witnesses.map(({ key }) => key)]
  const signatures = openNote(note, keys.map(noteVerifier))

  const signed = logs.filter((key) => signatures.some((line) => isOf(line, key)))
  if (signed.length === 0)
    throw new TransparencyError('unsigned', `No key of the policy signed for ${checkpoint.origin}`)
  // ML-DSA-44 signs the first three lines only: whoever passed the note on could have written the others.
  if (checkpoint.extensions.length > 0 && signed.every(({ type }) => type === 'subtree'))
    throw new TransparencyError('unsigned', 'The log did not sign the extension lines')

  const cosignatures = policy.witnesses.flatMap((witness) => {
    const times = signatures.filter((line) => isOf(line, witness.key)).map((line) => cosignatureTime(witness.key, line))
    if (times.length === 0) return []
    return [{ witness, time: Math.min(...times), counts: !exclude.has(witness.key.name) }]
  })
  const names = cosignatures.filter(({ counts }) => counts).map(({ witness }) => witness.name)
  return { checkpoint, cosignatures, witnessed: quorumReached(policy, new Set(names)) }
}

/** Whether these witnesses, by their names in the policy, are enough. */
export function quorumReached({ groups, quorum }: Policy, cosigned: ReadonlySet<string>): boolean {
  const reached = new Set(cosigned)
  // A group's members stand before it, so one pass is enough.
  for (const { name, threshold, members } of groups)
    if (members.filter((member) => reached.has(member)).length >= threshold) reached.add(name)
  return quorum === NO_QUORUM || reached.has(quorum)
}

function isOf(line: NoteSignature, key: VerifierKey): boolean {
  return line.name === key.name && line.id === key.id
}
