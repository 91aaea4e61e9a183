// A copy of one register's log, and what its leaves name (embassy.md, "Logs"; C2SP tlog-mirror's meaning of a cosignature). Home authors, the mirror follows:
//
//   contents, slots, keys written, fsynced; leaves in the tree, fsynced
//   slots that an order names wiped, fsynced
//   the signer remembers the tree             a crash leaves what nobody was promised: cut at the next start, home sends it again
//   the mirror's key cosigns                  a crash leaves a tree that was cosigned and no receipt: the same is cosigned again
//   receipt on the disk, then sent
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseErasure, type ReadBatch } from '#continuity'
import { ifThere, turnstile, writeFileDurable } from '#host'
import {
  formatNote,
  type Note,
  type NoteVerifier,
  noteVerifier,
  openNote,
  parseCheckpoint,
  parseNote,
  TransparencyError,
  type VerifierKey,
  withSignatures,
} from '#transparency'
import { type FileOpener, type NoteKeys, TileLog } from '#transparent-log'
import { equalBytes } from '#trust'
import { EmbassyError } from '../error.ts'
import { SealedStore } from './sealed-store.ts'

export interface MirrorOptions {
  /** Of this log alone. */
  readonly directory: string
  readonly origin: string
  /** Of who authors the log. */
  readonly logKeys: readonly VerifierKey[]
  /** The mirror's own, in the signer: what they cosigned is what counts. */
  readonly keys: NoteKeys
  /** For tests: files that fail. */
  readonly opener?: FileOpener
}

export class Mirror {
  readonly origin: string
  readonly #options: MirrorOptions
  readonly #verifiers: readonly NoteVerifier[]
  readonly #turn = turnstile()
  #tree: TileLog
  #store: SealedStore
  /** Home's checkpoint with our cosignature. */
  #receipt: Note | undefined

  private constructor(options: MirrorOptions, tree: TileLog, store: SealedStore, receipt: Note | undefined) {
    this.origin = options.origin
    this.#options = options
    this.#verifiers = options.logKeys.map(noteVerifier)
    this.#tree = tree
    this.#store = store
    this.#receipt = receipt
  }

  /** @throws {EmbassyError} `store_damaged`; {TransparentLogError} `tree_damaged` */
  static async open(options: MirrorOptions): Promise<Mirror> {
    const { directory } = options
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const [tree, store] = await openFiles(options)
    const bytes = await ifThere(readFile(join(directory, 'receipt')))
    return new Mirror(options, tree, store, bytes && parseNote(bytes))
  }

  /** Leaves that were cosigned. */
  get size(): number {
    return this.#tree.size
  }

  get store(): SealedStore {
    return this.#store
  }

  get tree(): TileLog {
    return this.#tree
  }

  /** Home's newest checkpoint that was cosigned here; undefined before the first. */
  get receipt(): Uint8Array | undefined {
    return this.#receipt && formatNote(this.#receipt)
  }

  /**
   * Takes a batch and gives the receipt, once everything that its leaves name is durable. The same batch again gives the newest receipt.
   *
   * @throws {EmbassyError} `gap`, `forked`, `foreign`, `store_failed`
   */
  take(batch: ReadBatch): Promise<Uint8Array> {
    return this.#turn(() => this.#take(batch))
  }

  async close(): Promise<void> {
    await this.#turn(async () => {})
    await this.#tree.close()
    await this.#store.close()
  }

