/**
 * Why the data tracker does not do what it is asked. `key_lost`, `key_replaced`: the secret key of its pseudonyms is not there, or another one:
 * nothing is stated and nobody answered until it is back, or the tracker is begun anew. `not_stated_yet`: no statement has been made, or none is in
 * the log yet. `invalid_question`: the answer's service was asked for something that it has not. `unavailable`: it is being opened or closed.
 */
export type DataTrackerCode = 'key_lost' | 'key_replaced' | 'not_stated_yet' | 'invalid_question' | 'unavailable'

export class DataTrackerError extends Error {
  override readonly name = 'DataTrackerError'
  readonly code: DataTrackerCode

  constructor(code: DataTrackerCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
