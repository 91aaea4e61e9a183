// The segments: files of frames, one behind another, in `segments/`. Each is named by the number of its first record.
import { closeSync, fdatasyncSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { LogError } from './error.ts'
import { CHECK_BYTES, checkOf, continues, FRAME_HEAD, frameLength, readFrame } from './frame.ts'
import type { PlacedRow, RecordRow } from './store.ts'

/** Where a record begins. */
export interface Place {
  readonly segment: number
  readonly offset: number
}

/** Behind the last record: where the next one goes if it still fits into that segment. */
export interface Tail extends Place {
  /** The last record; 0 in an empty log. */
  readonly seq: number
  /** Its frame's check; 0 at the beginning of a segment. */
  readonly check: number
}

/** What is read of a segment at once. */
const WINDOW_BYTES = 1024 * 1024
/** Holds all but the longest records. */
const FIRST_READ_BYTES = 16 * 1024

export function segmentPath(directory: string, segment: number): string {
  return join(directory, String(segment).padStart(16, '0'))
}

export function segmentsIn(directory: string): Set<number> {
  return new Set(
    readdirSync(directory)
      .filter((name) => /^\d{16}$/.test(name))
      .map(Number),
  )
}

/** Reads frames by their places. Keeps the file it read last open. */
export class Segments {
  /** For whoever passes over them; one at a time. */
  readonly window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  readonly #directory: string
  #open: { readonly segment: number; readonly fd: number } | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  /** A record that is known to lie there. Throws LogError `record_damaged` where it does not, or not as it was written. */
  record(seq: number, place: Place): RecordRow {
    return readFrame(this.frame(seq, place))
  }

  frame(seq: number, { segment, offset }: Place): Buffer {
    // The check of the frame before, from which this one's goes on, is read with it.
    const before = offset === 0 ? 0 : CHECK_BYTES
    const first = Buffer.allocUnsafe(FIRST_READ_BYTES)
    const held = this.read(segment, offset - before, first) - before
    const length = frameLength(first.subarray(before, before + Math.max(0, held)), seq)
    if (length === undefined) throw damaged(seq, segment)
    const frame = length <= held ? first.subarray(before, before + length) : Buffer.allocUnsafe(length)
    if (length > held && this.read(segment, offset, frame) < length) throw damaged(seq, segment)
    if (!continues(frame, before === 0 ? 0 : first.readUInt32BE(0))) throw damaged(seq, segment)
    return frame
  }

  /** As many bytes as there are, up to the length of `into`. */
  read(segment: number, offset: number, into: Buffer): number {
    const fd = this.#fd(segment)
    let held = 0
    for (;;) {
      const count = readSync(fd, into, held, into.length - held, offset + held)
      held += count
      if (count === 0 || held === into.length) return held
    }
  }

  /** Writes through what another process has written and not waited for. */
  sync(segment: number): void {
    const fd = openSync(segmentPath(this.#directory, segment), 'r+')
    try {
      fdatasyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd)
    this.#open = undefined
  }

  #fd(segment: number): number {
    if (this.#open?.segment === segment) return this.#open.fd
    this.close()
    try {
      const fd = openSync(segmentPath(this.#directory, segment), 'r')
      this.#open = { segment, fd }
      return fd
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw gone(segment)
    }
  }
}

/** One pass over the records behind a tail. */
export class Pass {
  readonly #segments: Segments
  readonly #present: ReadonlySet<number>
  readonly #verify: boolean
  #held: Place & { readonly bytes: Buffer } = { segment: 0, offset: 0, bytes: Buffer.alloc(0) }
  /** Behind what was read so far. */
  tail: Tail

  /**
   * @param present All segments. A record that a segment is named by lies there, whatever stands elsewhere.
   * @param verify Whether the check of each frame is computed; what this process has just written needs none.
   */
  constructor(segments: Segments, present: ReadonlySet<number>, tail: Tail, verify: boolean) {
    this.#segments = segments
    this.#present = present
    this.tail = tail
    this.#verify = verify
  }

  /** Records in their order, up to a number or the last whole one. The bytes of one are gone with the next. */
  *until(last: number): Generator<PlacedRow> {
    while (this.tail.seq < last) {
      const seq = this.tail.seq + 1
      if (this.#present.has(seq)) this.tail = { seq: seq - 1, segment: seq, offset: 0, check: 0 }
      const { segment, offset, check: previous } = this.tail
      const frame = this.#present.has(segment) ? this.#frame(seq, segment, offset) : undefined
      if (frame === undefined || (this.#verify && !continues(frame, previous))) return
      this.tail = { seq, segment, offset: offset + frame.length, check: checkOf(frame) }
      yield { ...readFrame(frame), seq, segment, offset }
    }
  }

  #frame(seq: number, segment: number, offset: number): Buffer | undefined {
    const length = frameLength(this.#bytes(segment, offset, FRAME_HEAD), seq)
    if (length === undefined) return undefined
    const frame = this.#bytes(segment, offset, length)
    return frame.length === length ? frame : undefined
  }

  #bytes(segment: number, offset: number, length: number): Buffer {
    const start = offset - this.#held.offset
    if (this.#held.segment !== segment || start < 0 || start + length > this.#held.bytes.length) {
      const into = length > WINDOW_BYTES ? Buffer.allocUnsafe(length) : this.#segments.window
      this.#held = { segment, offset, bytes: into.subarray(0, this.#segments.read(segment, offset, into)) }
      return this.#held.bytes.subarray(0, length)
    }
    return this.#held.bytes.subarray(start, start + length)
  }
}

/** The tail behind a record that the index knows. Throws LogError where the segments do not have it. */
export function tailBehind(segments: Segments, seq: number, place: Place): Tail {
  const frame = segments.frame(seq, place)
  return { seq, segment: place.segment, offset: place.offset + frame.length, check: checkOf(frame) }
}

function damaged(seq: number, segment: number): LogError {
  return new LogError('record_damaged', `Record ${seq} is not what was logged, or not where, in segment ${segment}`)
}

export function gone(segment: number): LogError {
  return new LogError('record_damaged', `Segment ${segment} of the message log, with its records, is gone`)
}
