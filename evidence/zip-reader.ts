// ZIP as it comes from a stranger, in one pass: entries in file order, then a central directory that must say the same. What two readers
// could read differently is refused: duplicate names, sizes or offsets that disagree, gaps, data after the end, encryption, odd names.
import { crc32, createInflateRaw } from 'node:zlib'
import { EvidenceError } from './error.ts'

export interface ReadEntry {
  readonly name: string
  /** Must be read to its end before the next entry; what is left is skipped (and still checked). */
  readonly body: AsyncIterable<Uint8Array>
}

export interface ZipLimits {
  /** Octets of all entries together, decompressed. */
  readonly maxBytes: number
  readonly maxEntries: number
}

const LIMITS: ZipLimits = { maxBytes: 64 * 2 ** 30, maxEntries: 10_000 }
const MAX32 = 0xffffffff

interface Local {
  readonly name: string
  readonly nameBytes: Buffer
  readonly flags: number
  readonly method: number
  readonly offset: number
  crc: number
  compressed: number
  size: number
}

/** Throws EvidenceError `asic_malformed_zip`. */
export async function* readZip(
  source: AsyncIterable<Uint8Array>,
  limits: ZipLimits = LIMITS,
): AsyncGenerator<ReadEntry> {
  const input = new Input(source)
  const entries: Local[] = []
  const names = new Set<string>()
  let left = limits.maxBytes
  for (;;) {
    const offset = input.offset
    const signature = (await input.take(4)).readUInt32LE(0)
    if (signature !== 0x04034b50) {
      await readDirectory(input, entries, offset, signature)
      return
    }
    const { entry, descriptor, wide } = await readLocal(input, offset)
    const folded = entry.name.toLowerCase()
    if (names.has(folded)) throw malformed(`entry ${entry.name} stands twice`)
    names.add(folded)
    if (entries.push(entry) > limits.maxEntries) throw malformed(`more than ${limits.maxEntries} entries`)
    const body = entryBody(input, entry, descriptor, wide, (octets) => {
      left -= octets
      if (left < 0) throw malformed(`more than ${limits.maxBytes} octets decompressed`)
    })
    yield { name: entry.name, body }
    for await (const _ of body) {
      // Skipped by the caller; its sizes and checksum are part of what must agree.
    }
  }
}

async function readLocal(input: Input, offset: number): Promise<{ entry: Local; descriptor: boolean; wide: boolean }> {
  const header = await input.take(26)
  const flags = header.readUInt16LE(2)
  const method = header.readUInt16LE(4)
  if ((flags & ~0x080e) !== 0) throw malformed(`flags ${flags.toString(16)} are not accepted (encryption, patches)`)
  if (method !== 0 && method !== 8) throw malformed(`compression method ${method} is not accepted`)
  const nameLength = header.readUInt16LE(22)
  const extraLength = header.readUInt16LE(24)
  if (nameLength === 0 || nameLength > 1024) throw malformed(`a name of ${nameLength} octets`)
  const nameBytes = await input.take(nameLength)
  const extra = await input.take(extraLength)
  const name = nameBytes.toString('utf8')
  if (!Buffer.from(name, 'utf8').equals(nameBytes)) throw malformed('a name that is not UTF-8')
  if (
    /[\0\\]/.test(name) ||
    name.startsWith('/') ||
    name.split('/').some((segment) => segment === '..' || segment === '.') ||
    /^[A-Za-z]:/.test(name)
  )
    throw malformed(`the name ${JSON.stringify(name)} leaves its folder`)
  const descriptor = (flags & 0x0008) !== 0
  if (descriptor && method === 0) throw malformed(`the end of ${name} cannot be found`)
  const wideSizes = zip64(extra)
  let compressed = header.readUInt32LE(14)
  let size = header.readUInt32LE(18)
  const wide = wideSizes !== undefined
  if (wideSizes !== undefined) {
    if (size === MAX32) size = wideSizes.shift() ?? size
    if (compressed === MAX32) compressed = wideSizes.shift() ?? compressed
  }
  return {
    entry: { name, nameBytes, flags, method, offset, crc: header.readUInt32LE(10), compressed, size },
    descriptor,
    wide,
  }
}

