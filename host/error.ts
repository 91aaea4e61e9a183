// The one error class of this room; `code` is for programs, the message for people.

export type HostErrorCode =
  /** A configuration file cannot be read or is wrong; the message has one line for each fault. */
  | 'config_invalid'
  /** Another process holds the directory or the socket. */
  | 'already_running'
  /** A socket path over 107 bytes. */
  | 'path_too_long'
  /** The runtime folder is not ours alone. */
  | 'folder_unsafe'
  /** The other process answered with an error; `remote` has its code. */
  | 'control_failed'
  /** Nobody answers at the socket or the address. */
  | 'unreachable'
  /** An answer above its bound. */
  | 'answer_too_large'
  /** No answer within the bound of time. */
  | 'timed_out'
  /** A store was written by a newer version, its file is not a store, or its database is not fit to be one: a person has to look. */
  | 'store_unusable'
  /**
   * The database does not answer, or the connection to it broke. What was not committed is undone; where the COMMIT was under way it
   * may be either. The next call connects anew.
   */
  | 'store_unreachable'
  /** Another transaction holds what this one needs, or came between: nothing was changed, and it may be tried again. */
  | 'store_busy'
  /** Another process has the store: it is the only one that writes there. */
  | 'store_in_use'
  /** An audit trail was changed, or the disk does not take its lines. */
  | 'audit_failed'

/** `remote` is what another process said about its refusal. */
export interface RemoteError {
  readonly status: number
  readonly code: string
  /** Found in that process's log. */
  readonly id?: string
}

export class HostError extends Error {
  readonly code: HostErrorCode
  readonly remote?: RemoteError

  constructor(code: HostErrorCode, message: string, options?: { cause?: unknown; remote?: RemoteError }) {
    super(message, options)
    this.name = 'HostError'
    this.code = code
    if (options?.remote !== undefined) this.remote = options.remote
  }
}

/** All faults of one configuration file together (style rule 21). */
export class ConfigError extends HostError {
  readonly file: string
  /** Each as `path.to.key: what is wrong`. */
  readonly faults: readonly string[]

  constructor(file: string, faults: readonly string[], options?: { cause?: unknown }) {
    super('config_invalid', `${file} is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`, options)
    this.name = 'ConfigError'
    this.file = file
    this.faults = faults
  }
}

/** What went wrong in words; errors of the system keep their code (`ENOENT`), which a message may lack. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  return error.message === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message
}