  async #take(batch: ReadBatch): Promise<Uint8Array> {
    const { first, entries } = batch
    const end = first + entries.length
    const note = this.#authored(batch)
    if (first > this.size)
      throw new EmbassyError('gap', `The mirror has ${this.size} entries; the batch begins at ${first}`)
    await this.#compare(batch)
    if (end > this.size) await this.#append(batch, note)
    // Cosigned, and stopped before the receipt was on the disk: home sends the batch again, and the same is cosigned again.
    else if (end === this.size && this.#receiptSize() < end) await this.#cosign(note)
    if (this.#receipt === undefined)
      throw new EmbassyError('gap', `The receipt of ${this.size} entries is made from their batch`)
    return formatNote(this.#receipt)
  }

  /** The checkpoint of a batch, by who authors the log, of exactly its end. Checked before anything is written. */
  #authored({ origin, first, entries, checkpoint }: ReadBatch): Note {
    try {
      const note = parseNote(checkpoint)
      openNote(note, this.#verifiers)
      const claimed = parseCheckpoint(note.text)
      if (origin !== this.origin || claimed.origin !== this.origin || claimed.size !== first + entries.length)
        throw new TransparencyError('malformed_checkpoint', 'its checkpoint is of another log or another size')
      return note
    } catch (cause) {
      if (!(cause instanceof TransparencyError)) throw cause
      throw new EmbassyError('foreign', `The batch is not of ${this.origin}: ${cause.message}`, { cause })
    }
  }

  /** What is held already must be what comes again. */
  async #compare({ first, entries, checkpoint }: ReadBatch): Promise<void> {
    const again = entries.slice(0, Math.max(0, this.size - first))
    const held = await this.#tree.entries(first, again.length)
    const other = again.findIndex(({ leaf }, at) => !equalBytes(leaf, held[at] ?? new Uint8Array()))
    if (other >= 0) throw await this.#fork(first + other, checkpoint)
    if (again.length < entries.length) return
    const { size, root } = parseCheckpoint(parseNote(checkpoint).text)
    if (!equalBytes(await this.#tree.rootAt(size), root)) throw await this.#fork(size, checkpoint)
  }

  async #append(batch: ReadBatch, note: Note): Promise<void> {
    const { root } = parseCheckpoint(note.text)
    const from = this.size
    try {
      await this.#store.append(batch, from)
      await this.#tree.append(batch.entries.slice(from - batch.first).map(({ leaf }) => leaf))
      if (!equalBytes(this.#tree.root(), root)) throw await this.#fork(from, batch.checkpoint)
      await this.#store.sync()
      await this.#tree.sync()
      // Before the receipt: a receipt of an order to erase says that it was carried out.
      for (const { parsed, content } of batch.entries) if (parsed.kind === 'erasure') await this.#erase(content)
      await this.#cosign(note)
    } catch (error) {
      await this.#reopen()
      throw error
    }
  }

  async #cosign(note: Note): Promise<void> {
    const { keys, directory } = this.#options
    const lines = await keys.sign(note.text, (oldSize, size) => this.#tree.consistencyProof(oldSize, size))
    const receipt = withSignatures(note, lines)
    await writeFileDurable(join(directory, 'receipt'), formatNote(receipt), 0o600)
    this.#receipt = receipt
  }

  #receiptSize(): number {
    return this.#receipt === undefined ? 0 : parseCheckpoint(this.#receipt.text).size
  }

  async #erase(order: Uint8Array): Promise<void> {
    const { origin, entries } = parseErasure(order)
    if (origin === this.origin) await this.#store.erase(entries)
  }

  /** Home's own signature on a history that contradicts the one that it signed before: kept for everybody to see. */
  async #fork(index: number, checkpoint: Uint8Array): Promise<EmbassyError> {
    await writeFileDurable(join(this.#options.directory, `fork-${index}`), checkpoint, 0o600)
    return new EmbassyError(
      'forked',
      `Entry ${index} of ${this.origin} is not the one that was sent and receipted before`,
    )
  }

  /** What was written and not cosigned is forgotten, as after a crash. */
  async #reopen(): Promise<void> {
    await this.#tree.close()
    await this.#store.close()
    ;[this.#tree, this.#store] = await openFiles(this.#options)
  }
}

async function openFiles({ directory, origin, keys, opener }: MirrorOptions): Promise<[TileLog, SealedStore]> {
  const counted = keys.heads(origin)[0]?.size ?? 0
  const tree = await TileLog.open(join(directory, 'tree'), counted, opener)
  if (tree.size < counted) {
    await tree.close()
    throw new EmbassyError('store_damaged', `${tree.size} of ${counted} leaves of ${origin} are here`)
  }
  return [tree, await SealedStore.open(join(directory, 'sealed'), counted, opener)]
}
