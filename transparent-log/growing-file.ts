// A file that only grows. What was not synced may be anything after a crash, so whoever opens it says how much of it counts.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { TransparentLogError } from './error.ts'

export type FileLike = Pick<FileHandle, 'read' | 'write' | 'datasync' | 'truncate' | 'stat' | 'close'>
/** How a file is opened; a test gives one that fails. */
export type FileOpener = (path: string, flags: number) => Promise<FileLike>

const openFile: FileOpener = (path, flags) => open(path, flags, 0o600)

export class GrowingFile {
  readonly path: string
  readonly #file: FileLike
  #length: number
  #dirty = false

  private constructor(path: string, file: FileLike, length: number) {
    this.path = path
    this.#file = file
    this.#length = length
  }

  /** Opens it, empty where it is missing; its name is durable once its folder is synced. */
  static async open(path: string, opener: FileOpener = openFile): Promise<GrowingFile> {
    const file = await opener(path, constants.O_RDWR | constants.O_CREAT)
    try {
      return new GrowingFile(path, file, (await file.stat()).size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Bytes that count. */
  get length(): number {
    return this.#length
  }

  /** Writes at the end. When it rejects the length is as before, and whatever reached the disk behind it is written over. Throws `store_failed`. */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return
    this.#dirty = true
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#length + done)
        done += bytesWritten
      }
    } catch (cause) {
      throw new TransparentLogError('store_failed', `${this.path}: ${(cause as Error).message}`, { cause })
    }
    this.#length += bytes.length
  }

  /** Exactly those bytes. Throws `out_of_range` behind the end, `tree_damaged` where the file is shorter than it was. */
  async read(position: number, length: number): Promise<Buffer> {
    if (position < 0 || position + length > this.#length)
      throw new TransparentLogError('out_of_range', `${this.path} ends before ${position + length}`)
    const bytes = Buffer.allocUnsafe(length)
    for (let held = 0; held < length; ) {
      const { bytesRead } = await this.#file.read(bytes, held, length - held, position + held)
      if (bytesRead === 0)
        throw new TransparentLogError('tree_damaged', `${this.path} is shorter than what was written to it`)
      held += bytesRead
    }
    return bytes
  }

  /** Durable when it resolves, all that was appended. After a failure nobody knows what the disk has: throws `tree_broken`. */
  async sync(): Promise<void> {
    if (!this.#dirty) return
    try {
      await this.#file.datasync()
    } catch (cause) {
      throw new TransparentLogError('tree_broken', `${this.path}: ${(cause as Error).message}`, { cause })
    }
    this.#dirty = false
  }

  /** Forgets what is behind a length. */
  async cut(length: number): Promise<void> {
    await this.#file.truncate(length)
    this.#length = length
    this.#dirty = true
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
