// How a segment begins, and the secret by which its groups are told from what messages carry.
//
//   "SaSg"  version of the format (u32)  number of its first record (u64)  key (16 random bytes)  CRC-32 of all that
//
// Numbers are big-endian. A start after a crash looks for groups in whatever lies behind the last whole one, and that may be the
// bodies of messages. Whoever sent them does not know the key, so nothing in them can be taken for a group.
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const MAGIC = 0x53615367
const VERSION = 2
const KEY_AT = 16
const CHECK_AT = 32
export const SEGMENT_HEAD = CHECK_AT + 4

/** The head of a new segment; `readSegmentHead` gives its key. */
export function makeSegmentHead(segment: number): Buffer {
  const head = Buffer.alloc(SEGMENT_HEAD)
  head.writeUInt32BE(MAGIC, 0)
  head.writeUInt32BE(VERSION, 4)
  head.writeBigUInt64BE(BigInt(segment), 8)
  head.set(randomBytes(CHECK_AT - KEY_AT), KEY_AT)
  head.writeUInt32BE(crc32(head.subarray(0, CHECK_AT)), CHECK_AT)
  return head
}

/** The key of a segment, or undefined where these are not the first bytes of this one. */
export function readSegmentHead(head: Buffer, segment: number): Buffer | undefined {
  if (head.length < SEGMENT_HEAD || head.readUInt32BE(0) !== MAGIC || head.readUInt32BE(4) !== VERSION) return undefined
  if (head.readBigUInt64BE(8) !== BigInt(segment)) return undefined
  if (crc32(head.subarray(0, CHECK_AT)) !== head.readUInt32BE(CHECK_AT)) return undefined
  return Buffer.from(head.subarray(KEY_AT, CHECK_AT))
}
