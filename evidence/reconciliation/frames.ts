// How a side shows its leaves: its log from the first leaf to the last of a checkpoint, in which the leaves of the run are open and all others are
// hidden under as few subtrees as cover them. Who goes through it computes the root.
//
//   0 ‖ leaves, u64 ‖ hash for each subtree that covers them
//   1 ‖ value ‖ seq, u64 ‖ time, u64 ‖ salt ‖ commitment      a record that the other side has too: the rest of it is as in its own
//   2 ‖ salt ‖ commitment ‖ record ‖ signature ‖ chain ‖ chain result ‖ digests of attachments
//                                                          each of the last five behind its length (u32; 0xFFFFFFFF: absent)
//
// Numbers are big-endian. A page is frames, whole; sixteen mebioctets at most.
import { coveringNodes, HASH_BYTES, type Hash, isTreeSize } from '#transparency'
import { SALT_BYTES } from '../log-record.ts'
import { StatementError } from './error.ts'
import { VALUE_BYTES } from './exchange-value.ts'

export interface HiddenFrame {
  readonly kind: 'hidden'
  readonly leaves: number
  readonly hashes: readonly Hash[]
}

export interface KnownFrame {
  readonly kind: 'known'
  readonly value: Uint8Array
  readonly seq: number
  readonly at: number
  readonly salt: Uint8Array
  /** What the leaf has: a record that is not as in the other's log is told from a wrong tree. */
  readonly commitment: Uint8Array
}

export interface ShownFrame {
  readonly kind: 'shown'
  readonly salt: Uint8Array
  readonly commitment: Uint8Array
  /** As `encodeRecord` wrote it. */
  readonly record: Uint8Array
  /** Where the other side has signed the message: what nobody else can have made. */
  readonly signed?: ShownSignature
}

export interface ShownSignature {
  readonly signature: Uint8Array
  readonly chain?: Uint8Array
  readonly chainResult?: Uint8Array
  /** SHA-512 of each, where there are several: the record has one over all. */
  readonly attachments?: readonly Uint8Array[]
}

export type Frame = HiddenFrame | KnownFrame | ShownFrame

export const MAX_PAGE_BYTES = 16 * 1024 * 1024
/** A page is sent when it is as long as this; with its last frame it stays far below the most. */
export const FULL_PAGE_BYTES = 2 * 1024 * 1024
const MAX_RECORD_BYTES = 64 * 1024
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
const COMMITMENT_BYTES = 32
const DIGEST_BYTES = 64
const KNOWN_BYTES = VALUE_BYTES + 16 + SALT_BYTES + COMMITMENT_BYTES
const ABSENT = 0xffffffff

export function writeFrame(frame: Frame): Buffer {
  switch (frame.kind) {
    case 'hidden':
      return Buffer.concat([Uint8Array.of(0), u64(frame.leaves), ...frame.hashes])
    case 'known':
      return Buffer.concat([Uint8Array.of(1), frame.value, u64(frame.seq), u64(frame.at), frame.salt, frame.commitment])
    case 'shown': {
      const { signature, chain, chainResult, attachments } = frame.signed ?? {}
      const digests = attachments && Buffer.concat(attachments)
      const documents = [frame.record, signature, chain, chainResult, digests].flatMap((document) => [
        u32(document?.length ?? ABSENT),
        document ?? new Uint8Array(0),
      ])
      return Buffer.concat([Uint8Array.of(2), frame.salt, frame.commitment, ...documents])
    }
  }
}

/** The frames of a page. @param size Leaves before it. Throws StatementError `malformed_statement`. */
export function* readFrames(page: Uint8Array, size: number): Generator<Frame> {
  if (page.length > MAX_PAGE_BYTES) throw malformed(`a page has ${page.length} octets`)
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.length)
  let at = 0
  let leaves = size
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw malformed('a page ends within a frame')
    at += length
    return bytes.subarray(at - length, at)
  }
  const number = (field: Buffer): number => {
    const value = Number(field.readBigUInt64BE())
    if (!isTreeSize(value)) throw malformed('a number is too large')
    return value
  }
  const document = (most: number): Buffer | undefined => {
    const length = take(4).readUInt32BE()
    if (length === ABSENT) return undefined
    if (length > most) throw malformed(`${length} octets are too many for a part of a frame`)
    return take(length)
  }
  while (at < bytes.length) {
    const [kind] = take(1)
    if (kind === 0) {
      const hidden = number(take(8))
      if (hidden === 0 || !isTreeSize(leaves + hidden)) throw malformed(`${hidden} leaves cannot be hidden`)
      const nodes = coveringNodes({ start: leaves, end: leaves + hidden })
      yield { kind: 'hidden', leaves: hidden, hashes: nodes.map(() => take(HASH_BYTES)) }
      leaves += hidden
    } else if (kind === 1) {
      const fields = take(KNOWN_BYTES)
      const salt = VALUE_BYTES + 16
      yield {
        kind: 'known',
        value: fields.subarray(0, VALUE_BYTES),
        seq: number(fields.subarray(VALUE_BYTES, VALUE_BYTES + 8)),
        at: number(fields.subarray(VALUE_BYTES + 8, salt)),
        salt: fields.subarray(salt, salt + SALT_BYTES),
        commitment: fields.subarray(salt + SALT_BYTES),
      }
      leaves += 1
    } else if (kind === 2) {
      const [salt, commitment] = [take(SALT_BYTES), take(COMMITMENT_BYTES)]
      const record = document(MAX_RECORD_BYTES)
      if (record === undefined) throw malformed('a shown leaf has no record')
      const [signature, chain, chainResult, digests] = [1, 2, 3, 4].map(() => document(MAX_DOCUMENT_BYTES))
      const attachments = digests && split(digests)
      const signed = signature && {
        signature,
        ...(chain && { chain }),
        ...(chainResult && { chainResult }),
        ...(attachments && { attachments }),
      }
      yield { kind: 'shown', salt, commitment, record, ...(signed && { signed }) }
      leaves += 1
    } else throw malformed(`there is no frame of kind ${kind}`)
  }
}

function split(digests: Buffer): Uint8Array[] {
  if (digests.length === 0 || digests.length % DIGEST_BYTES !== 0) throw malformed('a digest has not 64 octets')
  return Array.from({ length: digests.length / DIGEST_BYTES }, (_, at) =>
    digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES),
  )
}

function u64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function malformed(why: string): StatementError {
  return new StatementError('malformed_statement', `The proof is malformed: ${why}`)
}
