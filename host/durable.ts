// Durable is a word with a definition: after the promise resolves, the new content is there even if the power fails now.
import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/

/**
 * Replaces the file at `path`, whole or not at all.
 *
 *   open(.name.random.tmp, O_EXCL)  write  fsync  close   a crash here leaves a temporary file that nobody reads
 *   rename(tmp, path)                                     a crash here leaves the old content or the new one, never a mixture
 *   fsync(folder)                                         from here on it is the new one
 *
 * Octets may stream in: a source that fails leaves the old content. Temporary files of crashes are removed by `sweepTemporary`. Two writers of one path at once: the later rename wins, whole.
 *
 * @param mode of a new file; it is the temporary file's from its first byte, so a secret is never readable in between
 */
export async function writeFileDurable(
  path: string,
  bytes: Uint8Array | string | AsyncIterable<Uint8Array>,
  mode = 0o644,
): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(folder)
}

/** Makes renames, new and removed names in `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open folders and writes names through.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What a reading gives; undefined where the file or folder is not there. Every other failure stays one. */
export async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Removes what crashes left of `writeFileDurable` in `folder`; to be called by its only writer, before the first write. */
export async function sweepTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (TEMPORARY.test(name)) await rm(join(folder, name), { force: true })
  }
}
