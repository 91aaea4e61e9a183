// This server as a witness of others, and what it lets be read: its own log, and what it cosigned.
import { join } from 'node:path'
import { isLogOf, isOwnWitness, witnessName } from '#evidence'
import { formatVerifierKey } from '#transparency'
import { type Answer, logSite, type SignedLog, type Site, Witness, witnessSite } from '#transparent-log'
import { HistoryError } from './error.ts'
import type { TransparencyOptions, TransparencyStatus } from './index.ts'

const NOT_YET: Answer = { status: 503, type: 'text/plain; charset=utf-8', body: Buffer.from('not open yet\n') }

export class Watching {
  readonly #options: TransparencyOptions
  readonly #directory: string
  #witness: Witness | undefined

  /** Throws HistoryError `own_witness`. */
  constructor(options: TransparencyOptions, directory: string) {
    this.#options = options
    this.#directory = join(directory, 'witness')
    const { server, settings, witness } = options
    // An operator's own witness never counts: whoever can rewrite the log can have it cosigned.
    const own = settings.witnesses.find(({ key }) => isOwnWitness(key.name, server))
    if (own !== undefined)
      throw new HistoryError('own_witness', `transparency.witnesses: ${own.key.name} is a witness of the same member`)
    const watched = witness?.logs.find(({ key }) => isLogOf(key.name, server))
    if (watched !== undefined)
      throw new HistoryError('own_witness', `witness.logs: ${watched.key.name} is this server's own log`)
  }

  /** Makes the key where there is none. Throws SignerError while the signer is locked. */
  async open(): Promise<void> {
    const { witness, server, signer, clock, log } = this.#options
    if (witness === undefined || this.#witness !== undefined) return
    const logs = witness.logs.map(({ key }) => key)
    this.#witness = await Witness.open({
      directory: this.#directory,
      name: witnessName(server),
      signer,
      logs,
      clock,
      log,
    })
  }

  status(): TransparencyStatus['witness'] {
    if (this.#witness === undefined) return undefined
    return { key: formatVerifierKey(this.#witness.verifierKey), logs: this.#witness.status() }
  }

  /** The log at the root, the witness below `witness/`. */
  sites(log: () => SignedLog | undefined): Readonly<Record<string, Site>> {
    const own: Site = async (...asked) => {
      const open = log()
      return open === undefined ? NOT_YET : logSite(open)(...asked)
    }
    if (this.#options.witness === undefined) return { '/': own }
    const others: Site = async (...asked) =>
      this.#witness === undefined ? NOT_YET : witnessSite(this.#witness)(...asked)
    return { '/': own, '/witness/': others }
  }

  async close(): Promise<void> {
    await this.#witness?.close()
  }
}
