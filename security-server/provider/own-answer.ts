// What this server answers itself by REST: what a service would have answered.
import type { Readable } from 'node:stream'

export interface OwnRestAnswer {
  readonly status: number
  readonly reason: string
  /** name, value, name, value … */
  readonly rawHeaders: readonly string[]
  readonly body: Readable
}
