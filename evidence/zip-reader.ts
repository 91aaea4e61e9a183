// ZIP as it comes from a stranger, in one pass: entries in file order, then a central directory that must say the same (APPNOTE 6.3).
// What two readers could read differently is refused: duplicate names, sizes or offsets that disagree, gaps, data before the first
// entry or after the end, encryption, links, names that leave their folder or that an extra field renames.
import { crc32 } from 'node:zlib'
import { type LocalEntry, readDirectory } from './zip-directory.ts'
import { readExtra } from './zip-extra.ts'
import { inflate } from './zip-inflate.ts'
import { malformedZip, ZipInput } from './zip-input.ts'

export interface ReadEntry {
  readonly name: string
  /** As the header says, taken for UTC; nothing vouches for it. */
  readonly modifiedAt: Date
  /** Not compressed. */
  readonly stored: boolean
  /** Either read to its end before the next entry is asked for, or not begun: then it is skipped, and still checked. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface ZipLimits {
  /** Octets of all entries together, decompressed. */
  readonly maxBytes: number
  readonly maxEntries: number
}

const ZIP_LIMITS: ZipLimits = Object.freeze({ maxBytes: 16 * 2 ** 30, maxEntries: 10_000 })
/** An entry that grows beyond this many octets may not be more than so many times its compressed size: real messages shrink 3 to 30 times. */
const BOMB_SIZE = 64 * 2 ** 20
const BOMB_RATIO = 200

const LOCAL_HEADER = 0x04034b50
const DESCRIPTOR = 0x08074b50
const MAX32 = 0xffffffff
const FLAG_DESCRIPTOR = 0x0008
const FLAG_UTF8 = 0x0800
/** Bits 1 and 2 say how hard the writer tried to compress. */
const FLAGS = 0x0006 | FLAG_DESCRIPTOR | FLAG_UTF8

/** Throws EvidenceError `asic_malformed_zip`. */
export async function* readZip(
  source: AsyncIterable<Uint8Array>,
  limits: ZipLimits = ZIP_LIMITS,
): AsyncGenerator<ReadEntry> {
  const input = new ZipInput(source)
  try {
    const entries: LocalEntry[] = []
    const names = new Set<string>()
    let left = limits.maxBytes
    for (;;) {
      const offset = input.offset
      const signature = (await input.take(4)).readUInt32LE(0)
      if (signature !== LOCAL_HEADER) {
        await readDirectory(input, entries, offset, signature)
        return
      }
      const local = await readLocal(input, offset)
      const { name } = local.entry
      // As file systems without case, and those that compose characters, would see it.
      const folded = name.normalize('NFC').toLowerCase()
      if (names.has(folded)) throw malformedZip(`entry ${JSON.stringify(name)} stands twice`)
      names.add(folded)
      if (entries.push(local.entry) > limits.maxEntries) throw malformedZip(`more than ${limits.maxEntries} entries`)
      const body = entryBody(input, local, (octets) => {
        left -= octets
        if (left < 0) throw malformedZip(`more than ${limits.maxBytes} octets decompressed`)
      })
      yield { name, modifiedAt: local.modifiedAt, stored: local.entry.method === 0, body }
      for await (const _ of body) {
        // Skipped by the caller; its sizes and checksum are part of what must agree.
      }
    }
  } finally {
    await input.close()
  }
}

interface Local {
  readonly entry: LocalEntry
  /** CRC and sizes follow the data instead of standing in the header. */
  readonly streamed: boolean
  /** Zip64: sizes after the data have eight octets. */
  readonly wide: boolean
  readonly modifiedAt: Date
}

