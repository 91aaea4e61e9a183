// The segments: files of groups, one behind another, in `segments/`. Each is named by the number of its first record.
import { closeSync, fdatasyncSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { LogError } from './error.ts'
import { frameLength, isWhole, readFrame } from './frame.ts'
import { KeyRing } from './key-ring.ts'
import { readSegmentHead, SEGMENT_HEAD } from './segment-head.ts'
import type { RecordRow } from './store.ts'

/** Where a record begins. */
export interface Place {
  readonly segment: number
  readonly offset: number
}

/** Behind the last record: where the next group goes if it still fits into that segment. */
export interface Tail extends Place {
  /** The last record; 0 in an empty log. */
  readonly seq: number
}

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
  readonly #directory: string
  /** To decrypt records. */
  readonly keys: KeyRing
  #open: { readonly segment: number; readonly fd: number } | undefined

  constructor(directory: string, keys = new KeyRing()) {
    this.#directory = directory
    this.keys = keys
  }

  /** A record that is known to lie there. Throws LogError `record_damaged` where it does not, or not as it was written; `key_missing`. */
  record(seq: number, place: Place): RecordRow {
    try {
      return readFrame(this.frame(seq, place), this.keys)
    } catch (error) {
      throw error instanceof LogError || isSystemError(error) ? error : damaged(seq, place.segment)
    }
  }

  frame(seq: number, { segment, offset }: Place): Buffer {
    const first = Buffer.allocUnsafe(FIRST_READ_BYTES)
    const held = this.read(segment, offset, first)
    const length = frameLength(first.subarray(0, held), seq)
    if (length === undefined) throw damaged(seq, segment)
    const frame = length <= held ? first.subarray(0, length) : Buffer.allocUnsafe(length)
    if (length > held && this.read(segment, offset, frame) < length) throw damaged(seq, segment)
    if (!isWhole(frame)) throw damaged(seq, segment)
    return frame
  }

  /** The key of a segment's groups; undefined where the segment does not begin as one does. */
  key(segment: number): Buffer | undefined {
    const head = Buffer.allocUnsafe(SEGMENT_HEAD)
    return readSegmentHead(head.subarray(0, this.read(segment, 0, head)), segment)
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

/** The tail behind a record that the index knows. Throws LogError where the segments do not have it. */
export function tailBehind(segments: Segments, seq: number, place: Place): Tail {
  const frame = segments.frame(seq, place)
  return { seq, segment: place.segment, offset: place.offset + frame.length }
}

function isSystemError(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).syscall !== undefined
}

function damaged(seq: number, segment: number): LogError {
  return new LogError('record_damaged', `Record ${seq} is not what was logged, or not where, in segment ${segment}`)
}

export function gone(segment: number): LogError {
  return new LogError('record_damaged', `Segment ${segment} of the message log, with its records, is gone`)
}
