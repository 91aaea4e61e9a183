// One pass over the groups behind a tail, as the follower makes it.
import { FRAME_HEAD, frameLength, isWhole, readFrame } from './frame.ts'
import { GROUP_HEAD, type Group, readGroupHead } from './group.ts'
import { SEGMENT_HEAD } from './segment-head.ts'
import type { Segments, Tail } from './segments.ts'
import type { PlacedRow } from './store.ts'

/** What is read of a segment at once. */
export const WINDOW_BYTES = 1024 * 1024

export interface PassOptions {
  /** WINDOW_BYTES, for this pass alone while it goes on. */
  readonly window: Buffer
  /** All segments. A record that a segment is named by lies there, whatever stands elsewhere. */
  readonly present: ReadonlySet<number>
}

export class Pass {
  readonly #segments: Segments
  readonly #options: PassOptions
  #held: { readonly segment: number; readonly offset: number; readonly bytes: Buffer } | undefined
  #key: { readonly segment: number; readonly bytes: Buffer | undefined } | undefined
  /** Behind the last group that was read. */
  tail: Tail

  constructor(segments: Segments, tail: Tail, options: PassOptions) {
    this.#segments = segments
    this.#options = options
    this.tail = tail
  }

  /** Records in their order, up to the end of the group that has this number, or of the last whole group. The bytes of one are gone with the next. */
  *until(last: number): Generator<PlacedRow> {
    while (this.tail.seq < last) {
      const group = this.#group()
      if (group === undefined || !this.#isWhole(group)) return
      for (const [seq, offset, frame] of this.#frames(group)) {
        if (frame === undefined) return
        yield { ...readFrame(frame, this.#segments.keys), seq, segment: this.tail.segment, offset }
      }
      this.tail = { ...this.tail, seq: group.first + group.count - 1, offset: group.offset + group.length }
    }
  }

  /** The next group, by its head. */
  #group(): Group | undefined {
    const next = this.tail.seq + 1
    const elsewhere = this.tail.segment !== next || this.tail.offset === 0
    if (elsewhere && this.#options.present.has(next) && this.#keyOf(next) !== undefined)
      this.tail = { seq: next - 1, segment: next, offset: SEGMENT_HEAD }
    const { segment, offset } = this.tail
    if (offset === 0 || !this.#options.present.has(segment)) return undefined
    const key = this.#keyOf(segment)
    const group = key && readGroupHead(this.#bytes(offset, GROUP_HEAD), offset, key)
    return group?.first === next ? group : undefined
  }

  #isWhole(group: Group): boolean {
    for (const [, , frame] of this.#frames(group)) if (frame === undefined || !isWhole(frame)) return false
    return true
  }

  /** The frames of a group; undefined for one that is not there, or does not end where the group does. */
  *#frames(group: Group): Generator<readonly [seq: number, offset: number, frame: Buffer | undefined]> {
    const end = group.offset + group.length
    let offset = group.offset + GROUP_HEAD
    for (let index = 0; index < group.count; index++) {
      const seq = group.first + index
      const length = frameLength(this.#bytes(offset, FRAME_HEAD), seq) ?? Number.POSITIVE_INFINITY
      const fits = index + 1 < group.count ? offset + length < end : offset + length === end
      const frame = fits ? this.#bytes(offset, length) : undefined
      yield [seq, offset, frame?.length === length ? frame : undefined]
      offset += length
    }
  }

  #keyOf(segment: number): Buffer | undefined {
    if (this.#key?.segment !== segment) this.#key = { segment, bytes: this.#segments.key(segment) }
    return this.#key.bytes
  }

  #bytes(offset: number, length: number): Buffer {
    const { segment } = this.tail
    const start = offset - (this.#held?.offset ?? 0)
    if (this.#held?.segment === segment && start >= 0 && start + length <= this.#held.bytes.length)
      return this.#held.bytes.subarray(start, start + length)
    const into = length > WINDOW_BYTES ? Buffer.allocUnsafe(length) : this.#options.window
    this.#held = { segment, offset, bytes: into.subarray(0, this.#segments.read(segment, offset, into)) }
    return this.#held.bytes.subarray(0, length)
  }
}
