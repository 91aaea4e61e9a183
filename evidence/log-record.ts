// What a message log commits to of one record, and the entry that stands for it in a transparent log.
//
//   entry  = 1 ‖ SHA-256(salt ‖ record)      33 bytes; all that leaves the server of a record that nobody is shown
//   record = the fields below, in their order, each as its length (u32, big-endian) and its bytes
//
// Numbers are u64, big-endian; text is UTF-8; an absent field has the length 0xFFFFFFFF. One record has one encoding. Where a body
// lies and whether it was kept is not part of it: moving or erasing a body does not change the log. The salt is random for each record
// and goes with it: who has only the entry cannot try out which record it stands for.
import { digest, equalBytes } from '#trust'
import { EvidenceError } from './error.ts'

/** The facts of a record by digest: it can be shown to anyone without showing a message. */
export interface CommittedRecord {
  /** Its number in the log, from 1. */
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly side: string
  readonly direction: string
  readonly queryId: string
  readonly requestId: string
  /** Whose it is on that server: the client on the consumer's, the provider on the provider's; as `idKey` writes it. */
  readonly member: string
  /** SHA-512 each. */
  readonly headDigest: Uint8Array
  readonly signatureDigest: Uint8Array
  /** Of the hash chain and its result, where the signature is a batch signature. */
  readonly chainDigest: Uint8Array | null
  readonly chainResultDigest: Uint8Array | null
  /** Of the body; of several attachments, over their digests one after another. */
  readonly bodyDigest: Uint8Array | null
  readonly bodySize: number | null
}

/** First byte of the entry of a record; entries of other kinds have others. */
export const RECORD_ENTRY = 1
export const SALT_BYTES = 32

const FORMAT = 'saadik message log record v1'
const FIELDS = 14
const ABSENT = 0xffffffff
/** Of the numbers and digests, with room to spare. */
const FIXED_BYTES = 512
/** UTF-8 has at most this many bytes for one unit of a string. */
const BYTES_PER_UNIT = 3
/** No record of a message is longer: its texts are identifiers. */
const MAX_RECORD_BYTES = 64 * 1024

/** The encoding of a record, which its salt and this together commit to. */
export function encodeRecord(record: CommittedRecord): Uint8Array {
  const { side, direction, queryId, requestId, member } = record
  const text = side.length + direction.length + queryId.length + requestId.length + member.length
  const bytes = Buffer.allocUnsafe(FIXED_BYTES + BYTES_PER_UNIT * text)
  let offset = 0
  const put = (field: string | number | Uint8Array | null): void => {
    const start = offset + 4
    let length = 0
    if (typeof field === 'string') length = bytes.write(field, start)
    else if (typeof field === 'number') length = bytes.writeBigUInt64BE(BigInt(field), start) - start
    else if (field !== null) {
      bytes.set(field, start)
      length = field.length
    }
    bytes.writeUInt32BE(field === null ? ABSENT : length, offset)
    offset = start + length
  }
  put(FORMAT)
  put(record.seq)
  put(record.at)
  put(side)
  put(direction)
  put(queryId)
  put(requestId)
  put(member)
  put(record.headDigest)
  put(record.signatureDigest)
  put(record.chainDigest)
  put(record.chainResultDigest)
  put(record.bodyDigest)
  put(record.bodySize)
  return bytes.subarray(0, offset)
}

/** Reads what a stranger says a record is. Throws EvidenceError `malformed_record` for all that `encodeRecord` does not write. */
export function decodeRecord(bytes: Uint8Array): CommittedRecord {
  if (bytes.length > MAX_RECORD_BYTES) throw malformed('it is too long')
  const fields = split(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  const text = (index: number): string => present(fields, index).toString('utf8')
  const number = (field: Buffer): number => {
    if (field.length !== 8) throw malformed('a number has not eight bytes')
    const value = field.readBigUInt64BE()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('a number is too large')
    return Number(value)
  }
  const digestOrNothing = (index: number): Uint8Array | null => {
    const field = fields[index] ?? null
    if (field !== null && field.length !== 64) throw malformed('a digest has not 64 bytes')
    return field
  }
  const digestAt = (index: number): Uint8Array => digestOrNothing(index) ?? present(fields, index)
  if (text(0) !== FORMAT) throw malformed('it is of another format')
  const size = fields[13] ?? null
  const record = {
    seq: number(present(fields, 1)),
    at: number(present(fields, 2)),
    side: text(3),
    direction: text(4),
    queryId: text(5),
    requestId: text(6),
    member: text(7),
    headDigest: digestAt(8),
    signatureDigest: digestAt(9),
    chainDigest: digestOrNothing(10),
    chainResultDigest: digestOrNothing(11),
    bodyDigest: digestOrNothing(12),
    bodySize: size === null ? null : number(size),
  }
  // Text that is not UTF-8 would not come out as it went in.
  if (!equalBytes(encodeRecord(record), bytes)) throw malformed('it is not as it would be written')
  return record
}

/** What the log's index keeps of a record: SHA-256 over its salt and its encoding. */
export function commitmentOf(salt: Uint8Array, record: Uint8Array): Uint8Array {
  if (salt.length !== SALT_BYTES) throw new TypeError(`A salt has ${SALT_BYTES} bytes, not ${salt.length}`)
  return digest('SHA-256', Buffer.concat([salt, record]))
}

/** The entry of a record in a transparent log, from its commitment. */
export function recordEntry(commitment: Uint8Array): Uint8Array {
  const entry = new Uint8Array(1 + commitment.length)
  entry[0] = RECORD_ENTRY
  entry.set(commitment, 1)
  return entry
}

function split(bytes: Buffer): (Buffer | null)[] {
  const fields: (Buffer | null)[] = []
  let offset = 0
  while (fields.length < FIELDS) {
    if (offset + 4 > bytes.length) throw malformed('it ends too early')
    const length = bytes.readUInt32BE(offset)
    offset += 4
    if (length === ABSENT) {
      fields.push(null)
      continue
    }
    if (length > bytes.length - offset) throw malformed('it ends too early')
    fields.push(bytes.subarray(offset, offset + length))
    offset += length
  }
  if (offset !== bytes.length) throw malformed('something follows it')
  return fields
}

function present(fields: readonly (Buffer | null)[], index: number): Buffer {
  const field = fields[index] ?? null
  if (field === null) throw malformed(`field ${index} is absent`)
  return field
}

function malformed(why: string): EvidenceError {
  return new EvidenceError('malformed_record', `This is no record of a message log: ${why}`)
}
