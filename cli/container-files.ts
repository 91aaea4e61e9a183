// Containers in folders: found one after another, so that an archive of millions is never listed in memory, and replaced whole or not at all.
import { createReadStream } from 'node:fs'
import { opendir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EvidenceError, LongTermError } from '#evidence'
import { writeFileDurable } from '#host'
import { CliError } from './error.ts'

/** What a crash left of `writeFileDurable` beside a container, and nobody writes any more. */
const TEMPORARY = /^\..+\.asice\.[0-9a-f]{12}\.tmp$/
const ABANDONED_MS = 3600_000

/** The files as named, and every `.asice` under the folders among them. Throws CliError `unreadable`. */
export async function* containersIn(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    if (await isFolder(path)) yield* containersUnder(path)
    else yield path
  }
}

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (cause) {
    throw new CliError('unreadable', `${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

async function* containersUnder(folder: string): AsyncGenerator<string> {
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* containersUnder(path)
    else if (entry.isFile() && entry.name.endsWith('.asice')) yield path
    else if (entry.isFile() && TEMPORARY.test(entry.name)) await removeAbandoned(path)
  }
}

async function removeAbandoned(path: string): Promise<void> {
  const { mtimeMs } = await stat(path)
  if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { force: true })
}

/** Opens the file anew each time it is called. */
export function openerOf(path: string): () => AsyncIterable<Uint8Array> {
  return () => createReadStream(path)
}

/** A crash leaves the old container or the new one, and perhaps a temporary file that the next run removes. */
export async function replaceContainer(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const { mode } = await stat(path)
  await writeFileDurable(path, bytes, mode & 0o777)
}

/** Whether an error says something of this container alone, so that the others can go on; what it says. */
export function faultOf(file: string, error: unknown): { readonly code: string; readonly detail: string } | undefined {
  const { code = 'unreadable', path, message } = error as NodeJS.ErrnoException
  const own = error instanceof LongTermError || error instanceof EvidenceError || path === file
  return own ? { code, detail: message } : undefined
}
