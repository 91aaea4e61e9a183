// The one error of this room; its message is for the person who started the demo and says what to do.

export class DemoError extends Error {
  readonly code:
    | 'usage'
    | 'running'
    | 'port_in_use'
    | 'no_address'
    | 'other_state'
    | 'process_failed'
    | 'not_ready'
    | 'first_message'

  constructor(code: DemoError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DemoError'
    this.code = code
  }
}
