export type CentralServerErrorCode =
  /** The document is wrong; the message has one line for each fault. */
  | 'federation_invalid'
  /** Nothing has been applied yet: there is no instance to speak for. */
  | 'no_federation'
  /** No signing key has this id. */
  | 'unknown_key'
  /** The key may not be used, or deleted, like this now. */
  | 'key_refused'
  /** The configuration could not be made or signed; what was published before stays. */
  | 'publication_failed'

/** The one error of this room. */
export class CentralServerError extends Error {
  override readonly name = 'CentralServerError'
  readonly code: CentralServerErrorCode

  constructor(code: CentralServerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
