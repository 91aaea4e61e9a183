// ZIP as it goes out: each octet once, nothing kept but the central directory (APPNOTE 6.3; Zip64 where sizes or offsets need it).
import { crc32, createDeflateRaw, deflateRawSync } from 'node:zlib'

export interface ZipEntry {
  readonly name: string
  /** Written in UTC. */
  readonly modifiedAt: Date
  readonly body: Uint8Array | (() => AsyncIterable<Uint8Array>)
  /** Octets of a streamed body when known: a body that turns out otherwise is an error, and one of 4 GiB or more is announced as such. */
  readonly size?: number
  /** Not compressed: bytes are stored as they are, a stream is framed by DEFLATE without compression, so that a reader finds its end. */
  readonly compress: boolean
}

/** What the central directory repeats of an entry. No bytes: a small buffer would keep the pool that it is cut from until the end. */
interface Written {
  readonly name: string
  readonly method: number
  readonly flags: number
  /** DOS time and date, as they stand in a header. */
  readonly stamp: number
  readonly crc: number
  readonly compressed: number
  readonly size: number
  readonly offset: number
}

const STORED = 0
const DEFLATED = 8
const FLAG_DESCRIPTOR = 0x0008
const FLAG_UTF8 = 0x0800
const MAX32 = 0xffffffff
/** Bytes in memory above this are compressed off the main thread, like a stream. */
const MAX_SYNC = 64 * 1024

/** Writes the entries in order. `comment` is the archive's comment. */
export async function* writeZip(
  entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>,
  comment = '',
): AsyncGenerator<Uint8Array> {
  const written: Written[] = []
  let offset = 0
  for await (const entry of entries) {
    const start = offset
    for await (const chunk of writeEntry(entry, start, (record) => written.push(record))) {
      offset += chunk.length
      yield chunk
    }
  }
  const directory = Buffer.concat(written.map(centralHeader))
  yield directory
  yield endOfDirectory(written.length, offset, directory.length, Buffer.from(comment, 'latin1'))
}

async function* writeEntry(
  entry: ZipEntry,
  offset: number,
  done: (record: Written) => void,
): AsyncGenerator<Uint8Array> {
  const { compress } = entry
  const body = await heldIfSmall(entry)
  const flags = /^[\x20-\x7e]*$/.test(entry.name) ? 0 : FLAG_UTF8
  const base = { name: entry.name, flags, stamp: dosTime(entry.modifiedAt), offset }
  if (typeof body === 'function') {
    yield* writeStream({ ...base, source: body(), expected: entry.size, level: compress ? 6 : 0 }, done)
  } else if (compress && body.length > MAX_SYNC) {
    yield* writeStream({ ...base, source: pieces(body), expected: body.length, level: 6 }, done)
  } else {
    const data = compress ? deflateRawSync(body, { chunkSize: most(body.length) }) : body
    const method = compress ? DEFLATED : STORED
    const record = { ...base, method, crc: crc32(body), compressed: data.length, size: body.length }
    yield Buffer.concat([localHeader(record, false), data])
    done(record)
  }
}

/** Room for the compressed data of so many octets, whatever they are: zlib's own buffer is larger than most of what is written, and lives as long. */
function most(length: number): number {
  return length + (length >> 8) + 64
}

/** A stream of few octets is taken whole: a compressor of its own costs as much as thousands of them, in time and in memory. */
async function heldIfSmall({ name, body, size }: ZipEntry): Promise<ZipEntry['body']> {
  if (typeof body !== 'function' || size === undefined || size > MAX_SYNC) return body
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body()) {
    length += piece.length
    if (length > size) break
    pieces.push(piece)
  }
  if (length !== size) throw otherSize(name, length, size)
  return Buffer.concat(pieces)
}

interface StreamedEntry extends Pick<Written, 'name' | 'flags' | 'stamp' | 'offset'> {
  readonly source: AsyncIterable<Uint8Array>
  readonly expected: number | undefined
  readonly level: number
}

/**
 * CRC and sizes follow the data. The header announces Zip64 only when the body is known to need it: Java 21 cannot read
 * small entries that do (JDK-8303866), and widens the descriptor by the actual sizes, as is done here.
 */
async function* writeStream(entry: StreamedEntry, done: (record: Written) => void): AsyncGenerator<Uint8Array> {
  const { source, expected, level, ...rest } = entry
  const base = { ...rest, method: DEFLATED, flags: entry.flags | FLAG_DESCRIPTOR }
  // Incompressible data grows by five octets in each 16 KiB.
  const announced = expected !== undefined && expected > MAX32 - 0x1000000
  yield localHeader({ ...base, crc: 0, compressed: 0, size: 0 }, announced)
  const facts = { crc: 0, size: 0 }
  let compressed = 0
  for await (const chunk of deflate(counted(source, facts), level)) {
    compressed += chunk.length
    yield chunk
  }
  if (expected !== undefined && facts.size !== expected) throw otherSize(entry.name, facts.size, expected)
  const record = { ...base, crc: facts.crc, compressed, size: facts.size }
  yield dataDescriptor(record, announced || record.size > MAX32 || compressed > MAX32)
  done(record)
}

