// Where changes of a register come from: one interface, whatever the register stands on.
import type { Change } from '#continuity'

export interface Captured {
  readonly change: Change
  /** Whether the source was whole right behind it: a transaction ends here. Receipts, restores and take-overs stand only at such places. */
  readonly complete: boolean
}

export interface Source {
  /**
   * Everything that was committed behind a position, in order, and then what comes; from the beginning, as a whole picture, without one. Ends when `signal` is
   * aborted. Not read ahead of who iterates, so a full spool slows down the reading and nothing fills memory.
   *
   * @throws {EmbassyError} `source_lost` where something between can no longer be had
   */
  changes(after: string | undefined, signal: AbortSignal): AsyncIterable<Captured>
  /** The position behind everything that is committed now: whoever asks before answering waits until that much is receipted. */
  head(): Promise<string>
  /** Whether what lies up to `position` holds everything up to `wanted`, both positions of this source. */
  holds(position: string, wanted: string): boolean
  /** What lies up to this position is safe elsewhere; the source may forget it. Durable when it resolves, or done again after the next start. */
  confirm(position: string): Promise<void>
  close(): Promise<void>
}
