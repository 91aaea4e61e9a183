// What a start compares before a message is taken: the tree with what the signer remembers, the message log with the tree.
import { setImmediate as turn } from 'node:timers/promises'
import { SignerError } from '#signer'
import { parseCheckpoint, parseNote } from '#transparency'
import { SignedLog, type SignedLogOptions, TransparentLogError } from '#transparent-log'
import { equalBytes } from '#trust'
import type { Commitments, MessageLog } from '../message-log/index.ts'
import { HistoryError } from './error.ts'
import type { KeptCheckpoints } from './kept-checkpoints.ts'
import { RecordLeaves } from './record-leaves.ts'
import { compareRecord, firstDifference, integrate, type RecordSource } from './records.ts'

/** The newest records, each read anew and compared with its leaf; what is older is the patrol's. Half a second at most. */
const NEWEST = 4096
/** Compared between two turns of the event loop. */
const SLICE = 32

export interface Sources extends RecordSource {
  readonly commitments: Commitments
}

/** A log that is open, and which of its leaves are which records. */
export interface Tree {
  readonly log: SignedLog
  readonly leaves: RecordLeaves
}

/**
 * Opens the tree. What of it was signed and is not there, because its folder is older or was lost, comes again from the message log.
 *
 * @param begin Of a later epoch: begins the tree if it is empty, and says which record is its first.
 * @throws {HistoryError} where it is not what was signed; SignerError, TransparentLogError for what may pass
 */
export async function openTree(
  options: SignedLogOptions,
  { messageLog, commitments }: Sources,
  kept: KeptCheckpoints,
  begin: (log: SignedLog) => Promise<number>,
): Promise<Tree> {
  const log = await openSigned(options)
  try {
    const leaves = new RecordLeaves(log.tree, await begin(log))
    await restore(log, leaves, commitments, messageLog.status().removedTo)
    await verify(log, leaves, kept)
    return { log, leaves }
  } catch (error) {
    await log.close()
    throw verdictOf(error)
  }
}

/** Where the tree is not the one that was signed, the checkpoints that were kept tell between which two it was rewritten. */
async function verify(log: SignedLog, leaves: RecordLeaves, kept: KeptCheckpoints): Promise<void> {
  try {
    await log.verify()
  } catch (error) {
    const { tree } = log
    const verdict = verdictOf(error)
    if (!(verdict instanceof HistoryError)) throw verdict
    let fits = 0
    for (const size of kept.sizes.filter((one) => one <= tree.size)) {
      const root = rootOf((await kept.read(size))?.note)
      if (root === undefined || !equalBytes(root, await tree.rootAt(size))) break
      fits = size
    }
    const seq = leaves.lastIn(fits) + 1
    throw new HistoryError(verdict.code, `${verdict.message}; it was rewritten at record ${seq} or later`, {
      cause: error,
      seq,
    })
  }
}

/** Undefined where it is no checkpoint, whatever it is then. */
function rootOf(note: Uint8Array | undefined): Uint8Array | undefined {
  try {
    return note && parseCheckpoint(parseNote(note).text).root
  } catch {
    return undefined
  }
}

async function openSigned(options: SignedLogOptions): Promise<SignedLog> {
  try {
    return await SignedLog.open(options)
  } catch (error) {
    if (error instanceof SignerError && error.code === 'store_failed')
      throw new HistoryError('key_memory_lost', error.message, { cause: error })
    throw verdictOf(error)
  }
}

/** An error of the log that is a verdict on its history; any other as it is. */
export function verdictOf(error: unknown): unknown {
  const { message } = error as Error
  if (error instanceof TransparentLogError) {
    switch (error.code) {
      case 'tree_rolled_back':
        return new HistoryError('rolled_back', message, { cause: error })
      case 'tree_forked':
        return new HistoryError('history_rewritten', message, { cause: error })
      case 'key_replaced':
      case 'tree_damaged':
        return new HistoryError(error.code, message, { cause: error })
      default:
        return error
    }
  }
  if (error instanceof SignerError && ['log_rolled_back', 'log_forked', 'log_foreign'].includes(error.code))
    return new HistoryError('history_rewritten', `the signer does not continue this log: ${message}`, { cause: error })
  return error
}

async function restore(log: SignedLog, leaves: RecordLeaves, commitments: Commitments, removed: number): Promise<void> {
  while (log.missing > 0) {
    const seq = leaves.last + 1
    if (seq <= removed)
      throw new HistoryError(
        'tree_damaged',
        `the tree ends before record ${seq}, and records up to ${removed} were archived and removed: only a copy of the tree has their leaves`,
        { seq },
      )
    if ((await integrate(leaves, commitments, log.missing)) > 0) continue
    throw new HistoryError(
      'rolled_back',
      `${log.tree.size + log.missing} leaves were signed, and the message log ends before: record ${seq} and all after it are gone`,
      { seq },
    )
  }
}

/**
 * Compares the message log with the tree: whether all records are there, and the newest of them byte for byte.
 *
 * @throws {HistoryError} naming the first record that is not what it was
 */
export async function compareRecords(leaves: RecordLeaves, sources: Sources): Promise<void> {
  const { messageLog, commitments } = sources
  const records = leaves.last
  const oldest = Math.max(leaves.first, messageLog.status().removedTo + 1)
  const last = await commitments.last()
  if (last < records) {
    const first = (await firstDifference(leaves, commitments, oldest, last)) ?? Math.max(oldest, last + 1)
    throw new HistoryError(
      'records_missing',
      `leaves of records up to ${records} were signed, and the message log has ${last}; the first that is not what it was is record ${first}`,
      { seq: first },
    )
  }
  const from = Math.max(oldest, records - NEWEST + 1)
  for (let seq = from; seq <= records; seq += SLICE) {
    const entries = await leaves.entries(seq, Math.min(SLICE, records - seq + 1))
    for (const [at, entry] of entries.entries()) {
      try {
        await compareRecord(sources, seq + at, entry)
      } catch (error) {
        if (!(error instanceof HistoryError)) throw error
        throw await firstOf(error, leaves, commitments, oldest)
      }
    }
    await turn()
  }
}

/**
 * Compares what was removed with what the archive has.
 *
 * @throws {HistoryError} `records_missing`
 */
export async function compareRemoved(
  messageLog: Pick<MessageLog, 'status'>,
  archivedUpTo: () => Promise<number | undefined>,
): Promise<void> {
  const { removedTo } = messageLog.status()
  const archived = await archivedUpTo()
  if (archived === undefined || removedTo <= archived) return
  throw new HistoryError(
    'records_missing',
    `records up to ${removedTo} were removed from the message log, and the archive has them up to ${archived} only`,
    { seq: archived + 1 },
  )
}

/** Records that were taken out or put in move all behind them: the first that differs is the one to name. */
async function firstOf(
  found: HistoryError,
  leaves: RecordLeaves,
  commitments: Commitments,
  oldest: number,
): Promise<HistoryError> {
  const first = await firstDifference(leaves, commitments, oldest, (found.seq ?? 1) - 1)
  if (first === undefined) return found
  return new HistoryError(found.code, `${found.message}; the first that is not what it was is record ${first}`, {
    cause: found,
    seq: first,
  })
}
