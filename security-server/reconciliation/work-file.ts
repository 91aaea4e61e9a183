// The own messages of a run, in a file that is gone with it: their records and salts, so that the log is read once. No content is in it.
//
//   length (u32)  other party (u16 length, text)  salt  record      for each, by its number from 0
import { type FileHandle, open, rm } from 'node:fs/promises'
import { type CommittedRecord, decodeRecord, SALT_BYTES } from '#evidence'

export interface OwnMessage {
  readonly record: CommittedRecord
  /** As it is encoded. */
  readonly encoded: Uint8Array
  readonly salt: Uint8Array
  /** Whose the other side's record of it is, as `idKey` writes it. */
  readonly other: string
}

const WRITE_BYTES = 1024 * 1024
const READ_BYTES = 256 * 1024
const HEAD_BYTES = 4

export class WorkFile {
  readonly #path: string
  readonly #file: FileHandle
  /** Where each message begins, and where the last one ends. */
  #places = new Float64Array(1024)
  #count = 0
  #waiting: Buffer[] = []
  #waitingBytes = 0
  /** What was read last. */
  #window: { readonly start: number; readonly bytes: Buffer } = { start: 0, bytes: Buffer.alloc(0) }

  private constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  static async create(path: string): Promise<WorkFile> {
    return new WorkFile(path, await open(path, 'wx+', 0o600))
  }

  get count(): number {
    return this.#count
  }

  async add({ encoded, salt, other }: Omit<OwnMessage, 'record'>): Promise<void> {
    const name = Buffer.from(other)
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + 2 + name.length + SALT_BYTES + encoded.length)
    bytes.writeUInt32BE(bytes.length)
    bytes.writeUInt16BE(name.length, HEAD_BYTES)
    let at = HEAD_BYTES + 2
    for (const part of [name, salt, encoded]) {
      bytes.set(part, at)
      at += part.length
    }
    if (this.#count + 1 === this.#places.length) {
      const more = new Float64Array(2 * this.#places.length)
      more.set(this.#places)
      this.#places = more
    }
    this.#places[this.#count + 1] = (this.#places[this.#count] ?? 0) + bytes.length
    this.#count += 1
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes >= WRITE_BYTES) await this.flush()
  }

  /** Before anything is read. */
  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten
  }

  /** Two logs have their messages in much the same order: what is asked for next mostly lies behind. */
  async read(number: number): Promise<OwnMessage> {
    const start = this.#places[number] ?? 0
    const end = this.#places[number + 1] ?? start
    if (start < this.#window.start || end > this.#window.start + this.#window.bytes.length) {
      const most = (this.#places[this.#count] ?? end) - start
      this.#window = { start, bytes: await this.#bytes(start, Math.min(most, Math.max(READ_BYTES, end - start))) }
    }
    return messageIn(this.#window.bytes.subarray(start - this.#window.start, end - this.#window.start))
  }

  /** All of them in their order. */
  async *all(): AsyncGenerator<OwnMessage> {
    for (let first = 0; first < this.#count; ) {
      let end = first + 1
      const start = this.#places[first] ?? 0
      while (end < this.#count && (this.#places[end + 1] ?? 0) - start <= READ_BYTES) end += 1
      const bytes = await this.#bytes(start, (this.#places[end] ?? 0) - start)
      for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at))
        yield messageIn(bytes.subarray(at, at + bytes.readUInt32BE(at)))
      first = end
    }
  }

  async remove(): Promise<void> {
    await this.#file.close()
    await rm(this.#path, { force: true })
  }

  async #bytes(start: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length)
    for (let at = 0; at < length; ) {
      const { bytesRead } = await this.#file.read(bytes, at, length - at, start + at)
      if (bytesRead === 0) throw new Error('The work file of a comparison has been cut')
      at += bytesRead
    }
    return bytes
  }
}

function messageIn(bytes: Buffer): OwnMessage {
  const salt = HEAD_BYTES + 2 + bytes.readUInt16BE(HEAD_BYTES)
  const encoded = bytes.subarray(salt + SALT_BYTES)
  return {
    record: decodeRecord(encoded),
    encoded,
    salt: bytes.subarray(salt, salt + SALT_BYTES),
    other: bytes.toString('utf8', HEAD_BYTES + 2, salt),
  }
}
