// A record as it lies in a segment: one frame, with everything that was logged of a message but a long body.
//
//   "SaRc"  length of the frame (u32)  number of the record (u64)
//   length of each part (u32 each, 0xFFFFFFFF: absent)  the parts, in the order of PARTS
//   CRC-32 of all that
//
// Numbers are big-endian. The check finds what a disk or a crash has changed. Who may write the folder is not kept out by it;
// signatures, time-stamps and the transparent log are for that.
import { crc32 } from 'node:zlib'
import { LogError } from './error.ts'
import type { RecordRow } from './store.ts'

const MAGIC = 0x53615263
/** Facts are the small columns, as JSON; what a later version adds to them, this one does not read. */
const PARTS = ['salt', 'bodyDigest', 'head', 'headDigest', 'signature', 'chain', 'chainResult', 'bodyInline'] as const
const LENGTHS_AT = 16
const PARTS_AT = LENGTHS_AT + 4 * (1 + PARTS.length)
const CHECK_BYTES = 4
const ABSENT = 0xffffffff
/** What a record may be (row.ts) with the digests of 10,000 attachments; a length beyond it was never written. */
export const MAX_FRAME_BYTES = 72 * 1024 * 1024

/** As much of a frame tells how long it is. */
export const FRAME_HEAD = LENGTHS_AT

/** A record before it has a number. */
export interface Layout {
  readonly facts: Buffer
  readonly row: RecordRow
  /** Of the whole frame, in bytes. */
  readonly length: number
}

/** Throws LogError `invalid_record` for one that no frame takes. */
export function layOut(row: RecordRow): Layout {
  const { at, side, direction, protocol, queryId, requestId, client, provider, serviceCode, serviceVersion } = row
  const { userId, issue, representedParty, bodySize, bodyFile, bodyTruncated, bodyParts } = row
  const facts = Buffer.from(
    JSON.stringify({
      ...{ at, side, direction, protocol, queryId, requestId, client, provider, serviceCode, serviceVersion },
      ...{ userId, issue, representedParty, bodySize, bodyFile, bodyTruncated, bodyParts },
    }),
  )
  let length = PARTS_AT + facts.length + CHECK_BYTES
  for (const part of PARTS) length += row[part]?.length ?? 0
  if (length > MAX_FRAME_BYTES)
    throw new LogError('invalid_record', `The record cannot be logged: it takes ${length} bytes of a segment`)
  return { facts, row, length }
}

/** Writes a frame into `target`. */
export function writeFrame(target: Buffer, start: number, layout: Layout, seq: number): void {
  const { facts, row, length } = layout
  target.writeUInt32BE(MAGIC, start)
  target.writeUInt32BE(length, start + 4)
  target.writeBigUInt64BE(BigInt(seq), start + 8)
  target.writeUInt32BE(facts.length, start + LENGTHS_AT)
  target.set(facts, start + PARTS_AT)
  let slot = start + LENGTHS_AT + 4
  let offset = start + PARTS_AT + facts.length
  for (const part of PARTS) {
    const bytes = row[part]
    target.writeUInt32BE(bytes?.length ?? ABSENT, slot)
    slot += 4
    if (bytes === null) continue
    target.set(bytes, offset)
    offset += bytes.length
  }
  target.writeUInt32BE(crc32(target.subarray(start, offset)), offset)
}

/** The length of the frame that begins here, or undefined where none of this record does. */
export function frameLength(head: Buffer, seq: number): number | undefined {
  if (head.length < FRAME_HEAD || head.readUInt32BE(0) !== MAGIC || head.readBigUInt64BE(8) !== BigInt(seq))
    return undefined
  const length = head.readUInt32BE(4)
  return length < PARTS_AT + CHECK_BYTES || length > MAX_FRAME_BYTES ? undefined : length
}

/** Whether a frame is as it was written. */
export function isWhole(frame: Buffer): boolean {
  return crc32(frame.subarray(0, -CHECK_BYTES)) === frame.readUInt32BE(frame.length - CHECK_BYTES)
}

/** What a frame holds; parts are views of it. Throws Error where a frame with the right check was made by no log. */
export function readFrame(frame: Buffer): RecordRow {
  let offset = PARTS_AT
  const take = (index: number): Buffer | null => {
    const length = frame.readUInt32BE(LENGTHS_AT + 4 * index)
    if (length === ABSENT) return null
    if (length > frame.length - CHECK_BYTES - offset) throw new Error('A part of a record goes beyond its frame')
    offset += length
    return frame.subarray(offset - length, offset)
  }
  const required = (part: Buffer | null): Buffer => {
    if (part === null) throw new Error('A part of a record is not there')
    return part
  }
  const facts = JSON.parse(required(take(0)).toString()) as Omit<RecordRow, (typeof PARTS)[number]>
  const [
    salt = null,
    bodyDigest = null,
    head = null,
    headDigest = null,
    signature = null,
    chain = null,
    chainResult = null,
    bodyInline = null,
  ] = PARTS.map((_, index) => take(index + 1))
  return {
    ...facts,
    salt: required(salt),
    bodyDigest,
    head: required(head),
    headDigest,
    signature: required(signature),
    chain,
    chainResult,
    bodyInline,
  }
}
