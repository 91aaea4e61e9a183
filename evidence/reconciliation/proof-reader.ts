// Goes through what the other side shows of its log: every value of its list must have a leaf, every leaf that is shown a value in the list, and
// all of them together with what is hidden must make the root of the checkpoint that was there before the run.
import { coveringNodes, Frontier, type Hash, leafHash } from '#transparency'
import { equalBytes } from '#trust'
import { EvidenceError } from '../error.ts'
import { type CommittedRecord, commitmentOf, decodeRecord, encodeRecord, recordEntry } from '../log-record.ts'
import { StatementError } from './error.ts'
import { exchangeValue } from './exchange-value.ts'
import { type Frame, type KnownFrame, readFrames, type ShownFrame, type ShownSignature } from './frames.ts'
import { belongsToKey, isCompared, type Party, type Terms } from './terms.ts'
import { MATCHED, PROVEN, type Turn, type ValueList } from './value-list.ts'

/** A record of one's own, and whose the other side's record of the same message is. */
export interface OwnRecord {
  readonly record: CommittedRecord
  /** As `idKey` writes it. */
  readonly other: string
}

/** A record that a side has shown and the other has not. */
export interface ShownRecord {
  readonly record: CommittedRecord
  readonly signed?: ShownSignature
}

export interface ProofParts {
  readonly terms: Terms
  readonly key: Uint8Array
  /** Whose log it is. */
  readonly party: Party
  /** Its list, matched with one's own. */
  readonly listed: ValueList
  /** One's own record that has this value; undefined where records are shown whole only, as in files. */
  readonly own?: (value: Uint8Array) => Promise<OwnRecord | undefined>
  /** Told of each record that only this side has. */
  readonly onlyHere: (shown: ShownRecord) => void
  /** Told of each record that is shown whole, whoever has it. */
  readonly each?: (record: CommittedRecord, matched: boolean) => void
}

/** Frames between two turns. */
const SLICE = 64

export class ProofReader {
  readonly #parts: ProofParts
  readonly #frontier = new Frontier()
  #lastSeq = 0

  constructor(parts: ProofParts) {
    this.#parts = parts
  }

  /** Leaves so far, open or hidden. */
  get size(): number {
    return this.#frontier.size
  }

  /** Throws StatementError `malformed_statement`, `wrong_proof`. */
  async take(page: Uint8Array, turn: Turn): Promise<void> {
    let done = 0
    for (const frame of readFrames(page, this.size)) {
      await this.#takeFrame(frame)
      done += 1
      if (done % SLICE === 0) await turn()
    }
  }

  /**
   * Compares with the checkpoint. Throws StatementError `wrong_proof`.
   *
   * @returns How many values have no leaf that was shown to be theirs.
   */
  end({ size, root }: { readonly size: number; readonly root: Hash }): number {
    if (this.size !== size || !equalBytes(this.#frontier.root(), root))
      throw new StatementError('wrong_proof', 'What was shown does not lead to the root of the checkpoint')
    return this.#parts.listed.without(PROVEN)
  }

  async #takeFrame(frame: Frame): Promise<void> {
    if (frame.kind === 'hidden') {
      const nodes = coveringNodes({ start: this.size, end: this.size + frame.leaves })
      for (const [at, hash] of frame.hashes.entries()) this.#frontier.appendSubtree(nodes[at]?.level ?? 0, hash)
      return
    }
    if (frame.kind === 'known') await this.#known(frame)
    else this.#shown(frame)
    this.#frontier.append(leafHash(recordEntry(frame.commitment)))
  }

  async #known({ value, seq, at, salt, commitment }: KnownFrame): Promise<void> {
    const { listed, own } = this.#parts
    this.#expect(seq, at)
    const index = listed.findWithout(value, PROVEN)
    const mine = index === undefined || !listed.is(index, MATCHED) ? undefined : await own?.(value)
    if (index === undefined || mine === undefined)
      throw new StatementError('wrong_proof', `Record ${seq} is said to be known, and is not`)
    const side = mine.record.side === 'consumer' ? 'provider' : 'consumer'
    const theirs = encodeRecord({ ...mine.record, seq, at, side, member: mine.other })
    // A leaf of something else leaves the value unproven: that is a finding, and no reason to look no further.
    if (equalBytes(commitmentOf(salt, theirs), commitment)) listed.mark(index, PROVEN)
  }

  #shown({ salt, commitment, record: encoded, signed }: ShownFrame): void {
    const { listed, key, party, onlyHere, each } = this.#parts
    const record = decoded(encoded)
    this.#expect(record.seq, record.at)
    if (!equalBytes(commitmentOf(salt, encoded), commitment))
      throw new StatementError('wrong_proof', `Record ${record.seq} is not the one of its leaf`)
    if (!belongsToKey(party, record.member) || !['consumer', 'provider'].includes(record.side))
      throw new StatementError('wrong_proof', `Record ${record.seq} is of somebody else`)
    const index = listed.findWithout(exchangeValue(key, record), PROVEN)
    if (index === undefined)
      throw new StatementError('wrong_proof', `Record ${record.seq} is shown, and was not in the list`)
    listed.mark(index, PROVEN)
    const matched = listed.is(index, MATCHED)
    each?.(record, matched)
    if (!matched) onlyHere({ record, ...(signed && { signed }) })
  }

  #expect(seq: number, at: number): void {
    if (seq <= this.#lastSeq) throw new StatementError('wrong_proof', `Record ${seq} is not in its order`)
    if (!isCompared(this.#parts.terms, at))
      throw new StatementError('wrong_proof', `Record ${seq} is of another time than was agreed`)
    this.#lastSeq = seq
  }
}

function decoded(encoded: Uint8Array): CommittedRecord {
  try {
    return decodeRecord(encoded)
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    throw new StatementError('malformed_statement', cause.message, { cause })
  }
}
