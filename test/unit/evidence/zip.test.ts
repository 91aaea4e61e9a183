// ZIP written and read: by our reader, by Info-ZIP, and what a stranger may not send.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32, deflateRawSync } from 'node:zlib'
import { EvidenceError, readZip, writeZip, type ZipEntry, type ZipLimits } from '#evidence'
import { needsTools, tool } from '../../tools.ts'

const AT = new Date('2031-05-06T07:08:09Z')

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The bytes in pieces of `size`, so that every boundary falls somewhere odd. */
async function* dripped(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function readAll(bytes: Uint8Array, size?: number, limits?: ZipLimits): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>()
  for await (const entry of readZip(dripped(bytes, size), limits)) entries.set(entry.name, await collect(entry.body))
  return entries
}

async function refused(bytes: Uint8Array, why: RegExp, limits?: ZipLimits): Promise<void> {
  await assert.rejects(readAll(bytes, undefined, limits), (error) => {
    assert.ok(error instanceof EvidenceError, String(error))
    assert.equal(error.code, 'asic_malformed_zip')
    assert.match(error.message, why)
    return true
  })
}

const entry = (name: string, body: ZipEntry['body'], more: Partial<ZipEntry> = {}): ZipEntry => ({
  name,
  modifiedAt: AT,
  body,
  compress: true,
  ...more,
})

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('some')
  throw new Error('the disk is gone')
}

const text = Buffer.from('evidence '.repeat(1000))
const noise = randomBytes(300_000)

function sample(): ZipEntry[] {
  return [
    entry('mimetype', Buffer.from('application/zip'), { compress: false }),
    entry('empty', Buffer.alloc(0)),
    entry('META-INF/text.xml', text),
    entry('streamed', () => dripped(noise, 7001)),
    entry('sized', () => dripped(text, 11), { size: text.length }),
    entry('framed', () => dripped(noise), { compress: false }),
    entry('large in memory', Buffer.concat([noise, text])),
    entry('õun 🍎', Buffer.from('a name beyond ASCII')),
  ]
}

test('what is written is read back', async () => {
  const bytes = await collect(writeZip(sample(), 'a comment'))
  for (const size of [4096, 65_537, bytes.length]) {
    const entries = await readAll(bytes, size)
    assert.deepEqual(
      [...entries.keys()],
      sample().map(({ name }) => name),
    )
    assert.deepEqual(entries.get('META-INF/text.xml'), text)
    assert.deepEqual(entries.get('streamed'), noise)
    assert.deepEqual(entries.get('framed'), noise)
    assert.deepEqual(entries.get('sized'), text)
    assert.deepEqual(entries.get('empty'), Buffer.alloc(0))
    assert.deepEqual(entries.get('large in memory'), Buffer.concat([noise, text]))
  }
})

test('wherever the chunks end', async () => {
  const small = [entry('empty', Buffer.alloc(0)), entry('a', text), entry('b', () => dripped(text, 500))]
  const bytes = await collect(writeZip(small, 'a comment'))
  for (let size = 1; size < 40; size += 1) assert.deepEqual((await readAll(bytes, size)).get('b'), text)
})

test('entries that the caller does not read are skipped, and still checked', async () => {
  const bytes = await collect(writeZip(sample()))
  const names: string[] = []
  for await (const { name } of readZip(dripped(bytes, 1000))) names.push(name)
  assert.equal(names.length, sample().length)
  bytes[bytes.indexOf(noise.subarray(0, 16)) + 100] = (noise[100] ?? 0) ^ 1
  await assert.rejects(async () => {
    for await (const _ of readZip(dripped(bytes)));
  }, EvidenceError)
})

