// What an embassy's answer is worth: a receipt is the mirror's cosignature on a checkpoint that our own log signed. HTTP 200 is nothing.
import {
  formatNote,
  type NoteVerifier,
  noteVerifier,
  openNote,
  parseCheckpoint,
  parseNote,
  TransparencyError,
  type VerifierKey,
} from '#transparency'
import type { SignedLog } from '#transparent-log'
import { equalBytes } from '#trust'
import { EmbassyError } from '../error.ts'

export interface Receipt {
  /** Leaves that are durable there, with everything that they name. */
  readonly size: number
  readonly note: Uint8Array
}

export class ReceiptReader {
  readonly #log: SignedLog
  readonly #own: readonly NoteVerifier[]
  readonly #mirror: NoteVerifier

  constructor(log: SignedLog, mirrorKey: VerifierKey) {
    this.#log = log
    this.#own = log.keys.verifierKeys.map(noteVerifier)
    this.#mirror = noteVerifier(mirrorKey)
  }

  /** @throws {EmbassyError} `wrong_receipt` for anything but this mirror's cosignature on a tree of ours, `forked` where our own key signed another tree */
  async read(bytes: Uint8Array): Promise<Receipt> {
    try {
      const note = parseNote(bytes)
      openNote(note, [this.#mirror])
      openNote(note, this.#own)
      const { origin, size, root } = parseCheckpoint(note.text)
      if (origin !== this.#log.origin) throw new TransparencyError('malformed_checkpoint', `it is of ${origin}`)
      if (size > this.#log.tree.size || !equalBytes(await this.#log.tree.rootAt(size), root))
        throw new EmbassyError(
          'forked',
          `The embassy holds ${size} leaves of ${origin} that our key signed and we do not have`,
        )
      return { size, note: formatNote(note) }
    } catch (cause) {
      if (!(cause instanceof TransparencyError)) throw cause
      throw new EmbassyError('wrong_receipt', `What the embassy says is no receipt: ${cause.message}`, { cause })
    }
  }
}
