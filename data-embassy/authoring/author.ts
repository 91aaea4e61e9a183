// Who writes a register's log: takes changes as they were captured, seals them, and signs the log over them. At home in peace; abroad after a take-over.
//
//   batch in the spool, fsynced       a crash leaves it without a place in the tree: the next start puts it there
//   leaves in the tree, fsynced;      a crash leaves a tree that was signed and a batch without a checkpoint: the same tree is signed again
//   the signer remembers and signs
//   checkpoint in the spool           from here on the batch travels, the same bytes at every try
//
// One batch at a time, so that every checkpoint is of the end of a batch.
import {
  type Batch,
  formatEntries,
  formatErasure,
  formatLeaf,
  joinBatch,
  MAXIMUM_BATCH_ENTRIES,
  newBatchKey,
  parseEntries,
  parseErasure,
  type Recipients,
  type Row,
  seal,
} from '#continuity'
import { turnstile } from '#host'
import type { SignerClient } from '#signer'
import { checkpointBytes, SignedLog } from '#transparent-log'
import { digest, equalBytes } from '#trust'
import { EmbassyError } from '../error.ts'
import type { Captured } from '../register/source.ts'
import { keysOf, rowKey } from './entry-keys.ts'
import { Spool, type Spooled } from './spool.ts'

export interface AuthorOptions {
  /** Of this log alone. */
  readonly directory: string
  readonly instance: string
  /** `<instance>/<register>/<epoch>`. */
  readonly origin: string
  readonly signer: SignerClient
  /** Who can open what is written from now on. */
  readonly recipients: Recipients
}

const BATCH_KEY_MS = 1_000

export class Author {
  readonly log: SignedLog
  readonly spool: Spool
  readonly #options: AuthorOptions
  readonly #turn = turnstile()
  #key: { readonly key: Uint8Array; readonly wrapped: Uint8Array; readonly until: number; left: number } | undefined

  private constructor(options: AuthorOptions, log: SignedLog, spool: Spool) {
    this.#options = options
    this.log = log
    this.spool = spool
  }

  /** @throws {EmbassyError} `spool_failed`; {TransparentLogError} and {SignerError} as `SignedLog.open` */
  static async open(options: AuthorOptions): Promise<Author> {
    const { directory, origin, signer } = options
    const log = await SignedLog.open({ directory, origin, signer })
    let spool: Spool | undefined
    try {
      spool = new Spool(`${directory}/spool.db`)
      const author = new Author(options, log, spool)
      await author.#recover()
      return author
    } catch (error) {
      spool?.close()
      await log.close()
      throw error
    }
  }

  /** Where the register was read up to: to be captured from there on. */
  get position(): string | undefined {
    const position = this.spool.tail()?.position
    return position === '' ? undefined : position
  }

  /** Leaves that are signed. */
  get size(): number {
    return this.log.newest?.size ?? 0
  }