async function readLocal(input: ZipInput, offset: number): Promise<Local> {
  const header = await input.take(26)
  const flags = header.readUInt16LE(2)
  const method = header.readUInt16LE(4)
  if ((flags & ~FLAGS) !== 0) throw malformedZip(`flags 0x${flags.toString(16)} are not accepted (encryption, patches)`)
  if (method !== 0 && method !== 8) throw malformedZip(`compression method ${method} is not accepted`)
  const nameLength = header.readUInt16LE(22)
  if (nameLength === 0 || nameLength > 1024) throw malformedZip(`a name of ${nameLength} octets`)
  const nameBytes = await input.take(nameLength)
  const { zip64 } = readExtra(await input.take(header.readUInt16LE(24)))
  const name = readName(nameBytes, flags)
  const streamed = (flags & FLAG_DESCRIPTOR) !== 0
  if (streamed && method === 0) throw malformedZip(`the end of ${name} cannot be found`)
  const wide = zip64 !== undefined
  const sizes = [...(zip64 ?? [])]
  const stated = (position: number) => {
    const value = header.readUInt32LE(position)
    return value === MAX32 ? (sizes.shift() ?? value) : value
  }
  const size = stated(18)
  const compressed = stated(14)
  const crc = header.readUInt32LE(10)
  const modifiedAt = readDosTime(header.readUInt16LE(6), header.readUInt16LE(8))
  return { entry: { name, flags, method, offset, crc, compressed, size }, streamed, wide, modifiedAt }
}

/** Months and days that do not exist roll over: the time is no part of what is believed. */
function readDosTime(time: number, date: number): Date {
  return new Date(
    Date.UTC((date >> 9) + 1980, ((date >> 5) & 15) - 1, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2),
  )
}

/** One reading only: ASCII, or UTF-8 that says so; relative, inside its folder, with nothing that a screen does not show. */
function readName(bytes: Buffer, flags: number): string {
  const name = bytes.toString('utf8')
  if (!Buffer.from(name, 'utf8').equals(bytes)) throw malformedZip('a name that is not UTF-8')
  if ((flags & FLAG_UTF8) === 0 && bytes.some((octet) => octet > 0x7e))
    throw malformedZip('a name in an unknown character set')
  const segments = name.split('/')
  if (
    /[\p{Cc}\p{Cf}\\]/u.test(name) ||
    /^[A-Za-z]:/.test(name) ||
    segments.some(
      (segment, index) => segment === '..' || segment === '.' || (segment === '' && index < segments.length - 1),
    )
  )
    throw malformedZip(`the name ${JSON.stringify(name)} leaves its folder`)
  return name
}

/** The data of one entry, once; a second iteration gives nothing. */
async function* entryBody(
  input: ZipInput,
  { entry, streamed, wide }: Local,
  spend: (octets: number) => void,
): AsyncGenerator<Uint8Array> {
  const start = input.offset
  let crc = 0
  let size = 0
  const raw =
    entry.method === 0 ? input.chunks(entry.compressed) : inflate(input, streamed ? undefined : entry.compressed)
  for await (const chunk of raw) {
    crc = crc32(chunk, crc)
    size += chunk.length
    spend(chunk.length)
    if (size > BOMB_SIZE && size > (input.offset - start) * BOMB_RATIO)
      throw malformedZip(`${entry.name} grows more than ${BOMB_RATIO} times when decompressed`)
    yield chunk
  }
  const compressed = input.offset - start
  if (streamed) {
    // Most writers leave the header empty then; what it says all the same must be true.
    const says = [entry.crc, entry.size, entry.compressed]
    const actual = [crc, size, compressed]
    if (says.some((value, index) => value !== 0 && value !== MAX32 && value !== actual[index]))
      throw malformedZip(`the header and the data descriptor of ${entry.name} disagree`)
    // Java widens the descriptor by the sizes alone, without saying so in the header.
    Object.assign(entry, await readDescriptor(input, wide || size > MAX32 || compressed > MAX32))
  }
  if (entry.crc !== crc || entry.size !== size || entry.compressed !== compressed)
    throw malformedZip(`${entry.name} is not as long, or not the data, that its header says`)
}

async function readDescriptor(
  input: ZipInput,
  wide: boolean,
): Promise<Pick<LocalEntry, 'crc' | 'compressed' | 'size'>> {
  const descriptor = await input.take(wide ? 24 : 16)
  if (descriptor.readUInt32LE(0) !== DESCRIPTOR) throw malformedZip('a data descriptor without its signature')
  const crc = descriptor.readUInt32LE(4)
  return wide
    ? { crc, compressed: Number(descriptor.readBigUInt64LE(8)), size: Number(descriptor.readBigUInt64LE(16)) }
    : { crc, compressed: descriptor.readUInt32LE(8), size: descriptor.readUInt32LE(12) }
}