function otherSize(name: string, actual: number, announced: number): RangeError {
  return new RangeError(`${name} has ${actual} octets, not the ${announced} that were announced`)
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += MAX_SYNC) yield bytes.subarray(at, at + MAX_SYNC)
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  facts: { crc: number; size: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    facts.crc = crc32(chunk, facts.crc)
    facts.size += chunk.length
    yield chunk
  }
}

/** DEFLATE with backpressure on both ends. */
async function* deflate(source: AsyncIterable<Uint8Array>, level: number): AsyncGenerator<Uint8Array> {
  const stream = createDeflateRaw({ level, chunkSize: MAX_SYNC })
  let wake = () => {}
  stream.on('drain', () => wake()).on('close', () => wake())
  const feed = async () => {
    for await (const chunk of source) {
      if (stream.destroyed) return
      if (!stream.write(chunk))
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
    stream.end()
  }
  const feeding = feed().catch((error: Error) => void stream.destroy(error))
  try {
    for await (const chunk of stream) yield chunk
    await feeding
  } finally {
    stream.destroy()
  }
}

function localHeader(record: Written, wide: boolean): Buffer {
  const name = Buffer.from(record.name)
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(wide ? 45 : 20, 4)
  header.writeUInt16LE(record.flags, 6)
  header.writeUInt16LE(record.method, 8)
  header.writeUInt32LE(record.stamp, 10)
  header.writeUInt32LE(record.crc, 14)
  header.writeUInt32LE(wide ? MAX32 : record.compressed, 18)
  header.writeUInt32LE(wide ? MAX32 : record.size, 22)
  header.writeUInt16LE(name.length, 26)
  const extra = wide ? zip64Extra([record.size, record.compressed]) : Buffer.alloc(0)
  header.writeUInt16LE(extra.length, 28)
  return Buffer.concat([header, name, extra])
}

function dataDescriptor(record: Written, wide: boolean): Buffer {
  const descriptor = Buffer.alloc(wide ? 24 : 16)
  descriptor.writeUInt32LE(0x08074b50, 0)
  descriptor.writeUInt32LE(record.crc, 4)
  if (wide) {
    descriptor.writeBigUInt64LE(BigInt(record.compressed), 8)
    descriptor.writeBigUInt64LE(BigInt(record.size), 16)
  } else {
    descriptor.writeUInt32LE(record.compressed, 8)
    descriptor.writeUInt32LE(record.size, 12)
  }
  return descriptor
}

function centralHeader(record: Written): Buffer {
  const large = [record.size, record.compressed, record.offset].filter((value) => value >= MAX32)
  const extra = large.length > 0 ? zip64Extra(large) : Buffer.alloc(0)
  const name = Buffer.from(record.name)
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE(large.length > 0 ? 45 : 20, 4)
  header.writeUInt16LE(large.length > 0 ? 45 : 20, 6)
  header.writeUInt16LE(record.flags, 8)
  header.writeUInt16LE(record.method, 10)
  header.writeUInt32LE(record.stamp, 12)
  header.writeUInt32LE(record.crc, 16)
  header.writeUInt32LE(Math.min(record.compressed, MAX32), 20)
  header.writeUInt32LE(Math.min(record.size, MAX32), 24)
  header.writeUInt16LE(name.length, 28)
  header.writeUInt16LE(extra.length, 30)
  header.writeUInt32LE(Math.min(record.offset, MAX32), 42)
  return Buffer.concat([header, name, extra])
}

function zip64Extra(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + values.length * 8)
  extra.writeUInt16LE(0x0001, 0)
  extra.writeUInt16LE(values.length * 8, 2)
  values.forEach((value, index) => void extra.writeBigUInt64LE(BigInt(value), 4 + index * 8))
  return extra
}

function endOfDirectory(count: number, offset: number, length: number, comment: Buffer): Buffer {
  const wide = count >= 0xffff || offset >= MAX32 || length >= MAX32
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(count, 0xffff), 8)
  end.writeUInt16LE(Math.min(count, 0xffff), 10)
  end.writeUInt32LE(Math.min(length, MAX32), 12)
  end.writeUInt32LE(Math.min(offset, MAX32), 16)
  end.writeUInt16LE(comment.length, 20)
  if (!wide) return Buffer.concat([end, comment])
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeUInt16LE(45, 12)
  record.writeUInt16LE(45, 14)
  record.writeBigUInt64LE(BigInt(count), 24)
  record.writeBigUInt64LE(BigInt(count), 32)
  record.writeBigUInt64LE(BigInt(length), 40)
  record.writeBigUInt64LE(BigInt(offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(offset + length), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, locator, end, comment])
}

/** DOS time in UTC, two-second steps from 1980. */
function dosTime(at: Date): number {
  const year = Math.min(Math.max(at.getUTCFullYear(), 1980), 2107)
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1)
  const date = ((year - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate()
  return date * 0x10000 + time
}
