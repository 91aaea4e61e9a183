/**
 * What agent and embassy refuse. `source_lost`: the register cannot be read any more (its database is gone, its slot was dropped): a loud gap, never a silent one.
 * `source_unsupported`: a table or column that cannot be captured exactly. `not_receipted`: embassies have not (yet) said that a write is durable with them.
 */
export type EmbassyCode = 'source_lost' | 'source_unsupported' | 'not_receipted'

export class EmbassyError extends Error {
  override readonly name = 'EmbassyError'
  readonly code: EmbassyCode

  constructor(code: EmbassyCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
