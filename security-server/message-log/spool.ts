// One body on its way into the log: hashed as it comes, in memory while it is small, then in a file of its own.
import { type Hasher, hasher } from '#trust'
import type { BodyHandle, NewFile } from './body-files.ts'
import { LogError } from './error.ts'
import { type BodyPart, type BodyReference, INLINE_LIMIT, type Keeping } from './record.ts'
import type { BodySealer } from './sealed-body.ts'

/**
 * A body that is being received. One call at a time: await each before the next, which is how a slow disk slows down
 * the sender. A chunk is copied or written before `write` resolves, so its memory may be used again then.
 */
export interface BodySpool {
  /** Bytes written so far. */
  readonly size: number
  /** Rejects with LogError `store_failed` where the disk does not take it. */
  write(chunk: Uint8Array): Promise<void> | void
  /** What follows is another attachment of the same message. */
  next(): void
  /** The whole body, durable where it lies in a file. Nothing can be written after it. */
  finish(): Promise<BodyReference>
  /** Gives the body up, finished or not; does nothing once a record references it. */
  discard(): Promise<void>
}

/** Where a spool puts a body that does not stay small. Provided by bodies.ts. */
export interface BodyFile extends NewFile {
  /** Where it must not be readable on the disk. */
  readonly sealer: BodySealer | undefined
}

export interface SpoolPlace {
  create(keeping: Keeping): Promise<BodyFile>
  /** Makes the file's name durable; its content is already. */
  settle(id: string): Promise<void>
  /** From now on the body may be recorded or dropped. */
  finished(body: BodyReference): void
  /** Removes a file that was not finished. */
  abandon(file: BodyFile): Promise<void>
  drop(body: BodyReference): Promise<void>
}

export class Spool implements BodySpool {
  size = 0
  readonly #place: SpoolPlace
  readonly #keepUpTo: number
  readonly #keeping: Keeping
  #hasher: Hasher = hasher('SHA-512')
  /** Attachments that are whole. */
  readonly #parts: BodyPart[] = []
  #partStart = 0
  /** Bytes not yet in the file; `#held` of them are used. Grows up to INLINE_LIMIT. */
  #buffer = Buffer.alloc(0)
  #held = 0
  #file: BodyFile | undefined
  #busy = false
  #ended: 'finished' | 'discarded' | undefined
  #reference: BodyReference | undefined

  /** @param keepUpTo Longer bodies are marked as not to be kept. */
  constructor(place: SpoolPlace, keepUpTo: number, keeping: Keeping) {
    this.#place = place
    this.#keepUpTo = keepUpTo
    this.#keeping = keeping
  }

  write(chunk: Uint8Array): Promise<void> | void {
    if (this.#ended !== undefined || this.#busy)
      throw new TypeError('A spool takes one write at a time, and none after its end')
    this.#hasher.update(chunk)
    this.size += chunk.length
    if (this.#keeping === 'digest') return
    if (this.#held + chunk.length <= INLINE_LIMIT) return this.#hold(chunk)
    return this.#exclusively(() => this.#writeOut(chunk))
  }

  next(): void {
    this.#parts.push({ size: this.size - this.#partStart, digest: this.#hasher.digest() })
    this.#partStart = this.size
    this.#hasher = hasher('SHA-512')
  }

  async finish(): Promise<BodyReference> {
    if (this.#ended !== undefined || this.#busy) throw new TypeError('A spool is finished once, after its last write')
    this.#ended = 'finished'
    const facts = {
      size: this.size,
      ...this.#digests(),
      ...(this.size > this.#keepUpTo || this.#keeping !== 'kept' ? { truncated: true } : {}),
    }
    if (this.#keeping === 'digest') {
      this.#reference = facts
      return facts
    }
    if (this.#file === undefined) {
      this.#reference = { ...facts, inline: this.#buffer.subarray(0, this.#held) }
      return this.#reference
    }
    const file = this.#file
    const { id, handle, sealer } = file
    await this.#exclusively(async () => {
      await put(file, this.#buffer.subarray(0, this.#held))
      if (sealer !== undefined) await writeAll(handle, sealer.end())
      // Content first, then the name: a crash at any line here leaves a file of this run that no record references,
      // which the next start's sweep removes. Only after both may a record name it. A body that is not to be kept needs
      // to live only until it is passed on.
      if (!facts.truncated) await handle.sync()
      await handle.close()
      if (!facts.truncated) await this.#place.settle(id)
    })
    this.#buffer = Buffer.alloc(0)
    this.#reference = { ...facts, file: id, ...(sealer === undefined ? {} : { sealedBy: sealer.keyId }) }
    this.#place.finished(this.#reference)
    return this.#reference
  }

  async discard(): Promise<void> {
    if (this.#ended === 'discarded') return
    this.#ended = 'discarded'
    if (this.#reference !== undefined) return await this.#place.drop(this.#reference)
    if (this.#file !== undefined) await this.#place.abandon(this.#file)
  }

  #digests(): Pick<BodyReference, 'digest' | 'parts'> {
    if (this.#parts.length === 0) return { digest: this.#hasher.digest() }
    this.next()
    const all = hasher('SHA-512')
    for (const part of this.#parts) all.update(part.digest)
    return { digest: all.digest(), parts: this.#parts }
  }

  #hold(chunk: Uint8Array): void {
    if (this.#held + chunk.length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.min(INLINE_LIMIT, Math.max(4096, 2 * this.#buffer.length, this.#held + chunk.length)),
      )
      this.#buffer.copy(grown, 0, 0, this.#held)
      this.#buffer = grown
    }
    this.#buffer.set(chunk, this.#held)
    this.#held += chunk.length
  }

  async #writeOut(chunk: Uint8Array): Promise<void> {
    this.#file ??= await this.#place.create(this.#keeping)
    await put(this.#file, this.#buffer.subarray(0, this.#held))
    this.#held = 0
    if (chunk.length < INLINE_LIMIT) this.#hold(chunk)
    else await put(this.#file, chunk)
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    this.#busy = true
    try {
      await work()
    } catch (error) {
      throw error instanceof LogError
        ? error
        : new LogError('store_failed', `A body cannot be written: ${(error as Error).message}`, { cause: error })
    } finally {
      this.#busy = false
    }
  }
}

async function put({ handle, sealer }: BodyFile, bytes: Uint8Array): Promise<void> {
  if (sealer === undefined) return await writeAll(handle, bytes)
  for (const chunk of sealer.seal(bytes)) await writeAll(handle, chunk)
}

/** write(2) may take a part only; a disk that fills up takes a part first and then fails. */
async function writeAll(handle: BodyHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, offset, bytes.length - offset)
    offset += bytesWritten
  }
}
