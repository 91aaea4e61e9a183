// One connection that receives the stream of a slot: transactions in the order of their commits, each change with its place. What must be told before a transaction
// counts as whole, where sequences stand, is asked for when nothing more has come yet: so under load many transactions end together.
import type { Client } from 'pg'
import type { PostgresConnection } from '#host'
import { EmbassyError } from '../../error.ts'
import type { Captured } from '../source.ts'
import { CopyChannel } from './copy-channel.ts'
import { type Decoder, toldSequence } from './decoder.ts'
import { type Message, readFrame, readMessage, standbyStatus } from './pgoutput.ts'
import { type Position, writeLsn, writePosition } from './position.ts'
import type { Sequences } from './sequences.ts'
import type { Told } from './told.ts'
import type { Commits } from './unacknowledged.ts'

/** So many changes end together at most. */
const GROUP = 256
/** How often a quiet stream is looked at. */
const QUIET_MS = 1_000
/** A sequence may move without a word in the log. */
const SEQUENCES_MS = 10_000
/** A server that says nothing for so many of our questions is gone. */
const SILENT_QUESTIONS = 4

export interface StreamOptions {
  readonly client: Client
  readonly control: PostgresConnection
  readonly slot: string
  /** Where the server begins; changes up to `from` are read and not told. */
  readonly start: bigint
  /** What the slot need not keep any more. */
  readonly confirmed: bigint
  readonly from: Position
  readonly decoder: Decoder
  readonly sequences: Sequences
  /** Transactions are noted here, where their commits wait for us. */
  readonly commits: Commits | undefined
  /** How often the server hears from us. */
  readonly statusMs: number
  readonly signal: AbortSignal
}

interface Transaction {
  readonly commit: bigint
  readonly at: Date
  readonly xid: number
  changes: number
  told: number
}

interface Held {
  readonly told: Told
  readonly position: string
  readonly at: Date
}

export class Stream {
  readonly #options: StreamOptions
  readonly #channel: CopyChannel
  /** What is told is all before here: where the register was whole last. */
  #whole: Position
  /** Everything that was committed before here was told, or is nothing to tell. */
  #reached: bigint
  #safe: bigint
  #said = 0n
  #heard = performance.now()
  #asked = 0
  /** The last change, not told yet: it may be the one at which the register is whole. */
  #held: Held | undefined
  /** Behind the commit of the last transaction that came whole; undefined within one that has told something since. */
  #ended: bigint | undefined
  #inGroup = 0
  #resumed: boolean
  #transaction: Transaction | undefined
  #sequencesAt = 0n
  #sequencesAsked = 0
  #watchers: { readonly lsn: bigint; readonly resolve: (reached: boolean) => void }[] = []
  #over = false

