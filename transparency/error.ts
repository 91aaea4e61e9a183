/**
 * What this room refuses. `malformed_…`: bytes of others that are not of the format. `bad_signature`: a key that we know did not sign this.
 * `unsigned`: no key that we know signed it. `invalid_proof`: a Merkle proof, a tile or a map's proof does not lead to the root.
 * `out_of_range`: an index, a range or a size that the tree does not have, a value that the format cannot say. `unsorted`: keys of a map
 * that do not ascend.
 */
export type TransparencyCode =
  | 'malformed_note'
  | 'malformed_key'
  | 'malformed_checkpoint'
  | 'malformed_tile'
  | 'malformed_request'
  | 'malformed_proof'
  | 'malformed_policy'
  | 'bad_signature'
  | 'unsigned'
  | 'invalid_proof'
  | 'out_of_range'
  | 'unsorted'

export class TransparencyError extends Error {
  override readonly name = 'TransparencyError'
  readonly code: TransparencyCode

  constructor(code: TransparencyCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** The value, or what this room says against it. Any other error is a fault of ours and goes on. */
export function attempt<T>(make: () => T): T | TransparencyError {
  try {
    return make()
  } catch (error) {
    if (error instanceof TransparencyError) return error
    throw error
  }
}
