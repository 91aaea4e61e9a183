// Where the bytes of long bodies lie: each body a file of its own, bodies/xx/<id>.
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, opendir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ifThere, syncFolder } from '#host'
import { LogError } from './error.ts'
import type { Range } from './sealed-body.ts'

const READ_CHUNK = 256 * 1024

/** A file that is being written. One call at a time; none after `close`. */
export interface BodyHandle {
  /** May take a part only. */
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>
  /** What was written is durable with the record that names the file, at the latest. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface NewFile {
  /** 32 hexadecimal digits and the number of the run that made it. */
  readonly id: string
  readonly handle: BodyHandle
}

export interface BodyFiles {
  create(): Promise<NewFile>
  /** Makes the file's name durable; its content is already. */
  settle(id: string): Promise<void>
  /** Does nothing where there is no such file. */
  remove(id: string): Promise<void>
  /** @param range Of the bytes that are wanted; all of them where it is absent. Fewer come where the file is shorter. Throws LogError `body_missing`. */
  read(id: string, range?: Range): AsyncIterable<Uint8Array>
}

export class BodyFolder implements BodyFiles {
  readonly #directory: string
  readonly #run: number
  readonly #openFile: (path: string) => Promise<BodyHandle>

  /**
   * @param run Of this start (StoreFacts.run).
   * @param openFile How a new file is opened; a test gives one that fails.
   */
  constructor(directory: string, run: number, openFile?: (path: string) => Promise<FileHandle>) {
    this.#directory = directory
    this.#run = run
    this.#openFile = openFile ?? ((path) => open(path, 'wx', 0o600))
  }

  async create(): Promise<NewFile> {
    const id = `${crypto.randomUUID().replaceAll('-', '')}-${this.#run}`
    return { id, handle: await this.#openFile(this.#path(id)) }
  }

  async settle(id: string): Promise<void> {
    await syncFolder(join(this.#path(id), '..'))
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id), { force: true })
  }

  async *read(id: string, range?: Range): AsyncGenerator<Uint8Array> {
    if (range?.size === 0) return
    const bounds = range === undefined ? {} : { start: range.start, end: range.start + range.size - 1 }
    try {
      yield* createReadStream(this.#path(id), { highWaterMark: READ_CHUNK, ...bounds })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new LogError('body_missing', `The body in file ${id} is gone`, { cause: error })
    }
  }

  #path(id: string): string {
    return join(this.#directory, id.slice(0, 2), id)
  }
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
 * @param runs Those not swept yet: from the first (what is older was swept, and a body goes before its record does) up to this one.
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
