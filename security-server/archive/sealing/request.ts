// What the process that encrypts is told, as its one argument, and what it says when it cannot.

/** Encrypt standard input to standard output; or, where there are several `recipients`, only say whether all could be used. */
export type SealRequest = {
  /** Each a list of recipients for one file. With `check` all of them are looked at and nothing is read; without it there is one. */
  readonly recipients: readonly (readonly string[])[]
  readonly check: boolean
} & (
  | { readonly method: 'age' }
  | {
      readonly method: 'openpgp'
      readonly keyring: string
      readonly signingKey: string
      readonly passphraseFile?: string | undefined
    }
)

/** The last line on standard error of one that fails. */
export interface SealFailure {
  readonly code: 'key_unusable' | 'sealing_failed'
  readonly message: string
}

/** Told from other failures by the process: the operator has to do something about a key. */
export class KeyUnusable extends Error {
  override readonly name = 'KeyUnusable'
}
