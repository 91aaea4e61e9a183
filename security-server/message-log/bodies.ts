// Long bodies: what is readable of their files, and who may remove one.
//
// A file is free from the moment it is finished until a record claims it. Only free files are dropped. A claimed file
// whose append failed for certain is free again; one whose append has an unknown outcome stays, and the next start
// decides by what the database says.
import { passedOn } from '#host'
import { equalBytes, hasher } from '#trust'
import type { BodyFiles } from './body-files.ts'
import { LogError } from './error.ts'
import { KeyRing } from './key-ring.ts'
import { passingKey } from './master-key.ts'
import type { BodyReference, Keeping } from './record.ts'
import { BodySealer, openSealed, type Range } from './sealed-body.ts'
import type { Slice } from './slice.ts'
import { type BodyFile, type BodySpool, Spool, type SpoolPlace } from './spool.ts'

export interface BodiesOptions {
  readonly files: BodyFiles
  readonly keepUpTo: number
  /** By which bodies are encrypted and read. */
  readonly keys?: KeyRing
}

export class Bodies implements SpoolPlace {
  readonly #files: BodyFiles
  readonly #keepUpTo: number
  readonly #keys: KeyRing
  /** Finished, and not claimed by a record. */
  readonly #free = new Set<string>()
  /** Of bodies that are never kept: a crash leaves files that nobody can read, and the next start removes them. */
  readonly #passingKey = passingKey()
  /** Not kept, and not yet passed on: removed after it was read. */
  readonly #passing = new Set<string>()

  constructor({ files, keepUpTo, keys = new KeyRing() }: BodiesOptions) {
    this.#files = files
    this.#keepUpTo = keepUpTo
    this.#keys = keys
  }

  spool(keeping: Keeping = 'kept'): BodySpool {
    return new Spool(this, this.#keepUpTo, keeping)
  }

  async create(keeping: Keeping): Promise<BodyFile> {
    const key = keeping === 'kept' ? this.#keys.current : this.#passingKey
    return { ...(await this.#files.create()), sealer: key && new BodySealer(key) }
  }

  settle(id: string): Promise<void> {
    return this.#files.settle(id)
  }

  finished(body: BodyReference): void {
    if (body.file !== undefined) this.#free.add(body.file)
  }

  async abandon(file: BodyFile): Promise<void> {
    await file.handle.close().catch(() => {})
    await this.#files.remove(file.id)
  }

  /** Takes a finished body for a record; nobody can drop it from here on. */
  claim(body: BodyReference): void {
    if (body.file !== undefined && !this.#free.delete(body.file))
      throw new LogError(
        'invalid_record',
        'The body of a record must be one that this log has spooled, and not recorded or dropped since',
      )
  }

  /** The record was certainly not written. */
  release(body: BodyReference): void {
    this.finished(body)
  }

  /**
   * The record is durable. A body that is not to be kept has been passed on already when the message went out from here;
   * one that came in is still to be delivered, and goes when it has been read.
   */
  async recorded(body: BodyReference, incoming: boolean): Promise<void> {
    if (body.file === undefined || !body.truncated) return
    if (incoming) this.#passing.add(body.file)
    else await this.#files.remove(body.file)
  }

  async drop(body: BodyReference): Promise<void> {
    const { file } = body
    if (file !== undefined && (this.#free.delete(file) || this.#passing.delete(file))) await this.#files.remove(file)
  }

  /** Removes files whose records were given up, durably: one that came back after a crash would never be swept. */
  async forget(files: readonly string[]): Promise<void> {
    for (const file of files) await this.#files.remove(file)
    const folders = new Map(files.map((file) => [file.slice(0, 2), file]))
    for (const one of folders.values()) await this.#files.settle(one)
  }

  /**
   * The bytes of a body in a file, or of one of its parts.
   *
   * @param compare Whether the digest is computed again and compared at the end. One whose length is not its length fails in any case.
   */
  async *read(
    body: BodyReference & { readonly file: string },
    slice: Slice,
    compare: boolean,
  ): AsyncGenerator<Uint8Array> {
    const { start, size, digest } = slice
    const check = compare ? hasher('SHA-512') : undefined
    let read = 0
    try {
      for await (const chunk of this.#content(body, slice)) {
        read += chunk.length
        check?.update(chunk)
        passedOn(chunk.length)
        yield chunk
      }
      if (read !== size || (check !== undefined && !equalBytes(check.digest(), digest)))
        throw new LogError('body_damaged', `The body in file ${body.file} is not the one that was logged`)
    } finally {
      if (start + size >= body.size && this.#passing.has(body.file)) await this.drop(body)
    }
  }

  /** A body that is one part is read up to the end of its file, so that one that has become longer is seen. */
  #content(body: BodyReference & { readonly file: string }, slice: Slice): AsyncIterable<Uint8Array> {
    const { file, sealedBy, parts, size: total } = body
    if (sealedBy === undefined) return this.#files.read(file, parts === undefined ? undefined : slice)
    const read = (range: Range | undefined) => this.#files.read(file, range)
    const key = sealedBy === this.#passingKey.id ? this.#passingKey : this.#keys.get(sealedBy)
    return openSealed(key, read, { ...slice, total })
  }
}
