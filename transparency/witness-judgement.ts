// What a witness answers to add-checkpoint: the decision alone, in the order of C2SP tlog-witness. Reading what it cosigned last and
// persisting what it will, as one step, is the caller's.
import { equalBytes } from '#trust'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { attempt, TransparencyError } from './error.ts'
import { EMPTY_ROOT, type Hash } from './hash.ts'
import { verifyConsistency } from './merkle.ts'
import { type NoteSignature, type NoteVerifier, openNote } from './note.ts'
import type { AddCheckpointRequest } from './witness-protocol.ts'

/** What a witness knows of a log. */
export interface WitnessedLog {
  /** Of the log's keys. */
  readonly verifiers: readonly NoteVerifier[]
  /** What it cosigned last; absent before the first time. */
  readonly latest?: { readonly size: number; readonly root: Hash } | undefined
}

/** Why not, with the HTTP status that the protocol has for it. `fork`: the log signed two trees of one size, and the request proves it. */
export type AddCheckpointRefusal =
  | { readonly status: 400; readonly reason: 'malformed' | 'old_size_above' }
  | { readonly status: 403; readonly reason: 'unsigned' | 'bad_signature' }
  | { readonly status: 404; readonly reason: 'unknown_log' }
  /** `size` is what it cosigned last: the answer's body. */
  | { readonly status: 409; readonly reason: 'other_size'; readonly size: number }
  | { readonly status: 422; readonly reason: 'empty_root' | 'invalid_proof' | 'fork' }

export type AddCheckpointVerdict =
  | AddCheckpointRefusal
  | {
      readonly status: 200
      /** To be persisted, then cosigned. */
      readonly checkpoint: Checkpoint
      /** The text that is cosigned, and the log's signatures, to be served with the cosignature. */
      readonly text: string
      readonly signatures: readonly NoteSignature[]
    }

/** `find` gives the log of an origin, undefined for one that is not watched. */
export function judgeAddCheckpoint(
  { oldSize, proof, note }: AddCheckpointRequest,
  find: (origin: string) => WitnessedLog | undefined,
): AddCheckpointVerdict {
  const checkpoint = attempt(() => parseCheckpoint(note.text))
  if (checkpoint instanceof TransparencyError) return { status: 400, reason: 'malformed' }
  const log = find(checkpoint.origin)
  if (log === undefined) return { status: 404, reason: 'unknown_log' }
  const signatures = attempt(() => openNote(note, log.verifiers))
  if (signatures instanceof TransparencyError)
    return { status: 403, reason: signatures.code === 'unsigned' ? 'unsigned' : 'bad_signature' }

  const { size, root } = checkpoint
  const { latest = { size: 0, root: EMPTY_ROOT } } = log
  if (oldSize > size) return { status: 400, reason: 'old_size_above' }
  if (oldSize !== latest.size) return { status: 409, reason: 'other_size', size: latest.size }
  if (size === 0 && !equalBytes(root, EMPTY_ROOT)) return { status: 422, reason: 'empty_root' }
  if (size === latest.size && !equalBytes(root, latest.root)) return { status: 422, reason: 'fork' }
  const claim = { oldSize, oldRoot: latest.root, size, root, proof }
  if (!verifyConsistency(claim)) return { status: 422, reason: 'invalid_proof' }
  return { status: 200, checkpoint, text: note.text, signatures }
}
