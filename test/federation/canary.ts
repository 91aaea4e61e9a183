// Words that must not be found on a disk, and where they are.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Files under a folder in which one of the words stands, as it is or in UTF-16. A file that goes meanwhile holds nothing. */
export async function filesWith(directory: string, ...words: readonly string[]): Promise<readonly string[]> {
  const needles = words.flatMap((word) => [Buffer.from(word), Buffer.from(word, 'utf16le')])
  const found: string[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path).catch(() => Buffer.alloc(0))
    if (needles.some((needle) => bytes.includes(needle))) found.push(path)
  }
  return found
}
