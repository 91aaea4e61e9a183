// Has the newest checkpoint cosigned by our witnesses, all asked for the same one at the same time: what counts is a quorum on one tree.
import type { Clock, Log } from '#host'
import { formatVerifierKey } from '#transparency'
import type { SignedCheckpoint } from './signed-checkpoint.ts'
import type { SignedLog } from './signed-log.ts'
import { type PeerConfiguration, type Submission, WitnessPeer } from './witness-peer.ts'

/** From the beginning of one round to the next, while there is news. */
const PACE_MS = 2_000
/** After a round without a quorum the pause doubles up to this: a witness that is back is asked within 8 s. */
const LONGEST_PAUSE_MS = 8_000

export interface WitnessingOptions {
  readonly log: SignedLog
  readonly witnesses: readonly PeerConfiguration[]
  /** So many of them make a checkpoint witnessed. */
  readonly quorum: number
  readonly clock: Clock
  readonly logger: Log
  /** A witness holds what our key signed and our tree does not contain: history was rewritten or rolled back here. */
  readonly onContradiction: (seen: SignedCheckpoint, reason: string) => void
}

export interface PeerStatus {
  readonly name: string
  /** Its verifier key, as text. */
  readonly key: string
  readonly url: string
  /** Leaves of the tree that it cosigned last. */
  readonly size: number
  /** ISO 8601. */
  readonly cosignedAt?: string
  /** Why it did not cosign the last time; absent when it did. */
  readonly lastError?: string
}

interface Peer {
  readonly peer: WitnessPeer
  cosignedAt?: string
  lastError?: string
}

export class Witnessing {
  readonly #options: WitnessingOptions
  readonly #peers: readonly Peer[]
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #stopped = false
  readonly #stopping = Promise.withResolvers<undefined>()
  #begun = Number.NEGATIVE_INFINITY
  #pauseMs = PACE_MS

  constructor(options: WitnessingOptions) {
    this.#options = options
    this.#peers = options.witnesses.map((each) => ({ peer: new WitnessPeer(each, options.log, options.clock) }))
  }

  /** Asks all what they keep of our log; resolves when each has answered or not. Contradictions are told. */
  async compare(): Promise<void> {
    const compared = this.#peers.map(async ({ peer }) => this.#judge(peer, await peer.compare()))
    await Promise.race([Promise.all(compared), this.#stopping.promise])
  }

  /** There is a new checkpoint. */
  news(): void {
    if (this.#stopped || this.#timer !== undefined || this.#running !== undefined) return
    const early = this.#begun + this.#pauseMs - performance.now()
    this.#timer = setTimeout(() => this.#begin(), Math.max(0, early))
  }

  status(): readonly PeerStatus[] {
    return this.#peers.map(({ peer, cosignedAt, lastError }) => ({
      name: peer.key.name,
      key: formatVerifierKey(peer.key),
      url: peer.url,
      size: peer.size,
      ...(cosignedAt === undefined ? {} : { cosignedAt }),
      ...(lastError === undefined ? {} : { lastError }),
    }))
  }

  /** No round begins after it; what witnesses have not answered yet is not waited for. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#stopping.resolve(undefined)
    await this.#running
  }

  #begin(): void {
    this.#timer = undefined
    this.#begun = performance.now()
    this.#running = this.#round().finally(() => {
      this.#running = undefined
      const { newest, witnessed } = this.#options.log
      if (newest !== undefined && newest.note.text !== witnessed?.note.text) this.news()
    })
  }

  async #round(): Promise<void> {
    const { log, quorum, logger } = this.#options
    const checkpoint = log.newest
    if (checkpoint === undefined || checkpoint.note.text === log.witnessed?.note.text) return
    const asked = this.#peers.map(async (each) => this.#note(each, await each.peer.submit(checkpoint)))
    const answers = await Promise.race([Promise.all(asked), this.#stopping.promise])
    if (answers === undefined) return
    const lines = answers.filter((line) => line !== undefined)
    const enough = lines.length >= quorum
    this.#pauseMs = enough ? PACE_MS : Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
    if (lines.length === 0) return
    try {
      await log.cosigned(checkpoint, lines, enough)
    } catch (error) {
      // They are asked again; what a witness cosigned it cosigns once more.
      logger.error('cosignatures could not be kept', { reason: (error as Error).message })
    }
  }

  #note(each: Peer, outcome: Submission) {
    const { logger, clock } = this.#options
    const { peer } = each
    this.#judge(peer, outcome)
    if ('line' in outcome) {
      if (each.lastError !== undefined) logger.info('a witness cosigns again', { witness: peer.key.name })
      delete each.lastError
      each.cosignedAt = clock.now().toISOString()
      return outcome.line
    }
    if (each.lastError === undefined)
      logger.warn('a witness does not cosign', { witness: peer.key.name, url: peer.url, reason: outcome.reason })
    each.lastError = outcome.reason
    return undefined
  }

  #judge(peer: WitnessPeer, outcome: Submission | undefined): void {
    if (outcome === undefined || !('contradiction' in outcome)) return
    this.#options.onContradiction(outcome.contradiction, `${peer.key.name}: ${outcome.reason}`)
  }
}
