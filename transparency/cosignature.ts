// Cosignatures (C2SP tlog-cosignature v1.1): what witnesses and mirrors sign beside a log's signature on its checkpoint.
import { NOTE_ALGORITHMS } from '#trust'
import type { Checkpoint } from './checkpoint.ts'
import { TransparencyError } from './error.ts'
import { HASH_BYTES, type Hash } from './hash.ts'
import { isTreeSize, readUint64, writeUint64 } from './numbers.ts'
import { isKeyName, MAXIMUM_NAME_BYTES } from './text.ts'
import type { TreeRange } from './tree.ts'

const TIMESTAMP_BYTES = 8

/** What an Ed25519 cosigner signs: `cosignature/v1`, the time in seconds since 1970, the whole text of the checkpoint. */
export function cosignatureMessage(timestamp: number, checkpointText: string): Buffer {
  checkTimestamp(timestamp)
  return Buffer.from(`cosignature/v1\ntime ${timestamp}\n${checkpointText}`)
}

/** What an ML-DSA-44 cosigner says of a tree, or of a part of one. */
export interface SubtreeStatement {
  /** Name of the cosigner's key. */
  readonly cosigner: string
  /** Seconds since 1970; 0 says nothing of this tree being the largest that was seen, and is the only one for a part that does not begin at leaf 0. */
  readonly timestamp: number
  readonly origin: string
  readonly range: TreeRange
  readonly hash: Hash
}

/** What an ML-DSA-44 cosigner signs: the `cosigned_message` structure of `subtree/v1`. Throws `out_of_range` for what cannot be said. */
export function subtreeMessage({ cosigner, timestamp, origin, range, hash }: SubtreeStatement): Buffer {
  checkTimestamp(timestamp)
  const { start, end } = range
  if (!isTreeSize(start) || !isTreeSize(end) || start > end || hash.length !== HASH_BYTES)
    throw new TransparencyError('out_of_range', `[${start}, ${end}) is no range of leaves`)
  if (start > 0 && timestamp !== 0)
    throw new TransparencyError('out_of_range', 'A part that does not begin at leaf 0 has no time')
  if (!isKeyName(cosigner)) throw new TransparencyError('malformed_key', 'The name cannot be that of a key')
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    short(cosigner),
    writeUint64(timestamp),
    short(origin),
    writeUint64(start),
    writeUint64(end),
    hash,
  ])
}

/** What an ML-DSA-44 key signs of a whole checkpoint. Its extension lines are not covered. */
export function checkpointMessage(cosigner: string, timestamp: number, checkpoint: Checkpoint): Buffer {
  const { origin, size, root } = checkpoint
  return subtreeMessage({ cosigner, timestamp, origin, range: { start: 0, end: size }, hash: root })
}

/** The `timestamped_signature` of a signature line: time and signature. */
export function formatTimestamped(timestamp: number, signature: Uint8Array): Buffer {
  checkTimestamp(timestamp)
  return Buffer.concat([writeUint64(timestamp), signature])
}

/** Time and signature apart; undefined where the octets are no cosignature of that algorithm or the time is above 2^53 − 1. */
export function parseTimestamped(
  algorithm: keyof typeof NOTE_ALGORITHMS,
  bytes: Uint8Array,
): { readonly timestamp: number; readonly signature: Uint8Array } | undefined {
  if (bytes.length !== TIMESTAMP_BYTES + NOTE_ALGORITHMS[algorithm].signature) return undefined
  const timestamp = readUint64(bytes)
  return timestamp === undefined ? undefined : { timestamp, signature: bytes.subarray(TIMESTAMP_BYTES) }
}

function checkTimestamp(timestamp: number): void {
  if (!isTreeSize(timestamp)) throw new TransparencyError('out_of_range', `${timestamp} is no time in seconds`)
}

/** With its length in one octet before it. */
function short(text: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length === 0 || bytes.length > MAXIMUM_NAME_BYTES)
    throw new TransparencyError('out_of_range', `${bytes.length} octets are no origin or name`)
  return Buffer.concat([Uint8Array.of(bytes.length), bytes])
}
