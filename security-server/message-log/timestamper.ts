// When records are time-stamped, and when the log must refuse because they are not (wire-message §7.1, §7.4).
import type { GlobalConfiguration } from '#global-configuration'
import { type Clock, type Log, turnstile } from '#host'
import { LogError } from './error.ts'
import type { LogStore } from './log-store.ts'
import type { Round, Selection } from './round.ts'
import type { TimestampLink } from './store.ts'
import { obtainTimestamp, timestampingAuthorities } from './tsa.ts'

/** Records in one round; a full round is followed by another at once. */
const ROUND_RECORDS = 10_000
/** Records of a round that are stored in one transaction, so that messages are committed in between. */
const SLICE_RECORDS = 500
/** What X-Road does with the interval of the configuration. */
const SHORTEST_SECONDS = 60
const LONGEST_SECONDS = 86_400
const RETRY_SECONDS = 60
const FIRST_ROUND_MS = 1_000
const DEFAULT_ACCEPTABLE_FAILURE_SECONDS = 14_400

export interface TimestamperOptions {
  readonly store: Pick<LogStore, 'facts' | 'timestamps' | 'setState'>
  readonly configuration: () => GlobalConfiguration | undefined
  readonly intervalSeconds: number | undefined
  readonly acceptableFailureSeconds: number | undefined
  readonly clock: Clock
  readonly log: Log
}

interface Wish {
  readonly seqs: readonly number[]
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

export class Timestamper {
  readonly #options: TimestamperOptions
  readonly #acceptableMs: number
  #untimestamped: number
  #lastTimestampAt: number | null
  /** Persistent, so that a restart does not start the count anew. Set by the first failed round, cleared by a token. */
  #failingSince: number | null
  #lastError: string | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  /** A token that is on its way into the index. */
  #storing: Promise<void> | undefined
  /** Rounds run one at a time, or two could take the same records. */
  readonly #alone = turnstile()
  #wishes: Wish[] = []

  constructor(options: TimestamperOptions) {
    this.#options = options
    this.#acceptableMs = (options.acceptableFailureSeconds ?? DEFAULT_ACCEPTABLE_FAILURE_SECONDS) * 1000
    this.#untimestamped = options.store.facts.untimestamped
    this.#lastTimestampAt = options.store.facts.lastTimestampAt
    this.#failingSince = options.store.facts.failingSince
  }

  start(): void {
    this.#schedule(FIRST_ROUND_MS)
  }

  /** No round begins after it; one that waits for an authority is forgotten. Resolves when one that has its token is stored. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#storing?.catch(() => {})
  }

  /** Counts a record that was committed without a time-stamp. */
  recordAdded(): void {
    this.#untimestamped += 1
  }

  /** The store has counted anew how many wait. */
  recount(untimestamped: number): void {
    this.#untimestamped = untimestamped
  }

