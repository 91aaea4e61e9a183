// A small zip, read whole: the verification configuration that a security server hands out. (Evidence is read by the evidence
// room, which streams.) Names, sizes and counts are attacker-controlled and bounded.
import { readFile, stat } from 'node:fs/promises'
import { crc32, inflateRawSync } from 'node:zlib'

const MAX_ARCHIVE = 64 * 1024 * 1024
const MAX_ENTRY = 64 * 1024 * 1024
const MAX_ENTRIES = 2000

const END_OF_DIRECTORY = 0x06054b50
const DIRECTORY_ENTRY = 0x02014b50
const LOCAL_ENTRY = 0x04034b50

export interface ZipFile {
  readonly name: string
  readonly bytes: Buffer
}

/** Every file of an archive without Zip64 and encryption (APPNOTE 6.3.3 §4.3); folders are left out. Throws Error. */
export async function readZip(path: string): Promise<readonly ZipFile[]> {
  if ((await stat(path)).size > MAX_ARCHIVE) throw new Error(`it is larger than ${MAX_ARCHIVE} bytes`)
  const archive = await readFile(path)
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (end < 0 || end + 22 > archive.length || archive.readUInt32LE(end) !== END_OF_DIRECTORY)
    throw new Error('it is not a zip file')
  const count = archive.readUInt16LE(end + 10)
  if (count > MAX_ENTRIES) throw new Error(`it has more than ${MAX_ENTRIES} files`)

  const files: ZipFile[] = []
  let at = archive.readUInt32LE(end + 16)
  for (let index = 0; index < count; index++) {
    if (archive.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error('its directory is broken')
    const method = archive.readUInt16LE(at + 10)
    const checksum = archive.readUInt32LE(at + 16)
    const packed = archive.readUInt32LE(at + 20)
    const size = archive.readUInt32LE(at + 24)
    const nameLength = archive.readUInt16LE(at + 28)
    const local = archive.readUInt32LE(at + 42)
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
    if (name.endsWith('/')) continue

    if (archive.readUInt32LE(local) !== LOCAL_ENTRY) throw new Error(`${name} is not where its directory says`)
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    const bytes = unpack(name, method, archive.subarray(start, start + packed), size)
    if (crc32(bytes) !== checksum) throw new Error(`${name} is damaged`)
    files.push({ name, bytes })
  }
  return files
}

function unpack(name: string, method: number, packed: Buffer, size: number): Buffer {
  if (size > MAX_ENTRY) throw new Error(`${name} is larger than ${MAX_ENTRY} bytes`)
  const bytes =
    method === 0 ? packed : method === 8 ? inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) }) : undefined
  if (bytes === undefined) throw new Error(`${name} is packed in an unknown way (${method})`)
  if (bytes.length !== size) throw new Error(`${name} has another size than its directory says`)
  return bytes
}
