// A folder, on this machine or mounted.
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { constants, copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf, syncFolder } from '#host'
import { ArchiveError } from '../error.ts'
import type { Destination, LocalFile } from './destination.ts'

/** X-Road's, so that what takes archives away passes over them. */
const UNFINISHED = /^tmp-mlog-[0-9a-f]{12}\.tmp$/

export function folderDestination(folder: string): Destination {
  return {
    shown: folder,
    put: (file) => attempt(folder, () => put(folder, file)),
    async *read(name) {
      try {
        yield* createReadStream(join(folder, name), { highWaterMark: 256 * 1024 })
      } catch (cause) {
        throw failed(folder, cause)
      }
    },
    close: async () => undefined,
  }
}

/**
 *   copy to tmp-mlog-….tmp, fsync     a crash leaves it; the next file removes it
 *   rename                            a crash leaves no file of the name or a whole one
 *   fsync of the folder               from here on it is there
 */
async function put(folder: string, { path, name }: LocalFile): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 })
  for (const left of await readdir(folder)) if (UNFINISHED.test(left)) await rm(join(folder, left), { force: true })
  const unfinished = join(folder, `tmp-mlog-${randomBytes(6).toString('hex')}.tmp`)
  try {
    await copyFile(path, unfinished, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    const file = await open(unfinished, 'r+')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, join(folder, name))
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
  await syncFolder(folder)
}

async function attempt<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw failed(folder, cause)
  }
}

function failed(folder: string, cause: unknown): ArchiveError {
  return new ArchiveError('destination_failed', `The folder of archives ${folder}: ${reasonOf(cause)}`, { cause })
}
