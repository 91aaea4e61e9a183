// A log of our own: a tree that grows, and checkpoints of it that the signer signs.
//
//   entries and hashes written, fsynced    a crash leaves leaves that nobody signed: cut at the next start, they come again
//   the signer remembers the tree          a crash leaves a tree that was signed and a checkpoint that was not published:
//   it signs                               the next start has the same tree signed again and publishes it
//   checkpoint written, fsynced            from here on it is what the log says of itself
//
// What the signer remembers is the truth: a tree that does not contain it is an older copy or another history, and nothing is signed.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError, type Lock, sweepTemporary, takeLock } from '#host'
import type { SignerClient } from '#signer'
import {
  formatCheckpoint,
  type Hash,
  leafHash,
  type NoteSignature,
  type VerifierKey,
  verifyInclusion,
} from '#transparency'
import { decodeBase64, equalBytes } from '#trust'
import { TransparentLogError } from './error.ts'
import type { FileOpener } from './growing-file.ts'
import { NoteKeys } from './note-keys.ts'
import {
  cosigned,
  readCheckpoint,
  type SignedCheckpoint,
  signedCheckpoint,
  writeCheckpoint,
} from './signed-checkpoint.ts'
import { TileLog } from './tile-log.ts'

export interface SignedLogOptions {
  /** Of this log alone. Trusted: who can write here can stop the log, not forge it. */
  readonly directory: string
  readonly origin: string
  readonly signer: SignerClient
  /** Keys that signed this log and that the signer does not have any more. */
  readonly formerKeys?: readonly VerifierKey[]
}

/** That an entry is in the log. */
export interface EntryProof {
  readonly index: number
  readonly entry: Uint8Array
  readonly hashes: readonly Hash[]
  readonly checkpoint: SignedCheckpoint
}

/** A tree that must be part of this one. */
interface Head {
  readonly size: number
  readonly root: Uint8Array
}

export class SignedLog {
  readonly origin: string
  readonly tree: TileLog
  readonly keys: NoteKeys
  readonly #directory: string
  readonly #lock: Lock
  /** What was signed and not yet compared with the tree, which was shorter. */
  #owed: readonly Head[]
  #newest: SignedCheckpoint | undefined
  #witnessed: SignedCheckpoint | undefined
  /** What is on the disk as `checkpoint`. */
  #published: SignedCheckpoint | undefined

  private constructor(parts: {
    readonly options: SignedLogOptions
    readonly lock: Lock
    readonly keys: NoteKeys
    readonly tree: TileLog
    readonly heads: readonly Head[]
    readonly newest: SignedCheckpoint | undefined
    readonly witnessed: SignedCheckpoint | undefined
  }) {
    this.origin = parts.options.origin
    this.tree = parts.tree
    this.keys = parts.keys
    this.#directory = parts.options.directory
    this.#lock = parts.lock
    this.#owed = parts.heads
    this.#newest = parts.newest
    this.#published = parts.newest
    this.#witnessed = parts.witnessed
  }

  /**
   * Opens a log, or begins one, with a key of its own if the signer has none. The tree holds what was signed, or less: then entries have to come
   * again (`missing`) before anything is signed. Whether it is the tree that was signed, `verify` says.
   *
   * @throws {TransparentLogError} `store_in_use`, `tree_damaged`, `key_replaced`; {SignerError} as `NoteKeys.open`
   */
  static async open(options: SignedLogOptions, opener?: FileOpener): Promise<SignedLog> {
    const { directory, origin, signer, formerKeys = [] } = options
    const keys = await NoteKeys.open(signer, 'log', origin)
    const treeDirectory = join(directory, 'tree')
    const lock = await prepare(treeDirectory, directory)
    let tree: TileLog | undefined
    try {
      const known = [...keys.verifierKeys, ...formerKeys.filter(({ name }) => name === origin)]
      const newest = await readCheckpoint(join(directory, 'checkpoint'), origin, known)
      const witnessed = await readCheckpoint(join(directory, 'witnessed'), origin, known)
      const heads = [
        ...keys.heads(origin).map(({ size, root }) => ({ size, root: decodeBase64(root) ?? new Uint8Array() })),
        ...[newest, witnessed].filter((one) => one !== undefined),
      ]
      tree = await TileLog.open(treeDirectory, Math.max(0, ...heads.map(({ size }) => size)), opener)
      return new SignedLog({ options, lock, keys, tree, heads, newest, witnessed })
    } catch (error) {
      await tree?.close()
      lock.release()
      throw error
    }
  }

