/**
 * What agent and embassy refuse.
 *
 * At home: `source_lost`: the register cannot be read any more (its database is gone, its slot was dropped): a loud gap, never a silent one.
 * `source_unsupported`: a table or column that cannot be captured exactly. `spool_failed`: the disk of the agent. `not_receipted`: too few embassies have
 * (yet) said that a write is durable with them. `wrong_receipt`: what an embassy said is no receipt of ours. `unreachable`: it said nothing.
 *
 * Abroad: `gap`, `forked`, `foreign`: a batch that does not continue what is held, contradicts it, or is of a log that is not kept here. `epoch_over`: the
 * log was ended by a decree. `wrong_decree`, `conflicting_decree`: a decree that is signed and still changes nothing. `program_failed`: a register's own
 * program does not run over what was restored. `store_failed`, `store_damaged`: the disk of the embassy. `target_unfit`: a database that cannot be restored
 * into.
 *
 * At a start, or when asked: `wrong_configuration`, `unusable_manifest`: nobody vouches for what would be sealed to; `unknown_register`.
 */
export type EmbassyCode =
  | 'wrong_configuration'
  | 'unusable_manifest'
  | 'unknown_register'
  | 'source_lost'
  | 'source_unsupported'
  | 'spool_failed'
  | 'not_receipted'
  | 'wrong_receipt'
  | 'unreachable'
  | 'gap'
  | 'forked'
  | 'foreign'
  | 'epoch_over'
  | 'wrong_decree'
  | 'conflicting_decree'
  | 'program_failed'
  | 'store_failed'
  | 'store_damaged'
  | 'target_unfit'

export class EmbassyError extends Error {
  override readonly name = 'EmbassyError'
  readonly code: EmbassyCode

  constructor(code: EmbassyCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
