// What can go wrong while the log is archived or cleaned. None of it touches an exchange.

export type ArchiveErrorCode =
  /** A key that the configuration names is not there, not usable, or not one; nothing was written. */
  | 'key_unusable'
  /** The file that says whose archives are encrypted to which keys has a fault. */
  | 'member_keys_invalid'
  /** Encryption failed while it ran. */
  | 'sealing_failed'
  /** The log has not the records that it must have, or they cannot be read. */
  | 'records_missing'
  /** Where archives go cannot be reached, or refuses. */
  | 'destination_failed'
  /** What was stored is not what comes back. */
  | 'read_back_differs'
  /** Credentials for the store are not there. */
  | 'credentials_missing'
  /** The server stops; the next start goes on. */
  | 'stopped'

export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
  readonly code: ArchiveErrorCode

  constructor(code: ArchiveErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
