// Follows the segments: enters what is durable there into the index. The same at a start and while the log runs.
import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { endingOf, type TornEnd } from './ending.ts'
import type { KeyRing } from './key-ring.ts'
import { Pass, WINDOW_BYTES } from './pass.ts'
import { gone, Segments, segmentPath, segmentsIn, type Tail, tailBehind } from './segments.ts'
import type { Store } from './store.ts'
import { syncDirectory } from './sync-directory.ts'

/** Of a recovery, in one transaction; and what its last group has more. */
const SLICE_RECORDS = 1000

export class Follower {
  readonly #store: Store
  readonly #directory: string
  readonly #segments: Segments
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  /** Behind the last group in the index: groups are entered whole. */
  #tail: Tail

  /** Throws LogError `record_damaged` where the last record of the index is in no segment. */
  constructor(store: Store, directory: string, keys: KeyRing) {
    this.#store = store
    this.#directory = directory
    this.#segments = new Segments(directory, keys)
    this.#tail = this.#found()
  }

  /**
   * Enters all that lies behind the index: what the last run has logged and not entered yet, and what it was just
   * writing, if it is whole. The latter may be in the kernel's memory only, so everything is written through first: a
   * row never stands for a record that a power cut can still take away.
   *
   * Throws LogError `record_damaged` where a segment is gone, or what lies in one was durable and is not whole.
   */
  recover(): { readonly tail: Tail; readonly torn: TornEnd | undefined } {
    const present = segmentsIn(this.#directory)
    this.#requireAll(present)
    for (const segment of present) if (segment >= this.#tail.segment) this.#segments.sync(segment)
    syncDirectory(this.#directory)
    // Its own name too: it may be the first start.
    syncDirectory(dirname(this.#directory))
    for (let before = -1; this.#tail.seq !== before; ) {
      before = this.#tail.seq
      this.#enter(this.#pass(present), before + SLICE_RECORDS)
    }
    return { tail: this.#tail, torn: endingOf(this.#segments, present, this.#tail) }
  }

  /** Enters the records up to this one, which are durable, with all of its group. Throws where the segments do not have them. */
  index(upTo: number): void {
    if (upTo <= this.#tail.seq) return
    this.#enter(this.#pass(segmentsIn(this.#directory)), upTo)
    if (this.#tail.seq < upTo) throw Object.assign(new Error(`Record ${upTo} is not in its segment`), { fatal: true })
  }

  /**
   * Removes the segments whose records are all up to this one; the index has none of them any more. Never the last: the log goes on there.
   * Names that a crash brings back are removed at the next start.
   */
  forgetSegments(removedTo: number): void {
    const present = [...segmentsIn(this.#directory)].sort((a, b) => a - b)
    // A segment ends where the next one begins.
    const past = present.filter((_, index) => (present[index + 1] ?? Number.POSITIVE_INFINITY) <= removedTo + 1)
    this.#segments.close()
    for (const segment of past) rmSync(segmentPath(this.#directory, segment))
    if (past.length > 0) syncDirectory(this.#directory)
  }

  close(): void {
    this.#segments.close()
  }

  #pass(present: ReadonlySet<number>): Pass {
    return new Pass(this.#segments, this.#tail, { window: this.#window, present })
  }

  #enter(pass: Pass, upTo: number): void {
    try {
      this.#store.index(pass.until(upTo))
      this.#tail = pass.tail
    } catch (error) {
      // A COMMIT that failed may have been one all the same.
      this.#tail = this.#found()
      throw error
    }
  }

  /** Each segment that the index names is there. One lookup for each: the record before a segment's first names another. */
  #requireAll(present: ReadonlySet<number>): void {
    let place = this.#store.placeOf(this.#tail.seq)
    for (; place !== null; place = this.#store.placeOf(place.segment - 1))
      if (!present.has(place.segment)) throw gone(place.segment)
  }

  /** Behind the last record of the index. */
  #found(): Tail {
    const seq = this.#store.lastSeq()
    const place = this.#store.placeOf(seq)
    return place === null ? { seq, segment: seq + 1, offset: 0 } : tailBehind(this.#segments, seq, place)
  }
}
