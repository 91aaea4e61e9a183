// The records of the message log as leaves of the tree: brought in, and compared with what was brought in before.
import { commitmentOf, recordEntry } from '#evidence'
import { equalBytes } from '#trust'
import { type Commitments, LogError, type MessageLog, type RecordEvidence } from '../message-log/index.ts'
import { HistoryError } from './error.ts'
import type { RecordLeaves } from './record-leaves.ts'

/** Read of the index at once. */
const PAGE = 2048

/** Where records are read from. */
export interface RecordSource {
  readonly messageLog: Pick<MessageLog, 'evidenceOf' | 'status'>
  /** Records that are known to be damaged or gone, and that nobody looks for any more. */
  readonly lost: ReadonlySet<number>
}

/** Adds the records behind those that are in the tree, up to so many; gives how many it added. */
export async function integrate(leaves: RecordLeaves, commitments: Commitments, most: number): Promise<number> {
  let added = 0
  while (added < most) {
    const found = await commitments.after(leaves.last, Math.min(PAGE, most - added))
    if (found.length === 0) return added
    await leaves.tree.append(found.map(recordEntry))
    added += found.length
  }
  return added
}

/**
 * The first of these records whose commitment in the index is not the one in the tree; undefined where all are. Cheap: no record is read.
 *
 * @param from First record. @param to Last record; both are in the tree.
 */
export async function firstDifference(
  leaves: RecordLeaves,
  commitments: Commitments,
  from: number,
  to: number,
): Promise<number | undefined> {
  for (let seq = from; seq <= to; seq += PAGE) {
    const count = Math.min(PAGE, to - seq + 1)
    const [found, entries] = [await commitments.after(seq - 1, count), await leaves.entries(seq, count)]
    for (let at = 0; at < count; at += 1) {
      const commitment = found[at]
      if (commitment === undefined || !equalBytes(recordEntry(commitment), entries[at] as Uint8Array)) return seq + at
    }
  }
  return undefined
}

/**
 * Reads a record anew, compares it with its leaf and gives what it commits to; undefined for one that was archived and removed, or is known to be
 * lost. Throws HistoryError `record_changed`, `records_missing`; whatever else the log throws is no verdict.
 */
export async function compareRecord(
  { messageLog, lost }: RecordSource,
  seq: number,
  leaf: Uint8Array,
): Promise<RecordEvidence | undefined> {
  if (lost.has(seq)) return undefined
  let evidence: RecordEvidence | undefined
  try {
    evidence = await messageLog.evidenceOf(seq)
  } catch (cause) {
    if (!(cause instanceof LogError && cause.code === 'record_damaged')) throw cause
    throw new HistoryError('record_changed', `record ${seq} is not what was logged: ${cause.message}`, { cause, seq })
  }
  if (evidence === undefined && seq <= messageLog.status().removedTo) return undefined
  if (evidence === undefined)
    throw new HistoryError('records_missing', `record ${seq} is gone from the message log`, { seq })
  if (!equalBytes(recordEntry(commitmentOf(evidence.salt, evidence.record)), leaf))
    throw new HistoryError('record_changed', `record ${seq} is not the one that its leaf commits to`, { seq })
  return evidence
}
