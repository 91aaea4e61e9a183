// Who may sign decrees: a versioned set of keys, of which more than half must sign, so that no two contradicting decrees can both be signed by honest holders.
import { type NoteVerifier, noteVerifier, parseVerifierKey } from '#transparency'
import { ContinuityError } from './error.ts'

export const MAXIMUM_HOLDERS = 64

export class DecreeKeys {
  readonly version: number
  /** How many must sign. */
  readonly threshold: number
  readonly verifiers: readonly NoteVerifier[]

  /**
   * @param keys Verifier keys in text, one of each holder; the key's name is the holder's.
   * Throws `malformed_manifest` for a key that is none, a holder twice, or a threshold of half or less.
   */
  constructor(version: number, threshold: number, keys: readonly string[]) {
    const verifiers = keys.map(readKey)
    if (new Set(verifiers.map(({ name }) => name)).size !== verifiers.length)
      throw new ContinuityError('malformed_manifest', 'A holder of a decree key is named twice')
    if (
      verifiers.length === 0 ||
      verifiers.length > MAXIMUM_HOLDERS ||
      !(threshold > verifiers.length / 2) ||
      threshold > verifiers.length
    )
      throw new ContinuityError(
        'malformed_manifest',
        `${threshold} of ${verifiers.length} is not more than half: two decrees could contradict each other`,
      )
    this.version = version
    this.threshold = threshold
    this.verifiers = verifiers
  }
}

function readKey(text: string): NoteVerifier {
  try {
    return noteVerifier(parseVerifierKey(text))
  } catch (cause) {
    throw new ContinuityError('malformed_manifest', `A decree key is none: ${(cause as Error).message}`, { cause })
  }
}
