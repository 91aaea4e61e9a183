// The files of long bodies: bodies/xx/<id>, and who may remove one.
//
// A file is free from the moment it is finished until a record claims it. Only free files are dropped. A claimed file
// whose append failed for certain is free again; one whose append has an unknown outcome stays, and the next start
// decides by what the database says.
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, opendir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ifThere, passedOn, syncFolder } from '#host'
import { equalBytes, hasher } from '#trust'
import { LogError } from './error.ts'
import { passingKey } from './master-key.ts'
import type { BodyReference, Keeping } from './record.ts'
import { BodySealer, openSealed, type Range } from './sealed-body.ts'
import type { Slice } from './slice.ts'
import { type BodyFile, type BodySpool, Spool, type SpoolPlace } from './spool.ts'

const READ_CHUNK = 256 * 1024

export interface BodiesOptions {
  readonly directory: string
  /** Of this start (StoreFacts.run). */
  readonly run: number
  readonly keepUpTo: number
  /** How a new file is opened; a test gives one that fails. */
  readonly openFile?: (path: string) => Promise<FileHandle>
}

export class Bodies implements SpoolPlace {
  readonly #directory: string
  readonly #run: number
  readonly #keepUpTo: number
  readonly #openFile: (path: string) => Promise<FileHandle>
  /** Finished, and not claimed by a record. */
  readonly #free = new Set<string>()
  /** Of bodies that are never kept: a crash leaves files that nobody can read, and the next start removes them. */
  readonly #passingKey = passingKey()
  /** Not kept, and not yet passed on: removed after it was read. */
  readonly #passing = new Set<string>()

  constructor(options: BodiesOptions) {
    this.#directory = options.directory
    this.#run = options.run
    this.#keepUpTo = options.keepUpTo
    this.#openFile = options.openFile ?? ((path) => open(path, 'wx', 0o600))
  }

  spool(keeping: Keeping = 'kept'): BodySpool {
    return new Spool(this, this.#keepUpTo, keeping)
  }

  async create(keeping: Keeping): Promise<BodyFile> {
    const id = `${crypto.randomUUID().replaceAll('-', '')}-${this.#run}`
    const sealer = keeping === 'kept' ? undefined : new BodySealer(this.#passingKey)
    return { id, handle: await this.#openFile(this.#path(id)), sealer }
  }

  async settle(id: string): Promise<void> {
    await syncFolder(join(this.#path(id), '..'))
  }

  finished(body: BodyReference): void {
    if (body.file !== undefined) this.#free.add(body.file)
  }

  async abandon(file: BodyFile): Promise<void> {
    await file.handle.close().catch(() => {})
    await rm(this.#path(file.id), { force: true })
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
    else await rm(this.#path(body.file), { force: true })
  }

  async drop(body: BodyReference): Promise<void> {
    const { file } = body
    if (file !== undefined && (this.#free.delete(file) || this.#passing.delete(file)))
      await rm(this.#path(file), { force: true })
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
    if (sealedBy === undefined) return this.#bytes(file, parts === undefined ? undefined : slice)
    const read = (range: Range | undefined) => this.#bytes(file, range)
    return openSealed(this.#passingKey, read, { ...slice, total })
  }

  /** @param range All of the file where it is absent. */
  async *#bytes(file: string, range: Range | undefined): AsyncGenerator<Uint8Array> {
    if (range?.size === 0) return
    const bounds = range === undefined ? {} : { start: range.start, end: range.start + range.size - 1 }
    try {
      yield* createReadStream(this.#path(file), { highWaterMark: READ_CHUNK, ...bounds })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new LogError('body_missing', `The body in file ${file} is gone`, { cause: error })
    }
  }

  #path(id: string): string {
    return bodyPath(this.#directory, id)
  }
}

function bodyPath(directory: string, id: string): string {
  return join(directory, id.slice(0, 2), id)
}

/** The 256 folders of bodies, so that a new file needs one fsync of one folder. */
export async function prepareFolders(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const present = new Set(await readdir(directory))
  const missing = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0')).filter(
    (name) => !present.has(name),
  )
  if (missing.length === 0) return
  await Promise.all(missing.map((name) => mkdir(join(directory, name), { recursive: true, mode: 0o700 })))
  await syncFolder(directory)
  await syncFolder(join(directory, '..'))
}

/** Whether there is any body; a log with bodies and no database has lost its database. */
export async function hasBodies(directory: string): Promise<boolean> {
  for (const folder of await folders(directory)) {
    const entries = await opendir(join(directory, folder))
    const first = await entries.read()
    await entries.close()
    if (first !== null) return true
  }
  return false
}

/**
 * Removes the files that no record references: bodies whose message the last run did not finish to log. Runs before
 * anything is spooled, and looks only at files of earlier runs (the number in their name), so it can never meet a body
 * that is on its way. Returns the names of what it removed.
 *
 * @param runs Those not swept yet: from the first (what is older was swept, and records do not go away) up to this one.
 */
export async function sweep(
  directory: string,
  runs: { readonly from: number; readonly before: number },
  isReferenced: (file: string) => boolean,
): Promise<readonly string[]> {
  const removed: string[] = []
  for (const folder of await folders(directory)) {
    for (const name of await readdir(join(directory, folder))) {
      // A file that is not named like a body is not ours to remove.
      const run = Number(/^[0-9a-f]{32}-(\d+)$/.exec(name)?.[1] ?? Number.NaN)
      if (!(run >= runs.from && run < runs.before) || isReferenced(name)) continue
      await rm(join(directory, folder, name), { force: true })
      removed.push(name)
    }
  }
  return removed
}

async function folders(directory: string): Promise<string[]> {
  return ((await ifThere(readdir(directory))) ?? []).filter((name) => /^[0-9a-f]{2}$/.test(name))
}