/** The data of one entry, once; a second iteration gives what is left. */
function entryBody(
  input: Input,
  entry: Local,
  descriptor: boolean,
  wide: boolean,
  spend: (octets: number) => void,
): AsyncGenerator<Uint8Array> {
  return (async function* () {
    const start = input.offset
    let crc = 0
    let size = 0
    const raw =
      entry.method === 0 ? input.chunks(entry.compressed) : inflate(input, descriptor ? undefined : entry.compressed)
    for await (const chunk of raw) {
      crc = crc32(chunk, crc)
      size += chunk.length
      spend(chunk.length)
      yield chunk
    }
    const compressed = input.offset - start
    if (descriptor) {
      const stated = await readDescriptor(input, wide)
      Object.assign(entry, stated)
    }
    if (entry.crc !== crc || entry.size !== size || entry.compressed !== compressed)
      throw malformed(`${entry.name} is not as long, or not the data, that its header says`)
  })()
}

async function readDescriptor(input: Input, wide: boolean): Promise<Pick<Local, 'crc' | 'compressed' | 'size'>> {
  const signature = await input.take(4)
  if (signature.readUInt32LE(0) !== 0x08074b50) throw malformed('a data descriptor without its signature')
  const rest = await input.take(wide ? 20 : 12)
  const at = (position: number) => (wide ? safe(rest.readBigUInt64LE(position)) : rest.readUInt32LE(position))
  return { crc: rest.readUInt32LE(0), compressed: at(4), size: at(wide ? 12 : 8) }
}

/** DEFLATE until its own end; what was read too much goes back. */
async function* inflate(input: Input, length: number | undefined): AsyncGenerator<Uint8Array> {
  const stream = createInflateRaw()
  const fail = (cause: unknown) =>
    new EvidenceError('asic_malformed_zip', 'The ZIP file is malformed: compressed data is broken', { cause })
  let fed = 0
  let ended = false
  let failure: unknown
  let wake: (() => void) | undefined
  const notify = () => {
    wake?.()
    wake = undefined
  }
  stream.on('end', () => {
    ended = true
    notify()
  })
  stream.on('error', (error) => {
    failure = error
    notify()
  })
  stream.on('readable', notify)
  stream.on('drain', notify)
  try {
    const last: Buffer[] = []
    while (!ended) {
      const output: Buffer | null = stream.read()
      if (output !== null) {
        yield output
        continue
      }
      if (failure !== undefined) throw fail(failure)
      if (ended) break
      // Input that was taken in whole asks for more; input that was left over lies after the end, which is about to be told.
      if (!stream.writableEnded && stream.writableLength === 0 && stream.bytesWritten === fed) {
        const budget = length === undefined ? Number.POSITIVE_INFINITY : length - fed
        const chunk = budget === 0 ? undefined : await input.some(budget)
        if (chunk === undefined) {
          if (length === undefined) throw malformed('it ends inside compressed data')
          stream.end()
        } else {
          fed += chunk.length
          last[0] = chunk
          stream.write(chunk)
        }
      }
      if (!ended && stream.readableLength === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
          // A write that yields no output wakes nobody: look again in the next turn.
          setImmediate(notify)
        })
    }
    const surplus = fed - stream.bytesWritten
    const [chunk] = last
    if (surplus > 0) {
      if (length !== undefined || chunk === undefined || surplus > chunk.length)
        throw malformed('compressed data has something after its end')
      input.putBack(chunk.subarray(chunk.length - surplus))
    }
    if (length !== undefined && stream.bytesWritten !== length)
      throw malformed('compressed data is not as long as its header says')
  } finally {
    stream.destroy()
  }
}

