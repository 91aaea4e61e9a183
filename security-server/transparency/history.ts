// Follows the message log with the transparent log: a round every few hundred milliseconds brings in what was logged, has it signed and
// hands it to the witnesses. What passes by itself (a locked signer, a full disk) is tried again; what does not is a fault, and stays one until
// somebody has looked at it and started the server again.
import { logOrigin } from '#evidence'
import { formatVerifierKey } from '#transparency'
import { type SignedCheckpoint, TransparentLogError } from '#transparent-log'
import { type CheckProgress, type CheckReport, checkLog } from './check.ts'
import { HistoryError } from './error.ts'
import type { Transparency, TransparencyOptions, TransparencyStatus, TreeView } from './index.ts'
import { type KeptCheckpoint, KeptCheckpoints } from './kept-checkpoints.ts'
import { epochFolder, type Opened, openAll } from './opened.ts'
import { compareRecords, compareRemoved } from './opening.ts'
import { OtherEntries } from './other-entries.ts'
import { Patrol } from './patrol.ts'
import { entryProof, recordProof } from './proofs.ts'
import { integrate, type RecordSource } from './records.ts'
import { quorumOf } from './settings.ts'
import { Standing } from './standing.ts'
import { Timestamping } from './timestamping.ts'
import { Unsealed } from './unsealed.ts'
import { Watching } from './watching.ts'

/** From the end of one round to the next. A record is a leaf of a signed tree within a second: the index follows the log within 250 ms. */
const ROUND_MS = 400
/** After a round that failed. */
const RETRY_MS = 2_000
/** Brought in before a checkpoint is signed: a log that is far behind is signed on the way. */
const MOST_RECORDS = 65_536
/** Nobody is woken for a record that has waited for less. */
const UNHEALTHY_MS = 60_000

export async function openHistory(options: TransparencyOptions): Promise<Transparency> {
  const directory = epochFolder(options.directory, options.settings.epoch)
  const history = new History(options, await KeptCheckpoints.open(directory))
  await history.begin()
  return history
}

