// What can go wrong with a transparent log that is kept here, or with a witness.

export type TransparentLogCode =
  /** Files are missing, or not what this program wrote. */
  | 'tree_damaged'
  /** The tree on the disk is smaller than one that was signed already: an older copy was put back, or files were cut. */
  | 'tree_rolled_back'
  /** The tree on the disk does not contain one that was signed already: history was rewritten. */
  | 'tree_forked'
  /** The newest checkpoint on the disk was signed by a key that the signer does not have and that nobody named as a former one. */
  | 'key_replaced'
  /** A write failed after which the files cannot be trusted; opening the log again repairs that. */
  | 'tree_broken'
  /** A write failed, certainly or maybe for want of room; what was not signed is written again. */
  | 'store_failed'
  /** The log has no such entry, or no such tree. */
  | 'out_of_range'
  /** What is served now is not the log that the folder has a copy of. */
  | 'another_log'
  /** Whoever serves a log that is followed does not serve it. */
  | 'unreachable'
  /** Another process holds this folder. */
  | 'store_in_use'
  | 'closed'

export class TransparentLogError extends Error {
  override readonly name = 'TransparentLogError'
  readonly code: TransparentLogCode

  constructor(code: TransparentLogCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
