// The one error of this room. Whatever reaches the person is a sentence that says what to do; the exit code is for scripts.

/** 64 is sysexits' EX_USAGE: apart from the verdicts 0, 1 and 2 of `verify`. */
const EXIT_CODES = { usage: 64, failed: 1, unreachable: 1, not_found: 1, unreadable: 2 } as const

export class CliError extends Error {
  readonly code: keyof typeof EXIT_CODES

  constructor(code: CliError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'CliError'
    this.code = code
  }

  get exitCode(): number {
    return EXIT_CODES[this.code]
  }
}
