// A record as it lies in a segment: one frame, with everything that was logged of a message but a long body.
//
//   "SaRc"  length of the frame (u32)  number of the record (u64)
//   length of each part (u32 each, 0xFFFFFFFF: absent)  the parts, in the order of PARTS
//   CRC-32 of all that
//
// Of an encrypted record only salt and facts stand there by themselves, the rest is in one sealed part (sealed-record.ts).
// Numbers are big-endian. The check finds what a disk or a crash has changed. Who may write the folder is not kept out by it;
// signatures, time-stamps and the transparent log are for that.
import { crc32 } from 'node:zlib'
import { LogError } from './error.ts'
import { KeyRing } from './key-ring.ts'
import { openParts, sealParts } from './sealed-record.ts'
import type { RecordRow } from './store.ts'

const MAGIC = 0x53615263
/** Facts are the small columns, as JSON; what a later version adds to them, this one does not read. */
const SEALED = ['bodyDigest', 'head', 'headDigest', 'signature', 'chain', 'chainResult', 'bodyInline'] as const
const PARTS = ['salt', ...SEALED, 'sealed'] as const
const LENGTHS_AT = 16
const PARTS_AT = LENGTHS_AT + 4 * (1 + PARTS.length)
const CHECK_BYTES = 4
const ABSENT = 0xffffffff
/** What a record may be (row.ts) with the digests of 10,000 attachments; a length beyond it was never written. */
export const MAX_FRAME_BYTES = 72 * 1024 * 1024

const NO_KEYS = new KeyRing()

/** As much of a frame tells how long it is. */
export const FRAME_HEAD = LENGTHS_AT

/** A record before it has a number. */
export interface Layout {
  /** In the clear: for an index that is written with it. */
  readonly row: RecordRow
  readonly facts: Buffer
  /** In the order of PARTS. */
  readonly parts: readonly (Uint8Array | null)[]
  /** Of the whole frame, in bytes. */
  readonly length: number
}

/**
 * @param keys The row says by which it is encrypted, if by any.
 * @throws LogError `invalid_record` for one that no frame takes, `key_missing`.
 */
export function layOut(row: RecordRow, keys = NO_KEYS): Layout {
  const { at, side, direction, protocol, queryId, requestId, client, provider, serviceCode, serviceVersion } = row
  const { userId, issue, representedParty, bodySize, bodyFile, bodyTruncated, bodyParts, tracked, sealedBy } = row
  const known = {
    ...{ at, side, direction, protocol, queryId, requestId, client, provider, serviceCode, serviceVersion },
    ...{ userId, issue, representedParty, bodySize, bodyFile, bodyTruncated },
  }
  const clear = SEALED.map((part) => row[part])
  let facts: Buffer
  let parts: readonly (Uint8Array | null)[]
  if (sealedBy === undefined) {
    facts = Buffer.from(JSON.stringify({ ...known, bodyParts, tracked }))
    parts = [row.salt, ...clear, null]
  } else {
    facts = Buffer.from(JSON.stringify({ ...known, sealedBy }))
    // The sizes of attachments tell less than their digests do, but go with them; whom a request is about is said in it.
    const more = bodyParts === undefined && tracked === undefined ? null : JSON.stringify({ bodyParts, tracked })
    const hidden = [more === null ? null : Buffer.from(more), ...clear]
    parts = [row.salt, ...SEALED.map(() => null), sealParts(keys.get(sealedBy), row.salt, facts, hidden)]
  }
  const length = parts.reduce((sum, part) => sum + (part?.length ?? 0), PARTS_AT + facts.length + CHECK_BYTES)
  if (length > MAX_FRAME_BYTES)
    throw new LogError('invalid_record', `The record cannot be logged: it takes ${length} bytes of a segment`)
  return { row, facts, parts, length }
}

/** Writes a frame into `target`. */
export function writeFrame(target: Buffer, start: number, { facts, parts, length }: Layout, seq: number): void {
  target.writeUInt32BE(MAGIC, start)
  target.writeUInt32BE(length, start + 4)
  target.writeBigUInt64BE(BigInt(seq), start + 8)
  target.writeUInt32BE(facts.length, start + LENGTHS_AT)
  target.set(facts, start + PARTS_AT)
  let slot = start + LENGTHS_AT + 4
  let offset = start + PARTS_AT + facts.length
  for (const bytes of parts) {
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

/**
 * What a frame holds; parts are views of it, or of what was decrypted.
 *
 * @throws LogError `key_missing`; Error where a frame with the right check was made by no log, or not with its key.
 */
export function readFrame(frame: Buffer, keys = NO_KEYS): RecordRow {
  let offset = PARTS_AT
  const take = (index: number): Buffer | null => {
    const length = frame.readUInt32BE(LENGTHS_AT + 4 * index)
    if (length === ABSENT) return null
    if (length > frame.length - CHECK_BYTES - offset) throw new Error('A part of a record goes beyond its frame')
    offset += length
    return frame.subarray(offset - length, offset)
  }
  const written = required(take(0))
  const [salt = null, ...rest] = PARTS.map((_, index) => take(index + 1))
  const facts = JSON.parse(written.toString()) as Facts
  const { sealedBy } = facts
  if (sealedBy === undefined) return toRow(facts, required(salt), rest)
  const sealed = required(rest[SEALED.length] ?? null)
  const [more = null, ...hidden] = openParts(keys.get(sealedBy), required(salt), written, sealed)
  const hiddenFacts = more === null ? {} : (JSON.parse(more.toString()) as Pick<Facts, 'bodyParts' | 'tracked'>)
  return toRow({ ...facts, ...hiddenFacts }, required(salt), hidden)
}

type Facts = Omit<RecordRow, 'salt' | (typeof SEALED)[number]>

/** @param parts In the order of SEALED. */
function toRow(facts: Facts, salt: Buffer, parts: readonly (Buffer | null)[]): RecordRow {
  const [bodyDigest = null, head = null, headDigest = null, signature = null, ...rest] = parts
  const [chain = null, chainResult = null, bodyInline = null] = rest
  const message = { head: required(head), headDigest, signature: required(signature), chain, chainResult }
  return { ...facts, salt, bodyDigest, ...message, bodyInline }
}

function required(part: Buffer | null): Buffer {
  if (part === null) throw new Error('A part of a record is not there')
  return part
}
