// The one error of this room. Codes travel over the socket: a code, once given out, keeps its meaning.

const CODES = [
  /** The keys are sealed: `unlock` first. */
  'locked',
  /** The PIN is wrong. */
  'pin_incorrect',
  /** Too many wrong PINs: the message says how long to wait. */
  'pin_blocked',
  /** Too short or too long to be a PIN. */
  'pin_unsuitable',
  /** No key has this id, or no key belongs to this certificate. */
  'unknown_key',
  /** The key may not be used so, or the bytes are not what the purpose says. */
  'policy',
  /** The key does not sign with this algorithm. */
  'unsupported_algorithm',
  /** The request is not one of the protocol's. */
  'bad_request',
  /** The key file cannot be read, or its key is of a kind that is not kept. */
  'import_failed',
  /** The token or the version of the protocol was refused. */
  'refused',
  /** The signer cannot be reached, or the connection broke before the answer: nobody knows whether it was done. */
  'signer_unavailable',
  /** The checkpoint is of a smaller tree than the key has signed already. */
  'log_rolled_back',
  /** The checkpoint's tree does not contain the one that the key has signed before. */
  'log_forked',
  /** The proof begins at another tree than the one that was signed last: ask for `signedHeads` and prove from there. */
  'log_conflict',
  /** The checkpoint is of a log that this key does not sign for. */
  'log_foreign',
  /** The store was damaged or edited, or its disk refuses. */
  'store_failed',
  /** Anything else; the signer's log has it. */
  'internal_error',
] as const

export type SignerErrorCode = (typeof CODES)[number]

export class SignerError extends Error {
  readonly code: SignerErrorCode

  constructor(code: SignerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SignerError'
    this.code = code
  }
}

/** A code from the socket; a newer signer may know more of them. */
export function knownCode(code: string): SignerErrorCode {
  return CODES.find((known) => known === code) ?? 'internal_error'
}