  status(): { untimestamped: number; lastTimestamp?: string; failingSince?: string; lastError?: string } {
    return {
      // A round may have counted a record before its append has.
      untimestamped: Math.max(0, this.#untimestamped),
      ...(this.#lastTimestampAt === null ? {} : { lastTimestamp: new Date(this.#lastTimestampAt).toISOString() }),
      ...(this.#failingSince === null ? {} : { failingSince: new Date(this.#failingSince).toISOString() }),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  /**
   * Why no record may be taken now: nobody could time-stamp it, or nobody has for too long.
   *
   * @param immediate Each record gets its own time-stamp or fails, so past failures do not count.
   */
  refusal(immediate: boolean): LogError | undefined {
    try {
      timestampingAuthorities(this.#options.configuration())
    } catch (error) {
      return error as LogError
    }
    if (immediate || this.#failingSince === null || this.#acceptableMs === 0) return undefined
    if (this.#options.clock.now().getTime() - this.#failingSince <= this.#acceptableMs) return undefined
    const since = new Date(this.#failingSince).toISOString()
    return new LogError(
      'timestamping_failed',
      `Time-stamping has failed since ${since}, longer than is acceptable: ${this.#lastError ?? 'no time-stamp since the restart'}`,
    )
  }

  /** Time-stamps these now; concurrent wishes share a round. Rejects with LogError. */
  now(seqs: readonly number[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wishes.push({ seqs, resolve, reject })
      if (this.#wishes.length === 1) void this.#alone(() => this.#grant())
    })
  }

  async #grant(): Promise<void> {
    const wishes = this.#wishes
    this.#wishes = []
    try {
      const seqs = wishes.flatMap((wish) => wish.seqs)
      for (let start = 0; start < seqs.length; start += ROUND_RECORDS)
        await this.#round({ seqs: seqs.slice(start, start + ROUND_RECORDS) })
      for (const wish of wishes) wish.resolve()
    } catch (error) {
      for (const wish of wishes) wish.reject(error)
    }
  }

  /** The scheduled job: full rounds until nothing waits; while authorities fail, one record as a probe. */
  async #job(): Promise<void> {
    let probing = this.#failingSince !== null
    try {
      for (let again = true; again && !this.#stopped; ) {
        const limit = probing ? 1 : ROUND_RECORDS
        const done = await this.#alone(() => this.#round({ oldest: limit }))
        // A damaged record brings another with it.
        again = done >= limit
        probing = false
      }
    } catch {
      // Told and counted where it happened (#failed); what waits here is tried again.
    }
    const interval = this.#interval()
    this.#schedule(1000 * (this.#failingSince === null ? interval : Math.min(RETRY_SECONDS, interval)))
  }

  #schedule(delayMs: number): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#job(), delayMs)
  }

  #interval(): number {
    const { intervalSeconds, configuration } = this.#options
    if (intervalSeconds !== undefined) return Math.max(1, intervalSeconds)
    const configured = configuration()?.timestampingIntervalSeconds ?? SHORTEST_SECONDS
    return Math.min(LONGEST_SECONDS, Math.max(SHORTEST_SECONDS, configured))
  }

  /** One round; returns how many records got their time-stamp. */
  async #round(selection: Selection): Promise<number> {
    const { store, configuration } = this.#options
    this.#refuseWhenStopped()
    try {
      const round = await store.timestamps.prepare(selection)
      if (round === null) return 0
      // A crash here leaves the records waiting; the authority has signed a hash that nobody will ask for.
      const { token, at } = await obtainTimestamp(round.imprint, configuration())
      this.#refuseWhenStopped()
      this.#storing = this.#store(round, token, at)
      await this.#storing
      return round.seqs.length
    } catch (error) {
      await this.#failed(error)
      throw error
    }
  }

  /** Token first, records slice by slice: what a crash leaves is told at TimestampStore.save. */
  async #store(round: Round, token: Uint8Array, at: Date): Promise<void> {
    const { timestamps } = this.#options.store
    const links: TimestampLink[] = round.seqs.map((seq, index) => ({ seq, chain: round.chains?.[index] ?? null }))
    const first = links.slice(0, SLICE_RECORDS)
    const timestamp = await timestamps.save({ at: at.getTime(), token, result: round.result }, first)
    this.#untimestamped -= first.length
    for (let start = SLICE_RECORDS; start < links.length; start += SLICE_RECORDS) {
      const slice = links.slice(start, start + SLICE_RECORDS)
      await timestamps.link(timestamp, slice)
      this.#untimestamped -= slice.length
    }
    await this.#succeeded(at)
  }

  async #succeeded(at: Date): Promise<void> {
    this.#lastTimestampAt = at.getTime()
    this.#lastError = undefined
    if (this.#failingSince === null) return
    this.#options.log.info('time-stamping works again', { failingSince: new Date(this.#failingSince).toISOString() })
    this.#failingSince = null
    await this.#options.store.setState('failing_since', null)
  }

  async #failed(error: unknown): Promise<void> {
    // Who asked for the time-stamp of a damaged record is told; no authority has failed.
    if (this.#stopped || (error as LogError).code === 'record_damaged') return
    this.#lastError = (error as Error).message
    this.#options.log.error('a round of time-stamping failed', {
      reason: this.#lastError,
      waiting: this.#untimestamped,
    })
    // A store that cannot be read or written is no authority that fails; the log says so itself, and takes no message.
    if (this.#failingSince !== null || (error as LogError).code === 'store_failed') return
    this.#failingSince = this.#options.clock.now().getTime()
    // A crash before this is durable starts the count with the first failure after the restart: minutes later, not anew
    // at each restart. A store that does not take it refuses messages anyway.
    await this.#options.store.setState('failing_since', this.#failingSince).catch(() => {})
  }

  #refuseWhenStopped(): void {
    if (this.#stopped) throw new LogError('closed', 'The message log is closed')
  }
}
