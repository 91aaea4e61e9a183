export type ServicesErrorCode =
  /** The document has faults; the message lists them all, one a line: `path: what`. */
  | 'invalid_services'
  /** A description could not be fetched or is not one that can be imported. Part of the above when a document is applied. */
  | 'invalid_description'

/** What the registry of services refuses. */
export class ServicesError extends Error {
  override readonly name = 'ServicesError'
  readonly code: ServicesErrorCode

  constructor(code: ServicesErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