  /** Leaves of trees that were signed and that the tree does not have: as many entries have to come again first. */
  get missing(): number {
    return Math.max(0, ...this.#owed.map(({ size }) => size - this.tree.size))
  }

  /** The newest that was signed. */
  get newest(): SignedCheckpoint | undefined {
    return this.#newest
  }

  /** The newest that enough witnesses cosigned. */
  get witnessed(): SignedCheckpoint | undefined {
    return this.#witnessed
  }

  /**
   * Has the tree as it is now signed and publishes it, unless that is done. Durable when it resolves. One call at a time, and none beside an `append`.
   *
   * @throws {TransparentLogError} `tree_rolled_back` where entries are missing, `tree_forked` where another tree was signed before,
   *   `tree_broken`, `store_failed`; {SignerError}
   */
  async publish(): Promise<SignedCheckpoint> {
    const { tree, origin } = this
    await this.verify()
    if (this.missing > 0)
      throw new TransparentLogError(
        'tree_rolled_back',
        `the tree of ${origin} has ${tree.size} leaves; one of ${tree.size + this.missing} was signed already`,
      )
    await tree.sync()
    if (this.#newest?.size !== tree.size || this.keys.signedSize(origin) !== tree.size) {
      const text = formatCheckpoint({ origin, size: tree.size, root: tree.root() })
      const signatures = await this.keys.sign(text, (oldSize, size) => tree.consistencyProof(oldSize, size))
      const signed = signedCheckpoint({ text, signatures })
      this.#newest = this.#newest?.note.text === text ? cosigned(this.#newest, signatures) : signed
    }
    await this.#write()
    return this.#newest
  }

  /**
   * Takes cosignatures, which the caller verified, of a checkpoint that was the newest.
   *
   * @param enough Whether all that the checkpoint has now are the quorum's.
   * @throws {TransparentLogError} `store_failed`
   */
  async cosigned(checkpoint: SignedCheckpoint, lines: readonly NoteSignature[], enough: boolean): Promise<void> {
    const signed = cosigned(checkpoint, lines)
    if (this.#newest?.note.text === signed.note.text) {
      this.#newest = cosigned(this.#newest, lines)
      await this.#write()
    }
    if (!enough || signed.size < (this.#witnessed?.size ?? 0)) return
    await writeCheckpoint(join(this.#directory, 'witnessed'), signed)
    this.#witnessed = signed
  }

  /**
   * The proof of an entry under the newest witnessed checkpoint that has it, else under the newest that was signed; undefined where
   * none has it yet. What is handed out was verified.
   *
   * @throws {TransparentLogError} `tree_damaged`
   */
  async prove(index: number): Promise<EntryProof | undefined> {
    const checkpoint = [this.#witnessed, this.#newest].find((one) => one !== undefined && index < one.size)
    if (checkpoint === undefined) return undefined
    const { size, root } = checkpoint
    const [[entry], hashes] = await Promise.all([this.tree.entries(index, 1), this.tree.inclusionProof(index, size)])
    if (entry === undefined || !verifyInclusion({ index, leaf: leafHash(entry), size, root, proof: hashes }))
      throw new TransparentLogError('tree_damaged', `entry ${index} of ${this.origin} does not lead to what was signed`)
    return { index, entry, hashes, checkpoint }
  }

  async close(): Promise<void> {
    await this.tree.close()
    this.#lock.release()
  }

  /**
   * Compares the tree with all that was signed and that it is long enough for, once. @throws {TransparentLogError} `tree_forked`
   */
  async verify(): Promise<void> {
    const owed: Head[] = []
    for (const head of this.#owed) {
      if (head.size > this.tree.size) owed.push(head)
      else if (!equalBytes(await this.tree.rootAt(head.size), head.root))
        throw new TransparentLogError(
          'tree_forked',
          `the tree of ${this.origin} is not the one that was signed with ${head.size} leaves`,
        )
    }
    this.#owed = owed
  }

  async #write(): Promise<void> {
    const newest = this.#newest
    if (newest === undefined || newest === this.#published) return
    await writeCheckpoint(join(this.#directory, 'checkpoint'), newest)
    this.#published = newest
  }
}

async function prepare(treeDirectory: string, directory: string): Promise<Lock> {
  await mkdir(treeDirectory, { recursive: true, mode: 0o700 })
  let lock: Lock
  try {
    lock = takeLock(join(directory, 'lock'), `a process with the log in ${directory}`)
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    throw new TransparentLogError('store_in_use', error.message, { cause: error })
  }
  await sweepTemporary(directory)
  return lock
}
