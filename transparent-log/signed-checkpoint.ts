// A checkpoint that was signed, as a value and as the file that it is served from.
import { readFile } from 'node:fs/promises'
import { ifThere, writeFileDurable } from '#host'
import {
  type Checkpoint,
  formatNote,
  type Note,
  type NoteSignature,
  noteVerifier,
  openNote,
  parseCheckpoint,
  parseNote,
  TransparencyError,
  type VerifierKey,
  withSignatures,
} from '#transparency'
import { TransparentLogError } from './error.ts'

/** With the log's signature, which was verified or made here, and whatever cosignatures came since. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: Note
}

export function signedCheckpoint(note: Note): SignedCheckpoint {
  return { ...parseCheckpoint(note.text), note }
}

export function cosigned(checkpoint: SignedCheckpoint, lines: readonly NoteSignature[]): SignedCheckpoint {
  return { ...checkpoint, note: withSignatures(checkpoint.note, lines) }
}

/** As it is served and handed out. */
export function checkpointBytes({ note }: SignedCheckpoint): Uint8Array {
  return formatNote(note)
}

/**
 * Reads a checkpoint that this program wrote; undefined where there is none.
 *
 * @throws {TransparentLogError} `key_replaced` where none of the keys signed it, `tree_damaged` where it is none of that log's
 */
export async function readCheckpoint(
  file: string,
  origin: string,
  keys: readonly VerifierKey[],
): Promise<SignedCheckpoint | undefined> {
  const bytes = await ifThere(readFile(file))
  if (bytes === undefined) return undefined
  try {
    const note = parseNote(bytes)
    openNote(note, keys.map(noteVerifier))
    const checkpoint = signedCheckpoint(note)
    if (checkpoint.origin !== origin) throw new TransparencyError('malformed_checkpoint', 'it is of another log')
    return checkpoint
  } catch (cause) {
    if (!(cause instanceof TransparencyError)) throw cause
    if (cause.code === 'unsigned')
      throw new TransparentLogError('key_replaced', `${file} was signed by a key that is not known here`, { cause })
    throw new TransparentLogError('tree_damaged', `${file}: ${cause.message}`, { cause })
  }
}

/** Durable when it resolves. @throws {TransparentLogError} `store_failed` */
export async function writeCheckpoint(file: string, checkpoint: SignedCheckpoint): Promise<void> {
  try {
    await writeFileDurable(file, checkpointBytes(checkpoint))
  } catch (cause) {
    throw new TransparentLogError('store_failed', `${file}: ${(cause as Error).message}`, { cause })
  }
}
