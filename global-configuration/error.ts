export type ConfigurationErrorCode =
  /** The anchor cannot be read, or it is about another instance than the copy at hand. */
  | 'anchor_unusable'
  /** No source gave a configuration that could be verified; the message has what each of them said. */
  | 'download_failed'
  /** A folder that should hold a configuration does not. */
  | 'directory_unreadable'

/** The one error of this room. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly code: ConfigurationErrorCode

  constructor(code: ConfigurationErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