  /**
   * Leaf 0 of an epoch that a decree began: the decree itself. Nothing happens where it is there already.
   *
   * @throws {EmbassyError} `wrong_decree` where the log began otherwise
   */
  begin(decree: Uint8Array): Promise<void> {
    return this.#turn(async () => {
      const leaf = formatLeaf({ kind: 'decree', document: digest('SHA-256', decree) })
      if (this.log.tree.size > 0) {
        const [first] = await this.log.tree.entries(0, 1)
        if (first !== undefined && equalBytes(first, leaf)) return
        throw new EmbassyError('wrong_decree', `${this.#options.origin} was begun by another decree, or by none`)
      }
      const spooled = { first: 0, count: 1, complete: true, position: '', transaction: 0, wrapped: new Uint8Array() }
      await this.#add({ ...spooled, entries: formatEntries([{ leaf, content: decree }]) }, [leaf])
    })
  }

  /** Seals a batch, of at most 256 changes, and signs the log over it; its entries can be sent when it resolves. */
  write(captured: readonly Captured[]): Promise<void> {
    return this.#turn(() => this.#write(captured))
  }

  async #write(captured: readonly Captured[]): Promise<void> {
    const { instance, origin, recipients } = this.#options
    const last = captured.at(-1)
    if (last === undefined) return
    if (captured.length > MAXIMUM_BATCH_ENTRIES)
      throw new RangeError(`${captured.length} changes are more than a batch`)
    const { key, wrapped } = await this.#batchKey(captured.length)
    const first = this.log.tree.size
    const tail = this.spool.tail()
    let transaction = tail === undefined ? 0 : tail.transaction + (tail.complete ? 1 : 0)
    const keys: [Uint8Array, number][] = []
    const entries = captured.map(({ change, complete }, offset) => {
      const index = first + offset
      const { leaf, slot, blob } = seal(change, { instance, origin, index, transaction, keyId: recipients.id }, key)
      for (const key of keysOf(change)) keys.push([key, index])
      if (complete && offset < captured.length - 1) transaction += 1
      return { leaf: formatLeaf(leaf), slot, content: blob }
    })
    await this.#add(
      {
        ...{ first, count: entries.length, complete: last.complete, position: last.change.position, transaction },
        ...{ wrapped, entries: formatEntries(entries) },
      },
      entries.map(({ leaf }) => leaf),
      keys,
    )
  }

  /**
   * Has a row erased wherever it was sent: its slots go from the spool here, and abroad when the order arrives. Gives the entries that the order names.
   *
   * @param basis What allows it, in words of the law.
   */
  erase(relation: string, key: Row, basis: string): Promise<readonly number[]> {
    return this.#turn(async () => {
      const { origin } = this.#options
      const entries = this.spool.entriesOf(rowKey(relation, key))
      if (entries.length === 0) return entries
      const order = formatErasure({ origin, entries, basis })
      const leaf = formatLeaf({ kind: 'erasure', document: digest('SHA-256', order) })
      const { position = '', transaction = 0, complete = true } = this.spool.tail() ?? {}
      const spooled = {
        first: this.log.tree.size,
        count: 1,
        complete,
        position,
        transaction,
        wrapped: new Uint8Array(),
      }
      await this.#add({ ...spooled, entries: formatEntries([{ leaf, content: order }]) }, [leaf])
      this.#destroy(entries)
      return entries
    })
  }

  /** The batch that holds an entry, as it travels; undefined where it was forgotten (all embassies have it) or is not signed yet. */
  batch(index: number): { readonly bytes: Uint8Array; readonly end: number; readonly complete: boolean } | undefined {
    const { origin } = this.#options
    const found = this.spool.at(index)
    if (found?.checkpoint === undefined || found.checkpoint === null) return undefined
    const { first, count, complete, wrapped, entries, checkpoint } = found
    const facts: Omit<Batch, 'entries'> = { origin, first, complete, wrapped, checkpoint }
    return { bytes: joinBatch({ ...facts, count }, entries), end: first + count, complete }
  }

  async close(): Promise<void> {
    await this.#turn(async () => this.#key?.key.fill(0))
    this.spool.close()
    await this.log.close()
  }

  async #add(batch: Spooled, leaves: readonly Uint8Array[], keys: readonly [Uint8Array, number][] = []): Promise<void> {
    this.spool.put(batch, keys)
    await this.log.tree.append(leaves)
    this.spool.sign(batch.first, checkpointBytes(await this.log.publish()))
  }

  /** One for at most a second and 256 entries: wrapping one costs as much as sealing a thousand. */
  async #batchKey(entries: number): Promise<{ readonly key: Uint8Array; readonly wrapped: Uint8Array }> {
    if (this.#key === undefined || this.#key.left < entries || performance.now() > this.#key.until) {
      this.#key?.key.fill(0)
      const key = newBatchKey()
      const until = performance.now() + BATCH_KEY_MS
      this.#key = { key, wrapped: await this.#options.recipients.wrap(key), until, left: MAXIMUM_BATCH_ENTRIES }
    }
    this.#key.left -= entries
    return this.#key
  }

  /** What a crash left behind: batches without a place, without a checkpoint; orders that were not carried out here. */
  async #recover(): Promise<void> {
    const { tree } = this.log
    const end = this.spool.tail()?.end ?? 0
    if (tree.size > end)
      throw new EmbassyError(
        'spool_failed',
        `The log of ${this.log.origin} has ${tree.size} leaves; its spool knows ${end}`,
      )
    for (let at = this.spool.begin() ?? end; at < end; ) {
      const batch = this.spool.at(at)
      if (batch === undefined) throw new EmbassyError('spool_failed', `Entry ${at} is not in the spool any more`)
      const entries = parseEntries(batch.entries, batch.count)
      if (tree.size === batch.first) await tree.append(entries.map(({ leaf }) => leaf))
      if (batch.checkpoint === null) this.spool.sign(batch.first, checkpointBytes(await this.log.publish()))
      for (const { parsed, content } of entries)
        if (parsed.kind === 'erasure') this.#destroy(parseErasure(content).entries)
      at = batch.first + batch.count
    }
    if (end > 0) await this.log.publish()
  }

  /** Slots that are still in the spool. Done again after a crash: the order is durable before. */
  #destroy(erased: readonly number[]): void {
    const names = new Set(erased)
    for (const index of erased) {
      const batch = this.spool.at(index)
      if (batch === undefined) continue
      const entries = parseEntries(batch.entries, batch.count)
      if (!entries.some(({ slot }, offset) => slot !== undefined && names.has(batch.first + offset))) continue
      const without = entries.map(({ leaf, slot, content }, offset) =>
        slot === undefined || names.has(batch.first + offset) ? { leaf, content } : { leaf, slot, content },
      )
      this.spool.rewrite(batch.first, formatEntries(without))
    }
  }
}