test('Info-ZIP agrees', async (t) => {
  if (!needsTools(t, 'unzip', 'zipinfo')) return
  const folder = mkdtempSync(join(tmpdir(), 'saadik-zip-'))
  try {
    const file = join(folder, 'sample.zip')
    writeFileSync(file, await collect(writeZip(sample(), 'mimetype=application/zip')))
    const tested = tool('unzip', ['-t', file])
    assert.equal(tested.status, 0, tested.stdout + tested.stderr)
    assert.match(tested.stdout, /No errors detected/)
    assert.match(tool('zipinfo', ['-z', file]).stdout, /mimetype=application\/zip/)
    assert.match(tool('zipinfo', ['-lT', file, 'mimetype']).stdout, /stor 20310506\.070808/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what Info-ZIP writes is read', async (t) => {
  if (!needsTools(t, 'zip')) return
  const folder = mkdtempSync(join(tmpdir(), 'saadik-zip-'))
  try {
    writeFileSync(join(folder, 'one.txt'), text)
    writeFileSync(join(folder, 'two.bin'), noise)
    assert.equal(tool('zip', ['-q', 'made.zip', 'one.txt', 'two.bin'], { cwd: folder }).status, 0)
    const entries = await readAll(readFileSync(join(folder, 'made.zip')))
    assert.deepEqual([entries.get('one.txt'), entries.get('two.bin')], [text, noise])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a body that fails or is not as long as announced stops the writing', async () => {
  await assert.rejects(collect(writeZip([entry('a', failing)])), /the disk is gone/)
  await assert.rejects(collect(writeZip([entry('a', () => dripped(text), { size: text.length + 1 })])), RangeError)
})

test('a reader that stops early lets the source close', async () => {
  let closed = false
  async function* source() {
    try {
      yield* dripped(await collect(writeZip(sample())), 100)
    } finally {
      closed = true
    }
  }
  for await (const { name } of readZip(source())) if (name === 'empty') break
  assert.ok(closed)
})

// A ZIP file made by hand, so that each field can lie.
interface Lie {
  readonly name?: string
  readonly centralName?: string
  readonly method?: number
  readonly flags?: number
  readonly centralFlags?: number
  readonly extra?: Buffer
  readonly centralExtra?: Buffer
  readonly size?: number
  readonly centralSize?: number
  readonly compressed?: number
  readonly crc?: number
  readonly offset?: number
  readonly attributes?: number
  readonly data?: Buffer
}

interface Whole {
  readonly before?: Buffer
  readonly between?: Buffer
  readonly after?: Buffer
  readonly comment?: Buffer
  readonly count?: number
  readonly start?: number
  readonly listed?: (headers: Buffer[]) => Buffer[]
}

const u16 = (value: number) => Buffer.from([value & 0xff, value >> 8])
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function forge(lies: readonly Lie[], whole: Whole = {}): Buffer {
  const locals: Buffer[] = []
  const headers: Buffer[] = []
  let at = 0
  for (const lie of lies) {
    const plain = Buffer.from('hello')
    const method = lie.method ?? 0
    const data = lie.data ?? (method === 8 ? deflateRawSync(plain) : plain)
    const name = Buffer.from(lie.name ?? 'a', 'latin1')
    const extra = lie.extra ?? Buffer.alloc(0)
    const crc = u32(lie.crc ?? crc32(plain))
    const compressed = u32(lie.compressed ?? data.length)
    const size = lie.size ?? plain.length
    const local = Buffer.concat([
      u32(0x04034b50),
      u16(20),
      u16(lie.flags ?? 0),
      u16(method),
      u32(0),
      crc,
      compressed,
      u32(size),
      u16(name.length),
      u16(extra.length),
      name,
      extra,
      data,
    ])
    const listed = Buffer.from(lie.centralName ?? lie.name ?? 'a', 'latin1')
    const centralExtra = lie.centralExtra ?? Buffer.alloc(0)
    headers.push(
      Buffer.concat([
        u32(0x02014b50),
        u16(20),
        u16(20),
        u16(lie.centralFlags ?? lie.flags ?? 0),
        u16(method),
        u32(0),
        crc,
        compressed,
        u32(lie.centralSize ?? size),
        u16(listed.length),
        u16(centralExtra.length),
        u16(0),
        u16(0),
        u16(0),
        u32(lie.attributes ?? 0),
        u32(lie.offset ?? at),
        listed,
        centralExtra,
      ]),
    )
    locals.push(local, whole.between ?? Buffer.alloc(0))
    at += local.length + (whole.between?.length ?? 0)
  }
  const directory = Buffer.concat(whole.listed?.(headers) ?? headers)
  const comment = whole.comment ?? Buffer.alloc(0)
  const count = whole.count ?? headers.length
  return Buffer.concat([
    whole.before ?? Buffer.alloc(0),
    ...locals,
    directory,
    u32(0x06054b50),
    u32(0),
    u16(count),
    u16(count),
    u32(directory.length),
    u32(whole.start ?? at),
    u16(comment.length),
    comment,
    whole.after ?? Buffer.alloc(0),
  ])
}

test('the forger itself can be honest', async () => {
  assert.deepEqual(
    [...(await readAll(forge([{}, { name: 'b', method: 8 }])))].map(([name, body]) => `${name} ${body}`),
    ['a hello', 'b hello'],
  )
})

const field = (id: number, value: Buffer) => Buffer.concat([u16(id), u16(value.length), value])

const LIES: Record<string, [Buffer, RegExp]> = {
  'nothing at all': [Buffer.alloc(0), /cut off/],
  'no ZIP': [Buffer.from('%PDF-1.7 and so on and so on'), /more entries/],
  'the same name twice': [forge([{}, {}]), /stands twice/],
  'the same name in another case': [forge([{ name: 'message.xml' }, { name: 'MESSAGE.XML' }]), /stands twice/],
  'a path upwards': [forge([{ name: 'x/../../etc/passwd' }]), /leaves its folder/],
  'an absolute path': [forge([{ name: '/etc/passwd' }]), /leaves its folder/],
  'a path of another system': [forge([{ name: 'x\\..\\y' }]), /leaves its folder/],
  'a drive': [forge([{ name: 'C:x' }]), /leaves its folder/],
  'an empty segment': [forge([{ name: 'a//b' }]), /leaves its folder/],
  'a control character': [forge([{ name: 'a\u0000b' }]), /leaves its folder/],
  'a name that is turned round': [
    forge([{ name: Buffer.from('a\u202eb').toString('latin1'), flags: 0x0800 }]),
    /leaves its folder/,
  ],
  'a name in no known character set': [forge([{ name: Buffer.from('õ').toString('latin1') }]), /character set/],
  'a name that is not UTF-8': [forge([{ name: 'a\xff', flags: 0x0800 }]), /UTF-8/],
  'another name in the directory': [forge([{ name: 'good', centralName: 'evil' }]), /disagree/],
  'another size in the directory': [forge([{ centralSize: 6 }]), /disagree/],
  'other flags in the directory': [forge([{ centralFlags: 0x0800 }]), /disagree/],
  'another offset in the directory': [forge([{ offset: 1 }]), /disagree/],
  encryption: [forge([{ flags: 1 }]), /flags/],
  'a strange method': [forge([{ method: 12 }]), /method 12/],
  'a wrong checksum': [forge([{ crc: 1 }]), /not the data/],
  'a size that lies': [forge([{ method: 8, size: 4 }]), /not the data/],
  'compressed data that ends early': [
    forge([{ method: 8, data: deflateRawSync('hello').subarray(0, 3) }]),
    /broken or cut off/,
  ],
  'compressed data with something after it': [
    forge([{ method: 8, data: Buffer.concat([deflateRawSync('hello'), Buffer.from('xx')]) }]),
    /not as long/,
  ],
  'stored data without an end': [forge([{ flags: 8 }]), /end of a cannot be found/],
  'a link': [forge([{ attributes: (0xa1ff << 16) >>> 0 }]), /is a link/],
  'a name in an extra field': [forge([{ extra: field(0x7075, Buffer.from('\x01aaaaevil')) }]), /extra field 0x7075/],
  'a name in an extra field of the directory': [
    forge([{ centralExtra: field(0x7075, Buffer.from('\x01aaaaevil')) }]),
    /extra field 0x7075/,
  ],
  'an extra field that is too long': [forge([{ extra: Buffer.from([1, 0, 99, 0, 1]) }]), /beyond its header/],
  'two Zip64 fields': [
    forge([{ extra: Buffer.concat([field(1, Buffer.alloc(16)), field(1, Buffer.alloc(16))]) }]),
    /two Zip64/,
  ],
  'a Zip64 size beyond all measure': [
    forge([{ size: 0xffffffff, extra: field(1, Buffer.alloc(8, 0xff)) }]),
    /beyond all measure/,
  ],
  'something before the first entry': [forge([{}], { before: Buffer.from('#!/bin/sh\n') }), /more entries/],
  'something between entries': [
    forge([{}, { name: 'b' }], { between: Buffer.from('hidden') }),
    /more entries|fewer entries/,
  ],
  'something after the end': [forge([{}], { after: Buffer.from('hidden') }), /after its end/],
  'an end record in the comment': [
    forge([{}], { comment: Buffer.from('PK\x05\x06'.padEnd(22, '\0'), 'latin1') }),
    /looks like an end record/,
  ],
  'an entry that the directory does not list': [
    forge([{}, { name: 'b' }], { listed: (headers) => headers.slice(0, 1) }),
    /fewer entries/,
  ],
  'an entry that only the directory lists': [
    forge([{}], { listed: (headers) => [...headers, ...headers] }),
    /more entries/,
  ],
  'a directory in another order': [forge([{}, { name: 'b' }], { listed: (headers) => headers.reverse() }), /disagree/],
  'a count that lies': [forge([{}], { count: 2 }), /end record disagrees/],
  'a Zip64 count without Zip64': [forge([{}], { count: 0xffff }), /end record disagrees/],
  'a start that lies': [forge([{}], { start: 0 }), /end record disagrees/],
}

for (const [name, [bytes, why]] of Object.entries(LIES)) test(`refused: ${name}`, () => refused(bytes, why))

test('refused: everything that is cut off', async () => {
  const bytes = await collect(
    writeZip([entry('a', Buffer.from('aaaaaaaaaaaaaaa')), entry('b', () => dripped(text))], 'comment'),
  )
  for (let end = 0; end < bytes.length; end += 1) await refused(bytes.subarray(0, end), /./)
})

test('refused: bombs, by size, by ratio and by number', async () => {
  const zeros = Buffer.alloc(1 << 20)
  const bomb = await collect(
    writeZip([
      entry('zeros', async function* () {
        for (let count = 0; count < 80; count += 1) yield zeros
      }),
    ]),
  )
  assert.ok(bomb.length < 200_000)
  await refused(bomb, /grows more than/)
  await refused(bomb, /octets decompressed/, { maxBytes: 1 << 20, maxEntries: 10 })
  const many = await collect(writeZip(Array.from({ length: 11 }, (_, index) => entry(`${index}`, Buffer.of(1)))))
  await refused(many, /more than 10 entries/, { maxBytes: 1 << 20, maxEntries: 10 })
})

test('refused: a flip anywhere but in what no reader believes', async () => {
  const bytes = await collect(
    writeZip([
      entry('mimetype', Buffer.from('x'), { compress: false }),
      entry('text', text),
      entry('streamed', () => dripped(text), { size: text.length }),
    ]),
  )
  const silent: number[] = []
  for (let at = 0; at < bytes.length; at += 1) {
    const forged = Buffer.from(bytes)
    forged[at] = (forged[at] ?? 0) ^ 0x40
    try {
      const entries = await readAll(forged)
      // Times, versions and attributes say nothing about the data; names are told to whoever reads.
      assert.deepEqual([...entries.values()], [Buffer.from('x'), text, text])
      silent.push(at)
    } catch (error) {
      assert.ok(error instanceof EvidenceError, String(error))
    }
  }
  assert.ok(silent.length < bytes.length / 4, `${silent.length} of ${bytes.length} octets are believed by nobody`)
})

test('Zip64: sizes in the extra field are the sizes', async () => {
  const wide = field(1, Buffer.concat([u32(5), u32(0), u32(5), u32(0)]))
  const bytes = forge([
    { size: 0xffffffff, compressed: 0xffffffff, extra: wide, centralExtra: wide, centralSize: 0xffffffff },
  ])
  assert.deepEqual([...(await readAll(bytes)).values()].map(String), ['hello'])
})

test('Zip64: more than 65,535 entries', async () => {
  const count = 66_000
  const bytes = await collect(
    writeZip(Array.from({ length: count }, (_, index) => entry(`${index}`, Buffer.of(1), { compress: false }))),
  )
  let read = 0
  for await (const _ of readZip(dripped(bytes), { maxBytes: 1 << 20, maxEntries: count })) read += 1
  assert.equal(read, count)
  const at = bytes.lastIndexOf(Buffer.from('PK\x06\x07', 'latin1'))
  const forged = Buffer.from(bytes)
  forged.writeUInt32LE(1, at + 8)
  await refused(forged, /locator/, { maxBytes: 1 << 20, maxEntries: count })
})

const LONG = process.env['SAADIK_LONG'] !== undefined

test('Zip64: entries beyond 4 GiB, announced and not', { skip: !LONG && 'long mode only' }, async () => {
  const block = randomBytes(1 << 20)
  const blocks = 4100
  async function* large() {
    for (let count = 0; count < blocks; count += 1) yield block
  }
  const size = blocks * block.length
  const limits = { maxBytes: 2 * size + 1, maxEntries: 3 }
  const entries = [
    entry('announced', large, { size, compress: false }),
    entry('not announced', large, { compress: false }),
    entry('after both', Buffer.of(1)),
  ]
  const read: [string, number][] = []
  for await (const { name, body } of readZip(writeZip(entries), limits)) {
    let octets = 0
    for await (const chunk of body) octets += chunk.length
    read.push([name, octets])
  }
  assert.deepEqual(read, [
    ['announced', size],
    ['not announced', size],
    ['after both', 1],
  ])
})
