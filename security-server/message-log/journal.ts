// The end of the log, where records are appended: one write for a group of them, durable when it returns.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { syncFolder } from '#host'
import { LogError } from './error.ts'
import { type Layout, writeFrame } from './frame.ts'
import { GROUP_HEAD, writeGroupHead } from './group.ts'
import { makeSegmentHead, readSegmentHead, SEGMENT_HEAD } from './segment-head.ts'
import { segmentPath, type Tail } from './segments.ts'

/** A longer segment gets no more records; a group that is longer has one of its own. */
const SEGMENT_BYTES = 64 * 1024 * 1024
/**
 * A segment grows by zeros, this many at a time: a write over them changes the content of the file only. One beyond the
 * end would have the file system commit its own journal for each group (40 µs of CPU and twice the time). It also means
 * that a full disk shows itself before anything of a group is written.
 */
const ROOM = Buffer.alloc(256 * 1024)
/** A larger group gets a buffer of its own. */
const BUFFER_BYTES = 1024 * 1024
/** There may be room, or a file to spare, later. */
const FOR_NOW = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE'])

/**
 * Linux makes each write durable itself (open(2) O_DSYNC), which saves a call. Elsewhere the flag does less or is not
 * there, and what Node calls datasync does all.
 */
const DURABLE_WRITES = process.platform === 'linux'
const FLAGS = constants.O_RDWR | constants.O_CREAT | (DURABLE_WRITES ? constants.O_DSYNC : 0)

export type SegmentFile = Pick<FileHandle, 'read' | 'write' | 'datasync' | 'truncate' | 'stat' | 'close'>

export interface JournalOptions {
  readonly directory: string
  readonly tail: Tail
  /** Called once when a write has failed in a way after which no other may be trusted. */
  readonly onDeath: (reason: string) => void
  /** How a segment is opened; a test gives one that fails. */
  readonly openFile?: ((path: string, flags: number) => Promise<SegmentFile>) | undefined
}

export class Journal {
  readonly #directory: string
  readonly #onDeath: (reason: string) => void
  readonly #openFile: (path: string, flags: number) => Promise<SegmentFile>
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #tail: Tail
  #file: SegmentFile | undefined
  /** Of the open segment. */
  #key: Buffer = Buffer.alloc(0)
  /** Bytes of the open segment that are there to be written over. */
  #size = 0
  #dead: string | undefined

  constructor(options: JournalOptions) {
    this.#directory = options.directory
    this.#tail = options.tail
    this.#onDeath = options.onDeath
    this.#openFile = options.openFile ?? ((path, flags) => open(path, flags, 0o600))
  }

  /**
   * Appends a group under consecutive numbers and returns the first; durable when it resolves. One call at a time.
   *
   * Rejects with LogError. Before the write nothing of the group is there. A write that failed may have left all of it,
   * and the next group goes over it; a crash before that leaves whole records of messages that never went on.
   */
  async append(group: readonly Layout[]): Promise<number> {
    if (this.#dead !== undefined) throw new LogError('store_broken', this.#dead)
    const length = group.reduce((sum, layout) => sum + layout.length, GROUP_HEAD)
    const file = await this.#attempt(false, () => this.#prepare(length))
    const first = this.#tail.seq + 1
    const bytes = length > BUFFER_BYTES ? Buffer.allocUnsafeSlow(length) : this.#buffer
    const { segment, offset } = this.#tail
    writeGroupHead(bytes, { first, count: group.length, offset, length }, this.#key)
    let end = GROUP_HEAD
    for (const [index, layout] of group.entries()) {
      writeFrame(bytes, end, layout, first + index)
      end += layout.length
    }
    await this.#attempt(true, () => write(file, bytes.subarray(0, length), offset))
    this.#tail = { seq: first + group.length - 1, segment, offset: offset + length }
    return first
  }

  /** Whether a record would find room, without one. Not beside an append. Rejects with LogError. */
  async makeRoom(): Promise<void> {
    if (this.#dead !== undefined) throw new LogError('store_broken', this.#dead)
    await this.#attempt(false, () => this.#prepare(ROOM.length))
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }

  /** The file that takes the group, with room for it. */
  async #prepare(length: number): Promise<SegmentFile> {
    const { seq, offset } = this.#tail
    if (offset > SEGMENT_HEAD && offset + length > SEGMENT_BYTES) {
      await this.#file?.truncate(offset)
      await this.#file?.close()
      this.#file = undefined
      this.#tail = { seq, segment: seq + 1, offset: 0 }
    }
    this.#file ??= await this.#openSegment()
    while (this.#size < this.#tail.offset + length) {
      await write(this.#file, ROOM, this.#size)
      this.#size += ROOM.length
    }
    return this.#file
  }

  async #openSegment(): Promise<SegmentFile> {
    const { seq, segment, offset } = this.#tail
    const file = await this.#openFile(segmentPath(this.#directory, segment), FLAGS)
    try {
      this.#size = (await file.stat()).size
      const head = Buffer.alloc(SEGMENT_HEAD)
      if (offset > 0) await file.read(head, 0, SEGMENT_HEAD, 0)
      else {
        // A crash before it is durable leaves zeros or nothing, and the next start begins the segment anew.
        head.set(makeSegmentHead(segment))
        await write(file, Buffer.concat([head, ROOM.subarray(SEGMENT_HEAD)]), 0)
        this.#size = Math.max(this.#size, ROOM.length)
      }
      // The name is durable before a record in it is.
      await syncFolder(this.#directory)
      const key = readSegmentHead(head, segment)
      if (key === undefined) throw new Error(`The head of segment ${segment} is not what was written`)
      this.#key = key
      if (offset === 0) this.#tail = { seq, segment, offset: SEGMENT_HEAD }
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async #attempt<T>(mayRemain: boolean, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== undefined && FOR_NOW.has(code))
        throw new LogError('store_failed', message, { cause: error, mayRemain })
      this.#dead = message
      this.#onDeath(message)
      throw new LogError('store_broken', message, { cause: error, mayRemain })
    }
  }
}

/** write(2) may take a part only; a disk that fills up takes a part first and then fails. */
async function write(file: SegmentFile, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
  if (!DURABLE_WRITES) await file.datasync()
}
