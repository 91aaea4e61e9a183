/** An answer of a data tracker, or a part of it, that is not of the format. */
export class TrackerError extends Error {
  override readonly name = 'TrackerError'
  readonly code = 'malformed_answer'

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
  }
}