  constructor(options: StreamOptions) {
    const { client, slot, start, confirmed, from } = options
    this.#options = options
    this.#whole = from
    this.#reached = start
    this.#resumed = from.changes === 0
    this.#safe = confirmed
    this.#channel = client.query(
      new CopyChannel(
        `START_REPLICATION SLOT "${slot}" LOGICAL ${writeLsn(start)} (proto_version '1', publication_names '"saadik"', messages 'true')`,
      ),
    )
  }

  /** Where the register was whole last, as it was told. */
  get whole(): Position {
    return this.#whole
  }

  /** What lies before is safe elsewhere: the server is told at once. */
  confirm(lsn: bigint): void {
    if (lsn > this.#safe) this.#safe = lsn
    this.#say(false)
  }

  /** Resolves with true when everything that was committed before a place was told, or is nothing to tell; with false when the stream ends before. */
  reach(lsn: bigint): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#watchers.push({ lsn, resolve })
    this.#say(true)
    this.#watch()
    return promise
  }

  /** Ends when aborted; rejects with what the server or the connection says. */
  async *changes(): AsyncGenerator<Captured> {
    const { signal, statusMs } = this.#options
    const wake = () => this.#channel.wake()
    signal.addEventListener('abort', wake)
    const timer = setInterval(() => this.#ask(), statusMs)
    try {
      this.#say(true)
      while (!signal.aborted) {
        if (!this.#channel.ready) {
          yield* this.#rest()
          await this.#channel.wait(QUIET_MS)
          continue
        }
        const piece = this.#channel.take()
        if (piece === undefined) throw new Error('the server ended the stream')
        this.#heard = performance.now()
        this.#asked = 0
        const frame = readFrame(piece)
        if (frame.kind === 'data') {
          yield* this.#message(readMessage(frame.payload), frame.lsn)
          if (this.#inGroup >= GROUP && this.#ended !== undefined) yield* this.#end(this.#ended)
        } else {
          if (this.#transaction === undefined && frame.end > this.#reached && this.#held === undefined)
            this.#reach(frame.end)
          if (frame.reply) this.#say(false)
        }
      }
    } finally {
      clearInterval(timer)
      signal.removeEventListener('abort', wake)
      this.#over = true
      this.#watch()
    }
  }

  *#message(message: Message, lsn: bigint): Generator<Captured> {
    // Of any program's, also outside transactions.
    if (message.kind === 'other') return
    if (message.kind === 'begin') {
      if (this.#transaction !== undefined) throw new EmbassyError('source_lost', 'A transaction began within another')
      this.#resume(message.commit)
      this.#transaction = { commit: message.commit, at: message.at, xid: message.xid, changes: 0, told: 0 }
      return
    }
    const transaction = this.#transaction
    if (transaction === undefined) throw new EmbassyError('source_lost', 'A change came outside a transaction')
    if (message.kind === 'commit') {
      if (message.commit !== transaction.commit)
        throw new EmbassyError('source_lost', 'Another transaction ended than began')
      this.#commit(transaction, message.end)
      return
    }
    for (const told of this.#options.decoder.changes(message, lsn)) {
      transaction.changes += 1
      if (this.#before(transaction)) continue
      transaction.told += 1
      this.#ended = undefined
      yield* this.#tell({
        told,
        position: writePosition({ lsn: transaction.commit, changes: transaction.changes, picture: false }),
        at: transaction.at,
      })
    }
  }

  /** Who stopped within a transaction goes on within the same. */
  #resume(commit: bigint): void {
    const { from } = this.#options
    if (this.#resumed || commit < from.lsn) return
    if (commit > from.lsn)
      throw new EmbassyError('source_lost', `The transaction at ${writeLsn(from.lsn)} is gone from the stream`)
    this.#resumed = true
  }

  /** Whether it was told before this connection. */
  #before({ commit, changes }: Transaction): boolean {
    const { from } = this.#options
    return commit < from.lsn || (commit === from.lsn && changes <= from.changes)
  }

  #commit(transaction: Transaction, end: bigint): void {
    const { decoder, commits, from } = this.#options
    this.#transaction = undefined
    decoder.commit()
    if (transaction.changes > 0) commits?.add({ xid: transaction.xid, end, at: transaction.at })
    if (end <= from.lsn) return
    // All of it was told before, only not that it was all.
    if (transaction.told === 0 && transaction.commit === from.lsn && from.changes > 0)
      this.#held = {
        told: { operation: 'state', relation: 'transaction', key: null, row: {} },
        position: writePosition(from),
        at: transaction.at,
      }
    if (this.#held !== undefined) this.#ended = end
    else this.#reach(end)
  }

  /** Nothing more has come: what was held back is the last of something whole. */
  async *#rest(): AsyncGenerator<Captured> {
    if (this.#held !== undefined && this.#ended !== undefined) {
      yield* this.#end(this.#ended)
      return
    }
    const { sequences } = this.#options
    const quiet = this.#held === undefined && this.#transaction === undefined && this.#whole.changes === 0
    const due =
      sequences.unsure || this.#reached !== this.#sequencesAt || performance.now() - this.#sequencesAsked > SEQUENCES_MS
    // A number is used up by a transaction that was rolled back, too.
    if (!quiet || !due) return
    yield* this.#end(this.#reached)
  }

  /** Tells what is held, and what sequences did; the last of it stands where the register is whole. */
  async *#end(lsn: bigint): AsyncGenerator<Captured> {
    const held = this.#held
    const at = held?.at ?? new Date()
    const moved = await this.#options.sequences.moved(this.#options.control)
    ;[this.#sequencesAt, this.#sequencesAsked] = [lsn, performance.now()]
    const between = held?.position ?? writePosition(this.#whole)
    const last = [...(held === undefined ? [] : [held.told]), ...moved.map(toldSequence)]
    ;[this.#held, this.#ended, this.#inGroup] = [undefined, undefined, 0]
    for (const [index, told] of last.entries()) {
      const complete = index === last.length - 1
      if (complete) this.#whole = { lsn, changes: 0, picture: false }
      yield { change: { ...told, position: complete ? writePosition(this.#whole) : between, at }, complete }
    }
    this.#reach(lsn)
  }

  *#tell(next: Held): Generator<Captured> {
    const held = this.#held
    this.#held = next
    if (held === undefined) return
    this.#inGroup += 1
    yield { change: { ...held.told, position: held.position, at: held.at }, complete: false }
  }

  #reach(lsn: bigint): void {
    if (lsn > this.#reached) this.#reached = lsn
    this.#watch()
    this.#say(false)
  }

  #watch(): void {
    const whole = this.#whole.changes === 0
    for (const { lsn, resolve } of this.#watchers)
      if (this.#over || (whole && lsn <= this.#reached)) resolve(!this.#over)
    this.#watchers = this.#watchers.filter(({ lsn }) => !this.#over && !(whole && lsn <= this.#reached))
  }

  /** Everything that was told is safe: so is what there was nothing to tell of. */
  #flushed(): bigint {
    return this.#safe >= this.#whole.lsn &&
      this.#held === undefined &&
      this.#transaction === undefined &&
      this.#reached > this.#safe
      ? this.#reached
      : this.#safe
  }

  /** @param ask Whether the server is to answer. */
  #say(ask: boolean): void {
    const flushed = this.#flushed()
    if (!ask && flushed === this.#said) return
    this.#said = flushed
    this.#channel.send(standbyStatus(flushed, new Date(), ask))
  }

  /** Keeps the connection, and finds out when there is none any more. */
  #ask(): void {
    const { client, statusMs } = this.#options
    const silent = performance.now() - this.#heard > statusMs * SILENT_QUESTIONS
    // While nothing is read nothing is heard.
    if (silent && !this.#channel.ready && this.#asked >= SILENT_QUESTIONS) void client.end().catch(() => undefined)
    this.#asked += 1
    this.#say(true)
  }
}