/** Central directory, Zip64 records, end record: in this order, agreeing with the entries, and nothing after (APPNOTE §4.3.6). */
async function readDirectory(input: Input, entries: readonly Local[], start: number, first: number): Promise<void> {
  let signature = first
  for (const entry of entries) {
    if (signature !== 0x02014b50) throw malformed('the directory lists fewer entries than there are')
    await readCentral(input, entry)
    signature = (await input.take(4)).readUInt32LE(0)
  }
  const length = input.offset - 4 - start
  if (signature === 0x06064b50) {
    const size = safe((await input.take(8)).readBigUInt64LE(0))
    if (size < 44 || size > 4096) throw malformed('a Zip64 end record of odd size')
    const record = await input.take(size)
    if (
      safe(record.readBigUInt64LE(20)) !== entries.length ||
      safe(record.readBigUInt64LE(28)) !== length ||
      safe(record.readBigUInt64LE(36)) !== start
    )
      throw malformed('the Zip64 end record disagrees with the directory')
    if ((await input.take(4)).readUInt32LE(0) !== 0x07064b50) throw malformed('the Zip64 locator is missing')
    await input.take(16)
    signature = (await input.take(4)).readUInt32LE(0)
  }
  if (signature !== 0x06054b50) throw malformed('the directory lists more entries than there are')
  const end = await input.take(18)
  const agrees = (stated: number, actual: number, limit: number) => stated === actual || stated === limit
  if (
    !agrees(end.readUInt16LE(6), entries.length, 0xffff) ||
    !agrees(end.readUInt32LE(8), length, MAX32) ||
    !agrees(end.readUInt32LE(12), start, MAX32)
  )
    throw malformed('the end record disagrees with the directory')
  await input.take(end.readUInt16LE(16))
  if (!(await input.atEnd())) throw malformed('there is data after its end')
}

async function readCentral(input: Input, entry: Local): Promise<void> {
  const header = await input.take(42)
  const name = await input.take(header.readUInt16LE(24))
  const wide = zip64(await input.take(header.readUInt16LE(26))) ?? []
  await input.take(header.readUInt16LE(28))
  const value = (position: number) => {
    const stated = header.readUInt32LE(position)
    return stated === MAX32 ? (wide.shift() ?? stated) : stated
  }
  const size = value(20)
  const compressed = value(16)
  const offset = value(38)
  const same =
    name.equals(entry.nameBytes) &&
    header.readUInt16LE(6) === entry.method &&
    header.readUInt32LE(12) === entry.crc &&
    size === entry.size &&
    compressed === entry.compressed &&
    offset === entry.offset
  if (!same) throw malformed(`the directory and the header of ${entry.name} disagree`)
}

/** The values of a Zip64 extra field, if there is one. */
function zip64(extra: Buffer): number[] | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const id = extra.readUInt16LE(at)
    const length = extra.readUInt16LE(at + 2)
    if (at + 4 + length > extra.length) throw malformed('an extra field that goes beyond its header')
    if (id === 0x0001) {
      const values: number[] = []
      for (let position = at + 4; position + 8 <= at + 4 + length; position += 8)
        values.push(safe(extra.readBigUInt64LE(position)))
      return values
    }
    at += 4 + length
  }
  return undefined
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('a size beyond all measure')
  return Number(value)
}

/** Bytes of the source, taken in exact amounts. */
class Input {
  offset = 0
  readonly #iterator: AsyncIterator<Uint8Array>
  #kept: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]()
  }

  async take(count: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    let missing = count
    while (missing > 0) {
      const piece = await this.some(missing)
      if (piece === undefined) throw malformed('it is cut off')
      pieces.push(piece)
      missing -= piece.length
    }
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  }

  /** At least one octet and at most `limit`; undefined at the end. */
  async some(limit: number): Promise<Buffer | undefined> {
    while (this.#kept.length === 0) {
      const next = await this.#iterator.next()
      if (next.done) return undefined
      this.#kept = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length)
    }
    const piece = this.#kept.subarray(0, limit)
    this.#kept = this.#kept.subarray(piece.length)
    this.offset += piece.length
    return piece
  }

  async *chunks(count: number): AsyncGenerator<Buffer> {
    for (let missing = count; missing > 0; ) {
      const piece = await this.some(missing)
      if (piece === undefined) throw malformed('it is cut off')
      missing -= piece.length
      yield piece
    }
  }

  putBack(bytes: Buffer): void {
    this.offset -= bytes.length
    this.#kept = Buffer.concat([bytes, this.#kept])
  }

  async atEnd(): Promise<boolean> {
    return (await this.some(1)) === undefined
  }
}

function malformed(why: string): EvidenceError {
  return new EvidenceError('asic_malformed_zip', `The ZIP file is malformed: ${why}`)
}
