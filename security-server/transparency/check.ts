// The whole log read anew: every record against its leaf, the leaves against every checkpoint that is known. For an inspector, who may bring
// checkpoints that he took earlier.
import { setTimeout as pause } from 'node:timers/promises'
import { Frontier, leafHash, noteVerifier, openNote, parseCheckpoint, parseNote, type VerifierKey } from '#transparency'
import { equalBytes } from '#trust'
import { HistoryError, type HistoryErrorCode } from './error.ts'
import type { KeptCheckpoints } from './kept-checkpoints.ts'
import type { Tree } from './opening.ts'
import { compareRecord, type RecordSource } from './records.ts'

/** Leaves read at once; records are read one by one, and after so many milliseconds exchanges have their turn for as long. */
const PAGE = 256
const TURN_MS = 5
const TELL_MS = 500

export interface CheckProgress {
  readonly records: number
  readonly of: number
}

export interface CheckedCheckpoint {
  readonly leaves: number
  readonly from: 'signed' | 'kept' | 'given'
  readonly fits: boolean
}

export interface CheckReport {
  readonly ok: boolean
  /** Records that were read and are what they were. */
  readonly records: number
  /** Records that were archived and removed: only their leaves are left. */
  readonly removed: number
  /** Records that are known to be lost (`transparency.lostRecords`) and were not read. */
  readonly lost: readonly number[]
  readonly leaves: number
  readonly checkpoints: readonly CheckedCheckpoint[]
  /** What was found first. */
  readonly fault?: {
    readonly code: HistoryErrorCode
    readonly message: string
    /** The first bad record; where only a checkpoint contradicts, it is one of these. */
    readonly records?: readonly [from: number, to: number]
  }
}

export interface CheckParts {
  readonly tree: Tree
  readonly keys: readonly VerifierKey[]
  readonly source: RecordSource
  readonly kept: KeptCheckpoints
}

interface Expected extends Omit<CheckedCheckpoint, 'fits'> {
  readonly root: Uint8Array
}

/** The report comes last. Throws HistoryError `foreign_checkpoint` before anything is read. */
export async function* checkLog(
  parts: CheckParts,
  given: readonly Uint8Array[],
): AsyncGenerator<CheckProgress | CheckReport> {
  const { source } = parts
  const { log, leaves } = parts.tree
  const { messageLog, lost } = source
  const { tree } = log
  const size = log.newest?.size ?? 0
  const expected = await expectedRoots(parts, given)
  const removed = messageLog.status().removedTo
  const of = leaves.lastIn(size)
  const frontier = new Frontier()
  const checked: CheckedCheckpoint[] = []
  const left: number[] = []
  let seq = leaves.first - 1
  let [read, fits] = [0, seq]
  const report = (fault?: CheckReport['fault']): CheckReport => ({
    ok: fault === undefined,
    records: read,
    removed: Math.max(0, Math.min(seq, removed) - leaves.first + 1),
    lost: left,
    leaves: frontier.size,
    checkpoints: checked,
    ...(fault === undefined ? {} : { fault }),
  })

  let [turn, told] = [performance.now(), performance.now()]
  for (;;) {
    for (; expected[0]?.leaves === frontier.size; expected.shift()) {
      const { root, ...one } = expected[0] as Expected
      checked.push({ ...one, fits: equalBytes(root, frontier.root()) })
      if (checked.at(-1)?.fits) fits = seq
      else return yield report(contradicted(one, fits + 1, seq))
    }
    if (frontier.size >= size) break
    const first = frontier.size
    for (const [at, leaf] of (await tree.entries(first, Math.min(PAGE, size - first))).entries()) {
      const record = leaves.recordAt(first + at)
      if (record !== undefined) {
        seq = record
        try {
          const evidence = seq > removed ? await compareRecord(source, seq, leaf) : undefined
          if (evidence !== undefined) read += 1
          else if (lost.has(seq)) left.push(seq)
        } catch (error) {
          if (!(error instanceof HistoryError)) throw error
          return yield report({ code: error.code, message: error.message, records: [seq, seq] })
        }
      }
      frontier.append(leafHash(leaf))
      // A checkpoint in the middle of a page.
      if (expected[0]?.leaves === frontier.size) break
      if (performance.now() - turn > TURN_MS) {
        await pause(TURN_MS)
        turn = performance.now()
      }
    }
    if (performance.now() - told > TELL_MS) {
      yield { records: seq, of }
      told = performance.now()
    }
  }
  const [beyond] = expected
  if (beyond !== undefined)
    return yield report({
      code: 'rolled_back',
      message: `a checkpoint of ${beyond.leaves} leaves was signed; this log has ${size}`,
      records: [seq + 1, seq + beyond.leaves - size],
    })
  const more = messageLog.status().records
  if (more < of)
    return yield report({
      code: 'records_missing',
      message: `the log ends with record ${more}`,
      records: [more + 1, of],
    })
  return yield report()
}

function contradicted({ leaves, from }: Omit<Expected, 'root'>, first: number, last: number): CheckReport['fault'] {
  const whose = { signed: 'that the signer remembers', kept: 'that was kept', given: 'that was given' }[from]
  return {
    code: 'history_rewritten',
    message: `the log does not make the checkpoint of ${leaves} leaves ${whose}: a record that it has was rewritten, removed or put in`,
    records: [first, Math.max(first, last)],
  }
}

/** Ascending by size: what the log signed last, what it kept, what was given; each once its signature was verified. */
async function expectedRoots(
  { tree: { log }, keys, kept }: CheckParts,
  given: readonly Uint8Array[],
): Promise<Expected[]> {
  const verifiers = keys.map(noteVerifier)
  const read = (bytes: Uint8Array, from: Expected['from']): Expected => {
    try {
      const note = parseNote(bytes)
      openNote(note, verifiers)
      const { origin, size, root } = parseCheckpoint(note.text)
      if (origin !== log.origin) throw new RangeError(`it is of ${origin}`)
      return { leaves: size, root, from }
    } catch (cause) {
      const what = from === 'kept' ? 'a checkpoint that was kept' : 'the checkpoint that was given'
      throw new HistoryError('foreign_checkpoint', `${what} is none of ${log.origin}: ${(cause as Error).message}`, {
        cause,
      })
    }
  }
  const all = given.map((bytes) => read(bytes, 'given'))
  for (const size of kept.sizes) {
    const one = await kept.read(size)
    if (one !== undefined) all.push(read(one.note, 'kept'))
  }
  if (log.newest !== undefined) all.push({ leaves: log.newest.size, root: log.newest.root, from: 'signed' })
  return all.sort((a, b) => a.leaves - b.leaves)
}