class History implements Transparency {
  readonly #options: TransparencyOptions
  readonly #kept: KeptCheckpoints
  readonly #unsealed: Unsealed
  readonly #timestamping: Timestamping
  readonly #patrol: Patrol
  readonly #watching: Watching
  readonly #others = new OtherEntries()
  readonly #standing: Standing
  readonly #source: RecordSource
  readonly #quorum: number
  #opened: Opened | undefined
  /** Since when the log could not be opened, on a clock that nobody sets. */
  #closedSince = performance.now()
  #compared = false
  #checking = false
  /** The archive and the witnesses. */
  #othersAsked = false
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: TransparencyOptions, kept: KeptCheckpoints) {
    const { configuration, settings, clock, log, messageLog } = options
    this.#options = options
    this.#kept = kept
    this.#quorum = quorumOf(settings)
    this.#standing = new Standing(log, ({ message }) => this.#others.refuse(new HistoryError('unavailable', message)))
    this.#unsealed = new Unsealed(messageLog, clock)
    const intervalSeconds = settings.timestampIntervalSeconds
    this.#timestamping = new Timestamping({ kept, configuration, intervalSeconds, clock, log })
    this.#source = { messageLog, lost: new Set(settings.lostRecords) }
    this.#watching = new Watching(options, epochFolder(options.directory, 1))
    this.#patrol = new Patrol({
      source: this.#source,
      leaves: () => this.#opened?.leaves,
      signedRecords: () => this.#recordsIn(this.#opened?.log.newest),
      onFailure: (error) => this.#standing.failed(error),
    })
  }

  /** The first comparison is over when it resolves, unless the signer cannot be asked yet. */
  async begin(): Promise<void> {
    await this.#standing.attempt(() => this.#openAndCompare())
    this.#patrol.start()
    this.#later(0)
  }

  refusal(): string | undefined {
    if (this.#standing.fault !== undefined) return this.#standing.fault.message
    const { stopAfterSeconds } = this.#options.settings
    if (this.#waitMs() <= stopAfterSeconds * 1000) return undefined
    const what = this.#quorum > 0 ? 'witnessed' : 'signed'
    return `the transparent log has had no ${what} checkpoint for more than ${stopAfterSeconds} s: ${this.#standing.hindrance ?? this.#silent()}`
  }

  trouble(): string | undefined {
    const refusal = this.refusal()
    if (refusal !== undefined) return refusal
    const { hindrance } = this.#standing
    return this.#waitMs() > UNHEALTHY_MS ? (hindrance ?? this.#silent()) : hindrance
  }

  status(): TransparencyStatus {
    const { log, witnessing } = this.#opened ?? {}
    const since = this.#unsealed.since
    const last = this.#kept.last
    const witness = this.#watching.status()
    return {
      origin: logOrigin(this.#options.server, this.#options.settings.epoch),
      keys: log?.keys.verifierKeys.map(formatVerifierKey) ?? [],
      leaves: log?.tree.size ?? 0,
      signedLeaves: log?.newest?.size ?? 0,
      ...(log?.witnessed === undefined ? {} : { witnessedLeaves: log.witnessed.size }),
      sealedRecords: this.provableUpTo(),
      ...(since === undefined ? {} : { unsealedSince: since.toISOString() }),
      quorum: this.#quorum,
      witnesses: witnessing?.status() ?? [],
      ...(last === undefined ? {} : { timestamped: { leaves: last.size, at: last.at.toISOString() } }),
      ...(this.#standing.hindrance === undefined ? {} : { lastError: this.#standing.hindrance }),
      ...(this.#standing.fault === undefined ? {} : { fault: told(this.#standing.fault) }),
      ...(witness === undefined ? {} : { witness }),
    }
  }

  provableUpTo(): number {
    const { log } = this.#opened ?? {}
    return this.#recordsIn(this.#quorum > 0 ? log?.witnessed : log?.newest)
  }

  proofOf(seq: number): Promise<Uint8Array> {
    return this.#standing.watch(async () => recordProof(this.#require(), this.#source, seq))
  }

  append(entry: Uint8Array): Promise<number> {
    if (this.#standing.fault !== undefined)
      return Promise.reject(new HistoryError('unavailable', this.#standing.fault.message))
    return this.#others.add(entry)
  }

  proofOfEntry(index: number, extra?: Uint8Array): Promise<Uint8Array> {
    return this.#standing.watch(async () => entryProof(this.#require().log, index, extra))
  }

  checkpoint(): SignedCheckpoint | undefined {
    return this.#opened?.log.witnessed ?? this.#opened?.log.newest
  }

  view(): TreeView | undefined {
    const checkpoint = this.checkpoint()
    const leaves = this.#opened?.leaves
    if (checkpoint === undefined || leaves === undefined) return undefined
    return {
      checkpoint,
      records: leaves.lastIn(checkpoint.size),
      indexOf: (seq) => leaves.indexOf(seq),
      hashes: (nodes) => leaves.tree.hashes(nodes),
    }
  }

  timestamped(size?: number): Promise<KeptCheckpoint | undefined> {
    return this.#kept.read(size)
  }

  async consistency(oldSize: number): Promise<{ hashes: readonly Uint8Array[]; checkpoint: SignedCheckpoint }> {
    const { log } = this.#require()
    const checkpoint = [log.witnessed, log.newest].find((one) => one !== undefined && one.size >= oldSize)
    if (checkpoint === undefined)
      throw new HistoryError('not_signed_yet', `no checkpoint of ${oldSize} leaves or more was signed`)
    return { hashes: await log.tree.consistencyProof(oldSize, checkpoint.size), checkpoint }
  }

  async *check(checkpoints: readonly Uint8Array[]): AsyncGenerator<CheckProgress | CheckReport> {
    const { settings } = this.#options
    const tree = this.#require()
    const keys = [...tree.log.keys.verifierKeys, ...settings.formerKeys]
    // One takes half of the main thread already.
    if (this.#checking) throw new HistoryError('unavailable', 'a check runs already')
    this.#checking = true
    try {
      yield* this.#checked(checkLog({ tree, keys, source: this.#source, kept: this.#kept }, checkpoints))
    } finally {
      this.#checking = false
    }
  }

  async *#checked(check: AsyncIterable<CheckProgress | CheckReport>): AsyncGenerator<CheckProgress | CheckReport> {
    for await (const said of check) {
      if ('ok' in said && said.fault !== undefined)
        this.#standing.raise(new HistoryError(said.fault.code, said.fault.message, seqOf(said)))
      yield said
    }
  }

  sites() {
    return this.#watching.sites(() => this.#opened?.log)
  }

  async close(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    // Whoever waits for a witness does not any more.
    const stopped = this.#opened?.witnessing?.stop()
    await this.#patrol.stop()
    await this.#running
    await stopped
    this.#timestamping.stop()
    this.#others.refuse(new HistoryError('unavailable', 'the log is being closed'))
    await this.#watching.close()
    await this.#shut()
  }

  #later(pause: number): void {
    if (this.#stopped || this.#standing.fault !== undefined) return
    this.#timer = setTimeout(() => {
      this.#running = this.#round()
    }, pause)
  }

  async #round(): Promise<void> {
    const error = await this.#standing.attempt(() => this.#step())
    // Also when nothing could be signed: that is when it counts.
    await this.#standing.attempt(() => this.#measure(error))
    // What cannot be trusted any more is read from the disk again.
    if (error instanceof TransparentLogError && error.code === 'tree_broken') await this.#shut()
    this.#later(error === undefined ? ROUND_MS : RETRY_MS)
  }

  async #step(): Promise<void> {
    const { log, leaves, commitments, witnessing } = await this.#openAndCompare()
    // Before anything new is signed: a machine that was put back from a copy would sign its second history.
    if (!this.#othersAsked) {
      await compareRemoved(this.#options.messageLog, this.#options.archivedUpTo)
      await witnessing?.compare()
    }
    this.#othersAsked = true
    if (this.#standing.fault !== undefined) return
    for (let more = true; more && !this.#stopped; ) {
      const news = this.#options.messageLog.status().records > leaves.last
      more = news && (await integrate(leaves, commitments, MOST_RECORDS)) === MOST_RECORDS
      await this.#others.bringInto(log.tree)
      const before = log.newest
      if ((await log.publish()) !== before && log.tree.size > 0) witnessing?.news()
      this.#others.signed(log.tree.size)
    }
    const sealed = this.checkpoint()
    if (sealed !== undefined) this.#timestamping.offer(sealed)
    await this.#watching.open()
  }

  /** @param failure Of the round, which stays the reason that is told. */
  async #measure(failure: unknown): Promise<void> {
    if (this.#opened !== undefined)
      await this.#unsealed.measure(this.provableUpTo(), this.#options.messageLog.status().records)
    if (failure !== undefined) throw failure
  }

  async #openAndCompare(): Promise<Opened> {
    const opened = this.#opened ?? (await this.#open())
    if (!this.#compared) await compareRecords(opened.leaves, { ...opened, ...this.#source })
    this.#compared = true
    return opened
  }

  async #open(): Promise<Opened> {
    const opened = await openAll(this.#options, this.#source, this.#kept, (reason) =>
      this.#standing.raise(new HistoryError('witness_contradicts', reason)),
    )
    const { log, witnessing } = opened
    this.#others.reopened(log.tree)
    this.#opened = opened
    if (log.newest?.note.text !== log.witnessed?.note.text) witnessing?.news()
    return opened
  }

  async #shut(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    this.#closedSince = performance.now()
    await opened?.close()
  }

  #waitMs(): number {
    return this.#opened === undefined ? performance.now() - this.#closedSince : this.#unsealed.waitMs
  }

  #silent(): string {
    const silent = this.#opened?.witnessing?.status().filter(({ lastError }) => lastError !== undefined) ?? []
    return silent.map(({ name, lastError }) => `${name}: ${lastError}`).join('; ') || 'no reason is known'
  }

  #recordsIn(checkpoint: SignedCheckpoint | undefined): number {
    return checkpoint === undefined ? 0 : (this.#opened?.leaves.lastIn(checkpoint.size) ?? 0)
  }

  #require(): Opened {
    if (this.#opened !== undefined) return this.#opened
    throw new HistoryError(
      'unavailable',
      `the transparent log is not open: ${this.#standing.fault?.message ?? this.#standing.hindrance ?? 'not yet'}`,
    )
  }
}

function told({ code, message, seq }: HistoryError): TransparencyStatus['fault'] & object {
  return { code, message, ...(seq === undefined ? {} : { record: seq }) }
}

function seqOf({ fault }: CheckReport): { seq?: number } {
  const [seq] = fault?.records ?? []
  return seq === undefined ? {} : { seq }
}
