// How a log ends: cleanly, with a group that a crash has torn, or with records that were durable and are damaged now.
//
// A write begins when the one before it is durable. So what a crash can have torn is the last group alone, and whatever of a later one
// can be found, its head or a segment that has begun, says that this one was durable. Nobody was told that a torn group is logged.
import { LogError } from './error.ts'
import { findGroup, GROUP_HEAD, readGroupHead } from './group.ts'
import type { Segments, Tail } from './segments.ts'

/** What is looked through at once. */
const LOOK_BYTES = 64 * 1024
const ZEROS = Buffer.alloc(LOOK_BYTES)

/** What a crash left of the group it tore; the next group goes over it. */
export interface TornEnd {
  readonly segment: number
  readonly offset: number
  /** The record that would have been its first. */
  readonly record: number
}

/**
 * Looks at what lies behind the last whole group.
 *
 * @param present All segments.
 * @returns What is torn, if anything is. Throws LogError `record_damaged` where records that were durable are not whole.
 */
export function endingOf(segments: Segments, present: ReadonlySet<number>, tail: Tail): TornEnd | undefined {
  const { seq, segment, offset } = tail
  const later = [...present].find((one) => one > segment && !isEmpty(segments, one, 0))
  if (later !== undefined) throw damaged(seq + 1, `segment ${later} comes after it`)
  if (!present.has(segment)) return undefined
  const rest = isEmpty(segments, segment, offset)
  // Its head is there as a whole before anything else is, so one that is none was changed.
  const key = segments.key(segment)
  if (key === undefined && (offset > 0 || !rest)) throw damaged(seq + 1, `the head of segment ${segment} is not whole`)
  if (key === undefined || rest) return undefined
  const group = laterGroup(segments, tail, key)
  if (group !== undefined) throw damaged(seq + 1, `record ${group} comes after it in segment ${segment}`)
  return { segment, offset, record: seq + 1 }
}

/** The first record of a group that begins behind the one that is not whole. */
function laterGroup(segments: Segments, { seq, segment, offset }: Tail, key: Buffer): number | undefined {
  const head = Buffer.allocUnsafe(GROUP_HEAD)
  const own = readGroupHead(head.subarray(0, segments.read(segment, offset, head)), offset, key)
  // A head that is whole and does not go on from the last record: something is wrong before it.
  if (own !== undefined && own.first !== seq + 1) return own.first
  for (const [bytes, at] of windows(segments, segment, offset + 1)) {
    const group = findGroup(bytes, at, key)
    if (group !== undefined) return group.first
  }
  return undefined
}

function isEmpty(segments: Segments, segment: number, offset: number): boolean {
  for (const [bytes] of windows(segments, segment, offset))
    if (!bytes.equals(ZEROS.subarray(0, bytes.length))) return false
  return true
}

/** Overlapping, so that no head of a group lies in none of them. */
function* windows(
  segments: Segments,
  segment: number,
  from: number,
): Generator<readonly [bytes: Buffer, offset: number]> {
  const window = Buffer.allocUnsafe(LOOK_BYTES)
  for (let offset = from; ; offset += LOOK_BYTES - GROUP_HEAD + 1) {
    const bytes = window.subarray(0, segments.read(segment, offset, window))
    if (bytes.length > 0) yield [bytes, offset]
    if (bytes.length < LOOK_BYTES) return
  }
}

function damaged(seq: number, because: string): LogError {
  return new LogError('record_damaged', `Record ${seq} is damaged or gone: ${because}`)
}
