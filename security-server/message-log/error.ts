// What can go wrong with the message log. A message that cannot be logged does not happen, so these end exchanges.

export type LogErrorCode =
  /** Time-stamping has failed for longer than is acceptable, or an immediate time-stamp could not be had. */
  | 'timestamping_failed'
  /** The global configuration names no time-stamping authority, or there is no configuration. */
  | 'no_timestamping_provider'
  /** The transparent log over this one does not take it further: its history is not what was signed, or nobody signs or witnesses it. */
  | 'transparency_failed'
  /** A container was asked for a record that has no time-stamp yet. */
  | 'timestamp_missing'
  /** The write failed. The record may be retried under the same conditions once there is room again. */
  | 'store_failed'
  /** The writer is gone; nothing is taken until the process starts again and recovery has run. */
  | 'store_broken'
  /** More is waiting to be committed than memory should hold. */
  | 'overloaded'
  | 'closed'
  /** Bodies without a database, or a file that is not this log: refused rather than guessed. */
  | 'store_missing'
  | 'store_foreign'
  /** Another process holds this log. */
  | 'store_in_use'
  | 'invalid_record'
  /** The keys of the log cannot be read or written, or one that is needed is not there, or must not go yet. */
  | 'keys_unreadable'
  | 'keys_unwritable'
  | 'key_missing'
  | 'key_unknown'
  | 'key_needed'
  /** A search that cannot be done, or must not. */
  | 'invalid_query'
  | 'text_search_forbidden'
  | 'record_missing'
  /** What lies on disk is not the record that was logged. */
  | 'record_damaged'
  | 'body_missing'
  /** What lies on disk is not what was logged. */
  | 'body_damaged'
  /** The body was longer than the log keeps; only its size and digest were logged. */
  | 'body_not_kept'

/** The suffix after `logging_failed.` on the wire (wire-message §7.4). */
const FAULT_CODES: Partial<Record<LogErrorCode, string>> = {
  timestamping_failed: 'timestamping_failed',
  no_timestamping_provider: 'mlog.no_timestamping_provider_found',
}

export class LogError extends Error {
  readonly code: LogErrorCode
  /** What X-Road appends to `logging_failed.`; absent where it appends nothing. */
  readonly faultCode?: string
  /** A failed write may have reached the disk all the same: a restart may find its record. */
  readonly mayRemain: boolean

  constructor(code: LogErrorCode, message: string, options: { cause?: unknown; mayRemain?: boolean } = {}) {
    super(message, options)
    this.name = 'LogError'
    this.code = code
    this.mayRemain = options.mayRemain ?? false
    const faultCode = FAULT_CODES[code]
    if (faultCode !== undefined) this.faultCode = faultCode
  }
}
