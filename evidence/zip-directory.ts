// The end of a ZIP file: central directory, Zip64 records, end record, in this order, agreeing with the entries that were read, and
// nothing after (APPNOTE §4.3.6). Readers that start from the end must find what a reader from the start found.
import { exactly, readExtra } from './zip-extra.ts'
import { malformedZip, type ZipInput } from './zip-input.ts'

/** An entry as its local header and its data told. No bytes: a piece of what was read would keep all of it in memory until the end. */
export interface LocalEntry {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly offset: number
  crc: number
  compressed: number
  size: number
}

const CENTRAL_HEADER = 0x02014b50
const ZIP64_END = 0x06064b50
const ZIP64_LOCATOR = 0x07064b50
const END = 0x06054b50
const MAX32 = 0xffffffff
const MAX16 = 0xffff

/** @param start where the directory begins; `first` the signature that stands there. */
export async function readDirectory(
  input: ZipInput,
  entries: readonly LocalEntry[],
  start: number,
  first: number,
): Promise<void> {
  let signature = first
  for (const entry of entries) {
    if (signature !== CENTRAL_HEADER) throw malformedZip('the directory lists fewer entries than there are')
    await readCentral(input, entry)
    signature = (await input.take(4)).readUInt32LE(0)
  }
  const directory: Directory = { count: entries.length, start, length: input.offset - 4 - start }
  const wide = signature === ZIP64_END
  if (wide) {
    await readZip64End(input, directory)
    signature = (await input.take(4)).readUInt32LE(0)
  }
  if (signature !== END) throw malformedZip('the directory lists more entries than there are')
  await readEnd(input, directory, wide)
  if (!(await input.atEnd())) throw malformedZip('there is data after its end')
}

interface Directory {
  readonly count: number
  readonly start: number
  readonly length: number
}

async function readCentral(input: ZipInput, entry: LocalEntry): Promise<void> {
  const header = await input.take(42)
  const name = await input.take(header.readUInt16LE(24))
  const { zip64 } = readExtra(await input.take(header.readUInt16LE(26)))
  await input.take(header.readUInt16LE(28))
  const wide = [...(zip64 ?? [])]
  const value = (position: number) => {
    const stated = header.readUInt32LE(position)
    return stated === MAX32 ? (wide.shift() ?? stated) : stated
  }
  const size = value(20)
  const compressed = value(16)
  const offset = value(38)
  const same =
    name.equals(Buffer.from(entry.name)) &&
    header.readUInt16LE(4) === entry.flags &&
    header.readUInt16LE(6) === entry.method &&
    header.readUInt32LE(12) === entry.crc &&
    size === entry.size &&
    compressed === entry.compressed &&
    offset === entry.offset &&
    header.readUInt16LE(30) === 0
  if (!same) throw malformedZip(`the directory and the header of ${entry.name} disagree`)
  // Unix mode in the upper half, whoever made the file: a link would be written where its target says.
  if (((header.readUInt32LE(34) >>> 16) & 0xf000) === 0xa000) throw malformedZip(`${entry.name} is a link`)
}

async function readZip64End(input: ZipInput, { count, start, length }: Directory): Promise<void> {
  const recordOffset = input.offset - 4
  const size = exactly((await input.take(8)).readBigUInt64LE(0))
  if (size < 44 || size > 4096) throw malformedZip('a Zip64 end record of odd size')
  const record = await input.take(size)
  const states = [12, 20, 28, 36].map((position) => exactly(record.readBigUInt64LE(position)))
  const actual = [count, count, length, start]
  if (
    record.readUInt32LE(4) !== 0 ||
    record.readUInt32LE(8) !== 0 ||
    states.some((one, index) => one !== actual[index])
  )
    throw malformedZip('the Zip64 end record disagrees with the directory')
  const locator = await input.take(20)
  if (
    locator.readUInt32LE(0) !== ZIP64_LOCATOR ||
    locator.readUInt32LE(4) !== 0 ||
    exactly(locator.readBigUInt64LE(8)) !== recordOffset ||
    locator.readUInt32LE(16) !== 1
  )
    throw malformedZip('the Zip64 locator is missing or points elsewhere')
}

async function readEnd(input: ZipInput, { count, start, length }: Directory, wide: boolean): Promise<void> {
  const end = await input.take(18)
  const agrees = (stated: number, actual: number, full: number) => stated === actual || (wide && stated === full)
  if (
    end.readUInt32LE(0) !== 0 ||
    !agrees(end.readUInt16LE(4), count, MAX16) ||
    !agrees(end.readUInt16LE(6), count, MAX16) ||
    !agrees(end.readUInt32LE(8), length, MAX32) ||
    !agrees(end.readUInt32LE(12), start, MAX32)
  )
    throw malformedZip('the end record disagrees with the directory')
  const comment = await input.take(end.readUInt16LE(16))
  // Readers that look for the end from behind would take this one.
  if (comment.includes(Buffer.from('PK\x05\x06', 'latin1')))
    throw malformedZip('a comment that looks like an end record')
}
