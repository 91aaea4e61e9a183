// A group: the records of one write, with a head that says how far they go. It is in the log whole or not at all.
//
//   "SaGr"  length of the group with its head (u32)  number of its first record (u64)  how many records (u32)
//   where it begins in its segment (u32)  the first 8 bytes of SHA-256 over the segment's key and all that
//   the records' frames, one behind another
//
// Numbers are big-endian. Each write waits for the one before, so a crash can tear the last group only, and of that leave any
// sectors. A group that is not whole while a later one has begun was therefore damaged after it was durable.
import { hash } from 'node:crypto'

const MAGIC = Buffer.from('SaGr')
const CHECK_AT = 24
const CHECK_BYTES = 8
export const GROUP_HEAD = CHECK_AT + CHECK_BYTES

export interface Group {
  readonly first: number
  readonly count: number
  /** Where its head begins. */
  readonly offset: number
  /** With its head, in bytes. */
  readonly length: number
}

export function writeGroupHead(target: Buffer, { first, count, offset, length }: Group, key: Buffer): void {
  target.set(MAGIC)
  target.writeUInt32BE(length, 4)
  target.writeBigUInt64BE(BigInt(first), 8)
  target.writeUInt32BE(count, 16)
  target.writeUInt32BE(offset, 20)
  target.set(checkOf(target, key), CHECK_AT)
}

/** The group that begins with these bytes, at this place of the segment with this key; undefined where none does. */
export function readGroupHead(head: Buffer, offset: number, key: Buffer): Group | undefined {
  if (head.length < GROUP_HEAD || !head.subarray(0, 4).equals(MAGIC) || head.readUInt32BE(20) !== offset)
    return undefined
  if (!checkOf(head, key).equals(head.subarray(CHECK_AT, GROUP_HEAD))) return undefined
  return {
    first: Number(head.readBigUInt64BE(8)),
    count: head.readUInt32BE(16),
    offset,
    length: head.readUInt32BE(4),
  }
}

/** The first group that begins in these bytes, which lie at this place. */
export function findGroup(bytes: Buffer, offset: number, key: Buffer): Group | undefined {
  for (let at = bytes.indexOf(MAGIC); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    const group = readGroupHead(bytes.subarray(at), offset + at, key)
    if (group !== undefined) return group
  }
  return undefined
}

function checkOf(head: Buffer, key: Buffer): Buffer {
  return hash('sha256', Buffer.concat([key, head.subarray(0, CHECK_AT)]), 'buffer').subarray(0, CHECK_BYTES)
}
