// What can be wrong with the history of this server's log, and what is asked of it that cannot be given.

export type HistoryErrorCode =
  /** Records whose leaves were signed are not in the message log any more. */
  | 'records_missing'
  /** A record is not what its leaf commits to. */
  | 'record_changed'
  /** The tree does not contain one that was signed. */
  | 'history_rewritten'
  /** Tree and message log are shorter than what was signed. */
  | 'rolled_back'
  /** A witness holds a checkpoint that our key signed and our tree does not contain. */
  | 'witness_contradicts'
  | 'key_replaced'
  /** The signer does not know any more what the log's key has signed. */
  | 'key_memory_lost'
  | 'tree_damaged'
  /** The configuration names a witness of the same member, or a log of its own. */
  | 'own_witness'
  | 'record_not_found'
  /** No signed checkpoint has the record yet. */
  | 'not_signed_yet'
  /** The checkpoint is not one of this log, or not signed by it. */
  | 'foreign_checkpoint'
  /** The log cannot be read or signed now. */
  | 'unavailable'

export class HistoryError extends Error {
  override readonly name = 'HistoryError'
  readonly code: HistoryErrorCode
  /** The first record that is concerned, where one is known. */
  readonly seq?: number

  constructor(code: HistoryErrorCode, message: string, options: { cause?: unknown; seq?: number } = {}) {
    super(message, options)
    this.code = code
    if (options.seq !== undefined) this.seq = options.seq
  }
}
